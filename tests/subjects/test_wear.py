"""Hats, hair and glasses are whole meshes."""

import numpy as np
import pytest

from facecraft4d.toolkit.subjects.wear import border, cap, curtain, glasses


def test_parts_are_whole_meshes():
    rows, columns = np.meshgrid(np.linspace(-0.05, 0.05, 6), np.linspace(-0.05, 0.05, 6), indexing="ij")
    sheet = np.stack([rows, 0.08 + 0 * rows, columns], -1).reshape(-1, 3).astype(np.float32)
    a = np.array([r * 6 + c for r in range(5) for c in range(5)])
    triangles = np.concatenate([np.stack([a, a + 1, a + 6], 1), np.stack([a + 1, a + 7, a + 6], 1)]).astype(np.int32)
    lifted = cap(sheet, triangles, 0.01, 0.02)
    assert len(lifted.triangles) == 4 * len(triangles)
    assert len(border(lifted.triangles)) == 40
    assert lifted.vertices[:, 1].max() == pytest.approx(0.089, abs=1e-3)
    for part in (lifted, curtain(-0.1), glasses(np.array([[0.03, 0.02, 0.07], [-0.03, 0.02, 0.07]]), 0.11)):
        assert part.triangles.max() < len(part.vertices) and part.triangles.shape == part.corner_uvs.shape[:2]
    for part in (curtain(-0.1), glasses(np.array([[0.03, 0.02, 0.07], [-0.03, 0.02, 0.07]]), 0.11)):
        assert 0 <= part.corner_uvs.min() and part.corner_uvs.max() <= 1
