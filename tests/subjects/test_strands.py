"""Strokes hide each other as surfaces do; strands start on skin above the hairline; every seed tells one person."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage

from facecraft4d.toolkit.core.geometry import orbit_camera, project
from facecraft4d.toolkit.face_model.regions import HAIRLINE_CENTER
from facecraft4d.toolkit.subjects.strands import bearded, hairline
from facecraft4d.toolkit.subjects.strokes import draw_strokes
from facecraft4d.toolkit.subjects.traits import STYLES, draw_traits

CAMERA = orbit_camera(0.0, 0.0, 1.0, 128)


def line(start, end, points=5):
    return np.linspace(start, end, points)[None]


@pytest.mark.parametrize("end", [(0.05, 0.0, 0.0), (0.0, 0.05, 0.0), (0.03, 0.04, 0.05), (-0.02, -0.05, -0.03)])
def test_a_stroke_covers_its_line(end):
    start, end = np.array([3e-4, 3e-4, 0]), np.array(end) + 3e-4
    drawn = draw_strokes(CAMERA, line(start, end), 0.002)
    pixels, depth = project(CAMERA, np.linspace(start, end, 50))
    column, row = np.floor(pixels).astype(int).T
    assert ndimage.binary_dilation(drawn.covered)[row, column].all(), "within a pixel of all of it"
    assert np.abs(drawn.depth[row, column] - depth)[drawn.covered[row, column]].max() < 0.003


def test_the_nearer_stroke_is_seen_whatever_the_order():
    near, far = line((-0.05, 0, 0.02), (0.05, 0, 0.02)), line((0, -0.05, 0), (0, 0.05, 0))
    first = draw_strokes(CAMERA, np.concatenate([near, far]), 0.004)
    second = draw_strokes(CAMERA, np.concatenate([far, near]), 0.004)
    np.testing.assert_array_equal(first.depth, second.depth)
    assert first.segment[64, 64] < 5 <= second.segment[64, 64]


def test_colors_run_along_a_stroke():
    drawn = draw_strokes(CAMERA, line((-0.05, 0, 0), (0.05, 0, 0)), 0.002)
    values = drawn.colors(np.linspace(0, 1, 5)[:, None])[:, 0]
    across = np.nonzero(drawn.covered)[1]
    assert np.corrcoef(values, across)[0, 1] > 0.999


def test_wider_strokes_cover_more():
    covered = [draw_strokes(CAMERA, line((0, -0.05, 0), (0, 0.05, 0)), width).covered.sum() for width in (1e-4, 6e-3)]
    assert covered[1] > 2 * covered[0] > 0


def test_hair_ends_at_the_forehead_and_beards_at_the_cheeks():
    crown, brow, nape = np.array([[0, 0.13, 0.0], [0, 0.05, 0.09], [0, -0.12, -0.08]])
    usual, receding = (replace(draw_traits(0).hair, receding=degrees) for degrees in (0.0, 15.0))
    assert hairline(crown[None], usual)[0] > 0 > hairline(brow[None], usual)[0]
    assert hairline(nape[None], usual)[0] < 0
    assert hairline(brow[None], receding)[0] < hairline(brow[None], usual)[0]
    eyes = np.array([[0.03, 0.025, 0.07], [-0.03, 0.025, 0.07]])
    chin, cheek = eyes.mean(0) + np.array([0, -0.12, 0.0]), eyes.mean(0) + np.array([0.03, -0.02, 0.0])
    assert bearded(chin[None], eyes)[0] > 0.9 and bearded(cheek[None], eyes)[0] == 0


def test_hair_goes_on_before_the_ear_and_ends_level_at_the_nape():
    """A sideburn reaches as low as it is said to, and so does the nape, at the same height from one side to the other."""
    hair = replace(draw_traits(0).hair, receding=0.0, temple=0.0, sideburn=-15.0, nape=-36.0)

    def above(azimuth: float, elevation: float) -> float:
        a, e = np.radians([azimuth, elevation])
        way = np.array([np.sin(a) * np.cos(e), np.sin(e), np.cos(a) * np.cos(e)])
        return float(hairline((0.09 * way + (0.0, *HAIRLINE_CENTER))[None], hair)[0])

    assert above(67, -14) > 0 > above(67, -16)
    assert above(50, 0) < 0 < above(67, 0)
    for azimuth in (150, 180, -165):
        assert above(azimuth, -33) > 0 > above(azimuth, -37)


@pytest.mark.slow
def test_a_seed_tells_one_person_and_seeds_tell_many():
    people = [draw_traits(seed) for seed in range(200)]
    assert draw_traits(3) == people[3]
    assert {who.hair.style for who in people} == set(STYLES)
    assert {who.hat for who in people} == {"", "beanie", "cap"} and len({who.collar for who in people}) == 4
    assert min(who.years for who in people) < 20 and max(who.years for who in people) > 60
    brightness = [sum(who.look.skin) / 3 for who in people]
    assert min(brightness) < 0.3 and max(brightness) > 0.75
    for who in people:
        assert all(
            0 <= value <= 1 for color in (who.look.skin, who.look.lips, who.look.hair, who.look.hat) for value in color
        )
        assert sum(who.origins) == pytest.approx(1) and np.linalg.norm(who.light.direction) == pytest.approx(1)
