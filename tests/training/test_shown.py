"""How much of each triangle anybody can see, and that splats are shared out by it."""

from dataclasses import replace

import numpy as np
import pytest
from training_subject import a_trainer

from facecraft4d.toolkit.core.datatypes import Head
from facecraft4d.toolkit.core.geometry import triangle_areas
from facecraft4d.toolkit.core.rigging import pose_vertices
from facecraft4d.toolkit.training.initial import allocate, initial_splats
from facecraft4d.toolkit.training.shown import shown_areas


def with_a_core(head: Head, scale: float) -> Head:
    """The same head with a copy of itself, `scale` times as large, about its middle."""
    rig, mesh = head.rig, head.mesh
    twice = lambda a, axis=0: np.concatenate([a, a], axis)  # noqa: E731
    vertices = np.concatenate([rig.vertices, scale * rig.vertices])
    triangles = np.concatenate([rig.triangles, rig.triangles + len(rig.vertices)])
    doubled = replace(
        rig, vertices=vertices, triangles=triangles, triangle_regions=twice(rig.triangle_regions),
        expression_deltas=np.concatenate([rig.expression_deltas, scale * rig.expression_deltas], 1),
        skin_weights=twice(rig.skin_weights),
    )  # fmt: skip
    return replace(
        head, rig=doubled, mesh=replace(mesh, vertices=vertices, triangles=triangles, corner_uvs=twice(mesh.corner_uvs))
    )


@pytest.mark.slow
def test_of_two_shells_the_outer_one_is_shown(scene):
    views, frames, head = scene
    count = len(head.rig.triangles)
    alone = shown_areas(views, frames, head)
    areas = triangle_areas(pose_vertices(head.rig, head.pose)[head.rig.triangles])
    assert 0.8 * areas.sum() < np.minimum(alone, areas).sum() <= areas.sum()
    for scale, outer in ((0.5, slice(count)), (2.0, slice(count, None))):
        shown = shown_areas(views, frames, with_a_core(head, scale))
        np.testing.assert_array_equal(shown[outer] > 0, alone > 0)
        assert np.count_nonzero(shown) == np.count_nonzero(alone)


@pytest.mark.slow
def test_what_nobody_sees_gets_no_splats_and_the_rest_gets_all(scene):
    views, frames, head = scene
    nested, count = with_a_core(head, 0.5), len(head.rig.triangles)
    for splats in (count // 2, count, 5 * count):
        bare = initial_splats(head, views, splats, shown=shown_areas(views, frames, head))
        given = initial_splats(nested, views, splats, shown=shown_areas(views, frames, nested))
        np.testing.assert_array_equal(given.triangles, bare.triangles)
        np.testing.assert_allclose(given.log_scales, bare.log_scales, atol=1e-5)


@pytest.mark.slow
def test_training_begins_with_what_is_shown(scene):
    views, frames, head = scene
    nested = with_a_core(head, 0.5)
    shown = a_trainer((views, frames, nested)).footage.shown()
    assert shown[: len(head.rig.triangles)].any() and not shown[len(head.rig.triangles) :].any()


def test_triangles_without_weight_get_nothing():
    weights = np.array([0, 1, 0, 2, 3.0])
    for count in (2, 3, 50):
        counts, _ = allocate(weights, count, weights > 0)
        assert counts.sum() == count and not counts[[0, 2]].any()
        assert (counts[[1, 3, 4]] >= (count >= 3)).all()
