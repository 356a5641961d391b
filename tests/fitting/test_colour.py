"""What of a picture may be compared with a surface: not what lies beside the frame of glasses."""

import numpy as np
import pytest

from facecraft4d.toolkit.core.geometry import orbit_camera
from facecraft4d.toolkit.fitting.colour import BEFORE, BESIDE, visible_samples
from facecraft4d.toolkit.meshes.raster import rasterize

SIZE = 96


def wall_and_bar(away: float) -> tuple[np.ndarray, np.ndarray]:
    """A wall that faces the camera and an upright bar before it, metres."""
    wall = [(x, y, 0.0) for x, y in ((-0.1, -0.1), (0.1, -0.1), (0.1, 0.1), (-0.1, 0.1))]
    bar = [(x, y, away) for x, y in ((-0.005, -0.1), (0.005, -0.1), (0.005, 0.1), (-0.005, 0.1))]
    sheet = np.array([(0, 1, 2), (0, 2, 3)], np.int32)
    return np.array(wall + bar, np.float64), np.concatenate([sheet, sheet + 4])


@pytest.mark.parametrize(
    ("away", "apart", "kept"), [(0.02, True, False), (0.02, False, True), (BEFORE / 2, True, True)]
)
def test_a_surface_is_not_looked_at_beside_what_is_before_it(away: float, apart: bool, kept: bool) -> None:
    """If that is another piece of the mesh, and far enough away; the bar itself is seen whole."""
    vertices, triangles = wall_and_bar(away)
    camera = orbit_camera(0.0, 0.0, 1.0, SIZE)
    seen = rasterize(camera, vertices.astype(np.float32), triangles)
    everything, pieces = np.ones(4, bool), np.array([0, 0, apart, apart], np.int32)
    found = visible_samples(seen, camera, vertices, triangles, everything, pieces)
    bar, wall = ((seen.triangle == first) | (seen.triangle == first + 1) for first in (2, 0))
    beside = np.zeros_like(bar)
    for right in range(-BESIDE, BESIDE + 1):
        beside |= np.roll(bar, right, 1)
    assert (found.triangle >= 2).sum() == bar.sum()
    assert (found.triangle < 2).sum() == (wall.sum() if kept else (wall & ~beside).sum())
    assert (wall & beside).any()
