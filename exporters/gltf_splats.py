"""Splats as glTF knows them: at rest in the world for engines (KHR_gaussian_splatting), and their binding for who moves them exactly.

https://github.com/KhronosGroup/glTF/tree/main/extensions/2.0/Khronos/KHR_gaussian_splatting
"""

import numpy as np

from facecraft4d.exporters.glb import GlbWriter, Json
from facecraft4d.exporters.options import ExportOptions, GltfOptions, Purpose
from facecraft4d.exporters.splat_deltas import splat_deltas
from facecraft4d.toolkit.core.asset import Avatar
from facecraft4d.toolkit.core.checks import UserError
from facecraft4d.toolkit.core.datatypes import BoundSplats, Rig, Splats
from facecraft4d.toolkit.core.geometry import SH_C0
from facecraft4d.toolkit.core.pixels import linear_from_srgb
from facecraft4d.toolkit.core.rigging import place_splats

EXTENSION = "KHR_gaussian_splatting"
BINDINGS = tuple(f"_BIND_{i}" for i in range(4))
"""VEC4 floats of each splat: (mean xyz, triangle), (rotation wxyz), (log scales xyz, opacity logit), (colour rgb, 0)."""


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
    primitive: Json = {"attributes": {}, "mode": 0}
    mesh: Json = {"name": name, "primitives": [primitive]}
    attributes = primitive["attributes"]
    if options.purpose is Purpose.PLAYER:
        # glTF wants a position all the same: one without data is zeros, and takes no bytes
        attributes["POSITION"] = writer.zeros(len(splats.means), "VEC3")
    else:
        attributes |= _rest_attributes(writer, place_splats(splats, rig.vertices, rig))
        primitive["extensions"] = {EXTENSION: {"kernel": "ellipse", "colorSpace": "srgb_rec709_display"}}
    if options.purpose is not Purpose.ENGINE:
        attributes |= {
            key: writer.accessor(rows, "VEC4") for key, rows in zip(BINDINGS, _bindings(splats), strict=True)
        }
    if options.splat_morphs and rig.expression_names:
        primitive["targets"] = [morph_target(writer, rig, splats, k) for k in range(len(rig.expression_names))]
        mesh |= {"extras": {"targetNames": list(rig.expression_names)}, "weights": [0.0] * len(rig.expression_names)}
    return mesh


def _rest_attributes(writer: GlbWriter, world: Splats) -> Json:
    return {
        "POSITION": writer.accessor(world.means, "VEC3", bounds=True),
        "COLOR_0": writer.accessor(_point_colors(world), "VEC4", normalized=True),
        f"{EXTENSION}:ROTATION": writer.accessor(np.roll(world.rotations_wxyz, -1, 1), "VEC4"),
        f"{EXTENSION}:SCALE": writer.accessor(world.scales, "VEC3"),
        f"{EXTENSION}:OPACITY": writer.accessor(world.opacities, "SCALAR"),
        f"{EXTENSION}:SH_DEGREE_0_COEF_0": writer.accessor(((world.colors - 0.5) / SH_C0).astype(np.float32), "VEC3"),
    }


def _point_colors(world: Splats) -> np.ndarray:
    """COLOR_0 [n, 4] as normalised uint16: linear light and opacity, for viewers that draw points."""
    linear = linear_from_srgb(np.clip(world.colors, 0, 1))
    return np.round(np.column_stack([linear, world.opacities]) * 65535).astype(np.uint16)


def _bindings(splats: BoundSplats) -> tuple[np.ndarray, ...]:
    """The four arrays [n, 4] of `BINDINGS`."""
    return (
        np.column_stack([splats.means, splats.triangles.astype(np.float32)]),
        splats.rotations_wxyz,
        np.column_stack([splats.log_scales, splats.opacity_logits]),
        np.column_stack([splats.colors, np.zeros(len(splats.colors), np.float32)]),
    )


def morph_target(writer: GlbWriter, rig: Rig, splats: BoundSplats, expression: int) -> Json:
    """How far the expression at weight 1 moves each splat; those that stay take no bytes."""
    rows, means = splat_deltas(rig, splats, expression)
    moved = np.zeros((len(splats.means), 3), np.float32)
    moved[rows] = means
    return {"POSITION": writer.sparse_accessor(moved, "VEC3")}
