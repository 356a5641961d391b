"""What neighbours show of a view, and the weights with which it is pasted: laws on analytic surfaces."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from analytic_views import DISTANCE, SIZE, TOLERANCE, orbit, sphere_view

from facecraft4d.toolkit.core.checks import UserError
from facecraft4d.toolkit.core.geometry import orbit_camera
from facecraft4d.toolkit.image_prior.sdxl.loading import Networks
from facecraft4d.toolkit.image_prior.sdxl.pictures import at_side, cell_weights, finished, to_image, to_latents, warped


def test_constant_masks_stay_what_they_are() -> None:
    assert (cell_weights(np.ones((64, 64), bool), 8, 0.1) == 1).all()
    assert (cell_weights(np.zeros((64, 64), bool), 8, 0.1) == 0).all()


def test_weights_are_1_inside_a_tenth_at_the_ring_and_0_outside() -> None:
    shown = np.zeros((96, 96), bool)
    shown[16:80, 16:80] = True  # cells 2 to 9
    weights = cell_weights(shown, 8, 0.1)
    np.testing.assert_allclose(np.unique(weights), [0, 0.1, 1])
    ring = np.zeros((12, 12))
    ring[3:9, 3:9] = 0.1  # one cell less than what is shown
    ring[4:8, 4:8] = 1
    np.testing.assert_allclose(weights, ring)
    shown[40, 40] = False  # one pixel less costs its cell, its neighbours, and a ring around them
    assert (cell_weights(shown, 8, 0.1)[4:7, 4:7] == 0).all()


def test_more_is_never_less() -> None:
    rng = np.random.default_rng(0)
    less = np.kron(rng.random((12, 12)) < 0.8, np.ones((8, 8))) > 0
    more = less | (np.kron(rng.random((12, 12)) < 0.5, np.ones((8, 8))) > 0)
    assert (cell_weights(less, 8, 0.1) <= cell_weights(more, 8, 0.1)).all()


def test_neighbours_that_agree_are_the_view() -> None:
    views = [sphere_view(orbit_camera(yaw, 0.0, DISTANCE, SIZE)) for yaw in (-15.0, 0.0, 15.0)]
    picture, shown = warped(views[1], (views[0], views[2]), TOLERANCE)
    assert np.abs(picture - views[1].image)[shown].max() < 0.02
    np.testing.assert_array_equal(picture[~shown], views[1].image[~shown])
    one_side = [warped(views[1], (views[k],), TOLERANCE)[1] for k in (0, 2)]
    assert (shown == (one_side[0] | one_side[1])).all() and not (one_side[0] & ~shown).any()
    assert shown.mean() > 0.9 * views[1].mask.mean()


def test_colours_come_from_the_neighbour_and_nothing_from_behind() -> None:
    view, red = (sphere_view(orbit_camera(yaw, 0.0, DISTANCE, SIZE)) for yaw in (0.0, 60.0))
    red = replace(red, image=np.where(red.mask[..., None] > 0, np.float32([1, 0, 0]), red.image).astype(np.float32))
    picture, shown = warped(view, (red,), TOLERANCE)
    np.testing.assert_allclose(picture[shown], np.tile([1, 0, 0], (shown.sum(), 1)), atol=1e-5)
    assert not shown[:, : SIZE // 4].any(), "the far side is hidden"
    assert not shown[view.mask == 0].any()
    nobody, none = warped(view, (), TOLERANCE)
    assert not none.any() and np.array_equal(nobody, view.image)


def test_what_is_half_transparent_is_not_pasted() -> None:
    view, source = (sphere_view(orbit_camera(yaw, 0.0, DISTANCE, SIZE)) for yaw in (0.0, 15.0))
    assert not warped(view, (replace(source, mask=0.5 * source.mask),), TOLERANCE)[1].any()
    assert not warped(replace(view, mask=0.5 * view.mask), (source,), TOLERANCE)[1].any()


@pytest.mark.parametrize("side", [48, 160, 192])
def test_a_view_of_another_size_is_the_same_surface(side: int) -> None:
    view, exact = (
        sphere_view(orbit_camera(20.0, 0.0, DISTANCE, SIZE)),
        sphere_view(orbit_camera(20.0, 0.0, DISTANCE, side)),
    )
    found = at_side(view, side, TOLERANCE)
    assert found.camera.width == side and found.image.shape == (side, side, 3)
    both = (found.depth > 0) & (exact.depth > 0)
    assert (
        both.mean() > 0.95 * (exact.depth > 0).mean()
        and (both | (found.depth > 0)).mean() < 1.06 * (exact.depth > 0).mean()
    )
    assert np.median(np.abs(found.depth - exact.depth)[both]) < 3e-4
    assert found.depth[found.depth > 0].min() > 1.2, "no depth between the head and nothing"


def test_only_the_head_changes() -> None:
    view = orbit(count=8).views[3]
    sharp = finished(view, np.zeros((2 * SIZE, 2 * SIZE, 3), np.float32))
    np.testing.assert_array_equal(sharp.image[view.mask == 0], view.image[view.mask == 0])
    assert (sharp.image[view.mask == 1] == 0).all()
    assert sharp.depth is view.depth and sharp.mask is view.mask and sharp.camera is view.camera
    assert np.array_equal(finished(view, view.image).image, view.image)


@pytest.mark.slow
def test_pictures_go_through_the_vae_one_by_one(networks: Networks) -> None:
    images = [view.image[:64, :64] for view in orbit(count=8).views[:3]]
    latents = to_latents(networks, images)
    assert latents.shape == (3, 4, 8, 8)
    for row, image in enumerate(images):
        assert torch.equal(to_latents(networks, [image]), latents[row : row + 1])
    picture = to_image(networks, latents[:1])
    assert picture.shape == (64, 64, 3) and picture.min() >= 0 and picture.max() <= 1


def test_a_vae_that_overflows_is_named(networks: Networks) -> None:
    with torch.no_grad():
        networks.vae.quant_conv.weight.fill_(float("inf"))
    with pytest.raises(UserError, match="force_upcast"):
        to_latents(networks, [np.ones((64, 64, 3), np.float32)])
