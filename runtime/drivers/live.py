"""A sender's face as a source of poses."""

import time
from collections.abc import Callable
from typing import Protocol, runtime_checkable

import numpy as np

from facecraft4d.runtime.drivers.reading import Reading, pose_of
from facecraft4d.runtime.drivers.retarget import Retarget
from facecraft4d.runtime.drivers.shaping import OneEuro, calibrated, clamped
from facecraft4d.toolkit.core.datatypes import Pose, Rig
from facecraft4d.toolkit.core.geometry import smoothstep
from facecraft4d.toolkit.core.motion import named_rig
from facecraft4d.toolkit.core.rigging import neutral_pose

HOLD_SECONDS, REST_SECONDS = 0.5, 0.7
"""How long the last face stays when nothing comes, and how long it then takes to come to rest."""


@runtime_checkable
class Heard(Protocol):
    """What `Live` asks: a `Listener`, a camera."""

    def latest(self) -> tuple[Reading | None, float]:
        """The last face that was seen, and when (seconds of `Live`'s clock); None before the first."""
        ...


@runtime_checkable
class Counts(Protocol):
    """Who can say how much was heard."""

    def status(self) -> str:
        """One line."""
        ...


class Live:
    """Poses of what is heard: against the user's neutral face, retargeted, smoothed, within 0 and 1. A `PoseSource`."""

    def __init__(
        self, heard: Heard, rig: Rig, retarget: Retarget | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._heard, self._clock = heard, clock
        table, self._source = retarget or Retarget(), named_rig()
        self._weights = table.matrix(self._source.expression_names, rig.expression_names)
        self._turns = table.matrix(self._source.joint_names, rig.joint_names)
        self._rest, self._neutral = neutral_pose(rig), neutral_pose(self._source)
        self._raw = self._neutral
        self._smooth = OneEuro()

    def calibrate(self) -> None:
        """Take the face that is seen now for the user's neutral one."""
        self._neutral = clamped(self._raw)

    def status(self) -> tuple[str, ...]:
        """Whether a face is seen, and how much was heard: lines for the user."""
        reading, at = self._heard.latest()
        age = self._clock() - at
        seen = "a face is seen" if age < HOLD_SECONDS else f"the last face was seen {age:.0f} s ago"
        return (
            "no face yet" if reading is None else seen,
            *((self._heard.status(),) if isinstance(self._heard, Counts) else ()),
        )

    def pose(self, now: float) -> Pose | None:
        """What the user does now, whatever the player's clock says; None before the first face."""
        reading, at = self._heard.latest()
        seconds = self._clock()
        if reading is None:
            return None
        self._raw = pose_of(reading, self._source)
        shaped = clamped(self._retargeted(calibrated(self._raw, self._neutral)))
        silence = np.asarray((seconds - at - HOLD_SECONDS) / REST_SECONDS)
        return self._smoothed(shaped.towards(self._rest, float(smoothstep(silence))), seconds)

    def _retargeted(self, pose: Pose) -> Pose:
        """A pose of ARKit's names on the rig."""
        weights, turns = self._weights @ pose.expression, self._turns @ pose.joint_rotations
        return Pose(weights.astype(np.float32), turns.astype(np.float32), pose.translation)

    def _smoothed(self, pose: Pose, now: float) -> Pose:
        parts = pose.expression, pose.joint_rotations.ravel(), pose.translation
        values = self._smooth(np.concatenate(parts).astype(np.float64), now).astype(np.float32)
        weights, turns, translation = np.split(values, np.cumsum([len(part) for part in parts])[:2])
        return clamped(Pose(weights, turns.reshape(pose.joint_rotations.shape), translation))
