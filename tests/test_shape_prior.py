"""Laws of the parametric shape prior, on portraits rendered from the face model itself."""

import dataclasses

import numpy as np
import pytest
import torch

from facecraft4d.toolkit.config import ParametricConfig, ShapePriorConfig
from facecraft4d.toolkit.core.datatypes import Camera, Head, Mesh, Portrait, Progress
from facecraft4d.toolkit.core.geometry import orbit_camera, project, vertex_normals
from facecraft4d.toolkit.core.rigging import pose_vertices
from facecraft4d.toolkit.face_model import FaceModel, load_default_head, personalized_rig, surface_positions
from facecraft4d.toolkit.face_model.parts import CLEARANCE, EYEWEAR, blinks_beyond_lashes
from facecraft4d.toolkit.fitting.landmarks import Latent, Targets, fit_landmarks, start
from facecraft4d.toolkit.fitting.offsets import laplacian, projection_slopes
from facecraft4d.toolkit.fitting.outlines import outline
from facecraft4d.toolkit.fitting.shading import surface_weights, torch_normals
from facecraft4d.toolkit.meshes.raster import draw_mesh, rasterize
from facecraft4d.toolkit.shape_prior import run
from facecraft4d.toolkit.shape_prior.parametric.paint.quilting import Canvas, Sample, quilt
from facecraft4d.toolkit.shape_prior.parametric.paint.synthesis import carried, diffuse
from facecraft4d.toolkit.shape_prior.parametric.shells.eyewear import covered_by_glasses, with_eyewear
from facecraft4d.toolkit.shape_prior.parametric.shells.grid import (
    capsule_grid,
    outer_radii,
    sheet_triangles,
    signed_distance,
)
from facecraft4d.toolkit.shape_prior.parametric.views import orbit

SIZE = 192
GREEN = np.array([0.3, 0.6, 0.3], np.float32)
QUICK = ParametricConfig(latent_iterations=2, pivotal_iterations=2, texture_size=256)


@pytest.fixture(scope="module")
def model() -> FaceModel:
    return load_default_head()


def _subject(model: FaceModel, yaw: float) -> tuple[Camera, np.ndarray, Latent]:
    """A camera, posed vertices and the weights that made them."""
    rng = np.random.default_rng(3)
    identity = rng.uniform(-0.15, 0.15, len(model.identity_names)).clip(*model.identity_ranges.T)
    expression = np.zeros(52)
    expression[[model.expression_names.index(n) for n in ("jawOpen", "mouthSmileLeft", "mouthSmileRight")]] = 0.3
    camera = orbit_camera(yaw, 5.0, 1.6, SIZE, np.array([0.0, -0.02, 0.0]))
    latent = Latent(camera, identity, expression, np.zeros((2, 2)))
    return camera, pose_vertices(personalized_rig(model, identity.astype(np.float32)), latent.pose(model)), latent


def _landmarks(model: FaceModel, camera: Camera, posed: np.ndarray) -> np.ndarray:
    assert model.landmarks_478 is not None
    points = surface_positions(model.landmarks_478, model.triangles, posed).astype(np.float64)
    pixels, depth = project(camera, points)
    return np.concatenate([pixels, depth[:, None]], 1)


@pytest.mark.parametrize("yaw", [0.0, 25.0])
def test_the_fit_recovers_the_camera_and_the_shape_that_made_the_landmarks(model: FaceModel, yaw: float) -> None:
    camera, posed, latent = _subject(model, yaw)
    landmarks = _landmarks(model, camera, posed)[:, :2]
    targets = Targets(landmarks, latent.expression, 0.5)
    found = fit_landmarks(model, start(model, landmarks, np.diag([1.0, -1, -1]), SIZE), targets)
    error = np.linalg.norm(_landmarks(model, found.camera, _posed(model, found))[:, :2] - landmarks, axis=1)
    width = np.linalg.norm(landmarks[234] - landmarks[454])
    assert np.median(error) < 0.005 * width
    turn = found.camera.camera_from_world[:3, :3] @ camera.camera_from_world[:3, :3].T
    assert np.degrees(np.arccos(np.clip((np.trace(turn) - 1) / 2, -1, 1))) < 3
    distance = np.linalg.norm(found.camera.camera_from_world[:3, 3]) / np.linalg.norm(camera.camera_from_world[:3, 3])
    assert distance == pytest.approx(1, abs=0.06)


def _posed(model: FaceModel, latent: Latent) -> np.ndarray:
    return pose_vertices(personalized_rig(model, latent.identity.astype(np.float32)), latent.pose(model))


@pytest.fixture(scope="module")
def green(model: FaceModel) -> tuple[Portrait, Head, list[Progress]]:
    """A person all of one colour, inverted."""
    camera, posed, latent = _subject(model, 10.0)
    texture = np.tile(GREEN, (4, 4, 1))
    drawing = draw_mesh(Mesh(posed, model.triangles, model.corner_uvs, texture), camera, 3)
    portrait = Portrait(
        image=drawing.image,
        alpha=drawing.alpha,
        landmarks=_landmarks(model, camera, posed).astype(np.float32),
        expression=latent.expression.astype(np.float32),
        head_rotation=camera.camera_from_world[:3, :3].astype(np.float32),
        crop_from_photo=np.eye(3, dtype=np.float32),
        photo_sha256="0" * 64,
    )
    reports: list[Progress] = []
    config = ShapePriorConfig(parametric=QUICK)
    return portrait, run(portrait, config, 0, reports.append), reports


def test_every_view_shows_the_completed_colour_and_nothing_else(green: tuple[Portrait, Head, list[Progress]]) -> None:
    _, head, _ = green
    plain = ("skin", "scalp", "neck", "ears", "hair", "torso")
    wanted = [head.rig.region_names.index(name) for name in plain]
    posed = pose_vertices(head.rig, head.pose)
    for view in head.coarse.views[1:]:
        fragments = rasterize(view.camera, posed, head.rig.triangles)
        inner = (view.mask > 0.999) & np.isin(head.rig.triangle_regions[fragments.triangle], wanted)
        assert inner.sum() > 1000
        assert (np.abs(view.image[inner] - GREEN).max(-1) > 0.06).mean() < 0.01


def test_views_close_the_circle_and_the_first_is_the_photograph(green: tuple[Portrait, Head, list[Progress]]) -> None:
    portrait, head, reports = green
    views, yaws = head.coarse.views, head.coarse.yaws_degrees
    assert len(views) == 24
    np.testing.assert_allclose(np.diff([*yaws, 360.0]), 15.0)
    np.testing.assert_array_equal(views[0].image, portrait.image)
    np.testing.assert_array_equal(views[0].mask, portrait.alpha)
    for view in views:
        assert np.all(view.depth[view.mask > 0.5] > 0)
        assert view.image.shape == portrait.image.shape
    steps = [progress.step for progress in reports]
    assert steps == sorted(steps)
    assert reports[-1].step == reports[-1].total


def test_the_mesh_meets_the_silhouette_and_the_rig_is_sound(green: tuple[Portrait, Head, list[Progress]]) -> None:
    portrait, head, _ = green
    posed = dataclasses.replace(head.mesh, vertices=pose_vertices(head.rig, head.pose))
    drawn, matte = draw_mesh(posed, head.coarse.views[0].camera, 2).alpha > 0.5, portrait.alpha > 0.5
    assert (drawn & matte).sum() / (drawn | matte).sum() > 0.95
    np.testing.assert_allclose(head.rig.skin_weights.sum(1), 1, atol=1e-5)
    np.testing.assert_array_equal(head.mesh.triangles, head.rig.triangles)
    shells = [head.rig.region_names.index(name) for name in ("hair", "torso")]
    riders = np.unique(head.rig.triangles[np.isin(head.rig.triangle_regions, shells)])
    assert not head.rig.expression_deltas[:, riders].any()
    assert head.mesh.texture.min() >= 0
    assert head.mesh.texture.max() <= 1


def test_a_second_run_gives_the_same_bits(green: tuple[Portrait, Head, list[Progress]]) -> None:
    portrait, head, _ = green
    config = ShapePriorConfig(views=2, parametric=QUICK)
    again = run(portrait, config, 0, lambda progress: None)
    np.testing.assert_array_equal(again.mesh.texture, head.mesh.texture)
    np.testing.assert_array_equal(again.rig.vertices, head.rig.vertices)
    assert not torch.are_deterministic_algorithms_enabled()


def test_orbit_keeps_the_distance_and_looks_at_the_centre() -> None:
    first = orbit_camera(-20.0, 8.0, 1.7, 64, np.array([0.0, 0.01, 0.0]))
    cameras = orbit(first, np.zeros(3), 24)
    assert cameras[0] is first
    for camera in cameras[1:]:
        pixel, depth = project(camera, np.zeros(3))
        np.testing.assert_allclose(pixel, 32, atol=1e-6)
        assert depth == pytest.approx(np.linalg.norm(_eye(first)), rel=1e-9)
    flat = [np.delete(_eye(camera), 1) for camera in cameras]
    angles = np.degrees([np.arctan2(x, z) for x, z in flat])
    np.testing.assert_allclose((np.diff([*angles, angles[0]]) + 180) % 360 - 180, 15, atol=1e-6)


def _eye(camera: Camera) -> np.ndarray:
    return np.asarray(-camera.camera_from_world[:3, :3].T @ camera.camera_from_world[:3, 3])


def test_rays_of_a_grid_are_found_again_and_measure_a_sphere() -> None:
    grid = capsule_grid(np.array([0.0, 0.02, 0.01]), -0.1, 48, 0.01)
    radii = np.random.default_rng(0).uniform(0.05, 0.2, grid.origins.shape[:2])
    rows, columns, found = grid.locate(grid.points(radii).reshape(-1, 3))
    wanted = np.indices(radii.shape).reshape(2, -1)
    np.testing.assert_allclose(rows, wanted[0], atol=1e-6)
    np.testing.assert_allclose((columns - wanted[1] + 1) % 48, 1, atol=1e-6)
    np.testing.assert_allclose(found, radii.ravel(), atol=1e-9)
    dome = capsule_grid(np.zeros(3), -0.001, 48, 0.01)
    triangles = sheet_triangles(*dome.origins.shape[:2])
    points = dome.points(np.full(dome.origins.shape[:2], 0.1))
    ball = np.concatenate([points.reshape(-1, 3), [[0, 0.1, 0]], [[0, -0.1, 0]]])
    upper = outer_radii(dome, ball, triangles)[: len(dome.elevations)]
    np.testing.assert_allclose(upper, 0.1, atol=1e-3)


def test_a_sheet_is_closed_and_faces_outward() -> None:
    grid = capsule_grid(np.zeros(3), -0.08, 32, 0.01)
    points = grid.points(np.full(grid.origins.shape[:2], 0.1))
    vertices = np.concatenate([points.reshape(-1, 3), points[0].mean(0)[None], points[-1].mean(0)[None]])
    triangles = sheet_triangles(*points.shape[:2])
    directed = np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]])
    assert {tuple(edge) for edge in directed} == {tuple(edge[::-1]) for edge in directed}
    normals = vertex_normals(vertices, triangles)
    assert ((vertices - [0, -0.03, 0]) * normals).sum(-1).min() > 0


def test_the_laplacian_ignores_constants_and_feels_bumps() -> None:
    grid = capsule_grid(np.zeros(3), -0.05, 16, 0.01)
    triangles = sheet_triangles(*grid.origins.shape[:2])
    operator = laplacian(triangles, int(triangles.max()) + 1)
    np.testing.assert_allclose(operator @ np.ones(operator.shape[0]), 0, atol=1e-12)
    bump = np.zeros(operator.shape[0])
    bump[20] = 1
    assert (operator @ bump)[20] == 1


def test_diffusion_keeps_what_is_known_and_stays_between() -> None:
    grid = capsule_grid(np.zeros(3), -0.05, 16, 0.01)
    points = grid.points(np.full(grid.origins.shape[:2], 0.1)).reshape(-1, 3)
    vertices = np.concatenate([points, [[0, 0.1, 0], [0, -0.05, 0]]])
    triangles = sheet_triangles(*grid.origins.shape[:2])
    weights = (vertices[:, 2] > 0.05).astype(float)
    values = np.stack([vertices[:, 0] > 0, np.full(len(vertices), 0.7)], -1).astype(float)
    spread = diffuse(vertices, triangles, values, weights)
    np.testing.assert_allclose(spread[:, 1], 0.7, atol=1e-3)
    assert spread[:, 0].min() > -1e-3
    assert spread[:, 0].max() < 1 + 1e-3
    assert np.abs(spread[weights > 0, 0] - values[weights > 0, 0]).mean() < 0.05


def _canvas(picture: np.ndarray, guide: np.ndarray) -> tuple[Canvas, Sample]:
    """A chart whose middle half is known, and that half as the sample."""
    height, width, _ = picture.shape
    known = np.zeros((height, width), bool)
    known[:, width // 4 : -width // 4] = True
    rows = np.arange(height, dtype=np.float32)
    sample = Sample(picture, guide, known, rows, 0.1)
    return Canvas(picture, known, np.ones_like(known), guide), sample


def test_quilting_repeats_for_a_seed_fills_what_is_wanted_and_keeps_what_is_known() -> None:
    detail = np.random.default_rng(5).normal(0, 0.1, (60, 80, 3)).astype(np.float32)
    canvas, sample = _canvas(detail, np.zeros_like(detail))
    first, second = (quilt(canvas, sample, (12, 8), 8.0, np.random.default_rng(1)) for _ in range(2))
    np.testing.assert_array_equal(first, second)
    np.testing.assert_array_equal(first[canvas.known], detail[canvas.known])
    filled = first[~canvas.known]
    assert (filled.std(-1) > 1e-4).mean() > 0.99
    assert filled.std() == pytest.approx(detail[canvas.known].std(), rel=0.35)


def test_a_patterned_hat_goes_on_with_its_grain_and_no_other_colours() -> None:
    """A dark band below a white crown: behind, each height keeps its colour, as rough as in front, and nothing lies between."""
    rng = np.random.default_rng(2)
    guide = np.where(np.arange(64)[:, None, None] < 30, 0.9, 0.1) * np.ones((64, 128, 3))
    picture = (guide + rng.uniform(-0.05, 0.05, guide.shape)).astype(np.float32)
    canvas, sample = _canvas(picture, guide.astype(np.float32))
    known = canvas.known
    canvas = dataclasses.replace(canvas, guide=carried(canvas.guide, known, 64))
    filled = quilt(canvas, sample, (24, 16, 8), 1e3, np.random.default_rng(0))
    levels = filled[~known].mean(-1)
    assert ((levels > 0.2) & (levels < 0.8)).mean() < 0.01
    grain = [(filled - guide)[rows][:, ~known[0]].std() for rows in (slice(0, 24), slice(36, 64))]
    np.testing.assert_allclose(grain, (picture - guide)[known].std(), rtol=0.25)
    assert np.abs(filled.mean((1, 2)) - picture.mean((1, 2))).mean() < 0.08


def test_bands_are_carried_around_without_a_gradient_and_slope_to_meet() -> None:
    """A band that lies higher on one side than on the other; every colour behind is one of the two in front."""
    known = np.zeros((50, 120), bool)
    known[:, 30:91] = True
    border = np.where(np.arange(120) < 60, 20, 30)
    low = (np.arange(50)[:, None, None] > border[None, :, None]) * np.ones(3, np.float32)
    around = carried(low.astype(np.float32), known, 60)
    np.testing.assert_array_equal(around[known], low[known])
    assert np.minimum(around, 1 - around).max() < 1e-5
    heights = np.argmax(around[..., 0] > 0.5, 0)
    behind = np.roll(heights, 60)[31:90]
    assert (np.diff(behind) <= 0).all()
    assert behind[0] == 31 and behind[-1] == 21


def test_an_outline_lies_on_the_border_and_points_outward() -> None:
    y, x = np.mgrid[:80, :80] + 0.5
    disc = np.hypot(x - 40, y - 40) < 25
    points, normals = outline(disc)
    np.testing.assert_allclose(np.linalg.norm(points - 40, axis=1), 25, atol=1.0)
    assert ((points - 40) * normals).sum(-1).min() > 20
    np.testing.assert_allclose(signed_distance(disc), 25 - np.hypot(x - 40, y - 40), atol=1.0)


def test_slopes_of_the_projection_equal_finite_differences() -> None:
    camera = orbit_camera(30.0, 10.0, 1.2, 128)
    points = np.random.default_rng(2).normal(0, 0.05, (5, 3))
    slopes = projection_slopes(camera, points)
    for axis in range(3):
        step = 1e-6 * np.eye(3)[axis]
        difference = (project(camera, points + step)[0] - project(camera, points - step)[0]) / 2e-6
        np.testing.assert_allclose(slopes[:, :, axis], difference, rtol=1e-4, atol=1e-3)


def test_torch_weights_and_normals_equal_the_rasterisers(model: FaceModel) -> None:
    camera = orbit_camera(15.0, 0.0, 1.5, 48)
    seen = model.vertices @ camera.camera_from_world[:3, :3].T.astype(np.float32)
    seen = (seen + camera.camera_from_world[:3, 3]).astype(np.float32)
    fragments = rasterize(dataclasses.replace(camera, camera_from_world=np.eye(4)), seen, model.triangles)
    rows, columns = np.nonzero(fragments.covered)
    rays = np.stack(
        [(columns + 0.5 - camera.cx) / camera.fx, (rows + 0.5 - camera.cy) / camera.fy, np.ones(len(rows))], -1
    )
    corners = torch.as_tensor(seen[model.triangles[fragments.triangle[rows, columns]]], dtype=torch.float64)
    weights = surface_weights(corners, torch.as_tensor(rays))
    np.testing.assert_allclose(weights.numpy(), fragments.barycentrics[rows, columns], atol=2e-3)
    normals = torch_normals(torch.as_tensor(model.vertices), torch.as_tensor(model.triangles, dtype=torch.int64))
    np.testing.assert_allclose(normals.numpy(), vertex_normals(model.vertices, model.triangles), atol=2e-3)


@pytest.mark.parametrize("rim", [(), ("left",), ("left", "right")])
def test_glasses_get_triangles_that_do_not_blink(model: FaceModel, rim: tuple[str, ...]) -> None:
    """One texel a triangle: skin everywhere, black where the skin beside an eye blinks."""
    rig = personalized_rig(model, np.zeros(len(model.identity_names), np.float32))
    left = rig.vertices[rig.triangles].mean(1)[:, 0] > 0
    skin = rig.triangle_regions == rig.region_names.index("skin")
    worn = blinks_beyond_lashes(rig) & skin & ((left & ("left" in rim)) | (~left & ("right" in rim)))
    count = len(rig.triangles)
    uvs = np.tile(((np.arange(count) + 0.5) / count)[:, None, None] * [1, 0] + [0, 0.5], (1, 3, 1)).astype(np.float32)
    texture = np.where(worn[None, :, None], 0.0, [0.8, 0.6, 0.5]).astype(np.float32)
    mesh = Mesh(rig.vertices, rig.triangles, uvs, texture)
    np.testing.assert_array_equal(covered_by_glasses(rig, mesh), worn)
    whole, dressed = with_eyewear(rig, mesh, rig.vertices)
    added = len(whole.triangles) - count
    assert added == worn.sum() == len(dressed.corner_uvs) - count and worn.any() == bool(rim)
    if not rim:
        assert whole is rig and dressed is mesh
        return
    assert whole.region_names[-1] == EYEWEAR and (whole.triangle_regions[count:] == len(rig.region_names)).all()
    assert not whole.expression_deltas[:, len(rig.vertices) :].any()
    distance = np.linalg.norm(whole.vertices[whole.triangles[count:]] - rig.vertices[rig.triangles[worn]], axis=-1)
    np.testing.assert_allclose(distance, CLEARANCE, rtol=1e-3)


def test_where_patches_are_few_grain_goes_on_without_repeating() -> None:
    """A band of which only 10 x 10 pixels are seen: laid as they are, its patches would be woven."""
    rng = np.random.default_rng(3)
    guide = np.full((48, 96, 3), 0.2, np.float32)
    guide[14:34] = 0.7
    picture = (guide + rng.normal(0, 0.04, guide.shape)).astype(np.float32)
    canvas, sample = _canvas(picture, guide)
    usable = canvas.known.copy()
    usable[8:40] = False
    usable[20:30, 40:50] = True
    filled = quilt(canvas, dataclasses.replace(sample, usable=usable), (8,), 1e3, np.random.default_rng(0))
    band = (filled - guide)[18:30, ~canvas.known[0]]
    assert band.std() == pytest.approx(0.04, rel=0.4)
    flat = band[:8].transpose(1, 0, 2)
    windows = np.stack([flat[i : i + 8].ravel() for i in range(len(flat) - 8)])
    alike = np.corrcoef(windows) - np.eye(len(windows))
    assert alike.max() < 0.45, "0.7 with the patches themselves"


def test_borders_of_bands_stay_where_the_guide_has_them() -> None:
    """Patches with a border a few rows off fit the guide nearly as well; laid side by side they would make teeth."""
    heights = 24 + (np.arange(96) % 16) // 4
    picture = np.where(np.arange(48)[:, None] < heights, 0.9, 0.1)[..., None].repeat(3, 2).astype(np.float32)
    canvas, sample = _canvas(picture, picture)
    straight = np.where(np.arange(48)[:, None, None] < 26, 0.9, 0.1) * np.ones((48, 96, 3))
    canvas = dataclasses.replace(canvas, guide=straight.astype(np.float32))
    filled = quilt(canvas, sample, (16, 8), 1e3, np.random.default_rng(0))
    np.testing.assert_allclose(filled[~canvas.known], canvas.guide[~canvas.known], atol=0.05)
