"""Laws of the lumps of hair and of what an outline tells of them."""

import numpy as np
import pytest

from facecraft4d.toolkit.shape_prior.parametric.shells.grid import signed_distance
from facecraft4d.toolkit.shape_prior.parametric.shells.relief import departure, lump_height, lumps

PIXELS_PER_METRE = 1250.0


def blob(wave: float, size: int = 400) -> np.ndarray:
    """Distance within a head's outline, 0.1 m in radius, whose radius goes up and down by `wave` metres twenty times."""
    y, x = np.mgrid[:size, :size] - size / 2 + 0.5
    radius = (0.1 + wave * np.sin(20 * np.arctan2(y, x))) * PIXELS_PER_METRE
    return signed_distance(np.hypot(x, y) < radius)


def height(border: np.ndarray) -> float:
    return lump_height(border, np.ones_like(border), PIXELS_PER_METRE)


def test_a_smooth_outline_tells_of_no_lumps_and_a_rougher_one_of_higher_ones() -> None:
    heights = [height(blob(wave)) for wave in (0.0, 0.002, 0.004, 0.006)]
    assert heights[0] == 0
    assert heights[1] < heights[2] < heights[3]


def test_single_strands_are_no_lumps() -> None:
    """Lines a pixel wide that stick out change nothing."""
    border = blob(0.0)
    inside = border > 0
    inside[:, 200::30] = np.abs(np.mgrid[:400, :400][0][:, 200::30] - 200) < 150
    assert height(signed_distance(inside)) == 0


def test_no_outline_of_hair_tells_nothing() -> None:
    border = blob(0.006)
    assert lump_height(border, np.zeros_like(border), PIXELS_PER_METRE) == 0


@pytest.mark.parametrize("shift", [-6, 0, 6])
def test_the_departure_from_a_straight_outline_is_the_distance(shift: int) -> None:
    inside = np.broadcast_to(np.arange(120)[:, None] < 60, (120, 120))
    metres = departure(inside, PIXELS_PER_METRE)[60 + shift, 60]
    assert metres == pytest.approx(-(shift + 0.5) / PIXELS_PER_METRE, abs=2e-4)


def test_lumps_are_normed_and_the_same_for_the_same_seed() -> None:
    turn, rise = np.meshgrid(np.linspace(0, 2 * np.pi, 96, endpoint=False), np.linspace(-1, 1, 40))
    points = 0.1 * np.stack([np.cos(rise) * np.sin(turn), np.sin(rise), np.cos(rise) * np.cos(turn)], -1)
    relief = lumps(points, np.random.default_rng(3))
    assert relief.mean() == pytest.approx(0, abs=1e-9)
    assert relief.std() == pytest.approx(1)
    assert np.array_equal(relief, lumps(points, np.random.default_rng(3)))
    # tops are round and creases sharp: a point lies rather above the mean than below
    assert np.median(relief) > 0
