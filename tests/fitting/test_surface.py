"""What depth maps say of a head: their points lie on it, skin is drawn to it, and what lies below hair is left alone."""

from dataclasses import replace

import numpy as np
import pytest
from fitted_subject import landmarks_of, posed_by, subject

from facecraft4d.toolkit.core.datatypes import Camera
from facecraft4d.toolkit.core.geometry import orbit_camera, rotation_from_axis_angle, transform_points, vertex_normals
from facecraft4d.toolkit.core.rigging import pose_vertices, vertices_in_regions
from facecraft4d.toolkit.face_model import FaceModel, personalized_rig
from facecraft4d.toolkit.fitting.latent import Latent
from facecraft4d.toolkit.fitting.moment import fit_outlines, fit_surface
from facecraft4d.toolkit.fitting.observation import Observation, Segments
from facecraft4d.toolkit.fitting.offsets import fit_offsets
from facecraft4d.toolkit.fitting.surface import SPACING_METRES, Cloud, Pairing, cloud_of
from facecraft4d.toolkit.meshes.raster import rasterize

YAWS = (0.0, 60.0, 120.0, 180.0, 240.0, 300.0)
SIZE = 160
OUTER = ("skin", "ears", "neck", "scalp", "lips")


def drawn(model: FaceModel, camera: Camera, posed: np.ndarray, skin: bool = True) -> Observation:
    """A picture of nothing but depth."""
    fragments = rasterize(camera, posed, model.triangles)
    nothing = np.zeros((SIZE, SIZE), bool)
    mine, other = (fragments.covered, nothing) if skin else (nothing, fragments.covered)
    image = np.ones((SIZE, SIZE, 3), np.float32)
    return Observation(camera, image, Segments(mine, other, nothing), 1.0, depth=fragments.depth)


@pytest.fixture(scope="module")
def person(model: FaceModel) -> Latent:
    return subject(model, 0.0)[2]


@pytest.fixture(scope="module")
def around(model: FaceModel, person: Latent) -> tuple[Observation, ...]:
    """The person from all around; landmarks in the first picture."""
    posed = posed_by(model, person)
    seen = [drawn(model, orbit_camera(yaw, 0.0, 1.4, SIZE), posed) for yaw in YAWS]
    landmarks = landmarks_of(model, seen[0].camera, posed)[:, :2]
    return (replace(seen[0], landmarks=landmarks, sigma=0.5), *seen[1:])


@pytest.mark.slow
def test_points_lie_on_the_surface_and_face_outwards(
    model: FaceModel, person: Latent, around: tuple[Observation, ...]
) -> None:
    cloud, posed = cloud_of(around), posed_by(model, person)
    world = transform_points(np.linalg.inv(around[0].camera.camera_from_world), cloud.points)
    outwards = cloud.normals @ around[0].camera.camera_from_world[:3, :3]
    corners = posed[model.triangles].astype(np.float64)
    flat = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    flat /= np.linalg.norm(flat, axis=1, keepdims=True)
    for point, outward in zip(world[::400], outwards[::400], strict=True):
        near = np.linalg.norm(corners.mean(1) - point, axis=1) < 0.015
        off = np.abs(((corners[near, 0] - point) * flat[near]).sum(1))
        assert off.min() < 2e-5
        assert (flat[near][off < 1e-4] @ outward).max() > 0.8
    cells = np.unique(np.floor(world / SPACING_METRES + 1e-9).astype(int), axis=0)
    assert len(cells) > 0.95 * len(world), "one point in each cube"


@pytest.mark.slow
def test_a_motion_of_the_world_changes_nothing(around: tuple[Observation, ...]) -> None:
    """The cloud is told in the first camera's frame; but for which points are thinned out it knows no world."""
    motion = np.eye(4)
    motion[:3, :3], motion[:3, 3] = rotation_from_axis_angle(np.array([0.3, -0.8, 0.2])), (0.4, -0.2, 0.1)
    turned = tuple(
        replace(each, camera=replace(each.camera, camera_from_world=each.camera.camera_from_world @ motion))
        for each in around
    )
    here, there = cloud_of(around), cloud_of(turned)
    assert abs(len(here.points) / len(there.points) - 1) < 0.05
    np.testing.assert_allclose(here.points.mean(0), there.points.mean(0), atol=1e-3)


@pytest.mark.slow
def test_skin_is_drawn_from_both_sides_and_what_is_below_hair_from_outside_alone(
    model: FaceModel, person: Latent, around: tuple[Observation, ...]
) -> None:
    posed = posed_by(model, person)
    normals = vertex_normals(posed, model.triangles)
    wanted = np.flatnonzero(vertices_in_regions(model, "skin"))
    covered = tuple(
        replace(each, segments=replace(each.segments, skin=each.segments.hair, hair=each.segments.skin))
        for each in around
    )
    for seen, below, outside in ((around, True, True), (covered, False, True)):
        pairing = Pairing(cloud_of(seen))
        for lifted, asks in ((-0.004, below), (0.004, outside)):
            pull = pairing.pull(seen[0].camera, posed + np.float32(lifted) * normals, model.triangles, wanted, 0.01)
            assert (len(pull.vertices) > 0.7 * len(wanted)) == asks, (lifted, len(pull.vertices), len(wanted))
            if asks:
                here = transform_points(
                    seen[0].camera.camera_from_world, (posed + np.float32(lifted) * normals).astype(float)
                )
                off = ((here[pull.vertices] - pull.points) * pull.normals).sum(1)
                assert abs(np.median(off) - lifted) < 5e-4


def test_what_is_far_or_not_there_asks_nothing(model: FaceModel, around: tuple[Observation, ...]) -> None:
    posed, wanted = model.vertices, np.arange(len(model.vertices))
    away = Pairing(cloud_of(around)).pull(around[0].camera, posed + np.float32(1.0), model.triangles, wanted, 0.01)
    none = Pairing(Cloud(np.zeros((0, 3)), np.zeros((0, 3)), np.zeros(0, bool)))
    assert not len(away.vertices)
    assert not len(none.pull(around[0].camera, posed, model.triangles, wanted, 0.01).vertices)
    with pytest.raises(ValueError, match="depths"):
        cloud_of(tuple(replace(each, depth=None) for each in around))


@pytest.mark.slow
def test_depths_tell_what_outlines_do_not(model: FaceModel, person: Latent, around: tuple[Observation, ...]) -> None:
    """Weights alone come within half a millimetre of a head that the model can be; offsets close most of what is left."""
    wanted = np.flatnonzero(vertices_in_regions(model, *OUTER))
    average, still = model.identity_mean.astype(float), np.zeros(len(person.expression))
    start = replace(person, camera=around[0].camera, identity=average, expression=still)
    truth = posed_by(model, person)

    def off(latent: Latent, offsets: np.ndarray | None = None) -> float:
        rig = personalized_rig(model, latent.identity.astype(np.float32), offsets)
        matrix = np.linalg.inv(around[0].camera.camera_from_world) @ latent.camera.camera_from_world
        posed = transform_points(matrix, pose_vertices(rig, latent.pose(model)).astype(float))
        return float((np.abs(((posed - truth) * vertex_normals(truth, model.triangles)).sum(1)))[wanted].mean())

    pairing = Pairing(cloud_of(around))
    outlined = fit_outlines(model, start, around)
    found = fit_surface(model, start, around, pairing, wanted)
    assert off(start) > 0.001 and off(found) < 0.0005 and off(found) < 0.8 * off(outlined)
    assert off(found, fit_offsets(model, found, around, pairing, wanted)) < 0.6 * off(found)
