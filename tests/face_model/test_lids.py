"""A blink closes the eyes of every identity."""

import numpy as np
import pytest

from facecraft4d.toolkit.core.rigging import neutral_pose, pose_from_weights, pose_vertices
from facecraft4d.toolkit.face_model import FaceModel, personalized_rig
from facecraft4d.toolkit.face_model.lids import BLINKS, OVERLAP, blink_share, upper_edges, with_meeting_lids


@pytest.mark.parametrize("seed", range(4))
def test_the_lids_of_any_identity_meet_in_a_full_blink(model: FaceModel, seed: int) -> None:
    identity = np.random.default_rng(seed).normal(0, 0.5, len(model.identity_names)).astype(np.float32)
    rig = personalized_rig(model, identity)
    pose = neutral_pose(rig)
    pose.expression[rig.expression_names.index(BLINKS[0])] = 0.1 * seed
    blinking = with_meeting_lids(rig, pose)
    np.testing.assert_allclose(pose_vertices(blinking, pose), pose_vertices(rig, pose), atol=1e-6)
    closed = pose_vertices(blinking, pose_from_weights(blinking, dict.fromkeys(BLINKS, 1.0)))
    for upper in upper_edges(blinking):
        middle = upper[len(upper) // 3 : -len(upper) // 3]
        beside = np.abs(closed[:, 0] - closed[middle, 0].mean()) < 0.02
        below = beside & (blink_share(blinking) < 0.1) & (closed[:, 1] < closed[middle, 1].max() + 0.002)
        gap = closed[middle, None] - OVERLAP - closed[below]
        assert np.linalg.norm(gap, axis=-1).min(1).max() < 0.003, "metres; vertices of the lower lid lie that far apart"
    others = [index for index, name in enumerate(rig.expression_names) if name not in BLINKS]
    np.testing.assert_array_equal(blinking.expression_deltas[others], rig.expression_deltas[others])


def test_a_blink_carries_the_edge_fully_and_the_chin_not_at_all(model: FaceModel) -> None:
    rig = personalized_rig(model)
    share = blink_share(rig)
    assert 0 <= share.min() and share.max() <= 1
    for upper in upper_edges(rig):
        assert (share[upper[2:-2]] > 0.9).all() and np.ptp(rig.vertices[upper, 1]) < 0.012
    assert (share[rig.vertices[:, 1] < -0.02] < 0.05).all()
