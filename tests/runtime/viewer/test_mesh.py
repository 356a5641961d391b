"""The mesh in the picture, against the projection of its vertices."""

from collections.abc import Iterator

import moderngl
import numpy as np
import pytest
from places import TINY

from facecraft4d.exporters import load
from facecraft4d.runtime.camera import framing
from facecraft4d.runtime.gl.drawing import Look
from facecraft4d.runtime.gl.shaders import NoOpenGL
from facecraft4d.runtime.opengl import offscreen_context
from facecraft4d.runtime.screen import Screen
from facecraft4d.runtime.viewer.appearance import DISK
from facecraft4d.runtime.viewer.mesh import MeshPass
from facecraft4d.runtime.viewer.statistics import SETTLE_SECONDS, Statistics
from facecraft4d.toolkit.core.geometry import project
from facecraft4d.toolkit.core.rigging import neutral_pose, pose_from_weights, pose_vertices

AVATAR = load(TINY)
SIZE = 160


@pytest.fixture(scope="module")
def context() -> Iterator[moderngl.Context]:
    try:
        context = offscreen_context()
    except NoOpenGL as error:
        pytest.skip(f"no OpenGL off screen: {error}")
    yield context
    context.release()


def picture(context: moderngl.Context) -> moderngl.Texture:
    """Half covered with red, as splats might have left it."""
    red = np.zeros((SIZE, SIZE, 4), np.float16)
    red[...] = 0.5, 0, 0, 0.5
    return context.texture((SIZE, SIZE), 4, red.tobytes(), dtype="f2")


def seen(texture: moderngl.Texture) -> np.ndarray:
    return np.frombuffer(texture.read(), np.float16).reshape(SIZE, SIZE, 4).astype(np.float32)


@pytest.mark.parametrize("yaw", [0.0, 70.0, 180.0])
def test_the_surface_is_where_its_vertices_are(context: moderngl.Context, yaw: float) -> None:
    pose, camera = pose_from_weights(AVATAR.rig, {"jawOpen": 1.0}), framing(AVATAR).turned(yaw, 15.0).camera(SIZE, SIZE)
    with context:
        texture = picture(context)
        MeshPass(context, AVATAR, 1.0).draw(texture, pose, camera, surface=True, edges=False)
        image = seen(texture)
    covered = image[..., 3] > 0.5
    places, _ = project(camera, pose_vertices(AVATAR.rig, pose).astype(np.float64))
    middles = places[AVATAR.rig.triangles].mean(1).astype(int)
    assert covered[middles[:, 1], middles[:, 0]].mean() > 0.97  # some lie on the outline
    rows, columns = np.nonzero(covered)
    assert abs(rows.min() - places[:, 1].min()) < 2 and abs(rows.max() - places[:, 1].max()) < 2
    assert abs(columns.min() - places[:, 0].min()) < 2 and abs(columns.max() - places[:, 0].max()) < 2
    assert (
        not image[~covered].any() and (image[covered][:, 0] < image[covered][:, 2] + 0.01).all()
    )  # nothing red is left


def test_edges_lie_over_the_splats_and_leave_the_rest(context: moderngl.Context) -> None:
    pose, camera = neutral_pose(AVATAR.rig), framing(AVATAR).camera(SIZE, SIZE)
    with context:
        texture = picture(context)
        MeshPass(context, AVATAR, 1.0).draw(texture, pose, camera, surface=False, edges=True)
        image = seen(texture)
    drawn = np.abs(image - (0.5, 0, 0, 0.5)).max(-1) > 0.05
    assert 0.05 < drawn.mean() < 0.9 and not drawn[:3].any()


def test_splats_have_a_size_and_a_density(context: moderngl.Context) -> None:
    """As dense where the processor draws as where OpenGL does; about as large: there the low-pass filter is scaled too."""
    pose, camera = neutral_pose(AVATAR.rig), framing(AVATAR).camera(SIZE, SIZE)
    looks = (Look(), Look(scale=0.4), Look(gain=0.3), DISK)
    covered = []
    with context:
        for look in looks:
            images = []
            for emulated in (True, False):
                screen = Screen(context, (AVATAR,), emulated)
                screen.draw((pose,), camera, look)
                images.append(screen.read())
            decibels = -10 * np.log10(np.mean((images[0] - images[1]) ** 2))
            assert decibels > (45 if look.scale == 1 else 22), look
            covered.append(images[0][..., 3].sum())
    assert covered[1] < 0.9 * covered[0] and covered[2] < 0.95 * covered[0]


def test_means_settle_on_what_is_timed() -> None:
    statistics = Statistics()
    assert statistics.fps == 0
    for _ in range(200):
        statistics.frame(0.02)
        statistics.note({"draw": 5.0})
    assert statistics.fps == pytest.approx(50) and statistics.milliseconds == {"draw": 5.0}
    for _ in range(round(3 * SETTLE_SECONDS / 0.02)):
        statistics.frame(0.02)
        statistics.note({"draw": 9.0})
    assert statistics.milliseconds["draw"] == pytest.approx(9.0, abs=0.3)
    with statistics.timed("wait"):
        pass
    assert list(statistics.milliseconds) == ["draw", "wait"]
    statistics.frame(0.02)
    statistics.note({"draw": 9.0})
    statistics.frame(0.02)
    assert list(statistics.milliseconds) == ["draw"]
