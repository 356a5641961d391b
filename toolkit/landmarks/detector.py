"""Faces, 478 landmarks and 52 ARKit scores from the MediaPipe face landmarker file, on any CPU.

The file is a zip of three TFLite networks and a canonical face. Detection looks at the whole picture first and at ever smaller
overlapping tiles after that, because the detector (128 pixels wide, made for phone portraits) overlooks small faces.
"""

import os
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from ai_edge_litert.interpreter import Interpreter
from jaxtyping import Float, Float32, UInt8

from facecraft4d.toolkit import weights
from facecraft4d.toolkit.core.checks import UserError
from facecraft4d.toolkit.landmarks.canonical import read_canonical
from facecraft4d.toolkit.landmarks.points import EYE_CORNERS, SCORE_POINTS

_DETECTOR_SIZE, _LANDMARK_SIZE = 128, 256
_DETECTION_SCORE, _PRESENCE = 0.5, 0.5
_TILE_SCORE = 0.7  # texture reaches 0.65 among thousands of tiles; faces that fill a third of a tile score above 0.8
_SMALLEST_TILE = 256
_HALVINGS_ALWAYS = 3
_CROP_FACTOR = 1.5
Image = UInt8[np.ndarray, "h w 3"]


@dataclass(frozen=True, slots=True, eq=False)
class FaceBox:
    """Where a face is: a square turned with the eye line."""

    center: Float[np.ndarray, "2"]
    size: float
    """Side in pixels."""
    roll: float
    """Radians by which the eye line is turned from the image's x axis towards its y axis."""
    score: float


@dataclass(frozen=True, slots=True, eq=False)
class FaceLandmarks:
    """What is known of one face."""

    landmarks: Float32[np.ndarray, "478 3"]
    """x, y in pixels of the photograph; z in the same unit, smaller is nearer."""
    expression: Float32[np.ndarray, "52"]
    """Scores in the order of ARKIT_NAMES, in [0, 1]."""
    presence: float
    """How sure the network is that this is a face, in [0, 1]."""
    box: FaceBox


@contextmanager
def _without_native_chatter() -> Iterator[None]:
    """Close the error stream to the interpreter's C++ code, which greets there and would tear the progress bar."""
    saved, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(saved, 2)
        os.close(saved)
        os.close(nowhere)


class LiteNetwork:
    """A TFLite network on one thread, so that the same input gives the same output."""

    def __init__(self, content: bytes) -> None:
        with _without_native_chatter():
            self._interpreter = Interpreter(model_content=content, num_threads=1)
            self._interpreter.allocate_tensors()
        self._input = self._interpreter.get_input_details()[0]["index"]
        self._outputs = [output["index"] for output in self._interpreter.get_output_details()]

    def __call__(self, batch: Float32[np.ndarray, "..."]) -> list[Float32[np.ndarray, "..."]]:
        """All outputs, in the network's order."""
        self._interpreter.set_tensor(self._input, batch)
        self._interpreter.invoke()
        return [self._interpreter.get_tensor(index) for index in self._outputs]


class FaceLandmarker:
    """Finds faces and their landmarks. `path` overrides the fetched file."""

    def __init__(self, path: Path | None = None) -> None:
        file = weights.path("face_landmarker", path)
        try:
            with zipfile.ZipFile(file) as bundle:
                self._detector = LiteNetwork(bundle.read("face_detector.tflite"))
                self._landmarks = LiteNetwork(bundle.read("face_landmarks_detector.tflite"))
                self._scores = LiteNetwork(bundle.read("face_blendshapes.tflite"))
                self.canonical = read_canonical(bundle.read("geometry_pipeline_metadata_landmarks.binarypb"))
        except (zipfile.BadZipFile, KeyError, ValueError) as error:
            raise UserError(f"{file}: expected a MediaPipe face_landmarker.task file, found something else") from error

    def __call__(self, rgb: Image) -> FaceLandmarks | None:
        """The largest face, or None."""
        boxes = self.detect(rgb)
        return self.landmarks(rgb, boxes[0]) if boxes else None

    def detect(self, rgb: Image) -> list[FaceBox]:
        """All faces, largest first. Tiles smaller than a quarter of the picture are searched only while no face is found."""
        found: list[FaceBox] = []
        for halvings in range(16):
            if halvings and (
                max(rgb.shape[:2]) >> halvings < _SMALLEST_TILE or (halvings >= _HALVINGS_ALWAYS and found)
            ):
                break
            candidates = _merged(self._detect_in_tiles(rgb, halvings))
            boxes = [self.landmarks(rgb, box) for box in candidates if not _covered(box, found)]
            for face in boxes:
                if face.presence > _PRESENCE and not _covered(face.box, found):
                    found.append(face.box)
        return sorted(found, key=lambda box: -box.size)

    def surest(self, rgb: Image) -> float:
        """Score of the surest face in the picture as a whole, 0 below the detector's threshold; cheap, for landmarks are not looked for."""
        return max((box.score for box in self._detect_in_tiles(rgb, 0)), default=0.0)

    def landmarks(self, rgb: Image, box: FaceBox) -> FaceLandmarks:
        """Landmarks and scores of the face in `box`; a second look from the first one's own box makes them independent of its fit."""
        points, presence = self._landmarks_in(rgb, box)
        refined = _box_around(points, box.score)
        points, presence = self._landmarks_in(rgb, refined)
        scores = self._scores(np.ascontiguousarray(points[None, SCORE_POINTS, :2], np.float32))[0].ravel()
        expression = np.clip(np.append(scores[1:], 0), 0, 1).astype(
            np.float32
        )  # drop _neutral; tongueOut is not scored
        return FaceLandmarks(points, expression, presence, refined)

    def _landmarks_in(self, rgb: Image, box: FaceBox) -> tuple[Float32[np.ndarray, "478 3"], float]:
        crop, photo_from_crop = _cut(rgb, box)
        outputs = self._landmarks(crop[None].astype(np.float32) / np.float32(255))
        raw = next(o for o in outputs if o.size == 478 * 3).reshape(478, 3)
        presence = next(o for o in outputs if o.shape == (1, 1, 1, 1)).item()
        xy = raw[:, :2] @ photo_from_crop[:, :2].T + photo_from_crop[:, 2]
        z = raw[:, 2:] * np.hypot(*photo_from_crop[:, 0])
        return np.concatenate([xy, z], 1).astype(np.float32), float(1 / (1 + np.exp(-presence)))

    def _detect_in_tiles(self, rgb: Image, halvings: int) -> list[FaceBox]:
        """Candidates from tiles of 1 / 2**halvings of the picture's longer side, half overlapping."""
        height, width = rgb.shape[:2]
        scale = (_DETECTOR_SIZE << halvings) / max(height, width)
        shape = max(1, round(width * scale)), max(1, round(height * scale))
        small = cv2.resize(rgb, shape, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
        small = np.pad(small, [(0, -small.shape[0] % 64), (0, -small.shape[1] % 64), (0, 0)])
        boxes = []
        for y in range(0, max(small.shape[0] - 64, 1), 64):
            for x in range(0, max(small.shape[1] - 64, 1), 64):
                boxes += [_scaled(box, (x, y), scale) for box in self._detect_in_tile(small[y : y + 128, x : x + 128])]
        return [box for box in boxes if box.score > (_TILE_SCORE if halvings else _DETECTION_SCORE)]

    def _detect_in_tile(self, tile: Image) -> list[FaceBox]:
        padded = np.zeros((_DETECTOR_SIZE, _DETECTOR_SIZE, 3), np.float32)
        padded[: tile.shape[0], : tile.shape[1]] = tile / np.float32(127.5) - 1
        outputs = self._detector(padded[None])
        regressed, logits = sorted(outputs, key=lambda o: -o.size)
        score = 1 / (1 + np.exp(-np.clip(logits.ravel(), -80, 80)))
        boxes = []
        for index in np.flatnonzero(score > _DETECTION_SCORE):
            offset, extent, right_eye, left_eye = regressed[0, index].reshape(8, 2)[:4].astype(np.float64)
            dx, dy = left_eye - right_eye
            boxes.append(
                FaceBox(offset + _ANCHORS[index], float(extent.max()), float(np.arctan2(dy, dx)), float(score[index]))
            )
        return boxes


def _anchors() -> Float[np.ndarray, "896 2"]:
    """Centres that the detector's boxes are relative to: 2 on each cell of stride 8, 6 on each of stride 16."""
    grids = []
    for stride, copies in ((8, 2), (16, 6)):
        centres = np.arange(stride / 2, _DETECTOR_SIZE, stride)
        grids.append(np.repeat(np.stack(np.meshgrid(centres, centres), -1).reshape(-1, 2), copies, 0))
    return np.concatenate(grids)


_ANCHORS = _anchors()


def _scaled(box: FaceBox, corner: tuple[int, int], scale: float) -> FaceBox:
    """From tile pixels to photograph pixels."""
    return FaceBox((box.center + corner) / scale, box.size / scale, box.roll, box.score)


def _covered(box: FaceBox, others: list[FaceBox]) -> bool:
    """True if a face is already known here."""
    return any(np.abs(box.center - other.center).max() < 0.5 * max(box.size, other.size) for other in others)


def _merged(boxes: list[FaceBox]) -> list[FaceBox]:
    """Non-maximum suppression: the surest box of each heap, averaged with those of about its size by their scores."""
    rest, merged = sorted(boxes, key=lambda box: -box.score), []
    while rest:
        best = rest[0]
        near = [b for b in rest if np.abs(b.center - best.center).max() < 0.5 * best.size]
        heap = [b for b in near if 0.7 < b.size / best.size < 1.4]
        share = np.array([b.score for b in heap]) / sum(b.score for b in heap)
        center, size = share @ np.stack([b.center for b in heap]), float(share @ [b.size for b in heap])
        merged.append(FaceBox(center, size, best.roll, best.score))
        rest = [b for b in rest if not any(b is n for n in near)]
    return merged


def _box_around(points: Float32[np.ndarray, "478 3"], score: float) -> FaceBox:
    """The upright-in-its-own-frame bounding square of the landmarks."""
    corners = points[list(EYE_CORNERS), :2].astype(np.float64)
    dx, dy = corners[2:].mean(0) - corners[:2].mean(0)
    roll = float(np.arctan2(dy, dx))
    image_from_face = np.array([[np.cos(roll), -np.sin(roll)], [np.sin(roll), np.cos(roll)]])
    local = points[:, :2] @ image_from_face
    low, high = local.min(0), local.max(0)
    return FaceBox(image_from_face @ ((low + high) / 2), float((high - low).max()), roll, score)


def _cut(rgb: Image, box: FaceBox) -> tuple[UInt8[np.ndarray, "s s 3"], Float[np.ndarray, "2 3"]]:
    """The enlarged, upright face for the landmark network, and the map photo_from_crop.

    A large face is shrunk by area averaging first: plain bilinear sampling would alias.
    """
    side = box.size * _CROP_FACTOR
    shrink = max(1, int(side / (1.5 * _LANDMARK_SIZE)))
    low = np.maximum(np.floor(box.center - side).astype(int), 0)
    high = np.minimum(np.ceil(box.center + side).astype(int), rgb.shape[1::-1])
    part = rgb[low[1] : max(high[1], low[1] + 1), low[0] : max(high[0], low[0] + 1)]
    if part.size == 0:
        part, low = rgb, np.zeros(2, int)
    size = max(1, part.shape[1] // shrink), max(1, part.shape[0] // shrink)
    ratio = np.array(part.shape[1::-1]) / size
    part = cv2.resize(part, size, interpolation=cv2.INTER_AREA) if shrink > 1 else part
    cosine, sine = np.cos(box.roll), np.sin(box.roll)
    linear = side / _LANDMARK_SIZE * np.array([[cosine, -sine], [sine, cosine]])
    photo_from_crop = np.column_stack([linear, box.center - linear @ np.full(2, _LANDMARK_SIZE / 2)])
    # cv2 counts pixel centres from 0, we from 0.5
    part_from_crop = photo_from_crop.copy()
    part_from_crop[:, 2] += linear @ np.full(2, 0.5) - low
    part_from_crop = part_from_crop / ratio[:, None] - np.array([[0, 0, 0.5]])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    shape = (_LANDMARK_SIZE, _LANDMARK_SIZE)
    crop = cv2.warpAffine(part, part_from_crop, shape, flags=flags, borderMode=cv2.BORDER_REPLICATE)
    return crop, photo_from_crop
