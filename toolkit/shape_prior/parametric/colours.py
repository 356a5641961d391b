"""What the parse of a portrait counts: colours in bins, and places beside the face."""

from dataclasses import dataclass

import cv2
import numpy as np
import scipy.ndimage
from jaxtyping import Float32, Float64, Shaped

from facecraft4d.toolkit.core.datatypes import Portrait
from facecraft4d.toolkit.landmarks.points import CHIN, FACE_SIDES, FOREHEAD, MOUTH

WORKING_SIZE = 256
"""Side in pixels of the picture that is parsed: strands and pores, which cut borders into crumbs, are gone at that size."""
HALF = 0.5
"""Alpha, or share, from which a pixel belongs to the person, or to a label."""
_BINS = (32, 32, 32)
"""Of the histograms over L, a and b."""
_FLOOR = 0.02
"""Part of every histogram that is spread over all colours: nothing is impossible."""
_SPREAD = 1.2
"""Bins over which histograms are smoothed."""

Bins = tuple[np.ndarray, np.ndarray, np.ndarray]


@dataclass(frozen=True, slots=True, eq=False)
class FaceFrame:
    """Where the face is in the picture of the working size."""

    points: Float64[np.ndarray, "478 2"]
    """Landmarks."""
    rows: Float64[np.ndarray, "w w"]
    """Middle of each pixel."""
    across: Float64[np.ndarray, "w w"]
    """From the face's middle, in halves of its width."""
    height: float
    """From the top of the forehead to the chin."""
    top: float
    """Row of the top of the forehead."""
    mouth: float

    @property
    def down(self) -> Float64[np.ndarray, "w w"]:
        """0 at the chin, -1 at the top of the forehead."""
        return np.asarray((self.rows - self.points[CHIN, 1]) / self.height)


def face_frame(portrait: Portrait) -> FaceFrame:
    """As the landmarks tell it."""
    points = portrait.landmarks[:, :2].astype(np.float64) * (WORKING_SIZE / portrait.image.shape[0])
    rows, columns = np.mgrid[:WORKING_SIZE, :WORKING_SIZE] + 0.5
    left, right = points[list(FACE_SIDES), 0]
    across = (columns - (left + right) / 2) / (abs(right - left) / 2)
    height = float(np.linalg.norm(points[CHIN] - points[FOREHEAD]))
    return FaceFrame(points, rows, across, height, float(points[FOREHEAD, 1]), float(points[MOUTH, 1]))


def shrunk(picture: Shaped[np.ndarray, "s s *c"]) -> Float32[np.ndarray, "w w *c"]:
    """A picture, or the share of a mask, at the working size."""
    shape = (WORKING_SIZE, WORKING_SIZE)
    return np.asarray(cv2.resize(picture.astype(np.float32), shape, interpolation=cv2.INTER_AREA))


def bins_of(picture: np.ndarray) -> Bins:
    """Bin of each pixel's lightness and of its two axes of colour."""
    lab = cv2.cvtColor(picture.astype(np.float32), cv2.COLOR_RGB2LAB)
    scaled = (lab - [0, -64, -64]) / [100, 128, 128] * _BINS
    index = scaled.astype(int).clip(0, np.array(_BINS) - 1)
    return index[..., 0], index[..., 1], index[..., 2]


def histogram(bins: Bins, weight: np.ndarray) -> Float64[np.ndarray, "32 32 32"]:
    """How often each colour is among the pixels of a weight; sums to 1."""
    counts = np.zeros(_BINS)
    np.add.at(counts, bins, weight)
    smooth = scipy.ndimage.gaussian_filter(counts, _SPREAD)
    return np.asarray((1 - _FLOOR) * smooth / max(float(smooth.sum()), 1e-9) + _FLOOR / np.prod(_BINS))
