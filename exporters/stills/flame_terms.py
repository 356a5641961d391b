"""An avatar on FLAME in FLAME's own terms: identity, expressions and offsets of its mesh, and every splat on one of its triangles.

What FLAME's directions do not reach stands in offsets, so nothing of the mesh is lost: they are what is left of it.
"""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float32, Float64, Int64

from facecraft4d.exporters.options import FlameMesh
from facecraft4d.toolkit.core.datatypes import BoundSplats, Rig
from facecraft4d.toolkit.core.geometry import multiply_wxyz, triangle_frames, wxyz_from_rotation
from facecraft4d.toolkit.core.own_terms import likeliest, own_terms
from facecraft4d.toolkit.core.rigging import place_splats

EXPRESSION = "flame_expr_"
"""Beginning of the names of FLAME's own expressions in a rig; a number follows."""
TEETH_VERTICES, TEETH_TRIANGLES = 120, 168
"""That GaussianAvatars adds behind FLAME's own: 84 triangles of upper teeth, 84 of lower."""
TEETH = "teeth"
STIFF, STIFFEST = 1e-5, 0.02
"""Metres that a triangle may come off its joint by expressions and other joints and be stiff; where fewer are, this share of a joint's."""
TURNED = 0.05
"""Metres that a turn of a joint moves what is near it."""
AT_ONCE = 2048
"""Splats whose nearest triangle is looked for at a time."""


@dataclass(frozen=True, slots=True, eq=False)
class FlameTerms:
    """A rig on FLAME, taken apart. Vertices are FLAME's, and TEETH_VERTICES after them."""

    shape: Float32[np.ndarray, " s"]
    """Weights of FLAME's identities."""
    translation: Float32[np.ndarray, "3"]
    """From FLAME's origin to the avatar's, metres."""
    static_offset: Float32[np.ndarray, "v 3"]
    """What is left of the face at rest; 0 for the teeth, which stand where a reader puts them."""
    expressions: Float32[np.ndarray, "k e"]
    """Of each of the rig's expressions, the weights of FLAME's."""
    turns: Float64[np.ndarray, "k j 3"]
    """Of each, how it turns FLAME's jaw and eyes, axis-angle, radians."""
    expression_offsets: Float32[np.ndarray, "k v 3"]
    """What FLAME's expressions leave of each at weight 1, turns and all."""


def built_on(rig: Rig, mesh: FlameMesh) -> bool:
    """Whether the rig's first triangles are that mesh's, in its order."""
    count = len(mesh.triangles)
    return len(rig.vertices) >= len(mesh.vertices) and np.array_equal(rig.triangles[:count], mesh.triangles)


def flame_terms(rig: Rig, mesh: FlameMesh) -> FlameTerms:
    """The parts; a rig's expressions of FLAME's own names are those alone."""
    count = len(mesh.vertices)
    wanted = (rig.vertices[:count] - mesh.vertices).astype(np.float64)
    shape = likeliest(_centred(mesh.identities), _centred(wanted[None]))[0]
    left = wanted - np.tensordot(shape, mesh.identities, 1)
    shift = left.mean(0)
    moves = rig.expression_deltas[:, :count].astype(np.float64)
    found = own_terms(rig, mesh.expressions, moves)
    expressions, turns = found.weights, found.turns
    for index, itself in enumerate(np.eye(len(mesh.expressions))):
        if (name := f"{EXPRESSION}{index:03d}") in rig.expression_names:
            own = rig.expression_names.index(name)
            expressions[own], turns[own] = itself, 0
    rest = moves - np.tensordot(expressions, mesh.expressions, 1)
    teeth = rig.expression_deltas[:, count : count + TEETH_VERTICES] if has_teeth(rig, mesh) else None
    return FlameTerms(
        shape=shape.astype(np.float32),
        translation=shift.astype(np.float32),
        static_offset=_with_teeth((left - shift)[None], None)[0],
        expressions=expressions.astype(np.float32),
        turns=turns,
        expression_offsets=_with_teeth(rest, teeth),
    )


def has_teeth(rig: Rig, mesh: FlameMesh) -> bool:
    """Whether the teeth that GaussianAvatars knows follow the mesh."""
    first, count = len(mesh.triangles), len(mesh.vertices)
    behind = slice(first, first + TEETH_TRIANGLES)
    triangles = rig.triangles[behind]
    named = [rig.region_names[index] for index in np.unique(rig.triangle_regions[behind])]
    within = len(triangles) == TEETH_TRIANGLES and triangles.min() >= count and triangles.max() < count + TEETH_VERTICES
    return bool(within) and named == [TEETH]


def on_flame(splats: BoundSplats, rig: Rig, mesh: FlameMesh) -> BoundSplats:
    """The splats with every binding on FLAME's mesh or its teeth. At rest nothing moves by that: those on hair, clothes and glasses go to the
    nearest of FLAME's triangles that is as stiff on the same joint, those on what gives way to one near them that moves alike."""
    known = len(mesh.triangles) + (TEETH_TRIANGLES if has_teeth(rig, mesh) else 0)
    others = splats.triangles >= known
    if not others.any():
        return splats
    world = place_splats(splats, rig.vertices, rig)
    joint, loose = _looseness(rig)
    centres = rig.vertices[rig.triangles].mean(1).astype(np.float64)
    own, target = np.arange(len(mesh.triangles)), splats.triangles.astype(np.int64)
    for number in np.unique(joint[target[others]]):
        same = own[joint[own] == number] if (joint[own] == number).any() else own
        stiff = same[loose[same] <= max(STIFF, float(np.quantile(loose[same], STIFFEST)))]
        chosen = np.flatnonzero(others & (joint[splats.triangles] == number))
        rigid = loose[splats.triangles[chosen]] <= STIFF
        target[chosen[rigid]] = stiff[_nearest(world.means[chosen[rigid]].astype(np.float64), centres[stiff])]
        for triangle in np.unique(splats.triangles[chosen[~rigid]]):
            target[chosen[splats.triangles[chosen] == triangle]] = _alike(rig, centres, triangle, same)
    return _rebound(splats, world.means, rig, others, target)


def _looseness(rig: Rig) -> tuple[Int64[np.ndarray, " f"], Float64[np.ndarray, " f"]]:
    """The joint that each triangle follows most, and how far it may come off it, metres."""
    weights = rig.skin_weights[rig.triangles].mean(1)
    moved = np.linalg.norm(rig.expression_deltas, axis=-1).max(0, initial=0)[rig.triangles].max(1)
    return weights.argmax(1), np.asarray(moved + TURNED * (1 - weights.max(1)), np.float64)


def _alike(rig: Rig, centres: Float64[np.ndarray, "f 3"], triangle: int, among: Int64[np.ndarray, " n"]) -> int:
    """The one among some triangles that is nearest to another and moves most like it with all expressions, each counted in metres."""
    moves = (
        rig.expression_deltas[:, rig.triangles[among]].mean(2)
        - rig.expression_deltas[:, rig.triangles[triangle]].mean(1)[:, None]
    )
    away = np.linalg.norm(centres[among] - centres[triangle], axis=-1)
    return int(among[(away + np.linalg.norm(moves, axis=-1).max(0, initial=0)).argmin()])


def _rebound(
    splats: BoundSplats,
    means: Float32[np.ndarray, "n 3"],
    rig: Rig,
    others: Bool[np.ndarray, " n"],
    target: Int64[np.ndarray, " n"],
) -> BoundSplats:
    """`others` on other triangles, where they are in the world at rest."""
    rotation, scale, centroid = triangle_frames(rig.vertices[rig.triangles].astype(np.float64))
    old, new = splats.triangles[others], target[others]
    turned = np.swapaxes(rotation[new], 1, 2) @ rotation[old]
    local = np.einsum("nji,nj->ni", rotation[new], means[others] - centroid[new]) / scale[new, None]
    changed = {
        "means": local,
        "rotations_wxyz": multiply_wxyz(wxyz_from_rotation(turned), splats.rotations_wxyz[others]),
        "log_scales": splats.log_scales[others] + np.log(scale[old] / scale[new])[:, None],
        "triangles": new,
    }
    arrays = {name: getattr(splats, name).copy() for name in changed}
    for name, values in changed.items():
        arrays[name][others] = values
    return replace(splats, **arrays)


def _nearest(points: Float64[np.ndarray, "n 3"], centres: Float64[np.ndarray, "m 3"]) -> Int64[np.ndarray, " n"]:
    """The nearest centre of each point."""
    squares = (centres**2).sum(1)
    found = [
        (squares - 2 * points[start : start + AT_ONCE] @ centres.T).argmin(1)
        for start in range(0, len(points), AT_ONCE)
    ]
    return np.concatenate([np.zeros(0, np.int64), *found])


def _centred(moves: np.ndarray) -> Float64[np.ndarray, "n v 3"]:
    """Without what moves all vertices alike."""
    wide = moves.astype(np.float64)
    return np.asarray(wide - wide.mean(1, keepdims=True))


def _with_teeth(moves: Float64[np.ndarray, "k v 3"], teeth: np.ndarray | None) -> Float32[np.ndarray, "k w 3"]:
    """With those of the teeth behind, 0 where there are none."""
    rows = np.zeros((len(moves), TEETH_VERTICES, 3)) if teeth is None else teeth
    return np.concatenate([moves, rows], 1).astype(np.float32)
