"""Two rows of teeth for a head without: 84 + 84 triangles on 120 vertices, the upper ones rigid with the neck, the lower ones with the jaw.

The counts and the place behind the head's own are those of the paper's rig (section 6.3); the shape is the CC0 head's dental arch.
"""

import numpy as np
from jaxtyping import Float64, Int

from facecraft4d.toolkit.core.rigging import in_regions, vertices_in_regions
from facecraft4d.toolkit.face_model.adopted.expressions import jaw_deltas
from facecraft4d.toolkit.face_model.adopted.parts import Part
from facecraft4d.toolkit.face_model.adopted.registration import Registered
from facecraft4d.toolkit.face_model.model import FaceModel
from facecraft4d.toolkit.face_model.mouth import ARCH_DEPTH

COLUMNS = 15
"""Of vertices along a row."""
SPREAD = 1.75
"""Radians around the arch's middle, to either side, that a row reaches: the molars."""
ROOT_THICK, EDGE_THICK = 0.006, 0.002
"""Metres between the front and the back of a row, at the gum and at the cutting edge."""


def teeth(bare: FaceModel, on: Registered) -> Part:
    """Both rows, behind the vertices of `bare`, for its expressions. They follow an identity as the lips do on average."""
    upper, lower = (_row(on, joint) for joint in (1, 2))
    vertices = np.concatenate([upper, lower])
    half, start = len(upper), len(bare.vertices)
    strips = np.concatenate([_strips(start), _strips(start + half)[:, ::-1]])
    lips = lip_vertices(bare, on)
    jaw = jaw_deltas(on, lower, len(bare.expression_names))
    return Part(
        vertices=vertices,
        triangles=strips,
        region="teeth",
        identity_deltas=np.repeat(bare.identity_deltas[:, lips].mean(1)[:, None].astype(np.float64), 2 * half, 1),
        expression_deltas=np.concatenate([np.zeros_like(jaw), jaw], 1),
        skin_weights=np.repeat(np.eye(len(bare.joint_names))[[1, 2]], half, 0),
    )


def lip_vertices(bare: FaceModel, on: Registered) -> Int[np.ndarray, " n"]:
    """The vertices of `bare` that lie on the CC0 head's lips."""
    lips = in_regions(on.head, "lips")[~in_regions(on.head, "eyes", "teeth", "tongue")]
    return np.flatnonzero(lips[on.places.triangles] & vertices_in_regions(bare, "skin"))


def arch_sections(on: Registered, joint: int, angles: Float64[np.ndarray, " a"]) -> Float64[np.ndarray, "a 2 3"]:
    """Gum and cutting edge of the CC0 head's upper (`joint` 1) or lower row in upright planes through the arch's middle, metres."""
    inside = in_regions(on.head, "teeth")
    inside &= on.head.skin_weights[on.head.triangles, joint].mean(1) > 0.5
    triangles = on.head.triangles[inside]
    edges = np.unique(
        np.sort(np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]]), 1), axis=0
    )
    middle = arch_middle(on)
    up = 1 if joint == 1 else -1
    sections = []
    for angle in angles:
        across, out = np.array([np.cos(angle), 0, -np.sin(angle)]), np.array([np.sin(angle), 0, np.cos(angle)])
        first, second = ((on.vertices[edges[:, end]] - middle) @ across for end in (0, 1))
        cut = first * second <= 0
        share = (first[cut] / np.where(first[cut] == second[cut], 1, first[cut] - second[cut]))[:, None]
        points = (1 - share) * on.vertices[edges[cut, 0]] + share * on.vertices[edges[cut, 1]]
        points = points[(points - middle) @ out > 0]
        height = up * points[:, 1]
        sections.append(points[[height.argmax(), height.argmin()]])
    return np.stack(sections)


def arch_middle(on: Registered) -> Float64[np.ndarray, "3"]:
    """The middle of the dental arch, at the height between its rows."""
    points = on.vertices[vertices_in_regions(on.head, "teeth")]
    height = (points[:, 1].min() + points[:, 1].max()) / 2
    return np.array([points[:, 0].mean(), height, points[:, 2].max() - on.similarity.scale * ARCH_DEPTH])


def _row(on: Registered, joint: int) -> Float64[np.ndarray, "60 3"]:
    """Gum, edge, gum behind, edge behind: 15 vertices each, from the subject's right to the left."""
    angles = np.linspace(-SPREAD, SPREAD, COLUMNS)
    gum, edge = np.moveaxis(arch_sections(on, joint, angles), 1, 0)
    inward = -np.stack([np.sin(angles), np.zeros(COLUMNS), np.cos(angles)], -1) * on.similarity.scale
    return np.concatenate([gum, edge, gum + ROOT_THICK * inward, edge + EDGE_THICK * inward])


def _strips(start: int) -> Int[np.ndarray, "84 3"]:
    """Front, cutting edge, back, seen from outside an upper row."""
    gum, edge, gum_behind, edge_behind = start + COLUMNS * np.arange(4)
    here = np.arange(COLUMNS - 1)
    there = here + 1
    strips = []
    for above, below in ((gum, edge), (edge, edge_behind), (edge_behind, gum_behind)):
        strips.append(np.stack([above + here, below + here, above + there], 1))
        strips.append(np.stack([above + there, below + here, below + there], 1))
    return np.concatenate(strips).astype(np.int64)
