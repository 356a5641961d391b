"""Grain that is scattered over a surface has the statistics of the picture it is taken from."""

import numpy as np
import pytest
import scipy.ndimage
import scipy.stats

from facecraft4d.toolkit.core.geometry import orbit_camera
from facecraft4d.toolkit.shape_prior.parametric.paint.grain import (
    Source,
    Surface,
    elongation,
    scattered,
    strands,
    surface,
)

SIZE, STEP = 128, 0.001
"""Side of the picture, and of the squares that the tests lay on the surface, metres."""


def _plane(width: int, height: int, down: tuple[float, float, float] = (0, -1, 0)) -> Surface:
    x, y = np.meshgrid(np.arange(width) * STEP, np.arange(height) * -STEP)
    points = np.stack([x, y, 0 * x], -1).reshape(-1, 3) - [width * STEP / 2, -height * STEP / 2, 0]
    return surface(points, np.tile([0.0, 0.0, 1.0], (len(points), 1)), np.tile(np.array(down, float), (len(points), 1)))


def _source(picture: np.ndarray, usable: np.ndarray) -> Source:
    camera = orbit_camera(0.0, 0.0, 1.0, SIZE, np.zeros(3))
    scale = 1.0 / camera.fx
    rows, columns = np.nonzero(scipy.ndimage.binary_erosion(usable, iterations=8))
    points = np.stack([(columns + 0.5 - camera.cx) * scale, (camera.cy - rows - 0.5) * scale, 0.0 * rows], -1)
    down = np.tile([0.0, -1.0, 0.0], (len(points), 1))
    return Source(picture[..., None], usable, camera, surface(points, np.tile([0.0, 0.0, 1.0], (len(points), 1)), down))


def _noise(sigma: tuple[float, float]) -> np.ndarray:
    noise = scipy.ndimage.gaussian_filter(np.random.default_rng(3).normal(size=(SIZE, SIZE)), sigma, mode="wrap")
    return np.asarray(0.1 * noise / noise.std(), np.float32)


@pytest.mark.slow
def test_it_is_as_strong_as_what_was_seen_and_nowhere_twice_the_same() -> None:
    picture, usable = _noise((1.5, 1.5)), np.ones((SIZE, SIZE), bool)
    source = _source(picture, usable)
    radius = 12.0 / source.camera.fx
    first = scattered(_plane(150, 100), source, radius, np.random.default_rng(0))
    np.testing.assert_array_equal(first, scattered(_plane(150, 100), source, radius, np.random.default_rng(0)))
    assert first.std() == pytest.approx(picture.std(), rel=0.2)
    rows = first.reshape(100, 150)
    bands = rows.reshape(10, 10, 150).std((1, 2))
    assert bands.min() > 0.5 * bands.mean(), "no seams where pieces meet"


def test_no_piece_shows_what_is_not_usable() -> None:
    """A strange colour beside the usable pixels is nowhere to be found."""
    picture, usable = _noise((1.5, 1.5)), np.zeros((SIZE, SIZE), bool)
    usable[30:90, 30:90] = True
    strange = np.where(usable, picture, 7).astype(np.float32)
    source = _source(strange, scipy.ndimage.binary_erosion(usable, iterations=3))
    grain = scattered(_plane(100, 100), source, 12.0 / source.camera.fx, np.random.default_rng(0))
    assert np.abs(grain).max() < 1


def test_strands_run_down_the_fall_whichever_way_that_is() -> None:
    """Upright strands stay upright where the surface's fall is upright, and lie where it lies."""
    picture, usable = _noise((8.0, 0.8)), np.ones((SIZE, SIZE), bool)
    along = strands(picture[..., None], usable, 6.0)
    assert np.abs(along[..., 1]).mean() > 0.9
    source = _source(picture, usable)
    for down, axis in (((0, -1, 0), 0), ((1, 0, 0), 1)):
        grain = scattered(_plane(120, 120, down), source, 16.0 / source.camera.fx, np.random.default_rng(0))
        rough = [float(np.abs(np.diff(grain.reshape(120, 120), axis=i)).mean()) for i in (0, 1)]
        assert rough[axis] < 0.6 * rough[1 - axis]


@pytest.mark.slow
def test_straight_strands_are_laid_longer_and_curls_are_not() -> None:
    usable = np.ones((SIZE, SIZE), bool)
    curls, straight = (elongation(_source(_noise(sigma), usable)) for sigma in ((3.0, 3.0), (8.0, 2.0)))
    assert curls == pytest.approx(1, abs=0.15)
    assert straight > 2
    source = _source(_noise((3.0, 3.0)), usable)
    radius = 12.0 / source.camera.fx
    rough = []
    for stretch in (1.0, 3.0):
        rows = scattered(_plane(120, 120), source, radius, np.random.default_rng(0), stretch).reshape(120, 120)
        rough.append([float(np.abs(np.diff(rows, axis=i)).mean()) for i in (0, 1)])
    assert rough[1][0] < 0.5 * rough[0][0], "it changes less down the fall"
    assert rough[1][1] == pytest.approx(rough[0][1], rel=0.25), "and as much across"


def test_a_few_bright_strands_stay_a_few_bright_strands() -> None:
    """Sums of pieces would grow more even than what is seen; its distribution is kept."""
    picture = (np.exp(6 * _noise((1.5, 1.5))) - 1).astype(np.float32)
    source = _source(picture, np.ones((SIZE, SIZE), bool))
    grain = scattered(_plane(150, 100), source, 12.0 / source.camera.fx, np.random.default_rng(0))[:, 0]
    shares = [0.05, 0.5, 0.95]
    np.testing.assert_allclose(np.quantile(grain, shares), np.quantile(picture, shares), atol=0.15)
    assert scipy.stats.skew(grain) > 0.5 * scipy.stats.skew(picture.ravel())
