"""The picture cut along its mesh: borders and areas."""

import numpy as np
from head_cases import painted_head

from facecraft4d.toolkit.video_prior.mesh.fill import source_of
from facecraft4d.toolkit.video_prior.mesh.source import edges, grown_by, signed_areas
from facecraft4d.toolkit.video_prior.mesh.surface import surface_of

SIZE = 128


def test_borders_are_found_where_layers_or_depths_change() -> None:
    layer, depth = np.zeros((20, 20), np.uint8), np.ones((20, 20), np.float32)
    assert not edges(layer, depth).any()
    layer[:, 10:] = 1
    depth[5:, :] += 0.01
    found = edges(layer, depth)
    assert found[:, 9:11].all() and found[4:6].all() and found.sum() == 2 * 20 + 2 * 20 - 4
    assert grown_by(found, 0.1)[:, 7:13].all() and not grown_by(found, 0.1)[10:, :6].any()


def test_signed_area_is_positive_towards_the_camera() -> None:
    coarse = painted_head(SIZE)
    head = coarse.head
    source = source_of(coarse.views.views[0], head.rig.vertices, surface_of(head), SIZE)
    centers = head.rig.vertices[head.rig.triangles].mean(1)
    assert (source.areas[centers[:, 2] > 0.02] >= 0).all() and (source.areas[centers[:, 2] < -0.02] <= 0).all()
    assert signed_areas(np.array([[[0.0, 0.0], [0.0, 2.0], [2.0, 0.0]]]))[0] == 2
