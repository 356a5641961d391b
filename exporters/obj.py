"""head.obj: the textured mesh, the one file that every modelling program opens; one more for each expression on request.

Wavefront's format has no rig: whoever loads all files has the expressions as shapes of one topology. docs/formats/obj.md.
"""

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import PurePath

import numpy as np

from facecraft4d.exporters.format import File
from facecraft4d.exporters.gltf.rig import CLAY, shown_triangles, surface_of
from facecraft4d.exporters.names import plain_names
from facecraft4d.exporters.options import ExportOptions
from facecraft4d.exporters.rights import rights_of
from facecraft4d.toolkit.core.asset import Avatar, check_avatar
from facecraft4d.toolkit.core.datatypes import Pose, Rig
from facecraft4d.toolkit.core.geometry import vertex_normals
from facecraft4d.toolkit.core.pixels import encoded_bytes
from facecraft4d.toolkit.core.rigging import pose_from_weights, pose_vertices
from facecraft4d.toolkit.core.text import shown

MATERIAL = "Head"
FRAME = (
    "metres, right-handed, +Y up, the face looks along +Z, the subject's left is +X",
    "vt from the picture's bottom left; colours are sRGB with the photograph's light in them: show the picture unlit",
)


def export_obj(avatar: Avatar, name: str, options: ExportOptions) -> Iterator[File]:
    """The mesh in the pose of `options.expressions`, its material and picture, and with `obj_expressions` a mesh for each expression alone.

    All meshes have the same vertices in the same order, the rig's own; those of eyewear, which no mesh shows, are left out.
    ValueError for an unsound avatar, UserError for an expression that it lacks.
    """
    check_avatar(avatar)
    stem = PurePath(name).stem
    beside = plain_names([stem])[0]  # what other files refer to: their readers know neither blanks nor other letters
    topology = _Topology(avatar, options, f"{beside}.mtl")
    yield name, topology.mesh(stem, pose_from_weights(avatar.rig, dict(options.expressions)))
    yield f"{beside}.mtl", _material(avatar, f"{beside}_albedo.png")
    if avatar.texture is not None:
        yield f"{beside}_albedo.png", encoded_bytes(avatar.texture.picture, "PNG")
    if options.obj.obj_expressions:
        names = avatar.rig.expression_names
        for expression, plain in zip(names, plain_names(names), strict=True):
            yield f"{stem}_{plain}.obj", topology.mesh(expression, pose_from_weights(avatar.rig, {expression: 1.0}))


def obj_loss(avatar: Avatar, options: ExportOptions) -> str:
    """What is not in the files."""
    return "splats, joints and skin weights are not in it" + (
        "" if options.obj.obj_expressions else ", expressions only with --obj-expressions"
    )


class _Topology:
    """What all meshes share: written once, with other vertices above."""

    def __init__(self, avatar: Avatar, options: ExportOptions, material: str) -> None:
        self.rig, self.material = avatar.rig, material
        self.comments = [*FRAME, *_rights(avatar, options)]
        self.visible = shown_triangles(avatar.rig)
        self.kept = np.unique(avatar.rig.triangles[self.visible])
        surface = surface_of(avatar.rig, avatar.texture)
        corners = surface.corners[self.visible]
        self.uvs = None if surface.uvs is None else surface.uvs[np.unique(corners)]
        self.faces = _faces(avatar.rig, self.visible, None if surface.uvs is None else corners)

    def mesh(self, title: str, pose: Pose) -> bytes:
        """The file of a pose."""
        vertices = pose_vertices(self.rig, pose)
        normals = vertex_normals(vertices, self.rig.triangles[self.visible])
        parts = [
            *(f"# {shown(line)}\n" for line in (title, *self.comments)),
            f"mtllib {self.material}\no {MATERIAL}\n",
            _lines("v %.7f %.7f %.7f\n", vertices[self.kept]),
            "" if self.uvs is None else _lines("vt %.7f %.7f\n", self.uvs * [1, -1] + [0, 1]),
            _lines("vn %.5f %.5f %.5f\n", normals[self.kept]),
            f"usemtl {MATERIAL}\n",
            self.faces,
        ]
        return "".join(parts).encode()


def _faces(rig: Rig, visible: np.ndarray, places: np.ndarray | None) -> str:
    """The triangles by region; indices from 1, into vertices, places in the picture and normals."""
    corners = _renumbered(rig.triangles[visible])
    columns = [corners, corners] if places is None else [corners, _renumbered(places), corners]
    form = "f " + " ".join(["%d//%d" if places is None else "%d/%d/%d"] * 3) + "\n"
    rows, regions = np.stack(columns, -1).reshape(len(corners), -1) + 1, rig.triangle_regions[visible]
    groups = ((name, rows[regions == index]) for index, name in enumerate(rig.region_names))
    plain = dict(zip(rig.region_names, plain_names(rig.region_names), strict=True))
    return "".join(f"g {plain[name]}\n{_lines(form, group)}" for name, group in groups if len(group))


def _renumbered(indices: np.ndarray) -> np.ndarray:
    """The same, where what is never used has no number."""
    return np.unique(indices, return_inverse=True)[1].reshape(indices.shape)


def _lines(form: str, rows: np.ndarray) -> str:
    """A line for each row; one formatting for all, which is ten times as fast as one for each."""
    return (form * len(rows)) % tuple(rows.ravel().tolist())


def _material(avatar: Avatar, picture: str) -> bytes:
    """Wavefront's material: the picture as colour, no gloss; clay without a picture."""
    colour = "map_Kd " + picture if avatar.texture is not None else ""
    base = (1.0, 1.0, 1.0) if avatar.texture is not None else tuple(CLAY[:3])
    lines = [f"newmtl {MATERIAL}", "Ka 0 0 0", "Kd {} {} {}".format(*base), "Ks 0 0 0", "d 1", "illum 1", colour]
    return "".join(f"{line}\n" for line in lines if line).encode()


def _rights(avatar: Avatar, options: ExportOptions) -> Iterator[str]:
    """Dublin Core's words, one a line."""
    for key, value in asdict(rights_of(avatar.provenance, options)).items():
        yield f"dc:{key} {'; '.join(value) if isinstance(value, tuple) else value}"
