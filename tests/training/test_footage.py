"""Footage: frames on disk."""

from dataclasses import replace

import pytest
from training_subject import SIZE

from facecraft4d.toolkit.core.checks import UserError
from facecraft4d.toolkit.training.footage import Footage
from facecraft4d.toolkit.training.schedule import Sample


def test_a_missing_frame_is_named(scene, tmp_path):
    views, frames, head = scene
    footage = Footage(views, replace(frames, folder=tmp_path), head, "cpu")
    with pytest.raises(UserError, match=r"frame_0001\.png"):
        footage.picture(Sample(0, 0, 1), SIZE)
