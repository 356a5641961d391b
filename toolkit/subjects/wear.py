"""What a synthetic subject wears: a hair cap, long hair, a hat, glasses. Meshes around the default head's own, at rest."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Float32, Int32
from scipy.spatial import cKDTree

from facecraft4d.toolkit.core.geometry import normalized, vertex_normals
from facecraft4d.toolkit.meshes.graph import border, directed_edges

SEAM = 1.1
"""A chart around the head goes on for this many turns, so that triangles across its seam stay whole."""


class Part(NamedTuple):
    """A mesh that rides on the neck."""

    vertices: Float32[np.ndarray, "v 3"]
    triangles: Int32[np.ndarray, "f 3"]
    corner_uvs: Float32[np.ndarray, "f 3 2"]
    """In the part's own chart, [0, 1]."""


def subdivided(
    vertices: Float[np.ndarray, "v 3"], triangles: Int32[np.ndarray, "f 3"]
) -> tuple[np.ndarray, np.ndarray]:
    """Every triangle as four; vertices that no triangle names are dropped."""
    used, compact = np.unique(triangles, return_inverse=True)
    corners = compact.reshape(-1, 3)
    edges = np.sort(directed_edges(corners), 1)
    pairs, which = np.unique(edges, axis=0, return_inverse=True)
    ab, bc, ca = which.reshape(3, -1) + len(used)
    a, b, c = corners.T
    points = vertices[used]
    finer = [np.stack(each, 1) for each in ((a, ab, ca), (ab, b, bc), (ca, bc, c), (ab, bc, ca))]
    return np.concatenate([points, points[pairs].mean(1)]), np.concatenate(finer).astype(np.int32)


def cap(
    vertices: Float32[np.ndarray, "v 3"],
    triangles: Int32[np.ndarray, "f 3"],
    thickness: float,
    rise: float,
    waves: float = 0.0,
) -> Part:
    """A sheet over `triangles` that rises from their border to `thickness` within `rise` (metres), `waves` of that uneven."""
    points, finer = subdivided(vertices, triangles)
    distance = cKDTree(points[border(finer)]).query(points)[0]
    height = thickness * np.clip(distance / rise, 0, 1) ** 0.5 - 0.001
    azimuth = np.arctan2(points[:, 0], points[:, 2])
    height *= 1 + waves * np.sin(7 * azimuth + 40 * points[:, 1]) * np.clip(distance / 0.03, 0, 1)
    lifted = (points + height[:, None] * vertex_normals(points, finer)).astype(np.float32)
    return Part(lifted, finer, _around(lifted, finer))


def _around(vertices: Float32[np.ndarray, "v 3"], triangles: Int32[np.ndarray, "f 3"]) -> Float32[np.ndarray, "f 3 2"]:
    """Azimuth and polar angle about the middle of the head; the seam is at the back."""
    offset = vertices - [0, 0.03, -0.01]
    across = np.arctan2(offset[:, 0], offset[:, 2]) / (2 * np.pi) + 0.5
    down = np.arccos(np.clip(normalized(offset)[:, 1], -1, 1)) / np.pi
    uv = np.stack([across, down], -1)[triangles]
    wraps = np.ptp(uv[..., 0], axis=1) > 0.5
    uv[..., 0] += wraps[:, None] & (uv[..., 0] < 0.5)
    return np.asarray(uv / [SEAM, 1], np.float32)


def grid(points: Float[np.ndarray, "r c 3"], closed: bool) -> Part:
    """A sheet over rows and columns of points; `closed` joins the last column to the first."""
    rows, columns = points.shape[:2]
    r, c = np.meshgrid(np.arange(rows - 1), np.arange(columns if closed else columns - 1), indexing="ij")
    halves = (((0, 0), (1, 0), (1, 1)), ((0, 0), (1, 1), (0, 1)))
    corners = [(r + down, c + right) for half in halves for down, right in half]
    index = np.stack([down * columns + right % columns for down, right in corners], -1)
    chart = np.stack([np.stack([right / columns, down / rows], -1) for down, right in corners], -2)
    triangles = np.concatenate([index[..., :3].reshape(-1, 3), index[..., 3:].reshape(-1, 3)])
    uvs = np.concatenate([chart[..., :3, :].reshape(-1, 3, 2), chart[..., 3:, :].reshape(-1, 3, 2)])
    return Part(points.reshape(-1, 3).astype(np.float32), triangles.astype(np.int32), uvs.astype(np.float32))


def curtain(low: float) -> Part:
    """Long hair that hangs from above the ears around the back, down to the height `low` (metres)."""
    heights, angles = np.linspace(0.085, low, 18), np.radians(np.linspace(62, 298, 48))
    y, angle = np.meshgrid(heights, angles, indexing="ij")
    share = np.clip((0.085 - y) / 0.08, 0, 1)
    wide = 0.062 + 0.034 * share * (2 - share) + 0.005 * share * np.sin(5 * angle + 30 * y)
    deep = wide + 0.012
    return grid(np.stack([wide * np.sin(angle), y, deep * np.cos(angle) - 0.015], -1), closed=False)


def tube(path: Float[np.ndarray, "n 3"], radius: float, closed: bool, sides: int = 6) -> Part:
    """A round bar of `radius` metres along a path in a plane that +Y or +Z does not contain as a direction of travel."""
    along = np.roll(path, -1, 0) - np.roll(path, 1, 0) if closed else np.gradient(path, axis=0)
    along = normalized(along)
    helper = np.where(np.abs(along[:, 2:]) > 0.8, [[0.0, 1.0, 0.0]], [[0.0, 0.0, 1.0]])
    first = normalized(np.cross(along, helper))
    second = np.cross(along, first)
    turn = np.arange(sides) * 2 * np.pi / sides
    ring = first[:, None] * np.cos(turn)[:, None] + second[:, None] * np.sin(turn)[:, None]
    points = path[:, None] + radius * ring
    return grid(np.concatenate([points, points[:1]]) if closed else points, closed=True)


def glasses(eyes: Float[np.ndarray, "2 3"], front: float) -> Part:
    """Rims around both eyes (left, right) in the plane z = `front`, a bridge and temples to the ears; metres."""
    turn = np.linspace(0, 2 * np.pi, 32, endpoint=False)
    rounded = np.stack([np.cos(turn), np.sin(turn)], -1)
    rounded = np.sign(rounded) * np.abs(rounded) ** 0.7 * [0.0245, 0.0205]
    parts = []
    for eye, side in zip(eyes, (1, -1), strict=True):
        rim = np.c_[rounded + eye[:2] - np.array([0, 0.003]), np.full(len(turn), front)]
        parts.append(tube(rim, 0.0017, closed=True))
        hinge, ear = np.array([eye[0] + side * 0.0245, eye[1] + 0.006, front]), np.array([side * 0.08, 0.022, 0.0])
        share = np.linspace(0, 1, 12)[:, None]
        bow = hinge + (ear - hinge) * np.c_[np.minimum(share * 3, 1) ** 0.7, share, share]
        parts.append(tube(bow, 0.0015, closed=False))
    left, right = eyes[0] + [-0.0245, 0, 0], eyes[1] + [0.0245, 0, 0]
    share = np.linspace(0, 1, 8)[:, None]
    bridge = left + (right - left) * share + [0, 0.004, 0] * np.sin(np.pi * share)
    parts.append(tube(np.c_[bridge[:, :2], np.full(len(share), front)], 0.0015, closed=False))
    return joined(parts)


def joined(parts: list[Part]) -> Part:
    """Several parts as one, their charts side by side."""
    starts = np.cumsum([0, *(len(part.vertices) for part in parts)])
    uvs = [(part.corner_uvs + np.array([index, 0])) / [len(parts), 1] for index, part in enumerate(parts)]
    triangles = [part.triangles + start for part, start in zip(parts, starts, strict=False)]
    return Part(
        np.concatenate([part.vertices for part in parts]),
        np.concatenate(triangles).astype(np.int32),
        np.concatenate(uvs).astype(np.float32),
    )


def above(
    vertices: Float32[np.ndarray, "v 3"], triangles: Int32[np.ndarray, "f 3"], front: float, back: float
) -> Bool[np.ndarray, " f"]:
    """Triangles of the crown: above a plane that falls from height `front` at the forehead to `back` at the nape (metres)."""
    middle = vertices[triangles].mean(1)
    share = np.clip((middle[:, 2] + 0.09) / 0.18, 0, 1)
    return np.asarray(middle[:, 1] > back + (front - back) * share)
