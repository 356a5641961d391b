"""How far the lids are down, by the opening of the eyes: the expression network alone says a half where they are shut.

The height of the opening over its width (Soukupova and Cech 2016, "Real-time eye blink detection using facial landmarks"), against the person's
own open eye.
"""

import numpy as np
from jaxtyping import Float, Float32

CORNERS = ((263, 362), (33, 133))
"""Outer and inner, of the left and the right eye."""
LIDS = (((386, 374), (385, 380), (387, 373)), ((159, 145), (158, 153), (160, 144)))
"""Upper and lower, of both eyes, about their middle."""
SLACK, SHUT = 0.1, 0.75
"""How much of the open eye's height it may lose and still count as open, and how much a shut one has lost."""
FORGETTING = 0.004
"""How much of the way to what is seen the open eye's height goes in a frame when it is less: ten seconds bring a new one."""


class Lids:
    """Remembers the open eye."""

    def __init__(self) -> None:
        self._open = np.zeros(2)

    def __call__(self, landmarks: Float32[np.ndarray, "478 3"]) -> Float[np.ndarray, "2"]:
        """Weights of eyeBlinkLeft and eyeBlinkRight, 0 to 1."""
        seen = openings(landmarks)
        self._open += np.where(seen > self._open, 1.0, FORGETTING) * (seen - self._open)
        return np.asarray(np.clip((1 - seen / np.maximum(self._open, 1e-6) - SLACK) / (SHUT - SLACK), 0, 1))


def openings(landmarks: Float32[np.ndarray, "478 3"]) -> Float[np.ndarray, "2"]:
    """Height over width of the left and the right eye's opening."""
    points = landmarks.astype(np.float64)
    heights = [np.mean([np.linalg.norm(points[a] - points[b]) for a, b in pairs]) for pairs in LIDS]
    widths = [np.linalg.norm(points[a] - points[b]) for a, b in CORNERS]
    return np.array(heights) / np.maximum(widths, 1e-6)
