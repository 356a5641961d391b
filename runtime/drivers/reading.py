"""What a driver says about a face at one moment, whoever says it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from facecraft4d.exporters.expression_sets import VRM_PRESETS, Mixture
from facecraft4d.toolkit.core.arkit import ARKIT_NAMES
from facecraft4d.toolkit.core.datatypes import Pose, Rig

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
    """The reading in the rig's order of names; what the rig lacks is left out."""
    weights = np.array([reading.weights.get(name, 0.0) for name in rig.expression_names], np.float32)
    turns = np.array([reading.turns.get(name, (0.0, 0.0, 0.0)) for name in rig.joint_names], np.float32)
    return Pose(weights, turns, np.zeros(3, np.float32))


def _spellings() -> dict[str, Mixture]:
    """Names as other programs write them, in small letters, and what they mean in ARKit's weights."""
    found: dict[str, Mixture] = {name.lower(): mixture for name, mixture in VRM_PRESETS.items()}
    found |= {old: VRM_PRESETS[new] for old, new in _VRM_0.items()}
    for name in ARKIT_NAMES:
        short = name.removesuffix("Left").removesuffix("Right")
        found[name.lower()] = {name: 1.0}
        if short != name:
            side = name[len(short)]
            found |= {f"{short}{joint}{side}".lower(): {name: 1.0} for joint in ("_", "")}
    return found


_VRM_0 = {
    "a": "aa", "i": "ih", "u": "ou", "e": "ee", "o": "oh", "blink_l": "blinkLeft", "blink_r": "blinkRight", "joy": "happy",
    "sorrow": "sad", "fun": "relaxed", "surprise": "surprised",
}  # fmt: skip
"""Presets of VRM 0, whose names other standards have not taken: theirs in VRM 1.0."""

SPELLINGS = _spellings()
"""Some write jawLeft for the jaw to the left: such names have no side and stay whole."""


def mixture_of(name: str) -> Mixture | None:
    """What a name means: any case, `_L` and `_R` for the sides, VRM's presets; None for what nobody knows."""
    return SPELLINGS.get(name.strip().lower())


def summed(named: Mapping[str, float]) -> dict[str, float]:
    """Weights by ARKit's names of weights by anybody's; unknown names are left out."""
    total: dict[str, float] = {}
    for name, weight in named.items():
        for target, share in (mixture_of(name) or {}).items():
            total[target] = total.get(target, 0.0) + share * weight
    return total
