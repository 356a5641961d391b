"""Follows one face from frame to frame: its expression and how the head is turned."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, UInt8

from facecraft4d.toolkit.core.arkit import ARKIT_NAMES, JOINT_NAMES
from facecraft4d.toolkit.core.checks import UserError
from facecraft4d.toolkit.core.datatypes import Motion
from facecraft4d.toolkit.core.geometry import axis_angle_from_wxyz, wxyz_from_rotation
from facecraft4d.toolkit.core.stages import UNKNOWN, Progress, Report
from facecraft4d.toolkit.core.tables import on_frame_grid
from facecraft4d.toolkit.landmarks import FaceFollower, FaceLandmarker, head_rotation
from facecraft4d.toolkit.landmarks.lids import Lids

SIDE = 960
"""Pixels of a frame's longer side that are looked at: a face of a third of it is as large as the network's own input."""
FRONT = np.diag([1.0, -1.0, -1.0])
"""camera_from_head rotation of who looks into the camera."""

BLINKS = [ARKIT_NAMES.index("eyeBlinkLeft"), ARKIT_NAMES.index("eyeBlinkRight")]

Image = UInt8[np.ndarray, "h w 3"]


@dataclass(frozen=True, slots=True, eq=False)
class SeenFace:
    """What one frame shows."""

    weights: Float[np.ndarray, "52"]
    """In the order of ARKIT_NAMES, 0 to 1. The network does not see tongues: tongueOut is 0."""
    turn: Float[np.ndarray, "3"]
    """Of the head against the camera: axis-angle, radians, world frame."""


class FaceTracker:
    """Finds the largest face and follows it; where it is lost, the largest one again."""

    def __init__(self, landmarker: FaceLandmarker | None = None) -> None:
        self._landmarker = landmarker or FaceLandmarker()
        self._follow, self._lids = FaceFollower(self._landmarker), Lids()

    def __call__(self, rgb: Image) -> SeenFace | None:
        """The face in the next frame, or None."""
        found = self._follow(rgb)
        if found is None:
            return None
        turn = FRONT @ head_rotation(found.landmarks, self._landmarker.canonical)
        axis_angle = axis_angle_from_wxyz(wxyz_from_rotation(turn))
        weights = found.expression.astype(np.float64)
        weights[BLINKS] = np.maximum(weights[BLINKS], self._lids(found.landmarks))
        return SeenFace(weights, np.asarray(axis_angle, np.float64))


@dataclass(frozen=True, slots=True, eq=False)
class Track:
    """A film's face over time."""

    motion: Motion
    seen: Bool[np.ndarray, " t"]
    """Whether each frame showed a face; the others are filled from their neighbours."""

    @property
    def note(self) -> str:
        """What the user should know of frames without a face; empty where all show one."""
        lost = int((~self.seen).sum())
        if not lost:
            return ""
        longest = max(len(run) for run in "".join(" " if seen else "x" for seen in self.seen).split())
        return (
            f"{lost} of {len(self.seen)} frames show no face (at most {longest} in a row); filled from their neighbours"
        )


def tracked(frames: Iterable[tuple[float, Image]], name: str, report: Report) -> Track:
    """The face in frames with their times (seconds), raw: as the network sees it. UserError where fewer than two show one."""
    tracker, times, rows = FaceTracker(), list[float](), list[np.ndarray]()
    for number, (seconds, rgb) in enumerate(frames, 1):
        face = tracker(rgb)
        times.append(seconds)
        rows.append(np.full(55, np.nan) if face is None else np.concatenate((face.weights, face.turn)))
        report(Progress("capture", number, UNKNOWN, "no face" if face is None else ""))
    if len(rows) < 2:
        raise UserError(f"{name}: expected a video of at least two frames, found {len(rows)}")
    seen = ~np.isnan(np.stack(rows)[:, 0])
    if seen.sum() < 2:
        raise UserError(
            f"{name}: expected a face, found none in {len(rows)} frames; it should be large, and in even light"
        )
    fps, table = on_frame_grid(name, np.array(times), _filled(np.array(times), np.stack(rows), seen))
    return Track(_motion(name, fps, table), seen)


def _filled(times: np.ndarray, rows: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """The rows, those without a face on a line between their neighbours."""
    return np.stack([np.interp(times, times[seen], column[seen]) for column in rows.T], -1)


def _motion(name: str, fps: float, table: np.ndarray) -> Motion:
    turns = np.zeros((len(table), len(JOINT_NAMES), 3), np.float32)
    turns[:, JOINT_NAMES.index("neck")] = table[:, 52:]
    still = np.zeros((len(table), 3), np.float32)
    return Motion(name, fps, ARKIT_NAMES, table[:, :52].astype(np.float32), JOINT_NAMES, turns, still)
