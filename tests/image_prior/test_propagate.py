"""The image prior on analytic planes and spheres: the laws of lifting, visibility and masks."""

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from analytic_views import DISTANCE, RADIUS, SIZE, TOLERANCE, orbit, plane_view, sphere_view

from facecraft4d.toolkit import image_prior
from facecraft4d.toolkit.config import ImagePriorConfig, WarpConfig
from facecraft4d.toolkit.core.datatypes import ViewSet
from facecraft4d.toolkit.core.geometry import orbit_camera, pixel_centers, unproject
from facecraft4d.toolkit.core.stages import Progress, StageContext
from facecraft4d.toolkit.image_prior.warp.propagate import agreement, lifted, origin_indices, propagated, soften
from facecraft4d.toolkit.meshes.raster import sample_texture


def enhance(views: ViewSet) -> tuple[ViewSet, list[Progress]]:
    said: list[Progress] = []
    return image_prior.run(views, ImagePriorConfig(), StageContext(0, "cpu", Path("nowhere"), said.append)), said


def test_identity_camera_is_the_identity() -> None:
    view = sphere_view(orbit_camera(20.0, 5.0, DISTANCE, SIZE))
    pixels, visible = lifted(view, view, TOLERANCE)
    np.testing.assert_array_equal(visible, view.mask > 0)
    np.testing.assert_allclose(pixels, pixel_centers(SIZE, SIZE), atol=1e-4)


def test_sideways_camera_shifts_a_plane_by_a_known_number_of_pixels() -> None:
    source, target = plane_view(0.0), plane_view(0.02)
    expected = 0.02 * source.camera.fx / DISTANCE
    pixels, visible = lifted(source, target, TOLERANCE)
    np.testing.assert_allclose(
        (pixels - pixel_centers(SIZE, SIZE))[visible], [[expected, 0]] * visible.sum(), atol=1e-3
    )
    assert visible[:, : SIZE - int(expected) - 1].all() and not visible[:, SIZE - int(expected) :].any()


def test_there_and_back_again() -> None:
    first, second = (sphere_view(orbit_camera(yaw, 0.0, DISTANCE, SIZE)) for yaw in (0.0, 15.0))
    there, seen = lifted(second, first, TOLERANCE)
    back, seen_back = lifted(first, second, TOLERANCE)
    both = seen & (sample_texture(seen_back[..., None].astype(np.float32), there / SIZE)[..., 0] > 0.999)
    home = sample_texture(back.astype(np.float32), there / SIZE)
    assert both.mean() > 0.2
    assert np.abs(home - pixel_centers(SIZE, SIZE))[both].max() < 0.1


def test_what_the_sphere_hides_is_not_visible() -> None:
    source, target = (sphere_view(orbit_camera(yaw, 0.0, DISTANCE, SIZE)) for yaw in (0.0, 60.0))
    _, visible = lifted(source, target, TOLERANCE)
    points = unproject(target.camera, pixel_centers(SIZE, SIZE), target.depth)
    height = points @ np.array([0, 0, 1.0]) - RADIUS**2 / DISTANCE
    assert visible[(target.depth > 0) & (height > 0.06)].all()
    assert not visible[(target.depth == 0) | (height < -0.003)].any()


def test_the_nearer_surface_wins() -> None:
    """A card in front of a plane: the plane behind it is not seen through the card."""
    source, target = plane_view(0.0), plane_view(0.0)
    depth = source.depth.copy()
    depth[30:60, 30:60] -= 0.05
    _, visible = lifted(replace(source, depth=depth), target, TOLERANCE)
    assert not visible[30:60, 30:60].any() and visible[:29].all()


def test_visibility_grows_with_tolerance() -> None:
    source, target = (sphere_view(orbit_camera(yaw, 0.0, DISTANCE, SIZE)) for yaw in (0.0, 40.0))
    masks = [lifted(source, target, tolerance)[1] for tolerance in (1e-4, 5e-4, 2e-3, 1e-2)]
    assert all((finer <= coarser).all() for finer, coarser in pairwise(masks))
    assert masks[0].sum() < masks[-1].sum()


def test_agreement_is_one_on_a_constant_depth_and_zero_outside() -> None:
    depth = np.full((8, 8), 2.0, np.float32)
    pixels = np.array([[[4.3, 3.7], [0.5, 0.5], [-3.0, 4.0]]])
    np.testing.assert_allclose(agreement(depth, pixels, np.full((1, 3), 2.0), 0.01), [[1, 1, 0]], atol=1e-6)


def test_mask_starts_at_the_boundary_value_and_rises_inside() -> None:
    visible = np.zeros((100, 100), bool)
    visible[20:80, 20:80] = True
    mask = soften(visible, 0.1)
    assert mask[20, 50] == pytest.approx(0.1) and mask[50, 50] == 1 and mask[19, 50] == 0
    assert (np.diff(mask[20:50, 50]) >= 0).all()


def test_carried_weight_is_zero_without_weight() -> None:
    source, target = (sphere_view(orbit_camera(yaw, 0.0, DISTANCE, SIZE)) for yaw in (0.0, 15.0))
    assert not propagated(source, np.zeros_like(source.mask), target, WarpConfig()).any()


def test_anchors_are_the_reference_and_the_view_behind() -> None:
    assert origin_indices(orbit()) == (0, 12)
    assert origin_indices(ViewSet(orbit().views[:3], (10.0, 25.0, 350.0))) == (0,)


@pytest.mark.slow
def test_consistent_views_stay_as_they_are_and_geometry_is_kept() -> None:
    coarse = orbit()
    views, said = enhance(coarse)
    assert said[-1] == Progress("image_prior", 24, 24)
    for before, after in zip(coarse.views, views.views, strict=True):
        assert after.mask is before.mask and after.depth is before.depth and after.camera is before.camera
        assert np.abs(after.image - before.image).mean() < 2e-3
        np.testing.assert_array_equal(after.image[before.mask == 0], 1)


@pytest.mark.slow
def test_the_reference_colour_is_carried_around() -> None:
    coarse = orbit(gain_at_zero=0.9)
    views, _ = enhance(coarse)
    centre = np.s_[SIZE // 2 - 4 : SIZE // 2 + 4, SIZE // 2 - 4 : SIZE // 2 + 4]
    ratio = [
        float((after.image[centre] / before.image[centre]).mean())
        for before, after in zip(coarse.views, views.views, strict=True)
    ]
    assert ratio[2] == pytest.approx(0.9, abs=0.01) and ratio[22] == pytest.approx(0.9, abs=0.01)
    assert ratio[12] == 1 and ratio[10] == pytest.approx(1, abs=0.01)
    np.testing.assert_allclose(ratio[1:12], ratio[:12:-1], atol=0.02)
    np.testing.assert_array_equal(views.views[0].image, coarse.views[0].image)
