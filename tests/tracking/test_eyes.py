"""Which pose the pictures agree with about an eye: the eye's own pixels tell, no others, the same ones for all poses."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest

from facecraft4d.toolkit.core.datatypes import Mesh, Pose
from facecraft4d.toolkit.core.geometry import orbit_camera
from facecraft4d.toolkit.core.rigging import pose_from_weights, pose_vertices
from facecraft4d.toolkit.face_model import FaceModel
from facecraft4d.toolkit.fitting.colour import Albedo
from facecraft4d.toolkit.fitting.figure import figure_of_model
from facecraft4d.toolkit.fitting.observation import Observation, Segments
from facecraft4d.toolkit.fitting.skin import skin_of
from facecraft4d.toolkit.meshes.raster import draw_mesh
from facecraft4d.toolkit.tracking.eyes import errors_about_eye

SIZE, SIDE = 160, 256
WINK = {"eyeBlinkLeft": 1.0}
DOWN = {"eyeLookDownLeft": 0.6}


@pytest.fixture(scope="module")
def scene(model: FaceModel):
    """A person of many colours, and three cameras."""
    figure = figure_of_model(model)
    noise = np.random.default_rng(3).random((SIDE // 4, SIDE // 4, 3)).repeat(4, 0).repeat(4, 1).astype(np.float32)
    albedo = Albedo.begin(noise)
    cameras = [orbit_camera(yaw, 0.0, 1.2, SIZE) for yaw in (-30.0, 0.0, 30.0)]
    return figure, skin_of(figure.rig, albedo), noise, cameras


def pictures(scene, pose: Pose) -> tuple[Observation, ...]:
    figure, _, texture, cameras = scene
    posed, seen = Mesh(pose_vertices(figure.rig, pose), figure.rig.triangles, figure.corner_uvs, texture), []
    for camera in cameras:
        drawn = draw_mesh(posed, camera, 1)
        matte, none = drawn.alpha > 0.5, np.zeros(drawn.alpha.shape, bool)
        seen.append(Observation(camera, drawn.image, Segments(matte, none, none), 1.0))
    return tuple(seen)


def errors(scene, shown: dict[str, float], side: str, *sought: dict[str, float]) -> np.ndarray:
    figure, skin, _, _ = scene
    poses = [pose_from_weights(figure.rig, weights) for weights in sought]
    with ThreadPoolExecutor(1) as pool:
        seen = pictures(scene, pose_from_weights(figure.rig, shown))
        return errors_about_eye(figure, skin, seen, side, poses, pool)


@pytest.mark.parametrize(("shown", "other"), [(WINK, DOWN), (DOWN, WINK), ({}, WINK), (WINK, {})])
def test_the_pose_that_is_shown_is_told_from_the_other(scene, shown, other) -> None:
    """The smaller by far, in whatever order they are named."""
    true, false = errors(scene, shown, "Left", shown, other)
    assert true < 0.2 * false
    assert errors(scene, shown, "Left", other, shown) == pytest.approx([false, true])


def test_only_the_eye_counts(scene) -> None:
    """Not the other one."""
    assert errors(scene, {}, "Right", {}, WINK).max() < 0.001 * errors(scene, {}, "Left", {}, WINK).max()


def test_nothing_is_said_beyond_the_matte(scene) -> None:
    figure, skin, _, _ = scene
    pose = pose_from_weights(figure.rig, {})
    empty = np.zeros((SIZE, SIZE), bool)
    blank = tuple(replace(each, segments=Segments(empty, empty, empty)) for each in pictures(scene, pose))
    with ThreadPoolExecutor(1) as pool:
        assert not errors_about_eye(
            figure, skin, blank, "Left", [pose, pose_from_weights(figure.rig, WINK)], pool
        ).any()
