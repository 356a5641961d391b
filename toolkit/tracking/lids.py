"""The colour of lids before any picture of the track has shown them: still pictures show them folded, in the shadow of lashes and of glasses."""

import cv2
import numpy as np
import scipy.spatial
from jaxtyping import Bool

from facecraft4d.toolkit.core.rigging import in_regions
from facecraft4d.toolkit.fitting.colour import Albedo
from facecraft4d.toolkit.fitting.figure import Figure
from facecraft4d.toolkit.fitting.skin import LEAST_ALBEDO

AROUND_METRES = 0.012
"""How far from a lid the skin has its colour: as far as the rims of glasses, which are not skin, mostly stay away."""


def light_lids(figure: Figure, albedo: Albedo) -> None:
    """Take the shadow off each eye's lids in `albedo`: where they are darker than the skin around them a factor makes them as light in the median.

    Their own pattern, the line of the lashes first of all, stays. No lids, no change.
    """
    rig, side = figure.rig, len(albedo.weights)
    lids, skin = (in_regions(rig, name, optional=True) for name in ("eyelids", "skin"))
    middles, shown = rig.vertices[rig.triangles].mean(1), albedo.map()
    place = np.clip((figure.corner_uvs.mean(1) * side).astype(int), 0, side - 1)
    for left in (False, True):
        own = lids & ((middles[:, 0] > 0) == left)
        if not own.any():
            continue
        distance = scipy.spatial.cKDTree(middles[own]).query(middles[skin])[0]
        column, row = place[skin][distance < AROUND_METRES].T
        covered = _texels(figure, own, side)
        factor = np.maximum(
            1, np.median(shown[row, column], 0) / np.maximum(np.median(shown[covered], 0), LEAST_ALBEDO)
        )
        albedo.sums[covered] *= factor
        albedo.fallback[covered] *= factor


def _texels(figure: Figure, triangles: Bool[np.ndarray, " f"], side: int) -> Bool[np.ndarray, "s s"]:
    """The texels that some triangles lie on."""
    covered = np.zeros((side, side), np.uint8)
    for corners in np.rint(figure.corner_uvs[triangles] * side - 0.5).astype(np.int32):
        cv2.fillConvexPoly(covered, corners, 1)
    return covered > 0
