"""Crops go back to where they were cut from."""

import cv2
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tracking_scene import drawn

from facecraft4d.toolkit.core.datatypes import Coarse, View
from facecraft4d.toolkit.core.geometry import orbit_camera, project
from facecraft4d.toolkit.core.rigging import pose_from_weights, pose_vertices
from facecraft4d.toolkit.meshes.raster import interpolate, rasterize
from facecraft4d.toolkit.video_prior.liveportrait.matte import agreed, flow, moved_matte, on_white
from facecraft4d.toolkit.video_prior.liveportrait.paste import FADE, RIM, pasted, resampled, soft_mask
from facecraft4d.toolkit.video_prior.liveportrait.warping import Warped, identity_grid


def similarity(scale: float, angle: float, shift: tuple[float, float]) -> np.ndarray:
    cosine, sine = scale * np.cos(angle), scale * np.sin(angle)
    return np.array([[cosine, -sine, shift[0]], [sine, cosine, shift[1]], [0, 0, 1]])


def ramp(width: int, height: int) -> np.ndarray:
    """A picture whose colours are its places."""
    x, y = np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5)
    return np.dstack([x / width, y / height, np.ones_like(x), np.ones_like(x)]).astype(np.float32)


def test_the_same_places_are_the_same_picture() -> None:
    picture = ramp(40, 30)
    np.testing.assert_array_equal(resampled(picture, np.eye(3), (40, 30), (0.0, 0.0, 0.0, 0.0)), picture)


@pytest.mark.slow
@settings(deadline=None)
@given(st.floats(0.15, 3), st.floats(-3, 3), st.floats(-9, 9), st.floats(-9, 9))
def test_what_is_cut_shows_the_places_that_the_matrix_says(scale: float, angle: float, x: float, y: float) -> None:
    """Half a pixel aside would be seen: a picture spans from 0 to its size."""
    picture, about = ramp(80, 60), similarity(scale, angle, (0, 0))
    matrix = similarity(1, 0, (16 + x, 16 + y)) @ about @ similarity(1, 0, (-40, -30))
    found = resampled(picture, matrix, (32, 32), (0.0, 0.0, 0.0, -1.0))
    columns, rows = np.meshgrid(np.arange(32) + 0.5, np.arange(32) + 0.5)
    back = np.linalg.inv(matrix)
    places = np.stack([columns, rows], -1) @ back[:2, :2].T + back[:2, 2]
    margin = 2 / min(scale, 1) + 1
    inside = ((places > margin) & (places < np.array([80, 60]) - margin)).all(-1)
    shown = found[..., :2] * [80, 60]
    np.testing.assert_allclose(shown[inside], places[inside], atol=0.1 + 0.02 / scale)
    beyond = ((places < -margin) | (places > np.array([80, 60]) + margin)).any(-1)
    assert (found[beyond] == (0, 0, 0, -1)).all()


@pytest.mark.slow
@settings(deadline=None)
@given(st.floats(0.5, 8), st.floats(-3, 3), st.floats(-60, 160), st.floats(-60, 160), st.integers(0, 99))
def test_outside_of_its_mask_a_paste_changes_no_bit(scale: float, angle: float, x: float, y: float, seed: int) -> None:
    random = np.random.default_rng(seed)
    picture = random.random((50, 70, 4), np.float32)
    crop = 1e3 * random.random((64, 64, 4), np.float32)
    matrix = similarity(scale, angle, (x, y))
    found = pasted(picture, crop, matrix)
    columns, rows = np.meshgrid(np.arange(70) + 0.5, np.arange(50) + 0.5)
    seen = np.stack([columns, rows], -1) @ matrix[:2, :2].T + matrix[:2, 2]
    shrunk = max(1.0, scale)
    far = ((seen < -2 * shrunk) | (seen > 64 + 2 * shrunk)).any(-1)
    np.testing.assert_array_equal(found[far], picture[far])
    well = ((seen > (RIM + FADE) * 64 + 2 * shrunk) & (seen < 64 - (RIM + FADE) * 64 - 2 * shrunk)).all(-1)
    if shrunk == 1.0:
        assert (np.abs(found[well] - picture[well]).max(-1) > 1).all()


def test_a_mask_is_nothing_at_its_border_and_whole_inside() -> None:
    mask = soft_mask(512)[..., 0]
    assert (mask[[0, -1]] == 0).all() and (mask[:, [0, -1]] == 0).all() and (mask[40:-40, 40:-40] == 1).all()
    np.testing.assert_array_equal(mask, mask.T)
    np.testing.assert_array_equal(mask, mask[::-1])


def warped(shift: tuple[float, float], slices: int = 4, following: tuple[int, ...] = (0, 1)) -> Warped:
    """A volume of which some slices lie elsewhere by `shift` half sides, and the others follow nothing."""
    grid = identity_grid((slices, 16, 16), torch.zeros(1))
    mask = torch.zeros(1, 3, slices, 16, 16)
    mask[:, 0] = 1.0
    for each in following:
        grid[each, ..., :2] += torch.tensor(shift)
        mask[0, 0, each], mask[0, 1, each] = 0.0, 1.0
    return Warped(torch.zeros(1, 1, 16, 16), torch.ones(1, 1, 16, 16), grid[None], mask)


def test_a_matte_at_rest_is_itself() -> None:
    matte = np.random.default_rng(0).random((512, 512), np.float32)
    np.testing.assert_array_equal(moved_matte(matte, warped((0.0, 0.0))), matte)
    np.testing.assert_array_equal(moved_matte(matte, warped((0.3, 0.2), following=())), matte)


@pytest.mark.parametrize("following", [(0,), (1, 2), (0, 1, 2, 3)])
def test_a_chin_in_front_of_what_is_still_moves_whole(following: tuple[int, ...]) -> None:
    """A tenth of half a side down: what is there now was that much above."""
    torch.testing.assert_close(
        flow(warped((0.0, -0.1), following=following)), torch.tensor([0.0, -0.1]).expand(16, 16, 2)
    )
    matte = np.zeros((500, 500), np.float32)
    matte[100:300, 150:350] = 1
    found = moved_matte(matte, warped((0.0, -0.1), following=following))
    np.testing.assert_allclose(found[125:325], matte[100:300], atol=1e-4)
    assert found[:124].max() < 1e-4 and found[326:].max() < 1e-4


def known_motion(sitting: Coarse, name: str, yaw: float, size: int) -> tuple[View, View, np.ndarray]:
    """The head at rest and with an expression, and its matte at rest as moved_matte moves it by the motion that W would find at its resolution."""
    rig, camera = sitting.head.rig, orbit_camera(yaw, 0.0, 0.9, size, np.array([0.0, -0.03, 0.02]))
    pose = pose_from_weights(rig, {name: 1.0})
    still, wanted = (drawn(sitting.head, each, camera) for each in (sitting.head.pose, pose))
    posed = pose_vertices(rig, pose)
    fragments = rasterize(camera, posed, rig.triangles)
    away = (project(camera, pose_vertices(rig, sitting.head.pose))[0] - project(camera, posed)[0]) / (size / 2)
    seen = interpolate(fragments, away.astype(np.float32)[rig.triangles]) * fragments.covered[..., None]
    known = cv2.resize(np.dstack([seen, fragments.covered.astype(np.float32)]), (64, 64), interpolation=cv2.INTER_AREA)
    spread = cv2.GaussianBlur(known, (0, 0), 1.5)
    coarse = np.where(known[..., 2:] > 0.5, known, spread)
    found = identity_grid((1, 64, 64), torch.zeros(1))
    found[0, ..., :2] += torch.from_numpy(coarse[..., :2] / np.maximum(coarse[..., 2:], 1e-3))
    mask = torch.zeros(1, 2, 1, 64, 64)
    mask[:, 1] = 1.0
    warp = Warped(torch.zeros(1, 1, 64, 64), torch.ones(1, 1, 64, 64), found[None], mask)
    return still, wanted, moved_matte(still.mask, warp)


@pytest.mark.slow
@pytest.mark.parametrize("yaw", [75.0, -90.0])
def test_a_matte_follows_the_chin(sitting: Coarse, yaw: float) -> None:
    """A jaw that opens in profile: of what a still matte errs, a third at most is left."""
    still, wanted, matte = known_motion(sitting, "jawOpen", yaw, 512)
    assert np.abs(still.mask - wanted.mask).sum() > 1000
    assert np.abs(matte - wanted.mask).sum() < np.abs(still.mask - wanted.mask).sum() / 3


@pytest.mark.parametrize(
    ("name", "yaw"), [(name, yaw) for name in ("jawOpen", "cheekPuff") for yaw in (0.0, 45.0, 90.0)]
)
def test_a_matte_with_its_picture_is_no_worse_than_a_still_one(sitting: Coarse, name: str, yaw: float) -> None:
    """Nor than the moved one, by a thousandth of the crop: where the two differ the picture, as soft as one that was drawn twice as small, tells."""
    still, wanted, moved = known_motion(sitting, name, yaw, 256)
    matte = agreed(still.mask, moved, cv2.GaussianBlur(wanted.image, (0, 0), 1.0))
    off, still_off, moved_off = (np.abs(each - wanted.mask).sum() for each in (matte, still.mask, moved))
    assert off < min(still_off, moved_off) + 1e-3 * wanted.mask.size, (off, still_off, moved_off)


def test_colours_agree_with_their_matte() -> None:
    random = np.random.default_rng(1)
    colors, matte = random.random((9, 9, 3), np.float32), random.random((9, 9), np.float32)
    matte[0], matte[1] = 0, 1
    found = on_white(colors, matte)
    assert (found[0, :, :3] == 1).all() and (found[..., :3] >= 1 - found[..., 3:]).all()
    np.testing.assert_array_equal(found[1, :, :3], colors[1])
