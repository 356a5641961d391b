"""Cutting a mesh along the zero of a field."""

import numpy as np
import pytest

from facecraft4d.toolkit.face_model.mesh_cut import cut_quads


def test_cut_follows_the_field() -> None:
    """A grid cut by a tilted line: all of it above, carried values exact for linear fields, area right."""
    x, y = np.meshgrid(np.arange(9.0), np.arange(9.0), indexing="ij")
    vertices = np.stack([x, y, 0 * x], -1).reshape(-1, 3)
    index = np.arange(81).reshape(9, 9)
    quads = np.stack([index[:-1, :-1], index[1:, :-1], index[1:, 1:], index[:-1, 1:]], -1).reshape(-1, 4)
    field = vertices[:, 1] - 2.3 - 0.31 * vertices[:, 0]
    mesh = cut_quads(vertices, quads, vertices[quads][..., :2], field)
    points = mesh.interpolate(vertices)
    level = points[:, 1] - 2.3 - 0.31 * points[:, 0]
    assert level.min() > -1e-9
    first, second = (points[mesh.triangles[:, i]] - points[mesh.triangles[:, 0]] for i in (1, 2))
    area = np.cross(first, second)[:, 2] / 2
    assert area.min() > 0.01 and area.sum() == pytest.approx(64 - (2.3 * 8 + 0.31 * 32), abs=0.35)
