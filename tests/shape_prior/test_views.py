"""The cameras around a head."""

import numpy as np
import pytest

from facecraft4d.toolkit.core.datatypes import Camera
from facecraft4d.toolkit.core.geometry import orbit_camera, project
from facecraft4d.toolkit.shape_prior.parametric.views import orbit


def test_orbit_keeps_the_distance_and_looks_at_the_centre() -> None:
    first = orbit_camera(-20.0, 8.0, 1.7, 64, np.array([0.0, 0.01, 0.0]))
    cameras = orbit(first, np.zeros(3), 24)
    assert cameras[0] is first
    for camera in cameras[1:]:
        pixel, depth = project(camera, np.zeros(3))
        np.testing.assert_allclose(pixel, 32, atol=1e-6)
        assert depth == pytest.approx(np.linalg.norm(_eye(first)), rel=1e-9)
    flat = [np.delete(_eye(camera), 1) for camera in cameras]
    angles = np.degrees([np.arctan2(x, z) for x, z in flat])
    np.testing.assert_allclose((np.diff([*angles, angles[0]]) + 180) % 360 - 180, 15, atol=1e-6)


def _eye(camera: Camera) -> np.ndarray:
    return np.asarray(-camera.camera_from_world[:3, :3].T @ camera.camera_from_world[:3, 3])
