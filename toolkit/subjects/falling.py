"""How strands of hair go on from their roots: falling along the comb's way, by their weight, over what lies below and beside the face; or tied."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float
from scipy.spatial import cKDTree

from facecraft4d.toolkit.core.geometry import normalized, smoothstep
from facecraft4d.toolkit.subjects.traits import Hairdo

DOWN = np.array([0.0, -1.0, 0.0])
FALL = {
    "buzzed": (1.2, 0.0, 0.5), "short": (0.75, 0.12, 0.9), "medium": (0.35, 0.5, 0.9), "long": (0.3, 0.55, 0.9), "curls": (1.0, 0.3, 0.25),
    "afro": (1.6, 0.0, 0.0),
}  # fmt: skip
"""Shares of the direction in which a strand leaves its root: off the skin, down with each step, along the comb's way."""
RAMP = 0.35
"""Metres that hair stands off its skin at most for each metre from its root."""
FACE_HALF = 0.066
"""Half width of the face that hair leaves free, unless it is a fringe."""
FACE_AHEAD = 0.035
"""Metres before the ears from which hair beside the face is drawn back."""


class Combed(NamedTuple):
    """How the comb left the strands at their roots."""

    way: Float[np.ndarray, "n 3"]
    """Not yet along the skin."""
    lengths: Float[np.ndarray, " n"]
    """Metres."""
    side: Float[np.ndarray, " n"]
    """Of the parting, 1 towards the subject's left."""
    fringe: Bool[np.ndarray, " n"]


def fallen(
    roots: Float[np.ndarray, "n 3"],
    normals: Float[np.ndarray, "n 3"],
    hair: Hairdo,
    body: tuple[cKDTree, np.ndarray, np.ndarray],
    steps: int,
    scale: float,
    rng: np.random.Generator,
) -> Float[np.ndarray, "n p 3"]:
    """Strands that start along the comb's way, bend down by their weight and slide over the body."""
    lift, weight, comb = FALL[hair.style]
    high = smoothstep((roots[:, 1] / scale - 0.03) / 0.06)
    combed = _combed(roots, hair, high, scale, rng)
    way = normalized(combed.way - (combed.way * normals).sum(1, keepdims=True) * normals)
    direction = normalized(lift * normals + comb * way + rng.normal(0, 0.12, roots.shape))
    layer = hair.volume * scale * rng.random(len(roots)) ** 0.7 * (0.25 + 0.75 * high if hair.style == "short" else 1)
    step, point, path = (combed.lengths / (steps - 1))[:, None], roots, [roots]
    for index in range(1, steps):
        direction = normalized(
            direction + weight * DOWN * min(1.0, 3.0 * index / steps + 0.3) + rng.normal(0, 0.04, roots.shape)
        )
        point = point + step * direction
        if hair.style != "short":
            _leave_the_face_free(point, direction, combed, scale)
        point, direction = _outside(point, direction, np.minimum(layer, RAMP * index * step[:, 0]) + 0.0015, body)
        path.append(point)
    return np.stack(path, 1)


def _combed(
    roots: Float[np.ndarray, "n 3"], hair: Hairdo, high: Float[np.ndarray, " n"], scale: float, rng: np.random.Generator
) -> Combed:
    """Away from the parting, down behind; a fringe ahead."""
    azimuth = np.abs(np.arctan2(roots[:, 0], roots[:, 2] - 0.015 * scale))
    lengths = hair.length * scale * rng.uniform(0.88, 1.08, len(roots))
    if hair.style == "short":
        lengths *= 0.35 + 0.65 * high
    x, _, z = (roots / scale).T
    side = np.sign(x - hair.parting + rng.normal(0, 0.002, len(roots)))
    ahead = smoothstep((z + 0.07) / 0.06)  # 1 where hair is parted, 0 behind, where it falls from the crown
    across = ahead * side + (1 - ahead) * np.clip(x / 0.07, -1, 1)
    way = np.stack([across, -0.15 - 0.8 * (1 - ahead), np.where(hair.style == "short", 0.5 * ahead, -0.6)], 1)
    fringe = np.zeros(len(roots), bool)
    if hair.fringe:
        fringe = (azimuth < 0.75) & (roots[:, 1] / scale > 0.06) & (roots[:, 2] > 0)
        way[fringe] = [0, -0.2, 1.4]
        lengths[fringe] = np.minimum(lengths[fringe], scale * rng.uniform(0.055, 0.075, fringe.sum()))
    return Combed(way, lengths, side, fringe)


def _leave_the_face_free(
    point: Float[np.ndarray, "n 3"], direction: Float[np.ndarray, "n 3"], combed: Combed, scale: float
) -> None:
    """Move what hangs before the face to its sides, in place, and draw back what hangs beside it; a fringe stays."""
    before = ~combed.fringe & (point[:, 2] > 0.02 * scale) & (point[:, 1] < 0.075 * scale)
    away = np.clip(FACE_HALF * scale - combed.side * point[:, 0], 0, None) * before
    point[:, 0] += combed.side * away
    direction[:, 2] -= 0.6 * (away > 0)
    aside = ~combed.fringe & (point[:, 1] < 0.05 * scale)
    point[:, 2] -= 0.5 * np.clip(point[:, 2] - FACE_AHEAD * scale, 0, None) * aside


def _outside(
    point: Float[np.ndarray, "n 3"],
    direction: Float[np.ndarray, "n 3"],
    height: Float[np.ndarray, " n"],
    body: tuple[cKDTree, np.ndarray, np.ndarray],
) -> tuple[Float[np.ndarray, "n 3"], Float[np.ndarray, "n 3"]]:
    """Points lifted to `height` metres above the body where they lie lower, and directions that lead no further into it there."""
    tree, places, outward = body
    nearest = tree.query(point)[1]
    normal = outward[nearest]
    push = np.clip(height - ((point - places[nearest]) * normal).sum(1), 0, None)[:, None]
    into = np.minimum((direction * normal).sum(1, keepdims=True), 0)
    return point + push * normal, normalized(np.where(push > 0, direction - into * normal, direction))


def tied(
    roots: Float[np.ndarray, "n 3"], hair: Hairdo, steps: int, scale: float, rng: np.random.Generator
) -> Float[np.ndarray, "n p 3"]:
    """Strands combed over the skull to one place behind, where they end in a bun or hang as a tail."""
    centre = np.array([0.0, 0.02, -0.005]) * scale
    height = np.radians(rng.uniform(-5, 65))
    knot = np.array([0.0, np.sin(height), -np.cos(height)])
    start = normalized(roots - centre)
    angle = np.arccos(np.clip(start @ knot, -1, 1))[:, None, None]
    share = np.linspace(0, 1, steps)[None, :, None]
    turned = (np.sin((1 - share) * angle) * start[:, None] + np.sin(share * angle) * knot) / np.maximum(
        np.sin(angle), 1e-3
    )
    near = cKDTree(start)
    radius = np.linalg.norm(roots - centre, axis=1)
    ring = normalized(turned)
    distance, index = near.query(ring.reshape(-1, 3), k=6)
    nearness = 1 / (distance + 0.02)
    over = ((radius[index] * nearness).sum(1) / nearness.sum(1)).reshape(ring.shape[:2])
    over = (
        over
        + hair.volume * scale * np.sin(np.pi * np.clip(share[..., 0], 0, 1)) * rng.uniform(0.3, 1, (len(roots), 1))
        + 0.002
    )
    paths = centre + ring * over[..., None]
    return np.concatenate([paths, _knot(paths[:, -1].mean(0), knot, hair, len(roots), scale, rng)], 1)


def _knot(
    at: Float[np.ndarray, "3"],
    outward: Float[np.ndarray, "3"],
    hair: Hairdo,
    count: int,
    scale: float,
    rng: np.random.Generator,
) -> np.ndarray:
    """Where the strands go on from the tie: wound up as a ball, or hanging."""
    share = np.linspace(0, 1, 14)[None, :, None]
    if rng.random() < 0.6:
        size = scale * rng.uniform(0.026, 0.042)
        first = normalized(rng.normal(size=(count, 3)))
        second = normalized(np.cross(first, rng.normal(size=(count, 3))))
        turn = 2.2 * np.pi * share
        ball = np.cos(turn) * first[:, None] + np.sin(turn) * second[:, None]
        return np.asarray(
            at + 0.8 * size * outward + size * rng.uniform(0.85, 1, (count, 1, 1)) * ball * [1, 0.85, 0.9]
        )
    spread = rng.normal(0, 0.011 * scale, (count, 1, 3)) * [1, 0.3, 1]
    out = 0.06 * scale * (1 - np.exp(-3 * share)) * outward
    return np.asarray(
        at + out + spread * np.sqrt(share) * (1.4 - 0.8 * share) + hair.length * scale * share**1.3 * DOWN
    )
