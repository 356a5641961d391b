"""OpenGL off screen, on hand-made splats and against the processor's rasteriser; no test leaves a GL error behind."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from opengl_cases import WHOLE, psnr
from places import TINY

from facecraft4d.exporters import load
from facecraft4d.runtime.animate import Animator
from facecraft4d.runtime.camera import framing
from facecraft4d.runtime.gl.drawing import Picture
from facecraft4d.runtime.gl.instances import UploadedSplats
from facecraft4d.runtime.opengl import NoOpenGL, offscreen_context
from facecraft4d.runtime.software import draw_splats
from facecraft4d.toolkit.core.datatypes import Camera, Splats
from facecraft4d.toolkit.core.geometry import orbit_camera
from facecraft4d.toolkit.core.rigging import neutral_pose

SIZE = 96


class Target:
    """A picture of SIZE pixels in one context for all tests."""

    def __init__(self) -> None:
        self.context = offscreen_context()
        self._splats = UploadedSplats(self.context, 2000)
        self._picture = Picture(self.context, (SIZE, SIZE), self._splats.buffer)

    def draw(self, splats: Splats, camera: Camera) -> np.ndarray:
        self._picture.draw(self._splats.write(splats, camera), camera, WHOLE)
        return self._picture.read()


@pytest.fixture(scope="module")
def shared() -> Iterator[Target]:
    try:
        target = Target()
    except NoOpenGL as error:
        pytest.skip(f"no OpenGL off screen: {error}")
    yield target
    target.context.release()


@pytest.fixture
def target(shared: Target) -> Iterator[Target]:
    assert shared.context.error == "GL_NO_ERROR"
    yield shared
    assert shared.context.error == "GL_NO_ERROR"


def some_splats(*, count: int, seed: int = 0, spread: float = 0.05) -> Splats:
    rng = np.random.default_rng(seed)
    return Splats(
        rng.normal(scale=spread, size=(count, 3)).astype(np.float32),
        (q := rng.normal(size=(count, 4)).astype(np.float32)) / np.linalg.norm(q, axis=1, keepdims=True),
        np.exp(rng.normal(-5, 1, size=(count, 3))).astype(np.float32),
        rng.uniform(0, 1, count).astype(np.float32),
        rng.uniform(-0.2, 1.2, (count, 3)).astype(np.float32),
    )


def one_splat(
    mean: tuple[float, float, float], sigma: float, opacity: float, color: tuple[float, float, float]
) -> Splats:
    return Splats(
        np.array([mean], np.float32), np.array([[1, 0, 0, 0]], np.float32), np.full((1, 3), sigma, np.float32),
        np.array([opacity], np.float32), np.array([color], np.float32),
    )  # fmt: skip


@pytest.mark.parametrize("seed", range(4))
def test_same_as_the_processor_on_random_splats(target: Target, seed: int) -> None:
    camera = orbit_camera(40.0 * seed, 10.0, 0.8, SIZE)
    splats = some_splats(count=400, seed=seed)
    expected = draw_splats(splats, camera)
    found = target.draw(splats, camera)
    assert psnr(found, expected) > 70 and np.abs(found - expected).max() < 0.05


def test_same_where_splats_are_brighter_than_white(target: Target) -> None:
    """What a picture holds goes beyond 1: white is made where the picture is finished."""
    camera, splats = orbit_camera(40.0, 10.0, 0.8, SIZE), some_splats(count=400, seed=1)
    bright = replace(splats, colors=splats.colors * np.float32(3.0))
    expected = draw_splats(bright, camera)
    assert expected.max() > 2.5 and psnr(target.draw(bright, camera), expected) > 60


@pytest.mark.parametrize("yaw", [0.0, 35.0, 180.0])
def test_same_as_the_processor_on_the_tiny_avatar(target: Target, yaw: float) -> None:
    avatar = load(TINY)
    camera = framing(avatar).turned(yaw, 5.0).camera(SIZE, SIZE)
    splats = Animator(avatar).splats(neutral_pose(avatar.rig))
    assert psnr(target.draw(splats, camera), draw_splats(splats, camera)) > 70


def test_same_from_inside_the_cloud(target: Target) -> None:
    """Splats beside and behind the camera, far outside the picture: the projection is clamped as on the processor."""
    camera = orbit_camera(0.0, 0.0, 0.05, SIZE)
    wide = Camera(camera.camera_from_world, 30.0, 30.0, 40.0, 60.0, SIZE, SIZE)
    splats = some_splats(count=300, seed=9, spread=0.15)
    expected = draw_splats(splats, wide)
    assert psnr(target.draw(splats, wide), expected) > 40


def test_one_round_splat_by_formula(target: Target) -> None:
    """opacity * exp(-d^2 / 2 (sigma^2 + 0.3)) about the projected centre, row 0 at the top."""
    camera = orbit_camera(0.0, 0.0, 1.0, SIZE)
    sigma = 4.0 / camera.fx
    image = target.draw(one_splat((0.02, 0.03, 0.0), sigma, 0.8, (1.0, 0.5, -1.0)), camera)
    x, y = camera.cx + 0.02 * camera.fx, camera.cy - 0.03 * camera.fy
    rows, columns = np.mgrid[:SIZE, :SIZE] + 0.5
    alpha = 0.8 * np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / 2 / (16 + 0.3))
    alpha[alpha < 1 / 255] = 0
    inside = alpha > 2 / 255
    assert np.abs(image[..., 3] - alpha)[inside].max() < 2e-3 and image[..., 3][alpha == 0].max() < 5e-3
    assert np.allclose(image[..., :3], image[..., 3:] * [1, 0.5, 0], atol=1e-3)


def test_the_nearer_splat_covers(target: Target) -> None:
    camera = orbit_camera(0.0, 0.0, 1.0, SIZE)
    near, far = one_splat((0, 0, 0.1), 0.02, 1.0, (1, 0, 0)), one_splat((0, 0, -0.1), 0.02, 1.0, (0, 1, 0))
    for first, second in ((near, far), (far, near)):
        both = Splats(*(np.concatenate([getattr(part, name) for part in (first, second)]) for name in Splats.__slots__))
        middle = target.draw(both, camera)[SIZE // 2, SIZE // 2]
        assert middle[0] > 0.98 and middle[1] < 0.02


def test_nothing_to_draw_is_clear(target: Target) -> None:
    camera = orbit_camera(0.0, 0.0, 1.0, SIZE)
    for splats in (
        one_splat((0, 0, 5.0), 0.02, 1.0, (1, 1, 1)),
        one_splat((0, 0, 0.0), 0.02, 0.003, (1, 1, 1)),
        one_splat((3.0, 0, 0.0), 0.02, 1.0, (1, 1, 1)),
    ):
        assert not target.draw(splats, camera).any()


def test_fewer_then_more_splats(target: Target) -> None:
    camera = orbit_camera(0.0, 0.0, 0.8, SIZE)
    first = target.draw(some_splats(count=100, seed=1), camera)
    target.draw(some_splats(count=1000, seed=2), camera)
    assert np.array_equal(target.draw(some_splats(count=100, seed=1), camera), first)


def test_camera_of_another_size_is_refused(target: Target) -> None:
    with pytest.raises(ValueError, match="camera must be"):
        target.draw(some_splats(count=1), orbit_camera(0.0, 0.0, 1.0, SIZE + 1))
