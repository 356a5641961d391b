"""The face that the user sets with sliders, on top of whatever plays."""

from dataclasses import replace

import numpy as np
from jaxtyping import Float32

from facecraft4d.runtime.idle import MOODS
from facecraft4d.runtime.viewer.regions import limits, mirrored, partner
from facecraft4d.runtime.viewer.relaid import moved_over
from facecraft4d.toolkit.core.datatypes import Pose, Rig
from facecraft4d.toolkit.core.rigging import neutral_pose

JOINT_DEGREES = 45.0
"""How far a joint's slider goes to each side."""
EASE_SECONDS = 0.3
"""How long one emotion takes to lead over to another."""
SHARE_MOVED, MOST_RANDOM = 0.22, 0.85
"""Of a random face: how many expressions take part, and how far the strongest goes."""
OPPOSITES = (
    ("Left", "Right"),
    ("LookIn", "LookOut"),
    ("LookUp", "LookDown"),
    ("Smile", "Frown"),
    ("Blink", "Wide"),
    ("Pucker", "Stretch"),
)
"""A random face does not do both."""
NEVER_ALONE = ("mouthClose", "tongueOut")
"""Appearance wrong unless the jaw is open as well: a random face leaves them out."""


class Face:
    """Weights, turns of joints and an emotion. What it adds to a pose is nothing before the user moves something."""

    def __init__(self, rig: Rig, seed: int = 0) -> None:
        self.rig = rig
        rest = neutral_pose(rig)
        self.weights: Float32[np.ndarray, " k"] = rest.expression
        """By the rig's order of expressions."""
        self.degrees: Float32[np.ndarray, "j 3"] = rest.joint_rotations
        """Turns of the joints about x, y and z, by the rig's order of joints."""
        self.paired = True
        """Left and right move together."""
        self.emotion, self.strength = "neutral", 1.0
        self._felt = rest.expression.copy()
        self._random = np.random.default_rng(seed)
        ranges = np.array([limits(name) for name in rig.expression_names], np.float32).reshape(-1, 2)
        self._low, self._high = ranges.T

    def weight(self, name: str) -> float:
        """What its slider shows."""
        return float(self.weights[self._index(name)])

    def move(self, name: str, value: float) -> None:
        """Set an expression; with `paired` also the same one of the other side. Weights stay within `regions.limits`."""
        low, high = limits(name)
        self._set(name, min(max(value, low), high), self.paired)

    def turn(self, joint: str, axis: int, degrees: float) -> None:
        """Set a joint's turn about x, y or z (0, 1, 2)."""
        row = self.rig.joint_names.index(joint)
        self.degrees[row, axis] = min(max(degrees, -JOINT_DEGREES), JOINT_DEGREES)

    def take(self, pose: Pose) -> None:
        """Set all as in a pose, as it is: nothing is clamped."""
        self.weights[:] = pose.expression
        self.degrees[:] = np.degrees(pose.joint_rotations)

    def reset(self) -> None:
        """Everything at rest, and no emotion."""
        self.weights[:], self.degrees[:], self.emotion = 0.0, 0.0, "neutral"

    def randomise(self) -> None:
        """Another face of the seed's endless row: mostly alike on both sides, nothing against its opposite."""
        self.weights[:] = 0.0
        for name in self._random.permutation(np.array(self.rig.expression_names)).tolist():
            taken = self._random.random() < SHARE_MOVED and name not in NEVER_ALONE
            low, high = limits(name)
            value = self._random.uniform(max(low, -1.0), high) * MOST_RANDOM
            if taken and not any(self.weight(other) for other in self._against(name)):
                self._set(name, value, both=True)

    def mirror(self) -> None:
        """Left and right change places, turns too."""
        for name in self.rig.expression_names:
            twin = mirrored(name)
            if name < twin and twin in self.rig.expression_names:
                a, b = self._index(name), self._index(twin)
                self.weights[[a, b]] = self.weights[[b, a]]
        rows = [self._twin_joint(name) for name in self.rig.joint_names]
        self.degrees[:] = self.degrees[rows] * np.array([1, -1, -1], np.float32)

    def feel(self, emotion: str) -> None:
        """Choose one of idle.MOODS. ValueError for a name that is none."""
        if emotion not in MOODS:
            raise ValueError(f"emotion must be one of {', '.join(MOODS)}, got {emotion}")
        self.emotion = emotion

    def advance(self, elapsed: float) -> None:
        """Let the emotion lead over."""
        step = np.float32(elapsed / EASE_SECONDS)
        self._felt += np.clip(self._goal() - self._felt, -step, step)

    def added_to(self, pose: Pose) -> Pose:
        """The pose with the user's face on top. Weights stay within their limits, unless the pose or the user is beyond them alone."""
        if not (self.weights.any() or self.degrees.any() or self._felt.any()):
            return pose
        own = self.weights + self._felt
        low = np.minimum(np.minimum(self._low, self.weights), pose.expression)
        high = np.maximum(np.maximum(self._high, self.weights), pose.expression)
        return replace(
            pose,
            expression=np.clip(pose.expression + own, low, high),
            joint_rotations=pose.joint_rotations + np.radians(self.degrees).astype(np.float32),
        )

    def on(self, rig: Rig) -> "Face":
        """The same face on another rig, as far as it has the names."""
        other = Face(rig)
        other.paired, other.emotion, other.strength = self.paired, self.emotion, self.strength
        other._random = self._random
        mine = Pose(self.weights, self.degrees, np.zeros(3, np.float32))
        over = moved_over(mine, self.rig, rig)
        other.weights, other.degrees = over.expression, over.joint_rotations
        other._felt = moved_over(replace(mine, expression=self._felt), self.rig, rig).expression
        return other

    def _goal(self) -> np.ndarray:
        """Weights of the emotion at its strength."""
        goal = np.zeros_like(self.weights)
        for name, value in MOODS[self.emotion].face.items():
            if name in self.rig.expression_names:
                goal[self._index(name)] = value * self.strength
        return goal

    def _set(self, name: str, value: float, both: bool) -> None:
        self.weights[self._index(name)] = value
        if both and partner(name) in self.rig.expression_names:
            self.weights[self._index(partner(name))] = value

    def _against(self, name: str) -> list[str]:
        """What works against an expression on its own side; where a side is a direction, on the other."""
        others = [name.replace(a, b) for pair in OPPOSITES for a, b in (pair, pair[::-1]) if a in name]
        twin = name if partner(name) == name else mirrored(name)
        return [each for each in others if each in self.rig.expression_names and each not in (name, twin)]

    def _twin_joint(self, name: str) -> int:
        other = next((name.replace(a, b) for a, b in (("left", "right"), ("right", "left")) if name.endswith(a)), name)
        return self.rig.joint_names.index(other if other in self.rig.joint_names else name)

    def _index(self, name: str) -> int:
        return self.rig.expression_names.index(name)


def movable_joints(rig: Rig) -> tuple[str, ...]:
    """Joints after the root that move a vertex."""
    return tuple(name for row, name in enumerate(rig.joint_names) if row and rig.skin_weights[:, row].any())
