"""What a driver says about a face at one moment, whoever says it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from facecraft4d.toolkit.core.datatypes import Pose, Rig
from facecraft4d.toolkit.core.motion import MOST_TURN, MOST_WEIGHT

Turn = tuple[float, float, float]
"""Axis-angle, radians, in the world frame of docs/conventions.md: positive x looks down, y to the subject's left, z leans to the right."""

HEAD = "neck"
"""The joint that turns the head."""


@dataclass(frozen=True, slots=True)
class Reading:
    """Weights by ARKit's names, turns by our joints' names. What is missing rests."""

    weights: Mapping[str, float] = field(default_factory=dict)
    turns: Mapping[str, Turn] = field(default_factory=dict)


def pose_of(reading: Reading, rig: Rig) -> Pose:
    """The reading in the rig's order of names, within the ranges of a clip; what the rig lacks is left out."""
    weights = np.array([reading.weights.get(name, 0.0) for name in rig.expression_names])
    turns = np.array([reading.turns.get(name, (0.0, 0.0, 0.0)) for name in rig.joint_names])
    return Pose(
        np.clip(np.nan_to_num(weights), -MOST_WEIGHT, MOST_WEIGHT).astype(np.float32),
        np.clip(np.nan_to_num(turns), -MOST_TURN, MOST_TURN).astype(np.float32),
        np.zeros(3, np.float32),
    )
