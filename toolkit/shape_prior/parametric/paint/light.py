"""The light of the photograph, told from the skin: light from everywhere and one lamp far away.

A lamp reaches a surface as the clamped cosine does in spherical harmonics of second order (Ramamoorthi and Hanrahan 2001). It is never
negative, so what is told from the front holds behind, where light from everywhere is left.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float32, Float64, Int

from facecraft4d.toolkit.core.geometry import vertex_normals
from facecraft4d.toolkit.meshes.graph import adjacency, unique_edges

_DIRECTIONS = 1000
"""Where the lamp may be: about 6 degrees apart."""
_ROUNDS = 6
"""Rounds of fitting in which what does not follow (brows, lips, highlights) loses its say."""
_LIMITS = (0.35, 1.6)
"""Least and most light beside that of the well seen skin: nothing goes black, nothing burns."""

_HOLLOW_ROUNDS = 5
"""Rounds in which each vertex takes the mean of its neighbours, a few millimetres on an ear: what lies below that is a hollow."""
_STEEP = 0.35
"""A hollow's depth beside its width at which it gets half the light."""


@dataclass(frozen=True, slots=True, eq=False)
class Light:
    """Light of one colour; well seen skin has 1 in the mean."""

    ambient: float
    lamp: Float64[np.ndarray, "3"]
    """Where it stands, as long as it is strong."""

    def shading(self, normals: Float[np.ndarray, "n 3"]) -> Float32[np.ndarray, " n"]:
        """Linear light on surfaces with unit normals (world)."""
        strength = float(np.linalg.norm(self.lamp))
        lit = strength * _lobe(normals @ (self.lamp / max(strength, 1e-9)))
        return np.asarray(np.clip(self.ambient + lit, *_LIMITS), np.float32)


def openness(vertices: Float[np.ndarray, "v 3"], triangles: Int[np.ndarray, "f 3"]) -> Float32[np.ndarray, " v"]:
    """How much of the light reaches each vertex of a surface: 1, and less in hollows (a concha, the corner of an eye).

    A hollow is as deep as the vertex lies below the mean of its neighbourhood, along its normal; what is deep and narrow loses most.
    """
    neighbours = adjacency(triangles, len(vertices))
    degree = neighbours.sum(1)
    smooth = vertices.astype(np.float64)
    for _ in range(_HOLLOW_ROUNDS):
        mean = (neighbours @ smooth) / np.maximum(degree, 1)[:, None]
        smooth = np.where(degree[:, None] > 0, mean, smooth)
    depth = ((smooth - vertices) * vertex_normals(vertices.astype(np.float32), triangles)).sum(1)
    edges = unique_edges(triangles)
    length = np.linalg.norm(vertices[edges[:, 0]] - vertices[edges[:, 1]], axis=1)
    ends = edges.ravel()
    width = np.bincount(ends, np.repeat(length, 2), len(vertices)) / np.maximum(degree, 1) * np.sqrt(_HOLLOW_ROUNDS)
    return np.asarray(1 / (1 + (np.maximum(depth, 0) / np.maximum(width, 1e-6) / _STEEP) ** 2), np.float32)


EVEN = Light(1.0, np.zeros(3))
"""The same from everywhere."""


def fitted_light(
    normals: Float[np.ndarray, "n 3"],
    brightness: Float[np.ndarray, " n"],
    weights: Float[np.ndarray, " n"],
    view: Float[np.ndarray, "3"],
) -> Light:
    """The light under which skin of one albedo has about this linear brightness, seen from the direction `view`; even light without skin.

    The lamp stands on the camera's side of the head: of one behind the photograph shows no more than a rim.
    """
    some = weights > 0
    if not some.any():
        return EVEN
    normals, target, trust = (
        normals[some],
        brightness[some] / np.median(brightness[some]),
        weights[some] / weights[some].sum(),
    )
    directions = _directions(_DIRECTIONS)
    directions = directions[directions @ view > 0]
    lobes, say = _lobe(normals @ directions.T), trust
    best, ambient, strengths = 0, np.ones(len(directions)), np.zeros(len(directions))
    for _ in range(_ROUNDS):
        ambient, strengths = _lines(lobes, target, say / say.sum())
        off = np.abs(ambient + strengths * lobes - target[:, None])
        best = int((say @ off**2).argmin())
        say = trust / np.maximum(off[:, best], np.median(off[:, best]) + 1e-6)
    scale = float(trust @ (ambient[best] + strengths[best] * lobes[:, best]))
    return Light(float(ambient[best] / scale), strengths[best] / scale * directions[best])


def _lines(
    lobes: Float[np.ndarray, "n l"], target: Float[np.ndarray, " n"], say: Float[np.ndarray, " n"]
) -> tuple[Float[np.ndarray, " l"], Float[np.ndarray, " l"]]:
    """Ambient light and strength of each lamp alone by weighted least squares, neither negative."""
    mean, middle = say @ lobes, say @ target
    slope = (say * (target - middle)) @ (lobes - mean) / np.maximum(say @ (lobes - mean) ** 2, 1e-9)
    slope = np.clip(slope, 0, middle / np.maximum(mean, 1e-9))
    return middle - slope * mean, slope


def _lobe(cosine: np.ndarray) -> np.ndarray:
    """The clamped cosine's second-order expansion, without its small negative part."""
    return np.asarray(np.maximum(0.25 + 0.5 * cosine + 5 / 32 * (3 * cosine**2 - 1), 0))


def _directions(count: int) -> Float64[np.ndarray, "l 3"]:
    """Unit vectors evenly over the sphere (Fibonacci lattice), the same left and right."""
    height = 1 - (np.arange(count // 2) + 0.5) * 2 / (count // 2)
    turn = np.arange(count // 2) * np.pi * (3 - np.sqrt(5))
    flat = np.sqrt(1 - height**2)
    half = np.stack([flat * np.cos(turn), height, flat * np.sin(turn)], -1)
    return np.concatenate([half, half * [-1, 1, 1]])
