"""A head in somebody else's picture: over what is there, behind what is nearer, before what is farther, and nothing else changed."""

import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import moderngl
import numpy as np
import pytest
from opengl_cases import clean_context, needs, psnr

from facecraft4d.runtime import Clip, Look, Player, Stage, camera_of_matrices, matrices_of_camera
from facecraft4d.runtime.animate import Animator
from facecraft4d.runtime.camera import framing
from facecraft4d.runtime.gl.instances import Tier
from facecraft4d.runtime.gl.shaders import drawing_into
from facecraft4d.runtime.levels import PATIENCE
from facecraft4d.runtime.software import draw_splats
from facecraft4d.toolkit.core.asset import Avatar
from facecraft4d.toolkit.core.checks import UserError
from facecraft4d.toolkit.core.datatypes import Camera
from facecraft4d.toolkit.core.geometry import orbit_camera, project
from facecraft4d.toolkit.core.rigging import neutral_pose, pose_from_weights

WIDTH, HEIGHT = 120, 90
GREY = (0.4, 0.5, 0.6)
LOOK = Look(clip=Clip(0.1, 10.0))
MESH = """#version 330
in vec3 at; uniform mat4 projection_view; void main() { gl_Position = projection_view * vec4(at, 1); }"""
RED = """#version 330
out vec4 color; void main() { color = vec4(1, 0, 0, 1); }"""


@pytest.fixture(scope="module")
def context() -> Iterator[moderngl.Context]:
    with clean_context() as made:
        yield made


class Scene:
    """A program's framebuffer, with depth and half floats (so that rounding does not count), and a red wall."""

    def __init__(self, context: moderngl.Context, camera: Camera) -> None:
        self.context, self.camera = context, camera
        size = camera.width, camera.height
        self.target = context.framebuffer([context.texture(size, 4, dtype="f2")], context.depth_renderbuffer(size))
        self._program = context.program(vertex_shader=MESH, fragment_shader=RED)
        view, projection = matrices_of_camera(camera, LOOK.clip)
        self._program["projection_view"].write((projection @ view).T.astype("f4").tobytes())
        self.target.use()
        self.target.clear(*GREY, 1.0)
        context.enable(moderngl.DEPTH_TEST)

    def wall(self, z: float) -> None:
        """Across the world at that z, half a metre wide and high."""
        corners = np.array([(x, y, z) for x in (-0.25, 0.25) for y in (-0.25, 0.25)], np.float32)
        layout = [(self.context.buffer(corners.tobytes()), "3f", "at")]
        self.context.vertex_array(self._program, layout).render(moderngl.TRIANGLE_STRIP)

    def picture(self) -> np.ndarray:
        """RGB, row 0 at the top."""
        data = np.frombuffer(self.target.read(components=3, dtype="f2"), np.float16)
        return data.reshape(self.camera.height, self.camera.width, 3)[::-1].astype(np.float32)


def camera_before(avatar: Avatar) -> Camera:
    return framing(avatar).turned(20.0, 5.0).camera(WIDTH, HEIGHT)


@pytest.mark.parametrize("tier", Tier)
def test_over_what_is_there(context: moderngl.Context, tiny_avatar: Avatar, tier: Tier) -> None:
    needs(tier, context)
    scene, pose = Scene(context, camera_before(tiny_avatar)), pose_from_weights(tiny_avatar.rig, {"jawOpen": 1.0})
    stage = Stage(context, (tiny_avatar,), tier)
    stage.draw((pose,), scene.camera, LOOK)
    expected = draw_splats(Animator(tiny_avatar).splats(pose), scene.camera)
    assert psnr(scene.picture(), expected[..., :3] + (1 - expected[..., 3:]) * np.float32(GREY)) > 45
    stage.release()


def test_between_two_walls(context: moderngl.Context, tiny_avatar: Avatar) -> None:
    """One drawn before and one after; each hides what is behind it and is hidden by what is before it, where the head is solid."""
    scene, player = Scene(context, camera_before(tiny_avatar)), Player(tiny_avatar)
    alpha = draw_splats(Animator(tiny_avatar).splats(player.pose()), scene.camera)[..., 3]
    reach = float(np.abs(Animator(tiny_avatar).splats(player.pose()).means[:, 2]).max()) + 0.02
    for before, after, hidden in ((-reach, reach, True), (reach, -reach, True), (-reach, -reach - 0.01, False)):
        scene = Scene(context, scene.camera)
        scene.wall(before)
        player.draw(scene.camera, LOOK, context)
        player.draw_depth(scene.camera, LOOK, context)
        scene.wall(after)
        middle = alpha > 0.99
        red = np.abs(scene.picture() - [1, 0, 0]).max(-1) < 0.02
        assert middle.sum() > 500 and red[middle].all() == hidden and red[middle].any() == hidden
    player.release()


def test_a_wall_through_the_head_cuts_it_where_it_stands(context: moderngl.Context, tiny_avatar: Avatar) -> None:
    """Without its depth a head would be all before the later wall; with it, as the wall before cuts it."""
    camera, player = camera_before(tiny_avatar), Player(tiny_avatar)
    pictures = []
    for first in (True, False):
        scene = Scene(context, camera)
        if first:
            scene.wall(0.02)
        player.draw(camera, LOOK, context)
        player.draw_depth(camera, LOOK, context)
        if not first:
            scene.wall(0.02)
        pictures.append(np.abs(scene.picture() - [1, 0, 0]).max(-1) < 0.3)
    player.release()
    assert 500 < pictures[0].sum() and (pictures[0] != pictures[1]).mean() < 0.04


def test_the_programs_state_stays(context: moderngl.Context, tiny_avatar: Avatar) -> None:
    scene, player = Scene(context, camera_before(tiny_avatar)), Player(tiny_avatar)
    scene.target.color_mask, scene.target.depth_mask = (True, False, True, True), True
    scene.target.use()
    player.draw(scene.camera, LOOK, context)
    player.draw_depth(scene.camera, LOOK, context)
    assert context.fbo is scene.target and context.viewport == (0, 0, WIDTH, HEIGHT)
    assert scene.target.color_mask == (True, False, True, True) and scene.target.depth_mask
    assert np.abs(scene.picture()[..., 1] - GREY[1]).max() < 1e-3  # its mask let no green through
    scene.target.color_mask = (True,) * 4
    scene.target.use()
    scene.wall(-0.3)
    scene.wall(0.3)
    scene.wall(-0.2)  # depth is tested and written as before
    assert (np.abs(scene.picture() - [1, 0, 0]).max(-1) < 0.02).any()
    player.release()


@pytest.mark.parametrize("tier", Tier)
def test_each_framebuffer_gets_its_own_head(context: moderngl.Context, tiny_avatar: Avatar, tier: Tier) -> None:
    """Two of one size in turns, and another after the first is gone: picture and depth go where the head was drawn."""
    needs(tier, context)
    camera, stage = camera_before(tiny_avatar), Stage(context, (tiny_avatar,), tier)
    size = camera.width, camera.height
    first = context.framebuffer([context.texture(size, 4)], context.depth_texture(size))
    for turn in range(3):
        target = context.framebuffer([context.texture(size, 4)], context.depth_texture(size)) if turn else first
        target.use()
        target.clear()
        stage.draw((neutral_pose(tiny_avatar.rig),), camera)
        stage.draw_depth(camera)
        assert context.fbo is target and context.error == "GL_NO_ERROR"
        depth = np.frombuffer(target.depth_attachment.read(), np.float32)
        alpha = np.frombuffer(target.read(components=4), np.uint8)[3::4]
        assert (alpha > 127).any() and 0.9 < (depth < 1).sum() / (alpha > 127).sum() < 1.1, f"framebuffer {turn}"
        if turn == 1:
            first.release()
    stage.release()


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="resident memory is read from /proc")
def test_going_back_to_a_framebuffer_leaves_nothing_behind(context: moderngl.Context) -> None:
    """A scope of moderngl that is not released keeps 240 bytes: 100,000 frames would keep 50 MB."""

    def pages() -> int:
        return int(Path("/proc/self/statm").read_text().split()[1])

    target = context.simple_framebuffer((8, 8))
    for count in (2_000, 20_000):
        before = pages()
        for _ in range(count):
            with drawing_into(context, target):
                pass
    assert (pages() - before) * 4096 < 20_000 * 60
    target.release()


def test_what_is_held_holds(tiny_avatar: Avatar) -> None:
    player = Player(tiny_avatar)
    assert player.pose() is player.pose()
    player.expression["jawOpen"] = 0.4
    player.joints["neck"] = (0.1, 0.2, 0.0)
    player.position = (0.5, 0.0, -0.1)
    pose, rig = player.pose(), tiny_avatar.rig
    assert (
        pose.expression[rig.expression_names.index("jawOpen")] == np.float32(0.4) and (pose.expression != 0).sum() == 1
    )
    assert np.allclose(pose.joint_rotations[rig.joint_names.index("neck")], [0.1, 0.2, 0.0])
    assert np.allclose(pose.translation, [0.5, 0.0, -0.1]) and player.expression["jawOpen"] == pytest.approx(0.4)
    del player.expression["jawOpen"]
    player.joints.clear()
    player.position = (0.0, 0.0, 0.0)
    assert np.array_equal(player.pose().expression, neutral_pose(rig).expression)


def test_names_and_numbers_that_are_none_are_refused(tiny_avatar: Avatar) -> None:
    player = Player(tiny_avatar)
    with pytest.raises(UserError, match="no expression jawopen; it has jawOpen"):
        player.expression["jawopen"] = 0.4
    with pytest.raises(ValueError, match="1 finite numbers"):
        player.expression["jawOpen"] = float("nan")
    with pytest.raises(ValueError, match="3 finite numbers"):
        player.joints["neck"] = 0.1
    assert not player.expression and not player.joints


@pytest.mark.parametrize("seed", range(3))
def test_matrices_are_the_camera(seed: int) -> None:
    """There and back; and a point's pixel by OpenGL's rules is the camera's own."""
    rng = np.random.default_rng(seed)
    place = orbit_camera(rng.uniform(-180, 180), rng.uniform(-60, 60), 1.0, 64).camera_from_world
    camera = Camera(place, *rng.uniform(50, 200, 2).tolist(), *rng.uniform(20, 70, 2).tolist(), 101, 77)
    clip = Clip(0.2, 30.0)
    view, projection = matrices_of_camera(camera, clip)
    again, planes = camera_of_matrices(view, projection, 101, 77)
    assert np.allclose(planes, clip) and np.allclose(again.camera_from_world, place)
    assert np.allclose((again.fx, again.fy, again.cx, again.cy), (camera.fx, camera.fy, camera.cx, camera.cy))
    points = rng.uniform(-0.2, 0.2, (20, 3))
    at = (projection @ view @ np.column_stack([points, np.ones(20)]).T).T
    ndc = at[:, :3] / at[:, 3:]
    pixels, depth = project(camera, points)
    assert np.allclose((ndc[:, 0] + 1) / 2 * 101, pixels[:, 0]) and np.allclose((1 - ndc[:, 1]) / 2 * 77, pixels[:, 1])
    near, far = clip
    assert np.allclose(ndc[:, 2], (far + near - 2 * far * near / depth) / (far - near))
    with pytest.raises(ValueError, match="projection must be a perspective"):
        camera_of_matrices(view, np.eye(4), 101, 77)


@pytest.mark.slow
def test_the_player_draws_the_level_that_distance_and_time_ask_for(
    context: moderngl.Context, tiny_avatar: Avatar
) -> None:
    """Only of levels that were trained."""
    count = len(tiny_avatar.splats.means)
    levels = tuple(tiny_avatar.level(count // part).splats for part in (2, 4))
    for avatar, fewest in ((replace(tiny_avatar, levels=levels), count // 4), (tiny_avatar, count)):
        player, far = Player(avatar), orbit_camera(0.0, 0.0, 30.0, WIDTH)
        scene = Scene(context, far)
        for _ in range(4 * PATIENCE):
            player.draw(far, LOOK, context)
        assert player._drawn_in(context).splats == fewest
        scene = Scene(context, camera_before(avatar))
        player.frame_seconds = 1e-9
        for _ in range(6 * PATIENCE):
            player.draw(scene.camera, LOOK, context)
        assert player._drawn_in(context).splats <= count and player._drawn_in(context)._stages[0].seconds > 0
        player.release()
