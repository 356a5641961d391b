"""Splats from back to front: exactly, or as they were one frame ago."""

import numpy as np
import pytest
from opengl_cases import clean_context, psnr

from facecraft4d.runtime.animate import Heads
from facecraft4d.runtime.camera import framing
from facecraft4d.runtime.gl.drawing import Picture
from facecraft4d.runtime.gl.tiers import SORT_SECONDS, measured_order
from facecraft4d.runtime.sort import ExactOrder, LateOrder, back_to_front
from facecraft4d.toolkit.core.asset import Avatar
from facecraft4d.toolkit.core.geometry import orbit_camera, project
from facecraft4d.toolkit.core.rigging import neutral_pose
from facecraft4d.toolkit.splatting.cpu import ELLIPSE_FLOATS, project_ellipses

SIZE = 96


def clouds(count: int, frames: int) -> list[np.ndarray]:
    rng = np.random.default_rng(count)
    return [rng.normal(scale=0.2, size=(count, 3)).astype(np.float32) for _ in range(frames)]


def test_back_to_front_is_sorted_and_leaves_out_what_is_behind() -> None:
    means = np.random.default_rng(2).normal(scale=2, size=(1000, 3)).astype(np.float32)
    camera = orbit_camera(20.0, 10.0, 1.0, 64)
    order = back_to_front(means, camera, 0.01)
    depth = project(camera, means.astype(np.float64))[1]
    assert (np.diff(depth[order]) < 1e-5).all() and len(set(order.tolist())) == len(order) < 1000
    assert abs(len(order) - (depth >= 0.01).sum()) <= 1


def test_a_late_order_is_that_of_the_frame_before_and_never_older() -> None:
    late, camera = LateOrder(), orbit_camera(0.0, 0.0, 2.0, 64)
    frames = clouds(500, 6)
    exact = [back_to_front(means, camera, 0.0) for means in frames]
    found = [late(means, camera) for means in frames]
    late.close()
    assert np.array_equal(found[0], exact[0])
    assert all(np.array_equal(found[k], exact[k - 1]) for k in range(1, 6))


def test_a_late_order_is_exact_for_another_number_of_splats() -> None:
    late, camera = LateOrder(), orbit_camera(0.0, 0.0, 2.0, 64)
    for count in (100, 300, 200):
        means = clouds(count, 1)[0]
        assert np.array_equal(late(means, camera), back_to_front(means, camera, 0.0))
    late.close()


@pytest.mark.parametrize(("seconds", "kind"), [(0.5 * SORT_SECONDS, ExactOrder), (2 * SORT_SECONDS, LateOrder)])
def test_the_order_is_chosen_by_how_long_it_takes(tiny_avatar: Avatar, seconds: float, kind: type) -> None:
    times = iter(np.repeat(np.arange(50), 2) * 100.0 + np.tile([0.0, seconds], 50))
    order = measured_order(Heads((tiny_avatar,)), (tiny_avatar.rig,), lambda: float(next(times)))
    order.close()
    assert isinstance(order, kind)


def film(avatar: Avatar, step_degrees: float, lag: int | None) -> np.ndarray:
    """Eight pictures of a turn, each in the order of `lag` frames before; None: in the first one's throughout."""
    splats, place = Heads((avatar,)).splats((neutral_pose(avatar.rig),)), framing(avatar)
    cameras = [place.turned(40 + step_degrees * frame, 0.0).camera(SIZE, SIZE) for frame in range(8)]
    with clean_context() as context:
        rows = context.buffer(reserve=4 * ELLIPSE_FLOATS * len(splats.means))
        picture, frames = Picture(context, (SIZE, SIZE), rows), []
        for frame, camera in enumerate(cameras):
            order = back_to_front(splats.means, cameras[0 if lag is None else max(frame - lag, 0)], 0.0)
            rows.write(project_ellipses(splats, camera)[order])
            picture.draw(len(order), camera)
            frames.append(picture.read())
        picture.release()
    return np.stack(frames)


def test_nothing_pops_in_a_slow_orbit(tiny_avatar: Avatar) -> None:
    """A quarter of a degree a frame: sorting anew adds next to nothing to what turning changes, and no pixel jumps."""
    resorted, frozen = (np.abs(np.diff(film(tiny_avatar, 0.25, lag), axis=0)) for lag in (0, None))
    assert resorted.mean() < 1.08 * frozen.mean()
    assert (resorted > 0.1).mean() < 1e-4 and resorted.max() < 0.25


@pytest.mark.slow
def test_an_order_one_frame_old_is_not_seen_in_a_quick_turn(tiny_avatar: Avatar) -> None:
    """Three degrees a frame, 90 to 180 a second; from another side it would be."""
    exact, late = film(tiny_avatar, 3.0, 0), film(tiny_avatar, 3.0, 1)
    assert psnr(late, exact) > 48 > 30 > psnr(film(tiny_avatar, 25.0, None), film(tiny_avatar, 25.0, 0))
