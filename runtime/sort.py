"""The order in which splats are drawn: farthest first, by camera z of their centres."""

from concurrent.futures import Future, ThreadPoolExecutor
from typing import Protocol, runtime_checkable

import numpy as np

from facecraft4d.toolkit.core.datatypes import Camera
from facecraft4d.toolkit.splatting.cpu import depth_order


def camera_depths(means: np.ndarray, camera: Camera) -> np.ndarray:
    """Camera z [n] of points [n, 3], metres, float32."""
    row = camera.camera_from_world[2].astype(np.float32)
    return np.asarray(means @ row[:3] + row[3])


def descending(depths: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Those of the `rows` from the deepest to the nearest.

    The rasteriser's radix sort takes a third of the time of numpy's vectorised one (50 000 splats: 0.6 and 2 ms).
    """
    return np.asarray(rows[depth_order(-depths[rows])])


def back_to_front(means: np.ndarray, camera: Camera, near: float) -> np.ndarray:
    """Indices of the splats at camera z >= `near`, farthest first (int, as many as are in front of the camera)."""
    depths = camera_depths(means, camera)
    return descending(depths, np.flatnonzero(depths >= near))


@runtime_checkable
class SplatOrder(Protocol):
    """Finds the drawing order frame by frame."""

    def __call__(self, means: np.ndarray, camera: Camera) -> np.ndarray:
        """Indices of splats, back to front."""
        ...

    def close(self) -> None:
        """End what runs beside."""
        ...


class ExactOrder:
    """Sorts before the frame is drawn."""

    def __call__(self, means: np.ndarray, camera: Camera) -> np.ndarray:
        """As `SplatOrder` says."""
        return back_to_front(means, camera, 0.0)

    def close(self) -> None:
        """Nothing runs beside."""


class LateOrder:
    """Sorts beside the drawing: each frame is drawn in the order of the frame before, never of an older one.

    For cards so quick, and splats so many, that sorting first would halve the frame rate. Whoever asks too early waits.
    """

    def __init__(self) -> None:
        self._worker = ThreadPoolExecutor(1, "sort")
        self._next: tuple[int, Future[np.ndarray]] | None = None

    def __call__(self, means: np.ndarray, camera: Camera) -> np.ndarray:
        """As `SplatOrder` says, one call late but for the first call and for another number of splats."""
        begun = len(means), self._worker.submit(descending, camera_depths(means, camera), np.arange(len(means)))
        due = begun if self._next is None or self._next[0] != len(means) else self._next
        self._next = begun
        return due[1].result()

    def close(self) -> None:
        """End the worker."""
        self._worker.shutdown(wait=True, cancel_futures=True)
