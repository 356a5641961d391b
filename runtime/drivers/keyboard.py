"""Keys that make faces: held down an expression shows, let go it fades. Whoever has keys feeds them: a window, a pedal, a test."""

from collections.abc import Mapping

from facecraft4d.exporters.expression_sets import VRM_PRESETS
from facecraft4d.toolkit.core.datatypes import Pose, Rig
from facecraft4d.toolkit.core.rigging import pose_from_weights

KEYS: Mapping[str, str] = {
    "F2": "happy", "F3": "sad", "F4": "angry", "F5": "surprised", "F6": "relaxed", "F7": "blink", "F8": "aa", "F9": "oh",
    "F10": "ou",
}  # fmt: skip
"""Keys by their names, and VRM's names of the faces that they make."""
RISE_SECONDS, FALL_SECONDS = 0.15, 0.3


class Keyboard:
    """A `PoseSource` of the faces whose keys are down."""

    def __init__(self, rig: Rig) -> None:
        self._rig = rig
        self._held: set[str] = set()
        self._shown: dict[str, float] = {}
        """How much of each key's face shows."""
        self._then = 0.0

    def key(self, name: str, down: bool) -> bool:
        """A key goes down or up; whether it is one of ours."""
        if name in KEYS:
            (self._held.add if down else self._held.discard)(name)
        return name in KEYS

    def pose(self, now: float) -> Pose | None:
        """The faces' sum at `now` seconds of whatever clock; None while no key has anything to say."""
        elapsed, self._then = max(0.0, now - self._then), now
        for name in {*self._held, *self._shown}:
            step = elapsed / RISE_SECONDS if name in self._held else -elapsed / FALL_SECONDS
            self._shown[name] = min(1.0, max(0.0, self._shown.get(name, 0.0) + step))
        self._shown = {name: share for name, share in self._shown.items() if share or name in self._held}
        weights: dict[str, float] = {}
        for name, share in self._shown.items():
            for target, weight in VRM_PRESETS[KEYS[name]].items():
                if target in self._rig.expression_names:
                    weights[target] = min(1.0, weights.get(target, 0.0) + share * weight)
        return pose_from_weights(self._rig, weights) if weights else None
