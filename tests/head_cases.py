"""Small synthetic heads for tests."""

import numpy as np

from facecraft4d.toolkit.arkit import ARKIT_NAMES
from facecraft4d.toolkit.clips import JOINT_NAMES
from facecraft4d.toolkit.datatypes import Rig

REGION_NAMES = ("skin", "lips", "eyes", "teeth", "mouth", "neck")
RADII = np.array([0.075, 0.11, 0.095])


def ellipsoid_rig(rings: int = 24, columns: int = 36) -> Rig:
    """A head-sized ellipsoid whose jawOpen pulls the chin down; every other expression is a bump on the face."""
    v, u = np.meshgrid(np.linspace(0, np.pi, rings + 1), np.arange(columns) * 2 * np.pi / columns, indexing="ij")
    vertices = (np.stack([np.sin(v) * np.sin(u), np.cos(v), np.sin(v) * np.cos(u)], -1) * RADII).reshape(-1, 3)
    row, column = np.meshgrid(np.arange(rings), np.arange(columns), indexing="ij")
    a, b, c, d = (
        (row + down) * columns + (column + right) % columns for down, right in ((0, 0), (1, 0), (1, 1), (0, 1))
    )
    triangles = np.concatenate([np.stack([a, b, c], -1), np.stack([a, c, d], -1)]).reshape(-1, 3)
    deltas = np.zeros((52, len(vertices), 3))
    for index in range(52):
        bump = np.array([0.05 * np.cos(index), 0.07 * np.sin(index), 0.07])
        deltas[index] = 0.004 * np.exp(-((vertices - bump) ** 2).sum(-1) / 0.02**2)[:, None] * [1, 0, 0]
    chin = np.clip(-vertices[:, 1] / RADII[1], 0, 1) * (vertices[:, 2] > 0)
    deltas[ARKIT_NAMES.index("jawOpen")] = chin[:, None] * [0, -0.02, 0]
    weights = np.zeros((len(vertices), len(JOINT_NAMES)))
    weights[:, 1] = 1
    return Rig(
        vertices=vertices.astype(np.float32),
        triangles=triangles.astype(np.int32),
        triangle_regions=np.zeros(len(triangles), np.uint8),
        region_names=REGION_NAMES,
        expression_names=ARKIT_NAMES,
        expression_deltas=deltas.astype(np.float32),
        joint_names=JOINT_NAMES,
        joint_parents=(-1, 0, 1, 1, 1),
        joint_positions=np.zeros((5, 3), np.float32),
        skin_weights=weights.astype(np.float32),
    )
