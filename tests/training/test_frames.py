"""Frames of triangles on the device are numpy's, to the last bit on a processor."""

import numpy as np
import torch

from facecraft4d.toolkit.core.geometry import triangle_frames, wxyz_from_rotation
from facecraft4d.toolkit.training.frames import frames_of


def corners(rng: np.random.Generator) -> np.ndarray:
    """Triangles of a head, of every size and direction, in a corner of the world; some without area, some a point."""
    size = np.exp(rng.normal(-4, 2, (4000, 1, 1)))
    made = rng.normal(size=(4000, 3, 3)) * size + rng.normal(size=(4000, 1, 3))
    made[:200, 2] = made[:200, 1]
    made[200:300] = made[200:300, :1]
    turned = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0]], np.float64)
    made[300] = turned  # a half turn has quaternions of two signs
    made[301] = turned * [-1, 1, 1]
    return made.astype(np.float32)


def test_frames_are_numpys() -> None:
    triangles = corners(np.random.default_rng(5))
    found = frames_of(torch.from_numpy(triangles))
    rotations, scales, centroids = triangle_frames(triangles)
    wanted = rotations, wxyz_from_rotation(rotations), scales, centroids
    for name, tensor, array in zip(found._fields, found, wanted, strict=True):
        assert tensor.dtype == torch.float32
        assert np.array_equal(tensor.numpy(), array.astype(np.float32)), name
