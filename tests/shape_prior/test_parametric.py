"""Laws of the parametric shape prior, on a portrait rendered from the face model itself."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch
from fitted_subject import landmarks_of, subject

from facecraft4d.toolkit.config import Bust, FaceModelConfig, ParametricConfig, ShapePriorConfig
from facecraft4d.toolkit.core.datatypes import Coarse, Mesh, Portrait
from facecraft4d.toolkit.core.geometry import project
from facecraft4d.toolkit.core.rigging import in_regions, pose_vertices
from facecraft4d.toolkit.core.stages import Progress, StageContext
from facecraft4d.toolkit.face_model import FaceModel
from facecraft4d.toolkit.landmarks.points import FACE_OVAL
from facecraft4d.toolkit.meshes.graph import border
from facecraft4d.toolkit.meshes.raster import draw_mesh, rasterize
from facecraft4d.toolkit.shape_prior import run
from facecraft4d.toolkit.shape_prior.parametric.neck import ring_in_file

QUICK = ParametricConfig(latent_iterations=2, pivotal_iterations=2, texture_size=256)
GREEN = np.array([0.3, 0.6, 0.3], np.float32)


@pytest.fixture(scope="module")
def green(model: FaceModel) -> tuple[Portrait, Coarse, list[Progress]]:
    """A person all of one colour, inverted."""
    camera, posed, latent = subject(model, 10.0)
    texture = np.tile(GREEN, (4, 4, 1))
    drawing = draw_mesh(Mesh(posed, model.triangles, model.corner_uvs, texture), camera, 3)
    portrait = Portrait(
        image=drawing.image,
        alpha=drawing.alpha,
        landmarks=landmarks_of(model, camera, posed).astype(np.float32),
        expression=latent.expression.astype(np.float32),
        head_rotation=camera.camera_from_world[:3, :3].astype(np.float32),
        crop_from_photo=np.eye(3, dtype=np.float32),
    )
    reports: list[Progress] = []
    config = ShapePriorConfig(parametric=QUICK)
    return (
        portrait,
        run(portrait, config, FaceModelConfig(), StageContext(0, "cpu", Path("nowhere"), reports.append)),
        reports,
    )


@pytest.mark.slow
def test_every_view_shows_the_completed_colour_and_nothing_else(green: tuple[Portrait, Coarse, list[Progress]]) -> None:
    """Of a person all of one colour every view, from all around, is of that colour."""
    _, coarse, _ = green
    head = coarse.head
    plain = ("skin", "scalp", "neck", "ears", "hair", "torso")
    wanted = [head.rig.region_names.index(name) for name in plain]
    posed = pose_vertices(head.rig, head.pose)
    for view in coarse.views.views[1:]:
        fragments = rasterize(view.camera, posed, head.rig.triangles)
        inner = (view.mask > 0.999) & np.isin(head.rig.triangle_regions[fragments.triangle], wanted)
        assert inner.sum() > 1000
        assert (np.abs(view.image[inner] - GREEN).max(-1) > 0.06).mean() < 0.01


@pytest.mark.slow
def test_views_close_the_circle_and_the_first_is_the_photograph(green: tuple[Portrait, Coarse, list[Progress]]) -> None:
    """24 views stand 15 degrees apart with depth where there is a head; view 0 is the photograph itself, but for cloth without a surface."""
    portrait, coarse, reports = green
    views, yaws = coarse.views.views, coarse.views.yaws_degrees
    assert len(views) == 24
    np.testing.assert_allclose(np.diff([*yaws, 360.0]), 15.0)
    whole = views[0].mask == portrait.alpha
    np.testing.assert_array_equal(views[0].image[whole], portrait.image[whole])
    assert (views[0].mask <= portrait.alpha).all()
    cut = portrait.alpha - views[0].mask > 0.5
    assert cut.sum() < 0.02 * (portrait.alpha > 0.5).sum(), f"{cut.sum()} pixels lost"
    assert not cut[: int(portrait.landmarks[list(FACE_OVAL), 1].mean())].any()
    for view in views:
        assert np.all(view.depth[view.mask > 0.5] > 0)
        assert view.image.shape == portrait.image.shape
    steps = [progress.step for progress in reports]
    assert steps == sorted(steps)
    assert reports[-1].step == reports[-1].total


@pytest.mark.slow
def test_the_mesh_meets_the_silhouette_and_the_rig_is_sound(green: tuple[Portrait, Coarse, list[Progress]]) -> None:
    """The fitted head covers the photograph's matte; hair and clothes ride along without expressions."""
    portrait, coarse, _ = green
    head = coarse.head
    posed = dataclasses.replace(head.mesh, vertices=pose_vertices(head.rig, head.pose))
    drawn, matte = draw_mesh(posed, coarse.views.views[0].camera, 2).alpha > 0.5, portrait.alpha > 0.5
    assert (drawn & matte).sum() / (drawn | matte).sum() > 0.95
    np.testing.assert_allclose(head.rig.skin_weights.sum(1), 1, atol=1e-5)
    np.testing.assert_array_equal(head.mesh.triangles, head.rig.triangles)
    shells = [head.rig.region_names.index(name) for name in ("hair", "torso")]
    riders = np.unique(head.rig.triangles[np.isin(head.rig.triangle_regions, shells)])
    assert not head.rig.expression_deltas[:, riders].any()
    assert head.mesh.texture.min() >= 0
    assert head.mesh.texture.max() <= 1


@pytest.mark.slow
def test_a_head_alone_ends_at_its_neck(green: tuple[Portrait, Coarse, list[Progress]], model: FaceModel) -> None:
    """With --bust neck the mesh has no shoulders, its open edge is the ring, and the photograph's view shows nothing below it."""
    portrait, _, _ = green
    config = ShapePriorConfig(views=8, bust=Bust.NECK, parametric=QUICK)
    coarse = run(portrait, config, FaceModelConfig(), StageContext(0, "cpu", Path("nowhere"), lambda progress: None))
    rig, view = coarse.head.rig, coarse.views.views[0]
    assert "torso" not in rig.region_names
    ring = ring_in_file(model)
    skin = rig.triangles[~in_regions(rig, "hair", "teeth")]
    assert set(ring.tolist()) <= set(border(skin).tolist())
    lowest = project(view.camera, pose_vertices(rig, coarse.head.pose)[ring].astype(np.float64))[0][:, 1].max()
    assert not view.mask[int(lowest) + 2 :].any()
    assert view.mask.sum() < portrait.alpha.sum()


@pytest.mark.slow
def test_a_second_run_gives_the_same_bits(green: tuple[Portrait, Coarse, list[Progress]]) -> None:
    """The same portrait and seed give the same texture and rig, and no global setting stays changed."""
    portrait, coarse, _ = green
    head = coarse.head
    config = ShapePriorConfig(views=2, parametric=QUICK)
    again = run(
        portrait, config, FaceModelConfig(), StageContext(0, "cpu", Path("nowhere"), lambda progress: None)
    ).head
    np.testing.assert_array_equal(again.mesh.texture, head.mesh.texture)
    np.testing.assert_array_equal(again.rig.vertices, head.rig.vertices)
    assert not torch.are_deterministic_algorithms_enabled()
