"""Splats as glTF knows them: at rest in the world for engines (KHR_gaussian_splatting), and their binding for who moves them exactly.

https://github.com/KhronosGroup/glTF/tree/main/extensions/2.0/Khronos/KHR_gaussian_splatting
"""

import numpy as np

from facecraft4d.exporters.gltf.glb import GlbWriter, Json
from facecraft4d.exporters.options import ExportOptions, GltfOptions, Purpose
from facecraft4d.exporters.splat_deltas import splat_deltas
from facecraft4d.toolkit.core.asset import Avatar
from facecraft4d.toolkit.core.checks import UserError
from facecraft4d.toolkit.core.datatypes import BoundSplats, Rig, Splats
from facecraft4d.toolkit.core.geometry import SH_C0
from facecraft4d.toolkit.core.pixels import linear_from_srgb, to_bytes
from facecraft4d.toolkit.core.rigging import place_splats

EXTENSION = "KHR_gaussian_splatting"
BINDINGS = tuple(f"_BIND_{i}" for i in range(4))
"""VEC4 floats of each splat: (mean xyz, triangle), (rotation wxyz), (log scales xyz, opacity logit), (colour rgb, opacity).
The last column is for OPACITY of the splats at rest; readers of the binding pass over it."""
BYTE_ONE = 127
"""What stands for 1 in a normalised signed byte. Quaternions of bytes cost a picture of a head 0.4/255 (56 dB)."""


LOST = {
    Purpose.ALL: "",
    Purpose.ENGINE: "the binding of the splats is left out: engines show them at rest, facecraft4d cannot read the file back",
    Purpose.PLAYER: "the splats at rest are left out: only who reads the binding shows splats",
}
"""What a file for that purpose lacks."""


def lost_splats(avatar: Avatar, options: ExportOptions) -> str:
    """What is not in the file, in one sentence; empty where all is."""
    return LOST[options.gltf.purpose]


def check_splat_options(options: GltfOptions) -> None:
    """UserError for choices that exclude each other."""
    if options.splat_morphs and options.purpose is Purpose.PLAYER:
        raise UserError("--splat-morphs move splats at rest, which --for player leaves out; take one")


def splat_mesh(writer: GlbWriter, rig: Rig, name: str, splats: BoundSplats, options: GltfOptions) -> Json:
    """A mesh of one primitive of points with what the file's purpose asks for."""
    world = place_splats(splats, rig.vertices, rig)
    attributes: Json = {}
    primitive: Json = {"attributes": attributes, "mode": 0}
    mesh: Json = {"name": name, "primitives": [primitive]}
    if options.purpose is not Purpose.ENGINE:
        for key, rows in zip(BINDINGS, _bindings(splats, world), strict=True):
            attributes[key] = writer.accessor(rows, "VEC4")
    if options.purpose is Purpose.PLAYER:
        # glTF wants a position all the same: one without data is zeros, and takes no bytes
        attributes["POSITION"] = writer.zeros(len(splats.means), "VEC3")
    else:
        attributes |= _rest_attributes(writer, world, attributes.get(BINDINGS[3]))
        primitive["extensions"] = {EXTENSION: {"kernel": "ellipse", "colorSpace": "srgb_rec709_display"}}
    if options.splat_morphs and rig.expression_names:
        primitive["targets"] = [morph_target(writer, rig, splats, k) for k in range(len(rig.expression_names))]
        mesh |= {"extras": {"targetNames": list(rig.expression_names)}, "weights": [0.0] * len(rig.expression_names)}
    return mesh


def _rest_attributes(writer: GlbWriter, world: Splats, with_opacity: int | None) -> Json:
    """As small as the extension allows where engines round anyhow; the opacity is a column of the binding where that is there."""
    quaternions = np.round(np.roll(world.rotations_wxyz, -1, 1) * BYTE_ONE).astype(np.int8)
    opacity = writer.accessor(world.opacities, "SCALAR") if with_opacity is None else writer.column(with_opacity, 3)
    coefficients = ((world.colors - 0.5) / SH_C0).astype(np.float32)
    return {
        "POSITION": writer.accessor(world.means, "VEC3", bounds=True),
        "COLOR_0": writer.accessor(_point_colors(world), "VEC4", normalized=True),
        f"{EXTENSION}:ROTATION": writer.accessor(quaternions, "VEC4", normalized=True),
        f"{EXTENSION}:SCALE": writer.accessor(world.scales, "VEC3"),
        f"{EXTENSION}:OPACITY": opacity,
        f"{EXTENSION}:SH_DEGREE_0_COEF_0": writer.accessor(coefficients, "VEC3"),
    }


def _point_colors(world: Splats) -> np.ndarray:
    """COLOR_0 [n, 4] as normalised uint8: linear light and opacity, for viewers that draw points."""
    linear = linear_from_srgb(np.clip(world.colors, 0, 1))
    return to_bytes(np.column_stack([linear, world.opacities]))


def _bindings(splats: BoundSplats, world: Splats) -> tuple[np.ndarray, ...]:
    """The four arrays [n, 4] of `BINDINGS`."""
    return (
        np.column_stack([splats.means, splats.triangles.astype(np.float32)]),
        splats.rotations_wxyz,
        np.column_stack([splats.log_scales, splats.opacity_logits]),
        np.column_stack([splats.colors, world.opacities]),
    )


def morph_target(writer: GlbWriter, rig: Rig, splats: BoundSplats, expression: int) -> Json:
    """How far the expression at weight 1 moves each splat; those that stay take no bytes."""
    rows, means = splat_deltas(rig, splats, expression)
    moved = np.zeros((len(splats.means), 3), np.float32)
    moved[rows] = means
    return {"POSITION": writer.sparse_accessor(moved, "VEC3")}
