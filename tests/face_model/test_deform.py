"""The laws of every face model: what moves, what stays, what adds up; torch, numpy and rig agree."""

import dataclasses

import numpy as np
import pytest
import torch
from default_head_cases import EYE_LEFT, JAW, NECK, ROOT, posed_head, random_pose, vertices_of

from facecraft4d.toolkit.core.arkit import ARKIT_NAMES
from facecraft4d.toolkit.core.datatypes import Pose
from facecraft4d.toolkit.core.geometry import rotation_from_axis_angle
from facecraft4d.toolkit.core.rigging import pose_vertices
from facecraft4d.toolkit.face_model import FaceModel, personalized_rig
from facecraft4d.toolkit.face_model.deform import deform, model_tensors
from facecraft4d.toolkit.face_model.reference import deform_numpy


def test_neutral_is_the_template(head: FaceModel) -> None:
    np.testing.assert_allclose(posed_head(head), head.vertices, atol=1e-8)


def test_expressions_add_up(head: FaceModel) -> None:
    both = posed_head(head, {"jawOpen": 0.4, "browInnerUp": 0.7})
    alone = posed_head(head, {"jawOpen": 0.4}) + posed_head(head, {"browInnerUp": 0.7}) - head.vertices
    np.testing.assert_allclose(both, alone, atol=1e-6)


def test_root_turns_rigidly(head: FaceModel) -> None:
    turn = [0.3, -0.5, 0.2]
    pivot = (head.joint_regressor @ head.vertices)[ROOT]
    expected = (head.vertices - pivot) @ rotation_from_axis_angle(np.array(turn)).T + pivot
    np.testing.assert_allclose(posed_head(head, joints={ROOT: turn}), expected, atol=1e-6)


def test_jaw_moves_only_what_hangs_on_it(head: FaceModel) -> None:
    moved = np.linalg.norm(posed_head(head, joints={JAW: [0.3, 0, 0]}) - head.vertices, axis=1)
    assert (moved[head.skin_weights[:, JAW] == 0] < 1e-7).all()
    teeth = vertices_of(head, "teeth")
    lower = teeth[head.skin_weights[teeth, JAW] == 1]
    upper = np.setdiff1d(teeth, lower)
    assert len(upper) == len(lower) == 68 and moved[upper].max() < 1e-7 < 0.01 < moved[lower].min()
    opened = posed_head(head, joints={JAW: [0.3, 0, 0]})
    assert opened[lower, 1].mean() < head.vertices[lower, 1].mean(), "turning about +X opens"


def test_upper_teeth_are_rigid_with_the_skull(head: FaceModel) -> None:
    teeth = vertices_of(head, "teeth")
    upper = teeth[head.skin_weights[teeth, NECK] == 1]
    posed = posed_head(head, {"jawOpen": 1.0}, {NECK: [0.2, 0.4, 0], JAW: [0.2, 0, 0]})
    skull = posed_head(head, joints={NECK: [0.2, 0.4, 0]})
    np.testing.assert_allclose(posed[upper], skull[upper], atol=1e-6)
    assert (
        np.linalg.norm(head.expression_deltas[ARKIT_NAMES.index("jawOpen")][np.setdiff1d(teeth, upper)], axis=1).min()
        > 0.01
    )


def test_eyes_turn_about_their_centres(head: FaceModel) -> None:
    balls = vertices_of(head, "eyes")
    left = balls[head.skin_weights[balls, EYE_LEFT] == 1]
    posed = posed_head(head, joints={EYE_LEFT: [0, 0.4, 0]})
    np.testing.assert_allclose(posed[left].mean(0), head.vertices[left].mean(0), atol=1e-6)
    others = np.setdiff1d(np.arange(len(posed)), left)
    np.testing.assert_allclose(posed[others], head.vertices[others], atol=1e-7)


def test_torch_numpy_and_rig_agree(head: FaceModel, rng: np.random.Generator) -> None:
    identity, expression, rotations, translation = random_pose(head, rng)
    offsets = 0.001 * rng.standard_normal(head.vertices.shape)
    twin = deform_numpy(head, identity, expression, rotations, translation, offsets)
    tensors = [torch.from_numpy(x) for x in (identity, expression, rotations, translation, offsets)]
    np.testing.assert_allclose(deform(model_tensors(head, dtype=torch.float64), *tensors).numpy(), twin, atol=1e-12)
    rig = personalized_rig(head, identity.astype(np.float32), offsets.astype(np.float32))
    pose = Pose(*(x.astype(np.float32) for x in (expression, rotations, translation)))
    np.testing.assert_allclose(pose_vertices(rig, pose), twin, atol=1e-6)


def test_batches_agree_with_single_faces(head: FaceModel, rng: np.random.Generator) -> None:
    faces = [[torch.from_numpy(x) for x in random_pose(head, rng)] for _ in range(3)]
    tensors = model_tensors(head, dtype=torch.float64)
    batch = deform(tensors, *(torch.stack(values) for values in zip(*faces, strict=True)))
    for posed, face in zip(batch, faces, strict=True):
        torch.testing.assert_close(posed, deform(tensors, *face))


@pytest.mark.slow
def test_gradients(head: FaceModel, rng: np.random.Generator) -> None:
    """Against finite differences on a small piece of the model, at rest too."""
    whole = model_tensors(head, dtype=torch.float64)
    few = torch.from_numpy(rng.choice(len(head.vertices), 4, replace=False))
    small = dataclasses.replace(
        whole,
        vertices=whole.vertices[few],
        identity_deltas=whole.identity_deltas[:3, few],
        expression_deltas=whole.expression_deltas[:4, few],
        joint_regressor=whole.joint_regressor[:, few] + 1 / 4,
        skin_weights=torch.softmax(torch.from_numpy(rng.standard_normal((4, 5))), -1),
    )
    for size in (0.0, 0.4):
        shapes = ((1, 3), (1, 4), (1, 5, 3), (1, 3), (4, 3))
        inputs = tuple(torch.from_numpy(size * rng.standard_normal(shape)).requires_grad_() for shape in shapes)
        assert torch.autograd.gradcheck(lambda *x: deform(small, *x), inputs)
