"""One face from frame to frame of a film or a camera."""

import numpy as np
from jaxtyping import UInt8

from facecraft4d.toolkit.landmarks.detector import FaceBox, FaceLandmarker, FaceLandmarks

PRESENCE = 0.5
"""How sure the network must be that what it follows is a face."""
SEARCH_FRAMES = 5
"""A frame without a face is searched as a whole, and then every fifth: it costs ten times as much as following one."""


class FaceFollower:
    """Finds the largest face and follows it; where it is lost, the largest one again."""

    def __init__(self, landmarker: FaceLandmarker) -> None:
        self._landmarker = landmarker
        self._box: FaceBox | None = None
        self._lost = 0

    def __call__(self, rgb: UInt8[np.ndarray, "h w 3"]) -> FaceLandmarks | None:
        """The face in the next frame, or None."""
        if self._box is None:
            boxes = self._landmarker.detect(rgb) if self._lost % SEARCH_FRAMES == 0 else []
            self._box = boxes[0] if boxes else None
        found = None if self._box is None else self._landmarker.landmarks(rgb, self._box)
        if found is None or found.presence < PRESENCE:
            self._box, self._lost = None, self._lost + 1
            return None
        self._box, self._lost = found.box, 0
        return found
