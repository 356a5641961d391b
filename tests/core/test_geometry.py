"""Laws of rotations, cameras and triangle frames."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from places import DATA

from facecraft4d.toolkit.core import geometry as g
from facecraft4d.toolkit.core.datatypes import Camera

GOLDEN = DATA / "gaussianavatars_binding.npz"


def some_rotations(rng: np.random.Generator, count: int) -> np.ndarray:
    """Rotation matrices at all angles, with half turns about axes and diagonals among them."""
    quaternions = rng.normal(size=(count, 4))
    quaternions[:8] = [
        (1, 0, 0, 0), (0, 1, 0, 0), (0, 0, 1, 0), (0, 0, 0, 1), (0, 1, 1, 0), (0, 1, 1, 1), (1, 1, 1, 1), (1e-9, 1, 0, 0),
    ]  # fmt: skip
    return g.rotation_from_wxyz(quaternions)


def test_rotations_are_proper() -> None:
    rng = np.random.default_rng(0)
    for rotations in (some_rotations(rng, 100), g.rotation_from_axis_angle(rng.normal(scale=3, size=(100, 3)))):
        assert np.allclose(rotations @ rotations.transpose(0, 2, 1), np.eye(3), atol=1e-12)
        assert np.allclose(np.linalg.det(rotations), 1)


def test_quaternion_round_trip() -> None:
    rotations = some_rotations(np.random.default_rng(1), 500)
    quaternions = g.wxyz_from_rotation(rotations)
    assert np.allclose(g.rotation_from_wxyz(quaternions), rotations, atol=1e-12)
    assert np.allclose(np.linalg.norm(quaternions, axis=1), 1) and (quaternions[:, 0] >= 0).all()


def test_quaternion_product_is_matrix_product() -> None:
    rng = np.random.default_rng(2)
    a, b = rng.normal(size=(2, 50, 4))
    product = g.rotation_from_wxyz(g.multiply_wxyz(a, b))
    assert np.allclose(product, g.rotation_from_wxyz(a) @ g.rotation_from_wxyz(b))


def test_axis_angle_of_a_quaternion_comes_back() -> None:
    rng = np.random.default_rng(4)
    turns = rng.normal(size=(200, 3))
    turns *= (rng.uniform(0, np.pi, 200) / np.linalg.norm(turns, axis=1))[:, None]
    wxyz = g.wxyz_from_rotation(g.rotation_from_axis_angle(turns))
    for sign in (1, -1):
        assert np.allclose(g.axis_angle_from_wxyz(sign * wxyz), turns, atol=1e-7)
    assert np.array_equal(g.axis_angle_from_wxyz(np.array([[1.0, 0, 0, 0], [-1.0, 0, 0, 0]])), np.zeros((2, 3)))
    tiny = np.array([1.0, 1e-12, 0, 0])
    assert np.allclose(g.axis_angle_from_wxyz(tiny), [2e-12, 0, 0], rtol=1e-12)


def test_axis_angle() -> None:
    assert np.array_equal(g.rotation_from_axis_angle(np.zeros(3)), np.eye(3))
    quarter = g.rotation_from_axis_angle(np.array([0, 0, np.pi / 2]))
    assert np.allclose(quarter @ [1, 0, 0], [0, 1, 0])
    axis = np.array([0.3, -0.5, 0.8])
    assert np.allclose(g.rotation_from_axis_angle(axis) @ axis, axis)
    assert np.allclose(g.rotation_from_axis_angle(axis) @ g.rotation_from_axis_angle(-axis), np.eye(3))
    tiny = g.rotation_from_axis_angle(1e-9 * axis)
    assert np.allclose((tiny - tiny.T)[2, 1], 2e-9 * axis[0], rtol=1e-6)


def test_yaws_are_compared_around_the_circle() -> None:
    assert np.array_equal(g.yaw_distances((0.0, 15.0, 180.0, 345.0, -30.0), 0.0), (0, 15, 180, 15, 30))
    assert np.array_equal(g.yaw_distances((350.0, 10.0), 370.0), (20, 0))


@settings(deadline=None, max_examples=50)
@given(st.floats(-180, 180), st.floats(-85, 85), st.floats(0.3, 5), st.integers(16, 1024))
def test_orbit_camera_sees_its_target_in_the_middle(yaw: float, pitch: float, radius: float, size: int) -> None:
    camera = g.orbit_camera(yaw, pitch, radius, size)
    pixel, depth = g.project(camera, np.zeros(3))
    assert np.allclose(pixel, size / 2, atol=1e-6 * size) and np.isclose(depth, radius)
    assert np.isclose(np.linalg.norm(g.camera_center(camera)), radius)
    above, _ = g.project(camera, np.array([0, 0.01, 0]))
    assert above[1] < size / 2 and np.isclose(above[0], size / 2, atol=1e-6 * size)


def test_orbit_camera_directions() -> None:
    """Yaw 0 stands before the face (+Z), 90 at the subject's left (+X), positive pitch above (+Y); +X is right at yaw 0."""
    assert np.allclose(g.camera_center(g.orbit_camera(0.0, 0.0, 2.0, 64)), [0, 0, 2])
    assert np.allclose(g.camera_center(g.orbit_camera(90.0, 0.0, 2.0, 64)), [2, 0, 0], atol=1e-12)
    assert g.camera_center(g.orbit_camera(0.0, 30.0, 2.0, 64))[1] > 0
    assert g.project(g.orbit_camera(0.0, 0.0, 2.0, 64), np.array([0.1, 0, 0]))[0][0] > 32


def test_portrait_intrinsics() -> None:
    fx, fy, cx, cy = g.portrait_intrinsics(512)
    assert np.isclose(fx / 512, 4.2563, atol=1e-3) and fx == fy and (cx, cy) == (256, 256)


def test_unproject_inverts_project() -> None:
    rng = np.random.default_rng(3)
    camera = g.orbit_camera(33.0, -12.0, 1.5, 200, target=np.array([0.1, 0.2, 0.3]))
    points = rng.normal(scale=0.2, size=(7, 5, 3))
    assert np.allclose(g.unproject(camera, *g.project(camera, points)), points)


def test_resized_camera_sees_the_same() -> None:
    camera = g.orbit_camera(20.0, 10.0, 1.0, 100)
    points = np.random.default_rng(4).normal(scale=0.1, size=(20, 3))
    pixels, depth = g.project(g.resized_camera(camera, 300, 50), points)
    expected, expected_depth = g.project(camera, points)
    assert np.allclose(pixels, expected * [3, 0.5]) and np.allclose(depth, expected_depth)


def test_pixel_centers() -> None:
    centers = g.pixel_centers(3, 2)
    assert centers.shape == (2, 3, 2) and centers.dtype == np.float32
    assert centers[0, 0].tolist() == [0.5, 0.5] and centers[1, 2].tolist() == [2.5, 1.5]


def test_transform_points_is_the_homogeneous_product() -> None:
    rng = np.random.default_rng(5)
    transform = np.vstack([rng.normal(size=(3, 4)), [0, 0, 0, 1]])
    points = rng.normal(size=(4, 6, 3))
    homogeneous = np.concatenate([points, np.ones((4, 6, 1))], -1) @ transform.T
    assert np.allclose(g.transform_points(transform, points), homogeneous[..., :3])


@pytest.mark.parametrize("name", ["shape", "all"])
def test_triangle_frames_golden(name: str) -> None:
    """The numbers of the reference implementation."""
    golden = np.load(GOLDEN)
    rotation, scale, centroid = g.triangle_frames(golden[f"{name}_vertices_used"][golden["faces"]])
    assert np.allclose(rotation, golden[f"{name}_face_rotation"], atol=2e-6)
    assert np.allclose(scale, golden[f"{name}_face_scale"][:, 0], atol=1e-6)
    assert np.allclose(centroid, golden[f"{name}_face_center"], atol=1e-6)
    quaternion = g.wxyz_from_rotation(rotation)
    same = np.abs((quaternion * golden[f"{name}_face_quat_wxyz"]).sum(1))
    assert np.allclose(same, 1, atol=1e-5)


def test_triangle_frames_without_area_are_finite() -> None:
    golden = np.load(GOLDEN)
    rotation, scale, centroid = g.triangle_frames(golden["degenerate_vertices"][golden["degenerate_faces"]])
    assert np.isfinite(rotation).all() and np.isfinite(scale).all() and np.isfinite(centroid).all()
    assert np.allclose(scale, golden["degenerate_scale"][:, 0], atol=1e-6)
    assert np.isfinite(g.wxyz_from_rotation(rotation)).all()


def test_triangle_frames_move_with_the_triangle() -> None:
    """A similarity of the corners is the same similarity of the frame; the second axis is the outward normal."""
    rng = np.random.default_rng(6)
    corners = rng.normal(size=(40, 3, 3))
    turn, shift, factor = some_rotations(rng, 9)[8], np.array([1.0, -2.0, 0.5]), 1.7
    rotation, scale, centroid = g.triangle_frames(corners)
    moved_rotation, moved_scale, moved_centroid = g.triangle_frames(factor * corners @ turn.T + shift)
    assert np.allclose(moved_rotation, turn @ rotation)
    assert np.allclose(moved_scale, factor * scale)
    assert np.allclose(moved_centroid, factor * centroid @ turn.T + shift)
    assert np.allclose(np.linalg.det(rotation), 1)
    normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    assert ((rotation[:, :, 1] * normal).sum(1) > 0).all()


def test_triangle_frame_of_a_known_triangle() -> None:
    """First edge 2 along x, height 1: scale 1.5; counter-clockwise seen from +z, so the normal is +z and a2 = x cross z = -y."""
    rotation, scale, centroid = g.triangle_frames(np.array([[0.0, 0, 0], [2, 0, 0], [1, 1, 0]]))
    assert np.allclose(rotation.T, [[1, 0, 0], [0, 0, 1], [0, -1, 0]]) and scale == 1.5
    assert np.allclose(centroid, [1, 1 / 3, 0])


def test_normalized_keeps_zero() -> None:
    assert np.array_equal(g.normalized(np.zeros(3)), np.zeros(3))
    assert np.allclose(np.linalg.norm(g.normalized(np.random.default_rng(7).normal(size=(9, 3))), axis=1), 1)


def test_camera_looking_straight_down_needs_another_up() -> None:
    down = g.camera_from_world_looking_at(np.array([0.0, 1, 0]), np.zeros(3), up=np.array([0.0, 0, -1]))
    assert np.allclose(down[:3, :3] @ down[:3, :3].T, np.eye(3))
    camera = Camera(down, 10.0, 10.0, 5.0, 5.0, 10, 10)
    assert np.allclose(g.project(camera, np.zeros(3))[0], 5)
