"""Orbits, framing and zoom."""

import numpy as np
import pytest

from facecraft4d.runtime.camera import OrbitCamera, framing
from facecraft4d.toolkit.core.asset import Avatar
from facecraft4d.toolkit.core.geometry import camera_center, orbit_camera, project
from facecraft4d.toolkit.core.rigging import place_splats


def test_orbit_agrees_with_the_portrait_camera() -> None:
    camera, portrait = OrbitCamera((0.0, 0.0, 0.0), 1.5, 25.0, -10.0).camera(96, 96), orbit_camera(25.0, -10.0, 1.5, 96)
    assert np.allclose(camera.camera_from_world, portrait.camera_from_world)
    assert np.allclose(
        (camera.fx, camera.fy, camera.cx, camera.cy), (portrait.fx, portrait.fy, portrait.cx, portrait.cy)
    )


def test_orbit_stays_on_its_sphere_and_short_of_the_poles() -> None:
    orbit = OrbitCamera((0.1, 0.2, 0.3), 1.2)
    for _ in range(30):
        orbit = orbit.turned(37.0, 11.0)
        assert np.isclose(np.linalg.norm(camera_center(orbit.camera(8, 8)) - [0.1, 0.2, 0.3]), 1.2)
        assert -180 <= orbit.yaw_degrees < 180 and orbit.pitch_degrees <= 89
    assert np.isclose(orbit.zoomed(2.0).distance, 0.6) and orbit.zoomed(1e9).distance == 0.05
    with pytest.raises(ValueError, match="pitch_degrees must be between"):
        OrbitCamera((0.0, 0.0, 0.0), 1.0, pitch_degrees=95.0)


@pytest.mark.parametrize("fov", [13.4, 60.0])
def test_framing_holds_the_head_at_every_yaw(tiny_avatar: Avatar, fov: float) -> None:
    means = place_splats(tiny_avatar.splats, tiny_avatar.rig.vertices, tiny_avatar.rig).means
    heights = []
    for yaw in range(0, 360, 30):
        pixels, depth = project(framing(tiny_avatar, fov).turned(float(yaw), 0.0).camera(100, 100), means)
        assert (pixels > 0).all() and (pixels < 100).all() and (depth > 0).all()
        heights.append(np.ptp(pixels[:, 1]))
    assert min(heights) > 60
