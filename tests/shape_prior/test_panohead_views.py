"""What is made of a generator whose head is known, an ellipsoid: depths, views in metres, a closed mesh; read from a file as published ones are."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import panohead_cases as cases
import pytest
import torch
from panohead_head import HALVES, KNOWN, SKIN, analytic_depth, ellipsoid, known_head, planes_of

from facecraft4d.toolkit.core.datatypes import Portrait, ViewSet
from facecraft4d.toolkit.core.geometry import camera_center, pixel_centers, rotation_from_axis_angle, unproject
from facecraft4d.toolkit.core.similarity import Similarity
from facecraft4d.toolkit.shape_prior.panohead.cameras import RADIUS, intrinsics, label, label_of, rays, world_from_orbit
from facecraft4d.toolkit.shape_prior.panohead.checkpoint import load_generator
from facecraft4d.toolkit.shape_prior.panohead.crop import portrait_camera
from facecraft4d.toolkit.shape_prior.panohead.drift import drift
from facecraft4d.toolkit.shape_prior.panohead.surface import NAMES, Surface, surface_of, write_surface
from facecraft4d.toolkit.shape_prior.panohead.views import Figure, depth_map, figure, look, photograph, surface_depth
from facecraft4d.toolkit.shape_prior.panohead.world import views_around

RAYS, SIDE = 32, 64
PLACE = Similarity(0.44, rotation_from_axis_angle(np.array([0.05, 0.1, -0.03])), np.array([0.01, 0.02, -0.03]))
"""Metres and the world from the box."""


@pytest.fixture(scope="module")
def head(tmp_path_factory: pytest.TempPathFactory) -> Figure:
    path = tmp_path_factory.mktemp("file") / "head.pkl"
    path.write_bytes(cases.file_bytes(known_head()))
    generator = load_generator(path)
    generator.architecture = replace(generator.architecture, rays=RAYS)  # of its 64: a quarter of the time
    return figure(generator, torch.zeros(1, generator.ws_count, KNOWN.w_size))


def camera_at(yaw: float, pitch: float = 0.0) -> object:
    return portrait_camera(np.eye(3), world_from_orbit(yaw, pitch), SIDE, SIDE)


@pytest.mark.slow
def test_the_file_holds_the_planes_of_an_ellipsoid(head: Figure) -> None:
    found = head.grids.view(1, -1, KNOWN.grid_side, KNOWN.grid_side)
    inner = (..., slice(10, -10), slice(10, -10))
    expected = planes_of(ellipsoid(HALVES, KNOWN.grid_side, KNOWN.sampling.box), KNOWN.grid_depth)
    torch.testing.assert_close(found[inner], expected[inner], rtol=0, atol=2e-3)


@pytest.mark.slow
@pytest.mark.parametrize(("yaw", "pitch"), [(0.0, 0.0), (1.1, 0.3), (3.0, -0.2)])
def test_depth_is_the_analytic_one(head: Figure, yaw: float, pitch: float) -> None:
    camera = camera_at(yaw, pitch)
    z, weight = depth_map(head, camera, RAYS)
    origins, directions = rays(label(world_from_orbit(yaw, pitch), intrinsics()), RAYS)
    distance = analytic_depth(origins[0].numpy().astype(float), directions[0].numpy().astype(float))
    ahead = camera.camera_from_world[2, :3]
    expected = (distance * (directions[0].numpy() @ ahead)).reshape(RAYS, RAYS)
    hit = np.isfinite(expected)
    assert (weight[~hit] < 1e-3).all()
    square = hit & (weight > 0.99)
    assert square.sum() > 0.95 * hit.sum()
    off = np.abs(z - expected)[square]
    assert np.median(off) < 1e-3 and np.percentile(off, 95) < 2e-3, (np.median(off), np.percentile(off, 95), off.max())


def test_labels_of_cameras_in_the_box(head: Figure) -> None:
    pose = world_from_orbit(0.7, -0.3)
    found = label_of(portrait_camera(np.eye(3), pose, SIDE, SIDE))
    torch.testing.assert_close(found, label(pose, intrinsics()), rtol=0, atol=1e-6)


@pytest.mark.slow
def test_a_view_stands_on_white(head: Figure) -> None:
    view = look(head, camera_at(0.4), RAYS)
    inside, outside = view.mask > 0.999, view.mask < 1e-4
    assert inside.sum() > 800 and (view.depth[outside] == 0).all() and (view.depth[inside] > 0).all()
    assert view.image[outside] == pytest.approx(1, abs=1e-3)
    middle = view.image[SIDE // 2 - 8 : SIDE // 2 + 8, SIDE // 2 - 8 : SIDE // 2 + 8]
    assert middle.mean((0, 1)) == pytest.approx(np.array(SKIN), abs=0.02)


@pytest.mark.slow
def test_the_photograph_keeps_its_pixels_and_takes_the_depth(head: Figure) -> None:
    rng = np.random.default_rng(0)
    image, alpha = rng.random((SIDE, SIDE, 3), np.float32), np.ones((SIDE, SIDE), np.float32)
    points = np.zeros((478, 3), np.float32)
    eye = np.eye(3, dtype=np.float32)
    portrait = Portrait(image, alpha, points, np.zeros(52, np.float32), eye, eye)
    whole = np.diag([KNOWN.resolution / SIDE, KNOWN.resolution / SIDE, 1.0])
    view = photograph(head, portrait, camera_at(0.0), whole, RAYS)
    assert np.array_equal(view.image, image) and np.array_equal(view.mask, alpha)
    solid = look(head, camera_at(0.0), RAYS).depth > 0
    assert (view.depth[solid] > 0).all() and view.depth[0, 0] == 0, "far from the head nothing is known"
    assert (view.depth > 0).sum() > solid.sum(), "what is just beyond its border belongs to it"
    lower = whole.copy()
    lower[1, 2] = -KNOWN.resolution / 2
    cut = photograph(head, portrait, camera_at(0.0), lower, RAYS)
    assert (cut.depth[: SIDE // 2] == 0).all() and (cut.depth[SIDE // 2 :] > 0).any(), (
        "beyond its picture it knows nothing"
    )


def test_between_two_surfaces_no_depth_is_made_up() -> None:
    z = np.full((8, 8), 2.0, np.float32)
    z[:, 4:] = 2.5
    weight = np.ones((8, 8), np.float32)
    weight[:, 6:] = 0
    assert set(np.unique(surface_depth(z, weight, 32))) == {0.0, 2.0, 2.5}
    slope = np.tile(np.linspace(2, 2.05, 8, dtype=np.float32), (8, 1))
    assert len(np.unique(surface_depth(slope, np.ones((8, 8), np.float32), 32))) > 8


@pytest.fixture(scope="module")
def views(head: Figure) -> ViewSet:
    first = look(head, camera_at(0.2), RAYS)
    return views_around(head, first, np.zeros(3), PLACE, 24, RAYS)


def on_ellipsoid(points: np.ndarray) -> np.ndarray:
    """Metres from the ellipsoid of points in the world, to first order."""
    box = PLACE.inverse.points(points) / HALVES
    value, slope = (box**2).sum(-1), 2 * np.linalg.norm(box / HALVES, axis=-1)
    return PLACE.scale * np.abs(value - 1) / slope


@pytest.mark.slow
def test_all_views_show_one_head_in_metres(views: ViewSet) -> None:
    """Nothing but cameras and depths in the world is used; the ellipsoid is where the similarity puts it."""
    lifted = []
    for view in views.views:
        points = unproject(view.camera, pixel_centers(SIDE, SIDE), view.depth)[view.mask > 0.999]
        assert np.percentile(on_ellipsoid(points), 90) < 1e-3
        lifted.append(points)
    middles = np.concatenate(lifted) - PLACE.translation
    azimuths = np.degrees(np.arctan2(middles[:, 0], middles[:, 2])) % 360
    assert (np.histogram(azimuths, 24, (0, 360))[0] > 20).all(), "seen from all around"


@pytest.mark.slow
def test_cameras_close_the_orbit(views: ViewSet) -> None:
    centres = np.array([camera_center(view.camera) for view in views.views]) - PLACE.translation
    assert np.linalg.norm(centres, axis=1) == pytest.approx(PLACE.scale * RADIUS, rel=1e-5)
    azimuths = np.degrees(np.unwrap(np.arctan2(centres[:, 0], centres[:, 2])))
    assert np.diff(azimuths) == pytest.approx(15, abs=1e-3) and azimuths[-1] - azimuths[0] == pytest.approx(
        345, abs=1e-2
    )
    assert centres[1:, 1] == pytest.approx(0, abs=1e-6), "level"
    assert views.yaws_degrees == tuple(15.0 * i for i in range(24))


def test_a_change_of_world_changes_no_picture() -> None:
    camera = camera_at(0.5, 0.1)
    moved = PLACE.camera(camera)
    back = PLACE.inverse.camera(moved)
    assert back.camera_from_world == pytest.approx(camera.camera_from_world, abs=1e-9)
    pixels, depth = pixel_centers(SIDE, SIDE).astype(np.float64), np.random.default_rng(0).uniform(2.4, 3, (SIDE, SIDE))
    there = unproject(moved, pixels, PLACE.scale * depth)
    assert there == pytest.approx(PLACE.points(unproject(camera, pixels, depth)), abs=1e-9)


@pytest.fixture(scope="module")
def surface(head: Figure) -> Surface:
    return surface_of(head, 64, 10.0)


@pytest.mark.slow
def test_the_surface_is_closed_and_within_two_millimetres(surface: Surface) -> None:
    placed = surface.placed(PLACE)
    assert on_ellipsoid(placed.vertices).max() < 2e-3
    edges = np.concatenate([surface.triangles[:, [i, (i + 1) % 3]] for i in range(3)])
    directed = {tuple(edge) for edge in edges.tolist()}
    assert len(directed) == len(edges) and all((b, a) in directed for a, b in directed), "every edge has two sides"
    assert len(surface.vertices) - len(edges) // 2 + len(surface.triangles) == 2, "a sphere"
    corners = surface.vertices[surface.triangles]
    volume = np.einsum("nx,nx->n", corners[:, 0], np.cross(corners[:, 1], corners[:, 2])).sum() / 6
    assert volume == pytest.approx(4 / 3 * np.pi * np.prod(HALVES), rel=0.01), "outside is outside"


@pytest.mark.slow
def test_its_files_are_what_trimesh_reads(tmp_path: Path, surface: Surface, views: ViewSet) -> None:
    import trimesh

    placed = surface.placed(PLACE)
    write_surface(placed, views, views, tmp_path)
    for name in NAMES:
        found = trimesh.load(tmp_path / name, force="mesh", process=False)
        assert found.vertices == pytest.approx(placed.vertices, abs=1e-5) and found.is_watertight
        colours = np.asarray(found.visual.vertex_colors)[:, :3] / 255
        assert np.median(colours, 0) == pytest.approx(np.array(SKIN), abs=0.03)
    before = [(tmp_path / name).read_bytes() for name in NAMES]
    write_surface(placed, views, views, tmp_path)
    assert [(tmp_path / name).read_bytes() for name in NAMES] == before


@pytest.mark.slow
def test_tuning_that_moved_nothing_says_so(head: Figure, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("facecraft4d.toolkit.shape_prior.panohead.drift.DRIFT_RAYS", 24)
    cameras = (camera_at(0.0),)
    assert "by 0.0 mm" in drift(head, head, cameras, 0.44) and "IoU 1.00" in drift(head, head, cameras, 0.44)
    wider = figure(known_head(maps=ellipsoid((0.22, 0.27, 0.24), KNOWN.grid_side, KNOWN.sampling.box)), head.ws)
    told = drift(head, wider, cameras, 0.44)
    assert "IoU 0.9" in told and "by 0.0 mm" not in told
