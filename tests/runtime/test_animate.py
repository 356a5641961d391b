"""The animator is the reference's carrying of splats, quicker."""

from dataclasses import replace

import numpy as np
from head_cases import mixed, random_pose

from facecraft4d.runtime.animate import Animator, by_triangle
from facecraft4d.toolkit.core.asset import Avatar
from facecraft4d.toolkit.core.datatypes import Pose
from facecraft4d.toolkit.core.rigging import neutral_pose, place_splats, pose_vertices


def test_animator_is_the_reference(tiny_avatar: Avatar) -> None:
    rng = np.random.default_rng(0)
    avatar = mixed(tiny_avatar, rng)
    animator, carried = Animator(avatar), by_triangle(avatar.splats)
    assert (np.diff(carried.triangles) >= 0).all() and (np.diff(avatar.splats.triangles) < 0).any()
    for pose in (neutral_pose(avatar.rig), *(random_pose(rng) for _ in range(5))):
        expected = place_splats(carried, pose_vertices(avatar.rig, pose), avatar.rig)
        found = animator.splats(pose)
        assert np.allclose(found.means, expected.means, atol=1e-6)
        assert np.allclose(found.scales, expected.scales, rtol=1e-4)
        assert np.allclose(np.abs((found.rotations_wxyz * expected.rotations_wxyz).sum(1)), 1, atol=1e-5)
        assert np.array_equal(found.opacities, expected.opacities) and np.array_equal(found.colors, expected.colors)


def test_animator_remembers_the_last_pose(tiny_avatar: Avatar) -> None:
    animator, pose = Animator(tiny_avatar), random_pose(np.random.default_rng(1))
    splats = animator.splats(pose)
    assert animator.splats(Pose(pose.expression.copy(), pose.joint_rotations.copy(), pose.translation.copy())) is splats
    assert animator.splats(neutral_pose(tiny_avatar.rig)) is not splats
    assert np.array_equal(animator.splats(pose).means, splats.means)


def test_animator_without_expressions(tiny_avatar: Avatar) -> None:
    rig = replace(tiny_avatar.rig, expression_names=(), expression_deltas=tiny_avatar.rig.expression_deltas[:0])
    splats = Animator(replace(tiny_avatar, rig=rig)).splats(neutral_pose(rig))
    assert np.allclose(splats.means, place_splats(tiny_avatar.splats, rig.vertices, rig).means, atol=1e-6)


def test_triangles_without_area_stay_finite(tiny_avatar: Avatar) -> None:
    rig = replace(tiny_avatar.rig, vertices=np.zeros_like(tiny_avatar.rig.vertices))
    splats = Animator(replace(tiny_avatar, rig=rig)).splats(neutral_pose(rig))
    assert all(np.isfinite(part).all() for part in (splats.means, splats.rotations_wxyz, splats.scales))
