"""Regions of a mesh by name: the same function for a rig and a face model, strict unless told otherwise."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from head_cases import ellipsoid_rig

from facecraft4d.toolkit.core.datatypes import Rig
from facecraft4d.toolkit.core.geometry import smoothstep
from facecraft4d.toolkit.core.rigging import in_regions, vertices_in_regions


@pytest.fixture(scope="module")
def rig() -> Rig:
    """The ellipsoid with lips on its first triangles and teeth on the next."""
    plain = ellipsoid_rig()
    regions = np.zeros(len(plain.triangles), np.uint8)
    regions[:10], regions[10:30] = plain.region_names.index("lips"), plain.region_names.index("teeth")
    return replace(plain, triangle_regions=regions)


def test_regions_part_the_triangles(rig: Rig) -> None:
    each = np.stack([in_regions(rig, name) for name in rig.region_names])
    np.testing.assert_array_equal(each.sum(0), 1)
    np.testing.assert_array_equal(in_regions(rig, "lips", "teeth"), in_regions(rig, "teeth") | in_regions(rig, "lips"))
    assert in_regions(rig, "lips").sum() == 10 and not in_regions(rig).any()


def test_vertices_are_the_corners_of_the_triangles(rig: Rig) -> None:
    corners = np.unique(rig.triangles[in_regions(rig, "teeth")])
    np.testing.assert_array_equal(np.flatnonzero(vertices_in_regions(rig, "teeth")), corners)


def test_a_region_that_is_not_there_is_an_error_or_empty_as_the_caller_says(rig: Rig) -> None:
    with pytest.raises(ValueError, match=r"skin, lips.*got scalp"):
        in_regions(rig, "skin", "scalp")
    np.testing.assert_array_equal(in_regions(rig, "lips", "scalp", optional=True), in_regions(rig, "lips"))
    assert not vertices_in_regions(rig, "scalp", optional=True).any()


def test_whatever_has_regions_will_do(rig: Rig) -> None:
    names = ("vertices", "triangles", "triangle_regions", "region_names")
    other = SimpleNamespace(**{name: getattr(rig, name) for name in names})
    np.testing.assert_array_equal(in_regions(other, "lips"), in_regions(rig, "lips"))


def test_the_smooth_step_is_level_at_both_ends_and_odd_about_its_middle() -> None:
    t = np.linspace(-0.5, 1.5, 201)
    step = smoothstep(t)
    assert step[t <= 0].max() == 0 and step[t >= 1].min() == 1 and (np.diff(step) >= 0).all()
    np.testing.assert_allclose(step + smoothstep(1 - t), 1, atol=1e-12)
    assert smoothstep(np.array([1e-4]))[0] < 1e-7
