"""Several avatars drawn together are sorted as one."""

from dataclasses import fields, replace

import numpy as np
import pytest

from facecraft4d.runtime import Backend, open_renderer
from facecraft4d.runtime.animate import Animator, Heads
from facecraft4d.runtime.opengl import NoOpenGL, offscreen_context
from facecraft4d.toolkit.core.asset import Avatar
from facecraft4d.toolkit.core.datatypes import Pose, Splats
from facecraft4d.toolkit.core.geometry import orbit_camera
from facecraft4d.toolkit.core.rigging import neutral_pose, pose_from_weights

SIZE = 96


def beside(avatar: Avatar, x: float, z: float, **weights: float) -> Pose:
    """A pose of the head moved to another place."""
    return replace(pose_from_weights(avatar.rig, weights), translation=np.array([x, 0, z], np.float32))


def test_one_head_is_its_animator(tiny_avatar: Avatar) -> None:
    pose = pose_from_weights(tiny_avatar.rig, {"jawOpen": 0.7})
    found, expected = Heads((tiny_avatar,)).splats((pose,)), Animator(tiny_avatar).splats(pose)
    assert all(np.array_equal(getattr(found, f.name), getattr(expected, f.name)) for f in fields(Splats))


def test_splats_of_all_heads_in_order(tiny_avatar: Avatar) -> None:
    small = tiny_avatar.level(200)
    poses = beside(tiny_avatar, -0.1, 0.0), beside(small, 0.1, 0.0, jawOpen=1.0)
    heads = Heads((tiny_avatar, small))
    whole = heads.splats(poses)
    parts = [Animator(avatar).splats(pose) for avatar, pose in zip((tiny_avatar, small), poses, strict=True)]
    for field in fields(Splats):
        expected = np.concatenate([getattr(part, field.name) for part in parts])
        assert np.array_equal(getattr(whole, field.name), expected), field.name
    assert heads.splats(poses) is whole
    assert heads.splats((poses[0], neutral_pose(small.rig))) is not whole


def test_as_many_poses_as_heads(tiny_avatar: Avatar) -> None:
    with pytest.raises(ValueError, match="at least one avatar"):
        Heads(())
    with pytest.raises(ValueError, match="one for each of 2 avatars, got 1"):
        Heads((tiny_avatar, tiny_avatar)).splats((neutral_pose(tiny_avatar.rig),))


@pytest.mark.parametrize("backend", [Backend.SOFTWARE, Backend.OPENGL])
def test_the_nearer_head_hides_the_farther_one(tiny_avatar: Avatar, backend: Backend) -> None:
    """In whichever order they are given: splats are sorted together, not head by head."""
    if backend == Backend.OPENGL:
        try:
            offscreen_context().release()
        except NoOpenGL as error:
            pytest.skip(f"no OpenGL off screen: {error}")
    red = replace(
        tiny_avatar,
        splats=replace(
            tiny_avatar.splats, colors=np.full_like(tiny_avatar.splats.colors, 0.1) + np.float32([0.8, 0, 0])
        ),
    )
    near, far = beside(tiny_avatar, 0.0, 0.2), beside(tiny_avatar, 0.05, -0.2)
    camera = orbit_camera(0.0, 0.0, 2.0, SIZE)
    pictures = []
    for avatars, poses in (((tiny_avatar, red), (near, far)), ((red, tiny_avatar), (far, near))):
        renderer = open_renderer(avatars, SIZE, SIZE, backend)
        pictures.append(renderer.draw(poses, camera))
        renderer.close()
    assert np.abs(pictures[0] - pictures[1]).max() < 0.02
    alone = open_renderer((tiny_avatar,), SIZE, SIZE, backend)
    expected = alone.draw((near,), camera)
    solid = expected[..., 3] > 0.995
    alone.close()
    assert solid.sum() > 300 and np.abs(pictures[0] - expected)[solid].max() < 0.05
    beside_it = (pictures[0][..., 3] > 0.9) & (expected[..., 3] < 0.05)
    assert beside_it.sum() > 50 and (pictures[0][beside_it][:, 0] > 0.5).all()
