"""Eyelids of a personalised head: a full blink brings the upper lid to the lower one, whatever eyes the person has.

The model's blink is a displacement in metres, made for the model's own eyes; on others the lids would stop short of each other or overlap.
"""

from dataclasses import replace

import numpy as np
from jaxtyping import Bool, Float, Float32, Int64

from facecraft4d.toolkit.core.datatypes import Pose, Rig
from facecraft4d.toolkit.core.rigging import in_regions, vertices_in_regions
from facecraft4d.toolkit.meshes.graph import adjacency, grown

BLINKS = ("eyeBlinkLeft", "eyeBlinkRight")

MARGIN_RINGS = 3
"""Rings of the mesh from the eye's socket over the margin of a lid to its front edge, where the lashes grow."""

OVERLAP = np.array([0.0, 0.0002, 0.0005])
"""Metres from the lower lid's front edge to where that of the upper one comes to lie: on it and a little before it."""

MOST_CLOSED = 0.5
"""Weight of a blink in the photograph from which it shows too little of how far open eyes have to go: the model's blink stays."""

CORNERS = 0.1
"""Part of the longest way of a lid's edge that counts at least where its share in the blink is told: at the corners it goes no way."""


def upper_edges(rig: Rig) -> tuple[Int64[np.ndarray, " _"], ...]:
    """The front edge of the upper lid of the left and of the right eye, where its lashes grow, in the order of x; empty without lids."""
    return tuple(upper for _, upper in lid_edges(rig))


def lid_edges(rig: Rig) -> tuple[tuple[Int64[np.ndarray, " n"], Int64[np.ndarray, " m"]], ...]:
    """All vertices along the lashes of the left and of the right eye, and those of the upper lid, each in the order of x; none without lids."""
    return tuple((edge, edge[_upper(rig, edge)]) for edge in _edges(rig))


def blink_share(rig: Rig) -> Float32[np.ndarray, " v"]:
    """How far along with the edge of the upper lid below it each vertex goes in a blink: 1 on the edge, 0 where nothing moves."""
    share = np.zeros(len(rig.vertices), np.float32)
    for name, upper in zip(BLINKS, upper_edges(rig), strict=True):
        if len(upper) and name in rig.expression_names:
            delta = rig.expression_deltas[rig.expression_names.index(name)]
            share = np.maximum(share, _share(rig.vertices, delta, upper))
    return np.asarray(share, np.float32)


def with_meeting_lids(rig: Rig, pose: Pose) -> Rig:
    """The rig with blinks whose lids meet at weight 1; it looks the same in `pose`, the photograph's, at rest it may differ a little.

    A rig without lids or without ARKit's blinks is returned as it is.
    """
    vertices, deltas = rig.vertices.copy(), rig.expression_deltas.copy()
    for name, (edge, upper) in zip(BLINKS, lid_edges(rig), strict=True):
        if not len(edge) or name not in rig.expression_names:
            continue
        blink = rig.expression_names.index(name)
        weight, delta = float(pose.expression[blink]), rig.expression_deltas[blink]
        if weight > MOST_CLOSED:
            continue
        missing = _meeting(vertices + weight * delta, delta, edge, upper, 1 - weight) - delta[upper]
        spread = [np.interp(rig.vertices[:, 0], rig.vertices[upper, 0], missing[:, axis]) for axis in range(3)]
        deltas[blink] += _share(rig.vertices, delta, upper)[:, None] * np.stack(spread, -1)
        vertices += weight * (delta - deltas[blink])
    return replace(rig, vertices=vertices, expression_deltas=deltas)


def _edges(rig: Rig) -> tuple[Int64[np.ndarray, " _"], ...]:
    """Vertices along the lashes of the left and of the right eye, in the order of x."""
    lids = vertices_in_regions(rig, "eyelids", optional=True)
    inner = vertices_in_regions(rig, "eye_sockets", optional=True) & lids
    edge = np.zeros(len(rig.vertices), bool)
    if inner.any():
        neighbours = adjacency(rig.triangles[in_regions(rig, "eyelids")], len(rig.vertices))
        for _ in range(MARGIN_RINGS):
            wider = grown(neighbours, inner)
            edge, inner = wider & ~inner & lids, wider
    x = rig.vertices[:, 0]
    sides = np.flatnonzero(edge & (x > 0)), np.flatnonzero(edge & (x <= 0))
    return tuple(side[np.argsort(x[side])] for side in sides)


def _upper(rig: Rig, edge: Int64[np.ndarray, " n"]) -> Bool[np.ndarray, " n"]:
    """Vertices of an eye's edge above the line between its corners."""
    x, y, _ = rig.vertices[edge].T
    return np.asarray(y > np.interp(x, x[[0, -1]], y[[0, -1]])) if len(edge) else np.zeros(0, bool)


def _share(
    vertices: Float32[np.ndarray, "v 3"], delta: Float32[np.ndarray, "v 3"], upper: Int64[np.ndarray, " m"]
) -> Float[np.ndarray, " v"]:
    way = np.linalg.norm(delta, axis=-1)
    longest = np.maximum(way[upper], CORNERS * way[upper].max(initial=0))
    below = np.interp(vertices[:, 0], vertices[upper, 0], longest)
    return np.asarray(np.clip(way / np.maximum(below, 1e-9), 0, 1))


def _meeting(
    shown: Float32[np.ndarray, "v 3"],
    delta: Float32[np.ndarray, "v 3"],
    edge: Int64[np.ndarray, " n"],
    upper: Int64[np.ndarray, " m"],
    left: float,
) -> Float[np.ndarray, "m 3"]:
    """The displacement of the upper edge that a full blink needs, `left` of it being still to come where the head is as `shown`."""
    lower = np.append(edge[~np.isin(edge, upper)], edge[[0, -1]])
    closed = shown[lower] + left * delta[lower]
    closed = closed[np.argsort(closed[:, 0])]
    across = shown[upper, 0] + left * delta[upper, 0]
    target = np.stack([across, *(np.interp(across, closed[:, 0], closed[:, axis]) for axis in (1, 2))], -1) + OVERLAP
    return np.asarray((target - shown[upper]) / left)
