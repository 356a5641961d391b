"""Displacements of splats are those that carrying them gives."""

from dataclasses import replace

import numpy as np
import pytest

from facecraft4d.exporters.splat_deltas import splat_changes, splat_deltas
from facecraft4d.toolkit.core.asset import Avatar
from facecraft4d.toolkit.core.geometry import multiply_wxyz, rotation_from_axis_angle, wxyz_from_rotation
from facecraft4d.toolkit.core.rigging import place_splats, pose_from_weights, pose_vertices


@pytest.fixture(scope="module")
def scattered(tiny_avatar: Avatar) -> Avatar:
    """The small avatar with splats off their triangles' planes, several on one triangle."""
    rng = np.random.default_rng(0)
    shape = tiny_avatar.splats.means.shape
    splats = replace(
        tiny_avatar.splats,
        means=rng.normal(scale=0.5, size=shape).astype(np.float32),
        triangles=rng.integers(0, len(tiny_avatar.rig.triangles), shape[0]).astype(np.int32),
    )
    return replace(tiny_avatar, splats=splats)


@pytest.mark.slow
def test_deltas_are_the_difference_of_carried_splats(scattered: Avatar) -> None:
    rig, splats = scattered.rig, scattered.splats
    rest = place_splats(splats, rig.vertices, rig).means
    for index, name in enumerate(rig.expression_names):
        expected = place_splats(splats, pose_vertices(rig, pose_from_weights(rig, {name: 1.0})), rig).means - rest
        found = splat_deltas(rig, splats, index)
        dense = np.zeros_like(expected)
        dense[found.rows] = found.means
        np.testing.assert_allclose(dense, expected, atol=1e-6, err_msg=name)


def test_only_what_moves_is_listed(scattered: Avatar) -> None:
    rig, splats = scattered.rig, scattered.splats
    for index, delta in enumerate(rig.expression_deltas):
        rows, means = splat_deltas(rig, splats, index)
        touched = delta.any(1)[rig.triangles].any(1)[splats.triangles]
        assert (np.diff(rows) > 0).all() and means.any(1).all() and touched[rows].all()
    blink = splat_deltas(rig, splats, rig.expression_names.index("eyeBlinkLeft"))
    assert 0 < len(blink.rows) < len(splats.means) / 4


def test_an_expression_that_moves_nothing_has_no_rows(scattered: Avatar) -> None:
    rig = replace(scattered.rig, expression_deltas=np.zeros_like(scattered.rig.expression_deltas))
    rows, means = splat_deltas(rig, scattered.splats, 3)
    assert rows.shape == (0,) and means.shape == (0, 3)


def test_changes_lead_from_one_pose_to_the_other(scattered: Avatar) -> None:
    """Displacement, rotation from the left and factor of the sizes, applied to the splats of the one, give those of the other."""
    rig, splats = scattered.rig, scattered.splats
    poses = {"jawOpen": 0.3, "mouthSmileLeft": 0.9}, {"jawOpen": 1.2, "eyeBlinkLeft": 1.0}
    before, after = (pose_vertices(rig, pose_from_weights(rig, dict(weights))) for weights in poses)
    start, end = (place_splats(splats, vertices, rig) for vertices in (before, after))
    rows, means, rotations, log_scales = splat_changes(rig, splats, before, after)
    still = np.setdiff1d(np.arange(len(splats.means)), rows)
    assert len(rows) > 50 and len(still) > 50 and np.array_equal(start.means[still], end.means[still])
    np.testing.assert_allclose(start.means[rows] + means, end.means[rows], atol=1e-6)
    np.testing.assert_allclose(start.scales[rows] * np.exp(log_scales)[:, None], end.scales[rows], rtol=1e-4)
    turn = wxyz_from_rotation(rotation_from_axis_angle(rotations.astype(np.float64)))
    found = multiply_wxyz(turn, start.rotations_wxyz[rows])
    assert np.abs((found * end.rotations_wxyz[rows]).sum(1)).min() > 1 - 1e-6


def test_a_triangle_without_area_has_finite_changes(scattered: Avatar) -> None:
    rig, splats = scattered.rig, scattered.splats
    flat = rig.vertices.copy()
    flat[rig.triangles[7]] = flat[rig.triangles[7, 0]]
    for changes in (splat_changes(rig, splats, rig.vertices, flat), splat_changes(rig, splats, flat, rig.vertices)):
        assert len(changes.rows) and all(np.isfinite(part).all() for part in changes)
