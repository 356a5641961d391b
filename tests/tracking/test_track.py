"""A motion that is hidden is found by colours and outlines alone; a killed track goes on to the same numbers."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tracking_scene import scene

from facecraft4d.toolkit import tracking
from facecraft4d.toolkit.config import FaceModelConfig, TrackingConfig
from facecraft4d.toolkit.core.checks import UserError
from facecraft4d.toolkit.core.rigging import pose_vertices
from facecraft4d.toolkit.core.stages import Progress, StageContext, silent
from facecraft4d.toolkit.face_model import FaceModel
from facecraft4d.toolkit.repeatable import repeatable
from facecraft4d.toolkit.tracking.state import FILE_NAME, load_state

CONFIG = TrackingConfig(following_iterations=20, epochs=1)


class Killed(BaseException):
    """Stands for a signal."""


@pytest.fixture(scope="module")
def hidden(model: FaceModel, tmp_path_factory: pytest.TempPathFactory):
    return scene(model, tmp_path_factory.mktemp("frames"))


def found(hidden, folder: Path, report=silent, config: TrackingConfig = CONFIG):
    views, frames, head, _ = hidden
    with repeatable():
        return tracking.run(views, frames, head, config, FaceModelConfig(), StageContext(3, "cpu", folder, report))


@pytest.fixture(scope="module")
def unbroken(hidden, tmp_path_factory: pytest.TempPathFactory):
    return found(hidden, tmp_path_factory.mktemp("unbroken"))


@pytest.mark.slow
def test_a_hidden_motion_is_found(hidden, unbroken) -> None:
    _, _, head, truth = hidden
    track = unbroken.track
    assert np.abs(track.expressions - truth.expressions).mean() < 0.03
    names = head.rig.expression_names
    for name, most in (("jawOpen", 0.08), ("eyeBlinkLeft", 0.08), ("eyeBlinkRight", 0.08)):
        assert np.abs(track.expressions - truth.expressions)[:, names.index(name)].mean() < most, name
    turned = np.degrees(np.linalg.norm(track.joint_rotations - truth.joint_rotations, axis=-1)).mean(0)
    assert (turned[[head.rig.joint_names.index(name) for name in ("jaw", "neck")]] < 2).all()
    assert (turned[3:] < 3).all()
    apart = [
        np.linalg.norm(
            pose_vertices(unbroken.head.rig, track.pose(step)) - pose_vertices(head.rig, truth.pose(step)), axis=1
        )
        for step in range(len(truth.expressions))
    ]
    assert np.mean(apart) < 1e-3


@pytest.mark.parametrize(("phase", "at"), [("first time step", 1), ("following time steps", 1), ("all time steps", 1)])
@pytest.mark.slow
def test_a_killed_track_goes_on_to_the_same_numbers(hidden, unbroken, tmp_path: Path, phase: str, at: int) -> None:
    def kill(progress: Progress) -> None:
        if progress.message == phase and progress.step == at:
            raise Killed

    with pytest.raises(Killed):
        found(hidden, tmp_path, kill)
    said: list[str] = []
    again = found(hidden, tmp_path, lambda progress: said.append(progress.message))
    assert "landmarks" not in said, "what was done is not done again"
    for name in ("expressions", "joint_rotations", "translations"):
        np.testing.assert_array_equal(getattr(again.track, name), getattr(unbroken.track, name))
    np.testing.assert_array_equal(again.head.rig.vertices, unbroken.head.rig.vertices)


def test_a_damaged_checkpoint_is_said_and_left(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_bytes(b"no checkpoint")
    notes: list[str] = []
    assert load_state(tmp_path, "key", lambda progress: notes.extend(progress.notes)) is None
    assert "checkpoint is damaged" in notes[0] and not (tmp_path / FILE_NAME).exists()


def test_a_head_of_another_mesh_is_refused(model: FaceModel, tiny_head) -> None:
    from facecraft4d.toolkit.fitting.figure import figure_of_head

    other = replace(tiny_head, rig=replace(tiny_head.rig, triangles=tiny_head.rig.triangles[::-1].copy()))
    with pytest.raises(UserError, match="--bust shoulders"):
        figure_of_head(model, other)
