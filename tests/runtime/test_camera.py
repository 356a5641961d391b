"""Orbits, framing and zoom."""

from dataclasses import replace

import numpy as np
import pytest

from facecraft4d.runtime.camera import SHOULDERS, OrbitCamera, framing
from facecraft4d.toolkit.core.asset import Avatar
from facecraft4d.toolkit.core.geometry import camera_center, orbit_camera, project
from facecraft4d.toolkit.core.rigging import in_regions, place_splats


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


def test_shoulders_may_reach_beyond_the_picture(tiny_avatar: Avatar) -> None:
    """However wide they are, the head stays as large; a file of shoulders alone is framed as it is."""
    names = tuple(SHOULDERS if name == "neck" else name for name in tiny_avatar.rig.region_names)
    torso = np.unique(tiny_avatar.rig.triangles[in_regions(tiny_avatar.rig, "neck")])
    rest = np.unique(tiny_avatar.rig.triangles[~in_regions(tiny_avatar.rig, "neck")])
    wide = tiny_avatar.rig.vertices.copy()
    wide[np.setdiff1d(torso, rest)] *= np.array([4.0, 1.0, 4.0], np.float32)
    narrow = replace(tiny_avatar, rig=replace(tiny_avatar.rig, region_names=names))
    broad = replace(narrow, rig=replace(narrow.rig, vertices=wide))
    assert framing(broad).distance == pytest.approx(framing(narrow).distance, rel=0.02)
    assert (
        framing(replace(broad, rig=replace(broad.rig, region_names=tiny_avatar.rig.region_names))).distance
        > 1.5 * framing(broad).distance
    )
    alone = replace(narrow.rig, triangle_regions=np.full_like(narrow.rig.triangle_regions, names.index(SHOULDERS)))
    assert (
        framing(replace(narrow, rig=alone)).distance
        == framing(replace(narrow, rig=replace(alone, region_names=tiny_avatar.rig.region_names))).distance
    )
