"""Faces that are turned too far away."""

import numpy as np
import pytest
from photographs import HOPPER

from facecraft4d.toolkit import preprocess
from facecraft4d.toolkit.core.checks import UserError
from facecraft4d.toolkit.preprocess import load


@pytest.mark.parametrize(("angle", "side"), [(65, "left"), (-65, "right")])
def test_a_face_turned_away_is_refused(angle: float, side: str):
    photo = load.read(HOPPER)
    turn = np.radians(angle)
    about_y = np.array([[np.cos(turn), 0, np.sin(turn)], [0, 1, 0], [-np.sin(turn), 0, np.cos(turn)]])
    with pytest.raises(UserError, match=f"turned 65 degrees to its {side}"):
        preprocess.detect._check_turn(photo, np.diag([1.0, -1, -1]) @ about_y)
