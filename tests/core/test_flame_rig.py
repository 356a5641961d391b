"""A FLAME head as a rig: pose correctives and joints that follow the expression are kept, posed, drawn and carried along by what is added."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import synthetic_flame

from facecraft4d.runtime.animate import Animator, by_triangle
from facecraft4d.toolkit.core.asset import Avatar, check_avatar
from facecraft4d.toolkit.core.datatypes import Pose, Rig
from facecraft4d.toolkit.core.rigging import neutral_pose, place_splats, pose_vertices, with_part
from facecraft4d.toolkit.face_model import FaceModel, load_flame, personalized_rig
from facecraft4d.toolkit.face_model.reference import deform_numpy

GOLDEN = Path(synthetic_flame.__file__).parent / "data" / "flame_lbs.npz"
ATOL = 2e-6


@pytest.fixture(scope="module")
def golden() -> dict[str, np.ndarray]:
    return dict(np.load(GOLDEN))


@pytest.fixture(scope="module")
def flame(tmp_path_factory: pytest.TempPathFactory) -> FaceModel:
    return load_flame(synthetic_flame.write(tmp_path_factory.mktemp("flame"), "flame2023_Open.npz"))


def posed(golden: dict[str, np.ndarray], index: int) -> Pose:
    expression, rotations = golden["param_expr"][index], golden["full_pose"][index].reshape(5, 3)
    return Pose(*(each.astype(np.float32) for each in (expression, rotations, golden["param_translation"][index])))


def avatar_on(rig: Rig, tiny: Avatar) -> Avatar:
    """The small avatar's splats, scattered over another rig."""
    carriers = np.random.default_rng(0).integers(0, len(rig.triangles), len(tiny.splats.means)).astype(np.int32)
    return Avatar(rig, replace(tiny.splats, triangles=carriers), tiny.provenance)


@pytest.mark.parametrize("index", range(4))
def test_the_rig_is_the_model(flame: FaceModel, golden: dict[str, np.ndarray], index: int) -> None:
    """Against the published implementation's numbers and against the reference, in every golden pose."""
    identity, pose = golden["param_shape"][index].astype(np.float32), posed(golden, index)
    found = pose_vertices(personalized_rig(flame, identity), pose)
    np.testing.assert_allclose(found[golden["vertex_index"]], golden["vertices"][index], atol=ATOL)
    expected = deform_numpy(flame, identity, pose.expression, pose.joint_rotations, pose.translation)
    np.testing.assert_allclose(found, expected, atol=ATOL)


@pytest.mark.parametrize("part", ["pose_deltas", "joint_deltas"])
def test_both_parts_matter(flame: FaceModel, golden: dict[str, np.ndarray], part: str) -> None:
    """Without either, a turned jaw under an expression is off by more than a tenth of a millimetre."""
    rig, pose = personalized_rig(flame), posed(golden, 3)
    off = pose_vertices(replace(rig, **{part: None}), pose) - pose_vertices(rig, pose)
    assert np.abs(off).max() > 1e-4


def test_the_player_poses_it_alike(flame: FaceModel, golden: dict[str, np.ndarray], tiny_avatar: Avatar) -> None:
    avatar = avatar_on(personalized_rig(flame), tiny_avatar)
    check_avatar(avatar)
    animator = Animator(avatar)
    for pose in (neutral_pose(avatar.rig), posed(golden, 1), posed(golden, 3)):
        expected = pose_vertices(avatar.rig, pose)
        np.testing.assert_allclose(animator.vertices(pose), expected, atol=ATOL)
        means = place_splats(by_triangle(avatar.splats), expected, avatar.rig).means
        np.testing.assert_allclose(animator.splats(pose).means, means, atol=1e-5)


def test_an_added_part_moves_with_its_joint_alone(flame: FaceModel, golden: dict[str, np.ndarray]) -> None:
    rig, pose = personalized_rig(flame), posed(golden, 3)
    corners = np.array([(0, 0.2, 0), (0.01, 0.2, 0), (0, 0.21, 0)], np.float32)
    whole = with_part(rig, corners, np.array([(0, 1, 2)]), "hat", "neck")
    moved = pose_vertices(whole, pose)
    np.testing.assert_allclose(moved[:-3], pose_vertices(rig, pose), atol=1e-7)
    sides, before = (points - np.roll(points, 1, 0) for points in (moved[-3:], corners))
    np.testing.assert_allclose(np.linalg.norm(sides, axis=1), np.linalg.norm(before, axis=1), atol=1e-6)
    assert (
        whole.region_names == (*rig.region_names, "hat")
        and (whole.triangles[-1] == len(rig.vertices) + np.arange(3)).all()
    )
    again = with_part(whole, corners, np.array([(0, 1, 2)]), "hat", "neck")
    assert again.region_names == whole.region_names and again.triangle_regions[-1] == whole.triangle_regions[-1]


def test_correctives_of_another_size_are_refused(flame: FaceModel, tiny_avatar: Avatar) -> None:
    avatar = avatar_on(personalized_rig(flame), tiny_avatar)
    short = replace(avatar.rig, pose_deltas=avatar.rig.pose_deltas[:-1])
    with pytest.raises(ValueError, match=r"rig\.pose_deltas must be \[36"):
        check_avatar(replace(avatar, rig=short))
