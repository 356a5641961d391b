"""A folder of ICT-FaceKit's layout with a face in it, the CC0 head's cut into its parts: adopted, it is the head that it was cut from."""

import cc0_ict
import numpy as np
import pytest

from facecraft4d.toolkit import face_model
from facecraft4d.toolkit.config import FaceModelConfig, FaceModelKind
from facecraft4d.toolkit.core.arkit import ARKIT_NAMES
from facecraft4d.toolkit.core.rigging import in_regions, neutral_pose, pose_vertices
from facecraft4d.toolkit.core.stages import silent
from facecraft4d.toolkit.face_model import FaceModel, ict, personalized_rig
from facecraft4d.toolkit.face_model.obj_files import read_obj

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def adopted_as(tmp_path_factory: pytest.TempPathFactory, model: FaceModel) -> tuple[FaceModel, np.ndarray]:
    with pytest.MonkeyPatch.context() as monkeypatch:
        folder, rows = cc0_ict.write(tmp_path_factory.mktemp("ict"), model, monkeypatch)
        neutral = read_obj(folder / ict.FOLDER / ict.NEUTRAL, ict.WHAT)
        config = FaceModelConfig(FaceModelKind.ICT, folder)
        found = face_model._complete(ict.load_ict(folder, silent), config, silent)
        return found, rows[ict._welded(neutral.vertices, neutral.triangles)[0]]


@pytest.fixture(scope="module")
def adopted(adopted_as: tuple[FaceModel, np.ndarray]) -> FaceModel:
    return adopted_as[0]


@pytest.fixture(scope="module")
def same(adopted_as: tuple[FaceModel, np.ndarray]) -> np.ndarray:
    """The vertex of the CC0 head that each of the adopted head's is: it has no others."""
    return adopted_as[1]


def test_it_lies_about_the_ears_in_metres(adopted: FaceModel, model: FaceModel, same: np.ndarray) -> None:
    moved = adopted.vertices - 1.03 * model.vertices[same]
    assert np.abs(moved.mean(0)).max() < 0.002


def test_regions_are_those_that_it_was_cut_from(adopted: FaceModel, model: FaceModel) -> None:
    """Of skin as far as the CC0 head lies on it again, of all that hangs in it exactly."""
    order = np.concatenate(cc0_ict.cut(model))
    for name in ("lips", "ears", "scalp", "neck", "eyelids", "eyes", "teeth", "eye_sockets"):
        found, known = in_regions(adopted, name), in_regions(model, name)[order]
        least = 0.75 if name in ("lips", "ears", "scalp", "neck", "eyelids") else 1
        assert (found & known).sum() / (found | known).sum() >= least, name


def test_expressions_are_its_own_and_its_tongue_rests(adopted: FaceModel, model: FaceModel, same: np.ndarray) -> None:
    assert adopted.expression_names == ARKIT_NAMES
    for index, name in enumerate(ARKIT_NAMES):
        wanted = 0 if name == "tongueOut" else 1.03 * model.expression_deltas[index][same]
        assert np.abs(adopted.expression_deltas[index] - wanted).max() < 1e-5, name


def test_joints_are_where_the_head_has_them_and_move_what_they_move(
    adopted: FaceModel, model: FaceModel, same: np.ndarray
) -> None:
    ours, theirs = personalized_rig(adopted), personalized_rig(model)
    assert np.linalg.norm(ours.joint_positions - 1.03 * theirs.joint_positions, axis=1).max() < 0.006
    for joint in range(1, 5):
        moved = []
        for rig in (ours, theirs):
            pose = neutral_pose(rig)
            pose.joint_rotations[joint, 0] = 0.2
            moved.append(pose_vertices(rig, pose) - rig.vertices)
        assert np.abs(moved[0] - 1.03 * moved[1][same]).mean() < 4e-4
