"""StyleGAN2's layers and PanoHead's cameras against values of the original code (tests/data/panohead_units.npz, panohead_cameras.npz)."""

import functools
import itertools
import math
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from places import DATA

from facecraft4d.toolkit.shape_prior.panohead import cameras, layers
from facecraft4d.toolkit.shape_prior.panohead.networks import resized

UNIT_TOLERANCE, CAMERA_TOLERANCE = 1e-5, 1e-6
ANGLES = st.floats(-3.1, 3.1)
FILTER = layers.resample_filter()


@functools.cache
def unit(name: str) -> torch.Tensor:
    with np.load(DATA / "panohead_units.npz") as stored:
        return torch.from_numpy(stored[name])


@functools.cache
def camera(name: str) -> Any:
    with np.load(DATA / "panohead_cameras.npz") as stored:
        return stored[name]


def convolved(**options: Any) -> torch.Tensor:
    return layers.modulated_conv2d(unit("x"), unit("weight"), unit("styles"), **options)


UNITS = {
    "modconv_up1_demod": convolved,
    "modconv_up2_demod": lambda: convolved(upsampling=FILTER),
    "modconv_up2_demod_noise_0.3": lambda: convolved(upsampling=FILTER) + 0.3 * unit("noise16"),
    "modconv_1x1_nodemod": lambda: layers.modulated_conv2d(unit("x"), unit("weight1x1"), unit("styles"), False),
    "upsample2d": lambda: layers.upsample2d(unit("x"), FILTER),
    "bias_act_lrelu": lambda: layers.bias_lrelu(unit("y"), unit("bias"), layers.LRELU_GAIN, None),
    "bias_act_lrelu_gain2_clamp3": lambda: layers.bias_lrelu(unit("y"), unit("bias"), 2.0, 3.0),
    "bias_act_linear_clamp3": lambda: layers.limited(unit("y") + unit("bias").view(1, -1, 1, 1), 3.0),
    "interp_64_to_128_antialias": lambda: resized(unit("interp_x"), 128)[..., 40:60, 40:60],
}


@pytest.mark.parametrize("name", UNITS)
def test_layers_are_the_originals(name: str) -> None:
    torch.testing.assert_close(UNITS[name](), unit(name), rtol=0, atol=UNIT_TOLERANCE)


def test_the_filter_is_the_originals() -> None:
    assert torch.equal(unit("filter"), FILTER)


@pytest.mark.slow
@given(st.floats(0.1, 10), st.integers(0, 2**16))
def test_demodulation_forgets_how_large_styles_are(scale: float, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    images, weight, styles = (torch.randn(shape, generator=generator) for shape in ((2, 3, 5, 5), (4, 3, 3, 3), (2, 3)))
    styles = styles + 2 * styles.sign()
    once, scaled = (layers.modulated_conv2d(images, weight, each) for each in (styles, scale * styles))
    torch.testing.assert_close(once, scaled, rtol=1e-3, atol=1e-4)


def poses(target: np.ndarray | None, radius: float) -> np.ndarray:
    """The original takes both angles as float32 after it added a quarter turn."""
    quarter = np.float64(np.pi / 2)
    turned = np.float32(np.radians(camera("angles_yaw_pitch_deg")) + quarter).astype(np.float64) - quarter
    return np.stack([cameras.world_from_orbit(yaw, pitch, radius, target) for yaw, pitch in turned])


def test_cameras_are_the_originals() -> None:
    stored = {name: camera(name) for name in ("cam2world_radius2.7", "cam2world_lookat_radius2.75")}
    found = dict(zip(stored, (poses(None, 2.7), poses(camera("lookat").astype(np.float64), 2.75)), strict=True))
    for name, expected in stored.items():
        np.testing.assert_allclose(found[name], expected, rtol=0, atol=CAMERA_TOLERANCE)


def test_rays_are_the_originals() -> None:
    for index, view in enumerate(camera("rays_views")):
        c = cameras.label(camera("cam2world_radius2.7")[view], cameras.intrinsics())
        origins, directions = cameras.rays(c, 16)
        np.testing.assert_allclose(origins[0], camera("rays16_origins")[index], rtol=0, atol=CAMERA_TOLERANCE)
        np.testing.assert_allclose(directions[0], camera("rays16_directions")[index], rtol=0, atol=CAMERA_TOLERANCE)


def test_the_frontal_camera_and_the_quarter_turn() -> None:
    frontal, side = cameras.world_from_orbit(0.0), cameras.world_from_orbit(math.pi / 2)
    expected = np.diag([1, -1, -1, 1]).astype(np.float32)
    expected[2, 3] = 2.7
    np.testing.assert_allclose(frontal, expected, atol=1e-6)
    np.testing.assert_allclose(side[:3, 3], [2.7, 0, 0], atol=1e-6)


@pytest.mark.slow
@given(ANGLES, st.floats(-1.5, 1.5), st.floats(0.5, 5))
def test_cameras_are_rigid_and_look_at_the_origin(yaw: float, pitch: float, radius: float) -> None:
    pose = cameras.world_from_orbit(yaw, pitch, radius).astype(np.float64)
    np.testing.assert_allclose(pose[:3, :3] @ pose[:3, :3].T, np.eye(3), atol=1e-5)
    assert np.linalg.det(pose[:3, :3]) > 0
    np.testing.assert_allclose(pose[:3, 3] + radius * pose[:3, 2], 0, atol=1e-5)


def test_twenty_four_steps_of_fifteen_degrees_close() -> None:
    views = [cameras.world_from_orbit(math.radians(15 * step)).astype(np.float64) for step in range(25)]
    np.testing.assert_allclose(views[24], views[0], atol=1e-6)
    steps = [np.linalg.inv(a) @ b for a, b in itertools.pairwise(views)]
    np.testing.assert_allclose(steps, np.broadcast_to(steps[0], (24, 4, 4)), atol=1e-5)


@pytest.mark.slow
@given(ANGLES, st.floats(-1, 1), st.floats(1, 4))
def test_distance_along_rays_becomes_camera_z(yaw: float, pitch: float, z: float) -> None:
    """Points of one camera z lie on a plane; their distances from the camera become that z again."""
    c = cameras.label(cameras.world_from_orbit(yaw, pitch), cameras.intrinsics())
    seen = cameras.directions_in_camera(c[:, 16:].view(-1, 3, 3), 9)
    distances = (z * seen.norm(dim=2)).view(1, 9, 9)
    torch.testing.assert_close(cameras.camera_z(distances, c), torch.full((1, 9, 9), z), rtol=1e-6, atol=1e-6)


def test_moving_a_camera_changes_its_position_alone() -> None:
    c = cameras.label(cameras.world_from_orbit(0.3, 0.1), cameras.intrinsics())
    change = cameras.moved(c, torch.tensor([[1.0, 2.0, 3.0]])) - c
    assert change.nonzero()[:, 1].tolist() == [3, 7, 11]
    torch.testing.assert_close(change[0, [3, 7, 11]], torch.tensor([1.0, 2.0, 3.0]))
