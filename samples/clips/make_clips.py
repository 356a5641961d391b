"""Makes our own driving clips: ``python samples/clips/make_clips.py`` writes the eight CSV files beside this script.

A clip is a list of gestures. A gesture raises some channels from neutral to a peak and back on minimum-jerk curves (the smoothest
way from rest to rest; Flash and Hogan 1985), so every clip starts and ends at rest and loops without a jump. Where gestures of
one channel overlap, the stronger one shows.
"""

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from facecraft4d.exporters.expression_sets import VISEMES, both, gaze
from facecraft4d.toolkit.core.arkit import ARKIT_NAMES, JOINT_NAMES
from facecraft4d.toolkit.core.datatypes import Motion
from facecraft4d.toolkit.core.motion import COLUMNS, write_clip

FPS = 30.0


@dataclass(frozen=True)
class Gesture:
    """Channels that rise together from `start`, stay at their peaks and fall back; seconds."""

    start: float
    peaks: Mapping[str, float]
    rise: float = 0.25
    stay: float = 0.2
    fall: float = 0.35

    @property
    def end(self) -> float:
        """When everything is at rest again."""
        return self.start + self.rise + self.stay + self.fall

    def envelope(self, time: np.ndarray) -> np.ndarray:
        """0 at rest, 1 at the peak."""
        up = np.clip((time - self.start) / self.rise, 0, 1)
        down = np.clip((self.end - time) / self.fall, 0, 1)
        return minimum_jerk(np.minimum(up, down))


def minimum_jerk(u: np.ndarray) -> np.ndarray:
    """From 0 to 1 with speed and acceleration zero at both ends."""
    return np.asarray(u**3 * (10 - 15 * u + 6 * u * u))


def blink(start: float, value: float = 1.0) -> Gesture:
    """A spontaneous blink: closes in an eighth of a second, opens more slowly."""
    return Gesture(start, both("eyeBlink", value), rise=0.14, stay=0.03, fall=0.24)


SPEECH = "PP aa PP aa DD ih SS CH oh DD FF E TH kk ou PP oh CH ih ou DD aa SS"


def speech(sounds: str, start: float = 0.3) -> list[Gesture]:
    """Names of visemes at about six a second; neighbours overlap as in connected speech."""
    return [
        Gesture(start + 0.19 * index, VISEMES[name], rise=0.13, stay=0.05, fall=0.17)
        for index, name in enumerate(sounds.split())
    ]


def turn(start: float, neck: tuple[float, float, float], **timing: float) -> Gesture:
    """The head turns by `neck` (axis-angle, radians) and the eyes stay on what they look at; the trunk follows a little."""
    pitch, yaw, roll = neck
    peaks = {"neck_x": pitch, "neck_y": yaw, "neck_z": roll, "root_y": 0.12 * yaw, "root_x": 0.05 * pitch}
    peaks |= {f"eye_{side}_{axis}": -0.55 * v for side in ("left", "right") for axis, v in (("x", pitch), ("y", yaw))}
    return Gesture(start, peaks | {"translation_x": 0.015 * yaw, "translation_z": 0.01 * pitch}, **timing)


CLIPS: dict[str, list[Gesture]] = {
    "greeting": [
        turn(0.1, (0.03, 0.16, 0.04), rise=0.5, stay=0.5, fall=0.7),
        turn(2.0, (0.06, -0.13, -0.02), rise=0.5, stay=0.2, fall=0.8),
        Gesture(0.2, both("mouthSmile", 0.7) | both("cheekSquint", 0.35) | both("eyeSquint", 0.15), 0.5, 2.3, 0.8),
        Gesture(0.3, both("browOuterUp", 0.35) | {"browInnerUp": 0.3}, 0.3, 0.3, 0.5),
        *speech("E DD oh ou", start=1.0),
        blink(0.6),
        blink(2.9),
    ],
    "visemes": [*speech(SPEECH), blink(1.6), blink(3.7), Gesture(0.2, {"neck_x": 0.04, "neck_y": 0.05}, 1.2, 1.0, 1.6)],
    "blinks_gaze": [
        blink(0.2),
        Gesture(0.7, {"eyeBlinkLeft": 1.0, "cheekSquintLeft": 0.3}, 0.2, 0.15, 0.3),
        Gesture(1.35, {"eyeBlinkRight": 1.0, "cheekSquintRight": 0.3}, 0.2, 0.15, 0.3),
        Gesture(2.0, gaze(1.0, 0.0), 0.12, 0.3, 0.15),
        Gesture(2.55, gaze(-1.0, 0.0), 0.12, 0.3, 0.15),
        Gesture(3.1, gaze(0.0, 1.0) | both("browOuterUp", 0.25), 0.14, 0.3, 0.2),
        Gesture(3.7, gaze(0.0, -1.0) | both("eyeBlink", 0.25), 0.14, 0.3, 0.2),
        Gesture(4.3, both("eyeWide")),
        Gesture(4.95, both("eyeSquint") | both("cheekSquint", 0.3), 0.3, 0.2, 0.4),
    ],
    "brows": [
        Gesture(0.2, {"browInnerUp": 1.0}, 0.3, 0.3, 0.4),
        Gesture(1.1, both("browDown") | both("eyeSquint", 0.35), 0.3, 0.35, 0.4),
        Gesture(2.1, {"browOuterUpLeft": 1.0, "browDownRight": 0.5}, 0.3, 0.3, 0.35),
        Gesture(2.95, {"browOuterUpRight": 1.0, "browDownLeft": 0.5}, 0.3, 0.3, 0.35),
        Gesture(3.85, both("browOuterUp", 0.9) | {"browInnerUp": 0.9} | both("eyeWide", 0.5), 0.25, 0.35, 0.45),
        blink(1.9),
        blink(4.75),
    ],
    "smiles_frowns": [
        Gesture(0.2, both("mouthSmile") | both("cheekSquint", 0.5) | both("eyeSquint", 0.3), 0.45, 0.5, 0.6),
        Gesture(1.2, both("mouthUpperUp", 0.6) | both("mouthLowerDown", 0.3) | {"jawOpen": 0.15}, 0.15, 0.1, 0.3),
        Gesture(1.9, {"mouthSmileLeft": 1.0, "mouthDimpleLeft": 0.9}, 0.3, 0.2, 0.35),
        Gesture(2.75, {"mouthSmileRight": 1.0, "mouthDimpleRight": 0.9}, 0.3, 0.2, 0.35),
        Gesture(3.6, both("mouthFrown") | {"browInnerUp": 0.6, "mouthShrugLower": 0.4}, 0.4, 0.4, 0.5),
        Gesture(4.9, both("mouthStretch") | both("mouthLowerDown", 0.4), 0.3, 0.25, 0.4),
        blink(1.75),
        blink(4.65),
    ],
    "jaw": [
        Gesture(0.2, {"jawOpen": 1.0}, 0.4, 0.3, 0.4),
        Gesture(1.35, {"jawLeft": 1.0, "mouthLeft": 0.6}, 0.25, 0.15, 0.3),
        Gesture(2.0, {"jawRight": 1.0, "mouthRight": 0.6}, 0.25, 0.15, 0.3),
        Gesture(2.7, {"jawForward": 1.0}, 0.25, 0.15, 0.3),
        Gesture(3.4, {"jawOpen": 0.9, "mouthClose": 0.85}, 0.3, 0.25, 0.35),
        Gesture(4.3, {"jawOpen": 0.55, "tongueOut": 1.0} | both("mouthLowerDown", 0.3), 0.3, 0.25, 0.35),
        Gesture(5.2, {"jaw_x": 0.3, "jaw_y": 0.06}, 0.25, 0.1, 0.3),
        blink(1.25),
        blink(3.25),
    ],
    "cheeks_nose": [
        Gesture(0.2, {"cheekPuff": 1.0}, 0.35, 0.35, 0.35),
        Gesture(1.2, both("noseSneer") | both("mouthUpperUp", 0.9) | both("cheekSquint", 0.4), 0.3, 0.25, 0.35),
        Gesture(2.1, both("cheekSquint") | both("eyeSquint", 0.6), 0.3, 0.25, 0.4),
        Gesture(3.0, {"mouthLeft": 1.0, "noseSneerLeft": 0.5}, 0.25, 0.2, 0.3),
        Gesture(3.7, {"mouthRight": 1.0, "noseSneerRight": 0.5}, 0.25, 0.2, 0.3),
        Gesture(4.4, {"mouthShrugUpper": 1.0, "mouthShrugLower": 1.0}, 0.3, 0.2, 0.35),
        Gesture(5.15, both("mouthLowerDown") | {"jawOpen": 0.1}, 0.25, 0.15, 0.35),
        blink(2.0),
        blink(4.25),
    ],
    "head_turns": [
        turn(0.2, (0.0, 0.5, 0.0), rise=0.5, stay=0.2, fall=0.55),
        turn(1.3, (0.0, -0.5, 0.0), rise=0.5, stay=0.2, fall=0.55),
        turn(2.45, (0.28, 0.0, 0.0), rise=0.4, stay=0.15, fall=0.45),
        turn(3.35, (-0.25, 0.0, 0.0), rise=0.4, stay=0.15, fall=0.45),
        turn(4.25, (0.0, 0.08, 0.25), rise=0.4, stay=0.15, fall=0.45),
        turn(5.05, (0.0, -0.08, -0.25), rise=0.35, stay=0.1, fall=0.4),
        blink(1.2),
        blink(3.2),
    ],
}


def curve(gestures: list[Gesture], column: str, time: np.ndarray) -> np.ndarray:
    """One channel over time: at each moment the gesture that moves it the most."""
    values = [np.zeros_like(time), *(g.peaks[column] * g.envelope(time) for g in gestures if column in g.peaks)]
    stacked = np.stack(values)
    return np.asarray(np.take_along_axis(stacked, np.abs(stacked).argmax(0)[None], 0)[0])


def make_clip(name: str) -> Motion:
    """The gestures of `name` sampled at 30 fps, with a fifth of a second of rest at the end."""
    gestures = CLIPS[name]
    wrong = {column for gesture in gestures for column in gesture.peaks} - set(COLUMNS)
    if wrong:
        raise ValueError(f"gestures of {name} must move known columns, got {sorted(wrong)}")
    time = np.arange(round((max(gesture.end for gesture in gestures) + 0.2) * FPS) + 1) / FPS
    table = {column: curve(gestures, column, time) for column in COLUMNS[1:]}
    joints = [np.stack([table[f"{joint}_{axis}"] for axis in "xyz"], -1) for joint in JOINT_NAMES]
    return Motion(
        name=name,
        fps=FPS,
        expression_names=ARKIT_NAMES,
        expressions=np.stack([table[expression] for expression in ARKIT_NAMES], -1).astype(np.float32),
        joint_names=JOINT_NAMES,
        joint_rotations=np.stack(joints, 1).astype(np.float32),
        translations=np.stack([table[f"translation_{axis}"] for axis in "xyz"], -1).astype(np.float32),
    )


if __name__ == "__main__":
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent
    for clip_name in CLIPS:
        write_clip(folder / f"{clip_name}.csv", make_clip(clip_name))
