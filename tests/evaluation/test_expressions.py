"""Expressions move their own region, on the small avatar as it is and on one damaged on purpose."""

from dataclasses import replace

import numpy as np
import pytest

from facecraft4d.toolkit.core.asset import Avatar
from facecraft4d.toolkit.core.datatypes import Coarse
from facecraft4d.toolkit.core.geometry import orbit_camera
from facecraft4d.toolkit.evaluation import expressions, lacking_notes
from facecraft4d.toolkit.evaluation.metrics import SIZE


@pytest.mark.slow
def test_expressions_of_the_small_avatar_stay_in_their_regions(tiny_avatar: Avatar, tiny_coarse: Coarse) -> None:
    """Every expression is measured; none of a sound avatar leaks or shakes, and the jaw moves."""
    moves, leaks, still = expressions.measure(tiny_avatar, tiny_coarse.views)
    assert set(moves) == set(leaks) == set(still) == set(tiny_avatar.rig.expression_names)
    assert max(leaks.values()) < 1 and max(still.values()) < 1
    assert moves["jawOpen"] > 1


@pytest.mark.slow
def test_an_expression_that_moves_everything_a_little_leaks(tiny_avatar: Avatar, tiny_coarse: Coarse) -> None:
    """Damage below what counts as movement is found as a leak."""
    rig = tiny_avatar.rig
    deltas = rig.expression_deltas.copy()
    deltas[0] += np.float32([0.4 * expressions.MOVED_METRES, 0, 0])
    shaken = replace(tiny_avatar, rig=replace(rig, expression_deltas=deltas))
    _, leaks, _ = expressions.measure(shaken, tiny_coarse.views)
    assert leaks[rig.expression_names[0]] > 0.3


def test_a_region_holds_its_triangles_before_and_after(tiny_avatar: Avatar) -> None:
    rig = tiny_avatar.rig
    index = rig.expression_names.index("jawOpen")
    region = expressions.own_region(rig, index, orbit_camera(0.0, 0.0, 1.6, SIZE))
    assert 0.02 < region.mean() < 0.5
    nothing = replace(rig, expression_deltas=np.zeros_like(rig.expression_deltas))
    assert not expressions.own_region(nothing, index, orbit_camera(0.0, 0.0, 1.6, SIZE)).any()


def test_what_the_head_model_lacks_is_named_and_what_moves_a_hair_is_not(tiny_avatar: Avatar) -> None:
    rig = tiny_avatar.rig
    assert expressions.unmoved(rig) == ()
    deltas = rig.expression_deltas.copy()
    deltas[1], deltas[2] = 1e-9, 0
    deltas[2, 5, 1] = 1e-5
    assert expressions.unmoved(replace(rig, expression_deltas=deltas)) == (rig.expression_names[1],)
    assert lacking_notes(()) == () and "tongueOut" in lacking_notes(("tongueOut",))[0]
