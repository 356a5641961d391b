"""What the landmark network sees in the pictures of all time steps and views, and each time step as a fit is given it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Bool, Float32, Float64, UInt8

from facecraft4d.toolkit.core.arkit import ARKIT_NAMES
from facecraft4d.toolkit.core.datatypes import Camera, FrameSet
from facecraft4d.toolkit.core.stages import Progress, Report
from facecraft4d.toolkit.fitting.landmarks import LANDMARK_SIGMA
from facecraft4d.toolkit.fitting.moving import frontal
from facecraft4d.toolkit.fitting.observation import Observation, Observations, Segments
from facecraft4d.toolkit.images import read_frame
from facecraft4d.toolkit.landmarks import FaceBox, FaceLandmarker
from facecraft4d.toolkit.landmarks.lids import SHUT, SLACK, openings
from facecraft4d.toolkit.landmarks.points import FACE_SIDES

PRESENCE = 0.5
"""How sure the network must be that what it follows is a face."""
OPEN_PERCENTILE = 90
"""Of the openings of a lid over time: that of the open eye."""
BLINKS = [ARKIT_NAMES.index("eyeBlinkLeft"), ARKIT_NAMES.index("eyeBlinkRight")]
SOLID = 0.5
"""Alpha from which a pixel is the person's."""


@runtime_checkable
class Pictures(Protocol):
    """A view x time set of pictures."""

    @property
    def cameras(self) -> tuple[Camera, ...]: ...

    @property
    def count(self) -> int:
        """Time steps."""
        ...

    def rgba(self, view: int, step: int) -> Float32[np.ndarray, "h w 4"]:
        """A picture on white with its matte; `view` counts the cameras."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class StageFrames:
    """The pictures of a video prior."""

    frames: FrameSet
    most_steps: int | None = None

    @property
    def cameras(self) -> tuple[Camera, ...]:
        return self.frames.cameras

    @property
    def count(self) -> int:
        """As many as the first view has, or as are asked for."""
        folder = self.frames.path(self.frames.view_indices[0], 0).parent
        found = len(list(folder.glob("frame_*.png")))
        return found if self.most_steps is None else min(found, self.most_steps)

    def rgba(self, view: int, step: int) -> Float32[np.ndarray, "h w 4"]:
        pixels = read_frame(self.frames.path(self.frames.view_indices[view], step))
        return np.asarray(pixels, np.float32) / 255


@dataclass(frozen=True, slots=True, eq=False)
class Sightings:
    """What the network saw."""

    landmarks: Float32[np.ndarray, "t v 478 3"]
    """Pixels; z in the same unit."""
    scores: Float32[np.ndarray, "t v 52"]
    seen: Bool[np.ndarray, "t v"]
    """Where it saw a face."""


def look(pictures: Pictures, landmarker: FaceLandmarker, report: Report) -> Sightings:
    """Landmarks and scores of the largest face in every picture; a view's face is followed from step to step."""
    steps, views = pictures.count, len(pictures.cameras)
    landmarks = np.zeros((steps, views, 478, 3), np.float32)
    scores, seen = np.zeros((steps, views, len(ARKIT_NAMES)), np.float32), np.zeros((steps, views), bool)
    for view in range(views):
        box: FaceBox | None = None
        for step in range(steps):
            rgb = np.rint(255 * pictures.rgba(view, step)[..., :3]).astype(np.uint8)
            found = _face(landmarker, np.ascontiguousarray(rgb), box)
            box = None
            if found is not None:
                landmarks[step, view], scores[step, view], box = found
                seen[step, view] = True
            report(Progress("tracking", view * steps + step + 1, views * steps, "landmarks"))
    return Sightings(landmarks, scores, seen)


def relative(
    sightings: Sightings,
    landmarker: FaceLandmarker,
    stills: Sequence[UInt8[np.ndarray, "h w 3"]],
    expected: Sequence[Float64[np.ndarray, "478 2"]],
) -> Sightings:
    """The sightings without what the network sees otherwise than the head is, told from a still picture of each view, whose landmarks are `expected`.

    A network sees eyes behind glasses, or brows under hair, where they are on most people; as far off as in every frame.
    """
    landmarks = sightings.landmarks.copy()
    for view, (still, there) in enumerate(zip(stills, expected, strict=True)):
        found = _face(landmarker, still, None)
        if found is not None:
            landmarks[sightings.seen[:, view], view, :, :2] -= (found[0][:, :2] - there).astype(np.float32)
    return replace(sightings, landmarks=landmarks)


def _face(
    landmarker: FaceLandmarker, rgb: UInt8[np.ndarray, "h w 3"], box: FaceBox | None
) -> tuple[np.ndarray, np.ndarray, FaceBox] | None:
    if box is None:
        boxes = landmarker.detect(rgb)
        if not boxes:
            return None
        box = boxes[0]
    found = landmarker.landmarks(rgb, box)
    return (found.landmarks, found.expression, found.box) if found.presence >= PRESENCE else None


def step_scores(sightings: Sightings, cameras: tuple[Camera, ...]) -> Float64[np.ndarray, "t 52"]:
    """The expression of each step as the network sees it, frontal views first; lids by the opening of the eyes, too. 0 where no view shows a face."""
    trust = sightings.seen * np.array([frontal(camera) ** 4 for camera in cameras])
    total = np.maximum(trust.sum(1), 1e-9)
    scores = np.einsum("tv,tvk->tk", trust, sightings.scores.astype(np.float64)) / total[:, None]
    opened = np.array([[openings(points) for points in step] for step in sightings.landmarks])
    opened = np.einsum("tv,tve->te", trust, opened) / total[:, None]
    some = np.asarray(sightings.seen.any(1))
    if some.any():
        widest = np.maximum(np.percentile(opened[some], OPEN_PERCENTILE, 0), 1e-6)
        down = np.clip((1 - opened / widest - SLACK) / (SHUT - SLACK), 0, 1) * some[:, None]
        scores[:, BLINKS] = np.maximum(scores[:, BLINKS], down)
    return np.asarray(scores)


def on_names(scores: Float64[np.ndarray, "t 52"], names: tuple[str, ...]) -> Float64[np.ndarray, "t k"]:
    """Scores in the order of a rig's expressions; 0 for those that are none of ARKit's."""
    found = np.zeros((len(scores), len(names)))
    for index, name in enumerate(names):
        if name in ARKIT_NAMES:
            found[:, index] = scores[:, ARKIT_NAMES.index(name)]
    return found


def observations(pictures: Pictures, sightings: Sightings, step: int, whole: bool) -> Observations:
    """One time step's pictures. `whole`: the figure has all that the mattes show; else hair and clothes may reach beyond it."""
    return tuple(
        _observation(camera, pictures.rgba(view, step), sightings, (step, view), whole)
        for view, camera in enumerate(pictures.cameras)
    )


def _observation(
    camera: Camera, rgba: Float32[np.ndarray, "h w 4"], sightings: Sightings, at: tuple[int, int], whole: bool
) -> Observation:
    matte, nothing = np.asarray(rgba[..., 3] > SOLID), np.zeros(rgba.shape[:2], bool)
    points = sightings.landmarks[at].astype(np.float64)
    width = float(np.linalg.norm(points[FACE_SIDES[0]] - points[FACE_SIDES[1]]))
    return Observation(
        camera=camera,
        image=np.ascontiguousarray(rgba[..., :3]),
        segments=Segments(matte, nothing, nothing) if whole else Segments(nothing, matte, nothing),
        sigma=LANDMARK_SIGMA * width if sightings.seen[at] else 1.0,
        landmarks=points[:, :2] if sightings.seen[at] else None,
    )
