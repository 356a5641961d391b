"""Which part of the head each quad of MakeHuman's base mesh belongs to."""

import numpy as np
from jaxtyping import Float64, UInt8

from facecraft4d.toolkit.face_model.makehuman import BaseMesh, MakeHuman

REGION_NAMES = (
    "skin", "lips", "eyes", "ears", "scalp", "neck", "teeth", "tongue", "mouth_interior", "eyelids", "eye_sockets",
)  # fmt: skip
TEXEL_DENSITY = np.array([1.0, 1.0, 4.0, 1.0, 1.0, 0.5, 1.0, 0.5, 0.5, 1.0, 0.1])
"""Texels per surface that each region deserves, relative to skin."""
HELPER_REGIONS = {
    "helper-l-eye": "eyes", "helper-r-eye": "eyes", "helper-upper-teeth": "teeth", "helper-lower-teeth": "teeth", "helper-tongue": "tongue",
}  # fmt: skip
MASKS = {
    "mpfb_eyelids.jpg": "eyelids", "mpfb_ears.jpg": "ears", "mpfb_lips.jpg": "lips", "mpfb_inside-mouth.jpg": "mouth_interior",
}  # fmt: skip
SOCKET_UVS = ((0.0, 0.54), (0.16, 0.64))
"""The corner of MakeHuman's texture plane that holds the inner walls of the eye sockets."""
HAIRLINE_CENTER = (0.015, 0.0)
"""Y and Z (metres) of the point from which the hairline is measured."""
HAIRLINE = ((0, 49), (35, 47), (55, 33), (72, 20), (88, 14), (105, -5), (125, -26), (180, -32))
"""(azimuth from the face, elevation) in degrees along the hairline; hair grows above."""


def quad_regions(
    data: MakeHuman,
    base: BaseMesh,
    groups: tuple[str, ...],
    head: Float64[np.ndarray, "v 3"],
    head_weight: Float64[np.ndarray, " v"],
) -> UInt8[np.ndarray, " q"]:
    """Region of each quad of the groups, in their order. `head`: vertices in metres, world frame; `head_weight`: 1 where they turn with the head."""
    regions = [_body_regions(data, base, head, head_weight)]
    for group in groups[1:]:
        regions.append(np.full(len(base.quads[group]), REGION_NAMES.index(HELPER_REGIONS[group]), np.uint8))
    return np.concatenate(regions)


def _body_regions(
    data: MakeHuman, base: BaseMesh, head: Float64[np.ndarray, "v 3"], head_weight: Float64[np.ndarray, " v"]
) -> UInt8[np.ndarray, " q"]:
    quads, uvs = base.quads["body"], base.uvs[base.quad_uvs["body"]].mean(1)
    regions = np.full(len(quads), REGION_NAMES.index("skin"), np.uint8)
    regions[_hair_grows(head[quads].mean(1))] = REGION_NAMES.index("scalp")
    regions[head_weight[quads].mean(1) < 0.75] = REGION_NAMES.index("neck")
    for mask, name in MASKS.items():
        regions[data.mask(mask, uvs)] = REGION_NAMES.index(name)
    low, high = SOCKET_UVS
    regions[((uvs > low) & (uvs < high)).all(1)] = REGION_NAMES.index("eye_sockets")
    return regions


def _hair_grows(points: Float64[np.ndarray, "n 3"]) -> np.ndarray:
    """Above the hairline."""
    x, y, z = (points - (0.0, *HAIRLINE_CENTER)).T
    azimuth = np.degrees(np.arctan2(np.abs(x), z))
    elevation = np.degrees(np.arctan2(y, np.hypot(x, z)))
    return np.asarray(elevation > np.interp(azimuth, *np.transpose(HAIRLINE)))
