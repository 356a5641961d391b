"""Idle life: a head that waits blinks, breathes, looks about and never stands quite still.

All of it is a function of the time alone, drawn from a seed: the same seed gives the same motion, whatever the frame rate and wherever one
begins. Rates and sizes of a person at rest: 14 to 20 blinks a minute, the lids down for a sixth of a second (Caffier et al. 2003); fixations of
half a second to three; 14 breaths a minute.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from facecraft4d.exporters.expression_sets import Mixture, both, gaze
from facecraft4d.toolkit.core.checks import UserError
from facecraft4d.toolkit.core.datatypes import Pose, Rig
from facecraft4d.toolkit.core.geometry import smoothstep
from facecraft4d.toolkit.core.rigging import pose_from_weights


class Mood(NamedTuple):
    """How somebody waits."""

    face: Mixture
    """Weights that stay."""
    blink_seconds: float
    """From blink to blink, in the mean."""
    restlessness: float
    """Size of the motions of head and eyes; 1 for somebody who listens."""


MOODS: Mapping[str, Mood] = {
    "neutral": Mood({}, 3.8, 1.0),
    "happy": Mood(both("mouthSmile", 0.3) | both("cheekSquint", 0.15), 3.8, 1.2),
    "sad": Mood({"browInnerUp": 0.35} | both("mouthFrown", 0.3) | both("eyeBlink", 0.1), 4.6, 0.6),
    "angry": Mood(both("browDown", 0.4) | both("mouthPress", 0.25) | both("eyeSquint", 0.15), 5.0, 0.8),
    "attentive": Mood({"browInnerUp": 0.12} | both("browOuterUp", 0.08), 4.6, 0.7),
    "sleepy": Mood(both("eyeBlink", 0.35), 2.6, 0.5),
}

CLOSING, CLOSED, OPENING = 0.07, 0.03, 0.13
"""Seconds of a blink's three parts."""
TWITCH = 0.12
"""Largest weight of a brow's or a mouth corner's own small motion."""
BREATH_SECONDS = 4.3
NOD, TURN, LEAN = 0.018, 0.030, 0.012
"""Largest rotations of the head about x, y and z, radians."""
BREATH_NOD, BREATH_METRES = 0.004, 0.0008
"""How far breathing lifts the head, radians and metres."""
LOOK = 0.22, 0.14
"""Largest weight of a glance to the side, up or down."""
GLANCE_SECONDS, SACCADE_SECONDS = 1.7, 0.05
"""Between two glances in the mean, and how long the eyes take for one."""
BLINK_PLACE = 0.1, 0.9
"""Where in its stretch of time a blink may begin: two never run into each other."""
PERIODS = (11.3, 7.1, 4.7)
"""Seconds of the swings whose sum moves the head: no multiple of each other, so that nobody sees it begin again."""


@dataclass(frozen=True, slots=True)
class Idle:
    """A `PoseSource`: what the head does of itself, `amount` (0 to 1) of it. At 0 it rests."""

    rig: Rig
    mood: str = "neutral"
    amount: float = 1.0
    seed: int = 0
    lasting: bool = True
    """Whether the weights that a mood keeps are part of it; without them a mood is blinks and restlessness alone."""

    def __post_init__(self) -> None:
        check_idle(self.mood, self.amount)

    def pose(self, now: float) -> Pose:
        """What the head does at `now` seconds."""
        mood = MOODS[self.mood]
        weights = dict(mood.face) if self.lasting else {}
        for name, value in (self._glance(now, mood) | self._twitches(now)).items():
            weights[name] = weights.get(name, 0.0) + value
        lids = self._lids(now, mood)
        for name in ("eyeBlinkLeft", "eyeBlinkRight"):
            weights[name] = weights.get(name, 0.0) + lids * (1 - weights.get(name, 0.0))
        known = {name: self.amount * value for name, value in weights.items() if name in self.rig.expression_names}
        return self._moved(pose_from_weights(self.rig, known), now, mood)

    def _moved(self, pose: Pose, now: float, mood: Mood) -> Pose:
        """The pose with the head's small motions and its breath."""
        breath = np.sin(2 * np.pi * now / BREATH_SECONDS)
        turns, translation = pose.joint_rotations.copy(), pose.translation.copy()
        if "neck" in self.rig.joint_names:
            swings = (
                np.array([self._swing(now, axis) for axis in range(3)])
                * (NOD, TURN, LEAN)
                * min(mood.restlessness, 1.0)
            )
            swings[0] -= BREATH_NOD * breath
            turns[self.rig.joint_names.index("neck")] += (self.amount * swings).astype(np.float32)
        translation[1] += self.amount * BREATH_METRES * breath
        return Pose(pose.expression, turns, translation)

    def _swing(self, now: float, which: int) -> float:
        """A slow wandering between -1 and 1."""
        shares = zip(PERIODS, _drawn(self.seed, SWINGS, which), strict=True)
        return sum(math.sin(2 * math.pi * (now / period + phase)) for period, phase in shares) / len(PERIODS)

    def _lids(self, now: float, mood: Mood) -> float:
        """How far the lids are down. Time is cut into slots with one blink in each, so that any moment can be asked for alone."""
        slot = int(now // mood.blink_seconds)
        down = 0.0
        for index in (slot - 1, slot):
            early, late = BLINK_PLACE
            start = (index + early + (late - early) * _drawn(self.seed, BLINKS, index)[0]) * mood.blink_seconds
            into = now - start
            down = max(
                down,
                float(
                    smoothstep(np.asarray(into / CLOSING))
                    * smoothstep(np.asarray((CLOSING + CLOSED + OPENING - into) / OPENING))
                ),
            )
        return down

    def _glance(self, now: float, mood: Mood) -> dict[str, float]:
        """Where the eyes look: they rest on a point, jump to the next, and mostly come back."""
        slot = int(now // GLANCE_SECONDS)
        before, after = (self._aim(index) for index in (slot - 1, slot))
        part = float(smoothstep(np.asarray((now - slot * GLANCE_SECONDS) / SACCADE_SECONDS)))
        size = min(mood.restlessness, 1.0)
        right, up = (size * ((1 - part) * a + part * b) for a, b in zip(before, after, strict=True))
        return gaze(right, up)

    def _aim(self, slot: int) -> tuple[float, float]:
        """Right and up of one fixation; half of them are straight ahead."""
        right, up, ahead = _drawn(self.seed, GLANCES, slot)
        return (0.0, 0.0) if ahead < 0.5 else ((2 * right - 1) * LOOK[0], (2 * up - 1) * LOOK[1])

    def _twitches(self, now: float) -> dict[str, float]:
        """Brows and the mouth's corners, hardly seen."""
        names = {
            "browInnerUp": 0,
            "mouthDimpleLeft": 1,
            "mouthDimpleRight": 2,
            "mouthPressLeft": 3,
            "mouthPressRight": 3,
        }
        return {name: TWITCH * max(0.0, self._swing(1.3 * now, 10 + which)) for name, which in names.items()}


def check_idle(mood: str, amount: float) -> None:
    """UserError for a mood that is none, or an amount beyond 0 and 1."""
    if mood not in MOODS:
        raise UserError(f"mood must be one of {', '.join(MOODS)}, got {mood}")
    if not 0 <= amount <= 1:
        raise UserError(f"idle must be between 0 and 1, got {amount:g}")


SWINGS, BLINKS, GLANCES = range(3)
"""What is drawn."""


@lru_cache(maxsize=256)
def _drawn(seed: int, what: int, which: int) -> tuple[float, float, float]:
    """Three numbers between 0 and 1, always the same ones for the same question."""
    first, second, third = np.random.default_rng((seed, what, which & 0xFFFFFFFF)).random(3).tolist()
    return first, second, third
