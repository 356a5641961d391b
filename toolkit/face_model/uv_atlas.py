"""Lays texture islands out anew, so that the head fills the picture and every part has the texels it deserves."""

import numpy as np
from jaxtyping import Float32, Float64, Int

from facecraft4d.toolkit.core.geometry import triangle_areas
from facecraft4d.toolkit.meshes.graph import parts

MARGIN = 0.006
"""Free space around each island, as a fraction of the picture."""


def pack_islands(
    triangles: Int[np.ndarray, "f 3"],
    corner_uvs: Float64[np.ndarray, "f 3 2"],
    vertices: Float64[np.ndarray, "v 3"],
    density: Float64[np.ndarray, " f"],
) -> Float32[np.ndarray, "f 3 2"]:
    """Texture coordinates with the origin at the top left. `corner_uvs` has it at the bottom left.

    Each island keeps its shape (turned to lie flat) and gets a size by its surface times the mean `density` of its triangles,
    then islands stand in rows, tallest first.
    """
    numbers = islands(corner_uvs)
    area = 2 * triangle_areas(vertices[triangles])
    shapes = []
    for island in range(numbers.max() + 1):
        inside = numbers == island
        uv = corner_uvs[inside] * [1, -1]
        uv = uv - uv.min((0, 1))
        if uv[..., 1].max() > uv[..., 0].max():
            uv = np.stack([uv[..., 1].max() - uv[..., 1], uv[..., 0]], -1)
        first, second = uv[:, 1] - uv[:, 0], uv[:, 2] - uv[:, 0]
        plane = np.abs(first[:, 0] * second[:, 1] - first[:, 1] * second[:, 0]).sum()
        shapes.append(uv * np.sqrt((area * density)[inside].sum() / plane))
    sizes = np.array([uv.max((0, 1)) for uv in shapes])
    scale, corners = _largest_packing(sizes)
    packed = np.zeros(corner_uvs.shape, np.float32)
    for island, uv in enumerate(shapes):
        packed[numbers == island] = uv * scale + corners[island]
    return packed


def islands(corner_uvs: Float64[np.ndarray, "f 3 2"]) -> Int[np.ndarray, " f"]:
    """Number of the connected texture island of each triangle."""
    _, corner = np.unique(corner_uvs.reshape(-1, 2).round(9), axis=0, return_inverse=True)
    corner = corner.reshape(-1, 3)
    labels = parts(corner, int(corner.max()) + 1)
    return np.asarray(np.unique(labels[corner[:, 0]], return_inverse=True)[1])


def _largest_packing(sizes: Float64[np.ndarray, "n 2"]) -> tuple[float, Float64[np.ndarray, "n 2"]]:
    """The largest scale at which the boxes fit into the unit square, and their corners."""
    low, high = 0.0, 1 / sizes.max()
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (low, middle) if _rows(sizes * middle) is None else (middle, high)
    corners = _rows(sizes * low)
    if corners is None:
        raise ValueError(f"{len(sizes)} texture islands do not fit")
    return low, corners


def _rows(sizes: Float64[np.ndarray, "n 2"]) -> Float64[np.ndarray, "n 2"] | None:
    """Corners of boxes in rows, tallest first; None if they leave the unit square."""
    corners = np.zeros_like(sizes)
    x, y, height = MARGIN, MARGIN, 0.0
    for box in np.argsort(-sizes[:, 1], kind="stable"):
        wide, tall = sizes[box]
        if x + wide + MARGIN > 1:
            x, y, height = MARGIN, y + height + MARGIN, 0.0
        if x + wide + MARGIN > 1 or y + tall + MARGIN > 1:
            return None
        corners[box] = x, y
        x, height = x + wide + MARGIN, max(height, tall)
    return corners
