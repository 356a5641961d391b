"""The inside of a mouth that a head lacks: a pocket around its teeth, hung on the open edge between the lips."""

import numpy as np
from jaxtyping import Float, Float64, Int

from facecraft4d.toolkit.core.geometry import smoothstep
from facecraft4d.toolkit.core.rigging import in_regions
from facecraft4d.toolkit.face_model.adopted.expressions import jaw_deltas
from facecraft4d.toolkit.face_model.adopted.parts import Part
from facecraft4d.toolkit.face_model.adopted.registration import Registered
from facecraft4d.toolkit.face_model.adopted.surface import first_hits
from facecraft4d.toolkit.face_model.adopted.teeth import SPREAD, arch_middle, arch_sections, lip_vertices
from facecraft4d.toolkit.face_model.model import FaceModel
from facecraft4d.toolkit.meshes.graph import open_loops

RINGS = np.array([0.12, 0.25, 0.38, 0.52, 0.66, 0.8, 0.92])
"""How far around from the edge of the lips (0) to the point at the back (1) that closes the pocket."""
CLEAR, HIGHER, DEEP = 0.0025, 0.005, 0.012
"""Metres that the pocket lies outside of the arch, above and below its rows, and behind the arch's middle: there a tongue's back would end
the view; the throat behind it is black."""
BOXED = 6.0
"""Exponent of the superellipse that joins walls with roof and floor: like a box, so that gums do not come through."""
BEHIND, LEAST = 0.003, 0.0004
"""Metres that the pocket stays behind the skin; where the teeth are as near to it, that it stays before them and behind it at least."""
FOLLOWS = 0.02
"""Metres behind the skin at which the pocket does not move with it any more."""


def mouth_edge(bare: FaceModel, on: Registered) -> Int[np.ndarray, " n"]:
    """The open edge between the lips, in order, beginning at the subject's left; empty where the file has closed its mouth itself."""
    lips = lip_vertices(bare, on)
    for loop in open_loops(bare.triangles[in_regions(bare, "skin")]):
        if np.isin(loop, lips).mean() > 0.5:
            left = int(bare.vertices[loop, 0].argmax())
            loop = np.roll(loop, -left)
            return (
                loop
                if bare.vertices[loop[len(loop) // 4], 1] > bare.vertices[loop, 1].mean()
                else np.roll(loop[::-1], 1)
            )
    return np.zeros(0, np.int64)


def cavity(bare: FaceModel, on: Registered, edge: Int[np.ndarray, " n"], start: int) -> Part:
    """The pocket behind `edge`, whose vertices it shares; its own are those from `start` on. Roof with the neck, floor with the jaw."""
    middle = arch_middle(on)
    rim = bare.vertices[edge].astype(np.float64)
    directions = _directions(rim - middle).reshape(-1, 3)
    skin = bare.triangles[in_regions(bare, "skin")]
    hit = first_hits(middle, directions, bare.vertices, skin)
    radii = _radii(on, directions, hit.distances)
    vertices = middle + directions * radii[:, None]
    near = 1 - smoothstep((hit.distances - radii) / (on.similarity.scale * FOLLOWS))[:, None]
    vertices = np.concatenate([vertices, vertices[-len(edge) :].mean(0, keepdims=True)])
    low = smoothstep(0.5 - (vertices - middle)[:, 1] / np.linalg.norm(vertices - middle, axis=1))
    rigid = np.outer(1 - low, np.eye(len(bare.joint_names))[1]) + np.outer(low, np.eye(len(bare.joint_names))[2])
    jaw = low[:, None] * jaw_deltas(on, vertices, len(bare.expression_names))
    lips = bare.identity_deltas[:, lip_vertices(bare, on)].astype(np.float64).mean(1)[:, None]

    def with_skin(
        skins: Float[np.ndarray, "*k v c"], own: Float64[np.ndarray, "*k n c"]
    ) -> Float64[np.ndarray, "*k n c"]:
        """What the skin before the pocket does, as far as it is near; the point at the back is on its own."""
        back = own[..., :-1, :] * (1 - near) + near * hit.of(skins, skin)
        return np.concatenate([back, own[..., -1:, :]], -2)

    return Part(
        vertices=vertices,
        triangles=_triangles(edge, start),
        region="mouth_interior",
        identity_deltas=with_skin(bare.identity_deltas, np.repeat(lips, len(vertices), 1)),
        expression_deltas=with_skin(bare.expression_deltas, jaw),
        skin_weights=with_skin(bare.skin_weights, rigid),
    )


def _directions(arms: Float64[np.ndarray, "n 3"]) -> Float64[np.ndarray, "r n 3"]:
    """Of each ring's vertices from the middle: evenly around the way out, as the lips' edge runs."""
    length = np.linalg.norm(np.roll(arms, -1, 0) - arms, axis=1)
    roll = 2 * np.pi * np.append(0, np.cumsum(length)[:-1]) / length.sum()
    out = np.arctan2(np.hypot(arms[:, 0], arms[:, 1]), arms[:, 2])
    tilt = out + (np.pi - out) * RINGS[:, None]
    return np.stack([np.sin(tilt) * np.cos(roll), np.sin(tilt) * np.sin(roll), np.cos(tilt)], -1)


def _radii(
    on: Registered, directions: Float64[np.ndarray, "n 3"], skin: Float64[np.ndarray, " n"]
) -> Float64[np.ndarray, " n"]:
    """How far the pocket's wall lies from the middle of the arch in each direction where the skin is so far, metres."""
    far, near = (_boxed(on, directions, clear) for clear in (CLEAR, LEAST))
    behind, least = on.similarity.scale * BEHIND, on.similarity.scale * LEAST
    return np.asarray(np.maximum(np.minimum(far, skin - behind), np.minimum(near, skin - least)))


def _boxed(on: Registered, directions: Float64[np.ndarray, "n 3"], clear: float) -> Float64[np.ndarray, " n"]:
    """As far from the middle as the teeth and `clear` metres more."""
    middle, scale = arch_middle(on), on.similarity.scale
    angles = np.linspace(0, SPREAD, 8)
    upper, lower = (arch_sections(on, joint, angles) - middle for joint in (1, 2))
    across = np.maximum(np.hypot(upper[..., 0], upper[..., 2]).max(1), np.hypot(lower[..., 0], lower[..., 2]).max(1))
    outward = np.arctan2(np.abs(directions[..., 0]), directions[..., 2])
    wall = np.interp(outward, [*angles, np.pi], [*(across + scale * clear), scale * DEEP])
    roof, floor = upper[..., 1].max() + scale * HIGHER, -lower[..., 1].min() + scale * HIGHER
    height = np.where(directions[..., 1] > 0, roof, floor)
    flat = np.hypot(directions[..., 0], directions[..., 2]) / wall
    return np.asarray((flat**BOXED + (np.abs(directions[..., 1]) / height) ** BOXED) ** (-1 / BOXED))


def _triangles(edge: Int[np.ndarray, " n"], start: int) -> Int[np.ndarray, "m 3"]:
    """Seen from inside the mouth."""
    count = len(edge)
    rows = np.concatenate([edge[None], start + np.arange(len(RINGS) * count).reshape(len(RINGS), count)])
    following = np.roll(rows, -1, 1)
    strips = [
        np.stack([a, b, c], -1).reshape(-1, 3)
        for a, b, c in ((rows[:-1], following[:-1], rows[1:]), (following[:-1], following[1:], rows[1:]))
    ]
    back = np.stack([rows[-1], following[-1], np.full(count, start + len(RINGS) * count)], -1)
    return np.concatenate([*strips, back]).astype(np.int64)
