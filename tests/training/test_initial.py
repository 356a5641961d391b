"""The splats that training starts with: how many on each triangle, where, and in which colour."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from training_subject import SIZE, VIEWS, a_trainer

from facecraft4d.toolkit.core.geometry import area_vectors, normalized
from facecraft4d.toolkit.core.rigging import pose_vertices
from facecraft4d.toolkit.meshes.views import seen
from facecraft4d.toolkit.training.gaussians import splat_parameters
from facecraft4d.toolkit.training.initial import (
    Opening,
    allocate,
    initial_splats,
    opened_colors,
    surface_points,
    unfolding,
    with_openings,
)
from facecraft4d.toolkit.training.objective import draw
from facecraft4d.toolkit.training.schedule import STATIC, Sample


@pytest.mark.parametrize("count", [10, 57, 58, 5000])
def test_every_triangle_gets_its_share(count):
    weights = np.random.default_rng(1).random(57) ** 3
    counts, shares = allocate(weights, count, np.zeros(57, bool))
    assert counts.sum() == count and np.abs(counts - shares).max() <= 1
    np.testing.assert_allclose(shares, weights / weights.sum() * count)


@pytest.mark.parametrize("count", [10, 20, 21, 5000])
def test_chosen_triangles_get_one_splat_at_least_where_there_are_enough(count):
    weights, each = np.random.default_rng(1).random(57) ** 3, np.arange(57) % 3 == 0
    counts, shares = allocate(weights, count, each)
    assert counts.sum() == count and np.isclose(shares.sum(), count)
    assert (np.minimum(counts, shares)[each] >= (count >= each.sum()) - 1e-9).all()


def test_what_the_photograph_shows_has_a_splat_on_every_triangle_and_a_single_one_starts_at_the_centroid(scene):
    views, _, head = scene
    splats = initial_splats(head, views, len(head.rig.triangles))
    posed = pose_vertices(head.rig, head.pose)[head.rig.triangles].astype(np.float64)
    in_photograph = seen(views.views[0], posed.mean(1), normalized(area_vectors(posed))) > 0
    counts = np.bincount(splats.triangles, minlength=len(posed))
    assert in_photograph.any() and counts[in_photograph].all()
    np.testing.assert_allclose(splats.means[counts[splats.triangles] == 1], 0, atol=1e-5)


def test_points_spread_evenly_inside_their_triangles():
    triangles, barycentrics = surface_points(np.array([1, 0, 300]))
    assert (np.bincount(triangles) == [1, 0, 300]).all()
    assert barycentrics.min() >= 0
    np.testing.assert_allclose(barycentrics.sum(1), 1)
    np.testing.assert_allclose(barycentrics[0], 1 / 3)
    np.testing.assert_allclose(barycentrics[1:].mean(0), 1 / 3, atol=0.01)


@pytest.mark.parametrize(("count", "error", "spill"), [(40, 0.06, 0.25), (2000, 0.02, 0.08)])
def test_the_head_looks_right_before_the_first_step(scene, count, error, spill):
    views, _, head = scene
    trainer = a_trainer(scene)
    parameters, triangles = splat_parameters(initial_splats(head, views, count), "cpu")
    for view in range(VIEWS):
        picture = trainer.footage.picture(Sample(view), SIZE)
        with torch.no_grad():
            drawn = draw(parameters, triangles, trainer.footage.posed(STATIC), picture, None)
        image = drawn.consistent + 1 - drawn.alpha
        inside = picture.mask > 0.99
        assert (((image - picture.image) ** 2) * inside).sum() / (3 * inside.sum()) < error
        assert ((1 - drawn.alpha) * inside).sum() / inside.sum() < 0.03, "holes"
        assert (drawn.alpha - picture.mask).abs().mean() < spill


@pytest.mark.parametrize("count", [40, 100, 130, 4000])
def test_what_only_another_pose_shows_gets_a_share_beside_one_splat_for_each_triangle(count):
    weights, opened = np.ones(100), np.where(np.arange(100) < 7, 2.0, 0)
    each = np.ones(100, bool)
    counts, shares = with_openings(weights, count, opened, each)
    assert counts.sum() == count and counts.min() >= (count >= 100) and np.isclose(shares.sum(), count)
    if count > 100:
        assert counts[:7].mean() > 1.5 * counts[7:].mean() - 0.5
    np.testing.assert_array_equal(with_openings(weights, count, 0 * opened, each)[0], allocate(weights, count, each)[0])


def test_hidden_surfaces_start_with_the_colour_of_the_pose_that_shows_them(scene):
    views, _, head = scene
    posed = pose_vertices(head.rig, head.pose)[head.rig.triangles].astype(np.float64)
    green = np.zeros_like(views.views[0].image) + np.array([0, 1, 0], np.float32)
    opening = Opening(replace(views.views[0], image=green), posed)
    triangles, centers = np.arange(len(posed)), np.full((len(posed), 3), 1 / 3)
    colors = opened_colors((opening,), triangles, centers, np.zeros((len(posed), 3), np.float32))
    cosines = opening.seen(triangles, centers)
    assert (colors[cosines > 0.5, 1] > 0.9).all() and not colors[cosines == 0].any()


def test_what_unfolds_is_what_another_pose_shows_several_times_as_large(scene):
    views, _, head = scene
    posed = pose_vertices(head.rig, head.pose)[head.rig.triangles].astype(np.float64)
    opening = Opening(views.views[0], posed)
    cosines = opening.seen(np.arange(len(posed)), np.full((len(posed), 3), 1 / 3))
    for folded, expected in ((posed, cosines < 0), (posed * [1, 0.3, 1], cosines > 0)):
        unfolded, widest = unfolding((opening,), folded, np.ones(len(posed)))
        np.testing.assert_array_equal(unfolded > 0, expected & (unfolded > 0))
        np.testing.assert_array_equal(widest[unfolded > 0], posed[unfolded > 0])
        np.testing.assert_array_equal(widest[unfolded == 0], folded[unfolded == 0])
    assert (unfolded > 0).any()
    hidden, _ = unfolding((opening,), posed, np.zeros(len(posed)))
    np.testing.assert_array_equal(hidden > 0, cosines > 0)
