"""Laws of posing and of carrying splats, and the reference implementation's numbers."""

from dataclasses import replace

import numpy as np
import pytest
from places import DATA

from facecraft4d.toolkit.core.asset import Avatar
from facecraft4d.toolkit.core.datatypes import BoundSplats, Pose, Rig
from facecraft4d.toolkit.core.geometry import rotation_from_axis_angle, rotation_from_wxyz, transform_points
from facecraft4d.toolkit.core.rigging import joint_transforms, neutral_pose, place_splats, pose_vertices

GOLDEN = DATA / "gaussianavatars_binding.npz"


def posed(rig: Rig, **joints: tuple[float, float, float]) -> Pose:
    pose = neutral_pose(rig)
    for name, rotation in joints.items():
        pose.joint_rotations[rig.joint_names.index(name)] = rotation
    return pose


def test_neutral_pose_is_the_bind_pose(tiny_avatar: Avatar) -> None:
    assert np.allclose(
        pose_vertices(tiny_avatar.rig, neutral_pose(tiny_avatar.rig)), tiny_avatar.rig.vertices, atol=1e-7
    )


def test_expressions_are_linear(tiny_avatar: Avatar) -> None:
    rng = np.random.default_rng(0)
    rig, pose = tiny_avatar.rig, neutral_pose(tiny_avatar.rig)
    weights = rng.uniform(size=(2, 52)).astype(np.float32)
    moves = [pose_vertices(rig, replace(pose, expression=w)) - rig.vertices for w in (*weights, weights.sum(0))]
    assert np.allclose(moves[0] + moves[1], moves[2], atol=1e-6)


def test_root_moves_everything_rigidly(tiny_avatar: Avatar) -> None:
    pose = replace(posed(tiny_avatar.rig, root=(0.3, -0.8, 0.4)), translation=np.array([0.1, 0.2, -0.3], np.float32))
    rotation = rotation_from_axis_angle(np.array([0.3, -0.8, 0.4]))
    pivot = tiny_avatar.rig.joint_positions[0]
    expected = (tiny_avatar.rig.vertices - pivot) @ rotation.T + pivot + pose.translation
    assert np.allclose(pose_vertices(tiny_avatar.rig, pose), expected, atol=1e-6)


def test_joints_turn_about_themselves_and_carry_their_children(tiny_avatar: Avatar) -> None:
    rig, pose = tiny_avatar.rig, posed(tiny_avatar.rig, neck=(0.2, 0.1, 0), jaw=(0.3, 0, 0))
    transforms = joint_transforms(rig, pose)
    for joint in (0, 1):
        assert np.allclose(
            transform_points(transforms[joint], rig.joint_positions[joint]), rig.joint_positions[joint], atol=1e-7
        )
    moved_jaw = transform_points(transforms[1], rig.joint_positions[2])
    assert np.allclose(transform_points(transforms[2], rig.joint_positions[2]), moved_jaw, atol=1e-6)
    assert np.allclose(transforms[3], transforms[1], atol=1e-7)


def test_eye_joint_moves_only_its_eye(tiny_avatar: Avatar) -> None:
    moved = (
        np.abs(
            pose_vertices(tiny_avatar.rig, posed(tiny_avatar.rig, eye_left=(0, 0.3, 0))) - tiny_avatar.rig.vertices
        ).max(1)
        > 1e-6
    )
    assert np.array_equal(moved, moved & (tiny_avatar.rig.skin_weights[:, 3] == 1)) and moved.any()


def test_positive_jaw_rotation_opens(tiny_avatar: Avatar) -> None:
    chin = np.argmax(tiny_avatar.rig.skin_weights[:, 2])
    assert (
        pose_vertices(tiny_avatar.rig, posed(tiny_avatar.rig, jaw=(0.2, 0, 0)))[chin, 1]
        < tiny_avatar.rig.vertices[chin, 1]
    )


@pytest.mark.parametrize("name", ["shape", "all"])
def test_carried_splats_golden(name: str, tiny_avatar: Avatar) -> None:
    golden = np.load(GOLDEN)
    count = len(golden["binding"])
    splats = BoundSplats(
        golden["local_xyz"], golden["local_rotation"], golden["local_log_scale"], golden["local_opacity_logit"][:, 0],
        np.zeros((count, 3), np.float32), golden["binding"].astype(np.int32),
    )  # fmt: skip
    vertices = golden[f"{name}_vertices_used"]
    rig = replace(
        tiny_avatar.rig, vertices=vertices, triangles=golden["faces"].astype(np.int32),
        triangle_regions=np.zeros(100, np.uint8), expression_deltas=np.zeros((52, len(vertices), 3), np.float32),
        skin_weights=np.zeros((len(vertices), 5), np.float32),
    )  # fmt: skip
    world = place_splats(splats, vertices, rig)
    assert np.allclose(world.means, golden[f"{name}_world_xyz"], atol=1e-6)
    assert np.allclose(world.scales, golden[f"{name}_world_scale"], rtol=1e-5, atol=1e-8)
    assert np.allclose(world.opacities, golden["opacity"][:, 0], atol=1e-6)
    same = np.abs((world.rotations_wxyz * golden[f"{name}_world_rotation_wxyz"]).sum(1))
    assert np.allclose(same / np.linalg.norm(golden[f"{name}_world_rotation_wxyz"], axis=1), 1, atol=1e-5)


def test_splats_move_with_the_head(tiny_avatar: Avatar) -> None:
    """Turning the whole head turns every splat: means, orientations; sizes and opacities stay."""
    rest = place_splats(tiny_avatar.splats, tiny_avatar.rig.vertices, tiny_avatar.rig)
    turn = (0.4, 1.1, -0.3)
    moved = place_splats(
        tiny_avatar.splats, pose_vertices(tiny_avatar.rig, posed(tiny_avatar.rig, root=turn)), tiny_avatar.rig
    )
    rotation, pivot = rotation_from_axis_angle(np.array(turn)), tiny_avatar.rig.joint_positions[0]
    assert np.allclose(moved.means, (rest.means - pivot) @ rotation.T + pivot, atol=1e-6)
    expected = rotation @ rotation_from_wxyz(rest.rotations_wxyz.astype(np.float64))
    assert np.allclose(rotation_from_wxyz(moved.rotations_wxyz.astype(np.float64)), expected, atol=1e-4)
    assert np.allclose(moved.scales, rest.scales, rtol=1e-4) and np.array_equal(moved.opacities, rest.opacities)


def test_extreme_opacities_do_not_overflow(tiny_avatar: Avatar) -> None:
    logits = np.full_like(tiny_avatar.splats.opacity_logits, -200)
    logits[0] = 200
    with np.errstate(all="raise", under="ignore"):
        world = place_splats(
            replace(tiny_avatar.splats, opacity_logits=logits), tiny_avatar.rig.vertices, tiny_avatar.rig
        )
    assert world.opacities[0] == 1 and world.opacities[1] == 0
