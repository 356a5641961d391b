"""Quilting: grain goes on without repeats, borders stay, and no other colours come in."""

import dataclasses

import numpy as np
import pytest

from facecraft4d.toolkit.shape_prior.parametric.paint.quilting import Canvas, Swatch, quilt
from facecraft4d.toolkit.shape_prior.parametric.paint.synthesis import continued_around


def _canvas(picture: np.ndarray, guide: np.ndarray) -> tuple[Canvas, Swatch]:
    """A chart whose middle half is known, and that half as the sample."""
    height, width, _ = picture.shape
    known = np.zeros((height, width), bool)
    known[:, width // 4 : -width // 4] = True
    rows = np.arange(height, dtype=np.float32)
    sample = Swatch(picture, guide, known, rows, 0.1)
    return Canvas(picture, known, np.ones_like(known), guide), sample


def test_quilting_repeats_for_a_seed_fills_what_is_wanted_and_keeps_what_is_known() -> None:
    detail = np.random.default_rng(5).normal(0, 0.1, (60, 80, 3)).astype(np.float32)
    canvas, sample = _canvas(detail, np.zeros_like(detail))
    first, second = (quilt(canvas, sample, (12, 8), 8.0, np.random.default_rng(1)) for _ in range(2))
    np.testing.assert_array_equal(first, second)
    np.testing.assert_array_equal(first[canvas.known], detail[canvas.known])
    filled = first[~canvas.known]
    assert (filled.std(-1) > 1e-4).mean() > 0.99
    assert filled.std() == pytest.approx(detail[canvas.known].std(), rel=0.35)


def test_a_patterned_hat_goes_on_with_its_grain_and_no_other_colours() -> None:
    """A dark band below a white crown: behind, each height keeps its colour, as rough as in front, and nothing lies between."""
    rng = np.random.default_rng(2)
    guide = np.where(np.arange(64)[:, None, None] < 30, 0.9, 0.1) * np.ones((64, 128, 3))
    picture = (guide + rng.uniform(-0.05, 0.05, guide.shape)).astype(np.float32)
    canvas, sample = _canvas(picture, guide.astype(np.float32))
    known = canvas.known
    canvas = dataclasses.replace(canvas, guide=continued_around(canvas.guide, known, 64))
    filled = quilt(canvas, sample, (24, 16, 8), 1e3, np.random.default_rng(0))
    levels = filled[~known].mean(-1)
    assert ((levels > 0.2) & (levels < 0.8)).mean() < 0.01
    grain = [(filled - guide)[rows][:, ~known[0]].std() for rows in (slice(0, 24), slice(36, 64))]
    np.testing.assert_allclose(grain, (picture - guide)[known].std(), rtol=0.25)
    assert np.abs(filled.mean((1, 2)) - picture.mean((1, 2))).mean() < 0.08


def test_where_patches_are_few_grain_goes_on_without_repeating() -> None:
    """A band of which only 10 x 10 pixels are seen: laid as they are, its patches would be woven."""
    rng = np.random.default_rng(3)
    guide = np.full((48, 96, 3), 0.2, np.float32)
    guide[14:34] = 0.7
    picture = (guide + rng.normal(0, 0.04, guide.shape)).astype(np.float32)
    canvas, sample = _canvas(picture, guide)
    usable = canvas.known.copy()
    usable[8:40] = False
    usable[20:30, 40:50] = True
    filled = quilt(canvas, dataclasses.replace(sample, usable=usable), (8,), 1e3, np.random.default_rng(0))
    band = (filled - guide)[18:30, ~canvas.known[0]]
    assert band.std() == pytest.approx(0.04, rel=0.4)
    flat = band[:8].transpose(1, 0, 2)
    windows = np.stack([flat[i : i + 8].ravel() for i in range(len(flat) - 8)])
    alike = np.corrcoef(windows) - np.eye(len(windows))
    assert alike.max() < 0.45, "0.7 with the patches themselves"


def test_borders_of_bands_stay_where_the_guide_has_them() -> None:
    """Patches with a border a few rows off fit the guide nearly as well; laid side by side they would make teeth."""
    heights = 24 + (np.arange(96) % 16) // 4
    picture = np.where(np.arange(48)[:, None] < heights, 0.9, 0.1)[..., None].repeat(3, 2).astype(np.float32)
    canvas, sample = _canvas(picture, picture)
    straight = np.where(np.arange(48)[:, None, None] < 26, 0.9, 0.1) * np.ones((48, 96, 3))
    canvas = dataclasses.replace(canvas, guide=straight.astype(np.float32))
    filled = quilt(canvas, sample, (16, 8), 1e3, np.random.default_rng(0))
    np.testing.assert_allclose(filled[~canvas.known], canvas.guide[~canvas.known], atol=0.05)
