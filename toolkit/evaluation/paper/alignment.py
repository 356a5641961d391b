"""Faces as recognition networks are trained on them: five points lie at fixed places of a small square.

The places are those of InsightFace's models for pictures of 112 pixels (J. Deng et al. 2019): right eye, left eye, tip of the nose, right and left
corner of the mouth; right and left are the subject's.
"""

import cv2
import numpy as np
from jaxtyping import Float32, Float64, UInt8

from facecraft4d.toolkit.core.pixels import to_bytes

SIDE = 112
PLACES = np.array([[38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366], [41.5493, 92.3655], [70.7299, 92.2041]])
"""Pixels; the middle of the first is at 0."""


def similarity(points: Float64[np.ndarray, "n 2"], places: Float64[np.ndarray, "n 2"]) -> Float64[np.ndarray, "2 3"]:
    """The turn, scale and shift that bring points nearest to places in the sum of squares; nothing is mirrored (Umeyama 1991).

    ValueError for points that are all one.
    """
    middle, goal = points.mean(0), places.mean(0)
    (x, y), (u, v) = (points - middle).T, (places - goal).T
    size = float(x @ x + y @ y)
    if size <= 0:
        raise ValueError("points must not all be one")
    cosine, sine = float(x @ u + y @ v) / size, float(x @ v - y @ u) / size
    turn = np.array([[cosine, -sine], [sine, cosine]])
    return np.column_stack([turn, goal - turn @ middle])


def aligned(image: Float32[np.ndarray, "h w 3"], points: Float64[np.ndarray, "5 2"]) -> UInt8[np.ndarray, "112 112 3"]:
    """The face whose five points lie at `points`, in pixels with the middle of the first at one half; black beyond the picture."""
    matrix = similarity(points - 0.5, PLACES)
    return np.asarray(cv2.warpAffine(to_bytes(image), matrix, (SIDE, SIDE), flags=cv2.INTER_LINEAR), np.uint8)
