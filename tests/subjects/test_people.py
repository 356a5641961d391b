"""Synthetic people repeat, differ, and have a truth that differs from the rig only as said."""

from dataclasses import fields

import numpy as np
import pytest
from synthetic_cases import TEXTURE

from facecraft4d.toolkit.face_model import load_default_head
from facecraft4d.toolkit.subjects.people import SUBJECTS, make_subject
from facecraft4d.toolkit.subjects.sets import evaluation_set

HEAD = len(load_default_head().vertices)
"""The model's own vertices come first, what a subject wears after them."""


@pytest.mark.slow
def test_a_subject_and_its_pictures_repeat(subjects):
    again = make_subject(SUBJECTS["hat"], load_default_head(), TEXTURE)
    for field in fields(again.truth):
        np.testing.assert_array_equal(getattr(again.truth, field.name), getattr(subjects["hat"].truth, field.name))
    np.testing.assert_array_equal(again.texture(5), subjects["hat"].texture(5))
    assert not np.array_equal(again.texture(5), again.texture(6))
    first, second = (evaluation_set(subject, 48) for subject in (again, subjects["hat"]))
    assert all(np.array_equal(a[1].image, b[1].image) for a, b in zip(first, second, strict=True))


def test_people_differ_and_wear_what_they_should(subjects):
    shapes = [subject.rig.vertices[:HEAD] for subject in subjects.values()]
    assert np.abs(shapes[0] - shapes[1]).max() > 0.003 and np.abs(shapes[1] - shapes[2]).max() > 0.003
    assert "glasses" in subjects["glasses"].rig.region_names and "hat" in subjects["hat"].rig.region_names
    low = [subject.rig.vertices[HEAD:, 1].min() for subject in subjects.values()]
    assert low[2] < -0.1 < min(low[:2]), "only the long hair hangs below the chin"


def test_truth_and_rig_differ_only_in_how_strong_expressions_are(subjects):
    for subject in subjects.values():
        for field in fields(subject.truth):
            if field.name != "expression_deltas":
                assert getattr(subject.truth, field.name) is getattr(subject.rig, field.name)
        true, given = subject.truth.expression_deltas, subject.rig.expression_deltas
        error = np.linalg.norm(true - given, axis=-1)
        reach = np.linalg.norm(given, axis=-1)
        assert (error <= 0.36 * reach + 1e-7).all() and error.max() > 0.0005


def test_expressions_do_not_move_what_is_worn(subjects):
    for subject in subjects.values():
        assert not subject.truth.expression_deltas[:, HEAD:].any()
        np.testing.assert_allclose(subject.truth.skin_weights.sum(1), 1, atol=1e-5)
