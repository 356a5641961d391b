"""How far pivotal tuning has moved a head's surface: one picture was looked at, the rest is anybody's guess."""

import numpy as np

from facecraft4d.toolkit.core.datatypes import Camera
from facecraft4d.toolkit.shape_prior.panohead.views import SOLID, Figure, depth_map

DRIFT_RAYS = 64
"""A side, of the depths that are compared."""
ORDINARY, FAR = 50, 95
"""Percentiles of the differences that are told."""


def drift(before: Figure, after: Figure, cameras: tuple[Camera, ...], metres: float) -> str:
    """What the depths of both heads, from the same cameras, differ by, in words; `metres`: the box's unit."""
    differences, common, either = [], 0, 0
    for camera in cameras:
        (one, here), (other, there) = (depth_map(each, camera, DRIFT_RAYS) for each in (before, after))
        both = (here > SOLID) & (there > SOLID)
        differences.append(1000 * metres * np.abs(one - other)[both])
        common, either = common + int(both.sum()), either + int(((here > SOLID) | (there > SOLID)).sum())
    moved = np.concatenate(differences)
    if not len(moved):
        return "pivotal tuning left nothing of the surface where it was"
    ordinary, far = np.percentile(moved, [ORDINARY, FAR])
    return (
        f"pivotal tuning moved the surface by {ordinary:.1f} mm (median; {far:.1f} mm at the {FAR}th percentile), seen from "
        f"{len(cameras)} sides; silhouettes before and after agree to IoU {common / either:.2f}"
    )
