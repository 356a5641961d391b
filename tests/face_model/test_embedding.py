"""Landmarks on the default head: found again on renders, and where their names say."""

import numpy as np
import pytest
from default_head_cases import EYE_LEFT, EYE_RIGHT

from facecraft4d.toolkit.core.geometry import orbit_camera, project
from facecraft4d.toolkit.face_model import FaceModel, surface_positions
from facecraft4d.toolkit.face_model.embedding import closest_on_triangles, draw_head, nearest_triangles
from facecraft4d.toolkit.face_model.model import neutral_vertices
from facecraft4d.toolkit.landmarks import FaceLandmarker


@pytest.mark.slow
def test_landmarks_are_found_again(head: FaceModel, rng: np.random.Generator) -> None:
    """Views and people that the embedding has not seen: mean error under 1.5 % of the face's width on the mean head, 2 % on others."""
    assert head.landmarks_478 is not None and head.landmarks_68 is not None
    detect = FaceLandmarker()
    spread = head.identity_ranges[:, 1] - head.identity_ranges[:, 0]
    stranger = (0.1 * spread * rng.standard_normal(len(spread))).astype(np.float32)
    for identity, allowed in ((None, 0.015), (stranger, 0.02)):
        vertices = neutral_vertices(head, identity)
        for yaw, pitch in ((0.0, 4.0), (-9.0, -5.0), (15.0, 6.0)):
            camera = orbit_camera(yaw, pitch, 1.7, 512)
            found = detect(draw_head(head, vertices, camera)[0])
            assert found is not None
            pixels = project(camera, surface_positions(head.landmarks_478, head.triangles, vertices))[0]
            width = np.linalg.norm(found.landmarks[127, :2] - found.landmarks[356, :2])
            assert np.linalg.norm(pixels - found.landmarks[:, :2], axis=1).mean() / width < allowed


def test_landmarks_lie_where_they_are_named(head: FaceModel) -> None:
    points = head.landmarks_478
    assert points is not None
    np.testing.assert_allclose(points.barycentrics.sum(1), 1, atol=1e-5)
    positions = surface_positions(points, head.triangles, head.vertices)
    assert positions[4, 2] > head.vertices[:, 2].max() - 0.004, "the tip of the nose"
    assert positions[263, 0] > 0.03 and positions[33, 0] < -0.03, (
        "the outer corners of the subject's left and right eye"
    )
    joints = head.joint_regressor @ head.vertices
    np.testing.assert_allclose(positions[[473, 468], :2], joints[[EYE_LEFT, EYE_RIGHT], :2], atol=0.003)


def test_closest_point_beats_samples(rng: np.random.Generator) -> None:
    corners = rng.standard_normal((20, 3, 3))
    point = rng.standard_normal(3)
    found, squared = closest_on_triangles(point, corners)
    np.testing.assert_allclose(found.sum(1), 1)
    assert found.min() >= 0
    samples = rng.dirichlet(np.ones(3), 400)
    distances = ((np.einsum("sc,fcx->sfx", samples, corners) - point) ** 2).sum(-1)
    assert (squared <= distances.min(0) + 1e-12).all()


def test_the_nearest_triangle_is_the_nearest_of_all(rng: np.random.Generator) -> None:
    """Of large and small triangles, to points near and far."""
    corners = rng.standard_normal((300, 1, 3)) + rng.uniform(0.01, 1, (300, 1, 1)) * rng.standard_normal((300, 3, 3))
    points = 3 * rng.standard_normal((50, 3))
    found, barycentrics = nearest_triangles(points, corners)
    for point, triangle, shares in zip(points, found, barycentrics, strict=True):
        weights, squared = closest_on_triangles(point, corners)
        assert triangle == squared.argmin()
        np.testing.assert_array_equal(shares, weights[triangle])
