"""A moment seen by one camera or by several: more pictures tell more, and one picture is told as before."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from facecraft4d.toolkit.core.datatypes import Camera, Mesh
from facecraft4d.toolkit.core.geometry import orbit_camera, project, rotation_from_axis_angle
from facecraft4d.toolkit.core.rigging import pose_vertices
from facecraft4d.toolkit.face_model import FaceModel, load_default_head, personalized_rig, surface_positions
from facecraft4d.toolkit.fitting.landmarks import fit_landmarks, starting_camera
from facecraft4d.toolkit.fitting.latent import Latent, mean_face
from facecraft4d.toolkit.fitting.moment import fit_outlines
from facecraft4d.toolkit.fitting.observation import Observation, Segments, from_first, placed
from facecraft4d.toolkit.fitting.offsets import fit_offsets
from facecraft4d.toolkit.fitting.outlines import NO_PULL, pair_outlines
from facecraft4d.toolkit.fitting.shading import fit_picture
from facecraft4d.toolkit.landmarks.points import FACE_SIDES
from facecraft4d.toolkit.meshes.raster import draw_mesh, rasterize

SIZE, RADIUS = 128, 1.4
ORBIT = ((12.0, 4.0), (57.0, 0.0), (-40.0, 0.0))
"""Yaws and pitches of the cameras that see the person."""
STORED = Path(__file__).parent.parent / "data" / "fit_one_observation.npz"
"""What the fit of one photograph found: of `person`, seen by the first camera; stored when several were added, and when ears let go of jaws."""
ROUNDING = 2e-6
"""Linear algebra sums in another order with another number of threads: 3e-7 was seen between one thread and two."""


@pytest.fixture(scope="module")
def model() -> FaceModel:
    return load_default_head()


@pytest.fixture(scope="module")
def person(model: FaceModel) -> Latent:
    """Somebody unlike the mean face, with a lopsided smile, who looks aside."""
    drawn = np.random.default_rng(4).standard_normal(len(model.identity_names))
    identity = model.identity_mean + np.linalg.solve(model.identity_whitening.astype(np.float64), drawn)
    expression = np.zeros(len(model.expression_names))
    for name, weight in (("jawOpen", 0.3), ("mouthSmileLeft", 0.5)):
        expression[model.expression_names.index(name)] = weight
    camera = orbit_camera(*ORBIT[0], RADIUS, SIZE)
    return Latent(camera, identity.clip(*model.identity_ranges.T), expression, np.array([[0.05, 0.1], [0.05, 0.1]]))


def posed(model: FaceModel, latent: Latent) -> np.ndarray:
    return pose_vertices(personalized_rig(model, latent.identity.astype(np.float32)), latent.pose(model))


def landmarks_in(camera: Camera, model: FaceModel, latent: Latent) -> np.ndarray:
    assert model.landmarks_478 is not None
    surface = surface_positions(model.landmarks_478, model.triangles, posed(model, latent))
    return project(camera, surface.astype(np.float64))[0]


def observation(model: FaceModel, person: Latent, camera: Camera) -> Observation:
    """What `camera` sees of the person, its landmarks without error."""
    skin = rasterize(camera, posed(model, person), model.triangles).covered
    nothing = np.zeros_like(skin)
    sides = landmarks_in(person.camera, model, person)[list(FACE_SIDES)]
    image = np.where(skin[..., None], np.float32(0.6), np.float32(1)) * np.ones(3, np.float32)
    return Observation(
        camera=camera,
        image=image,
        segments=Segments(skin, nothing, nothing),
        sigma=0.008 * float(np.linalg.norm(np.subtract(*sides))),
        landmarks=landmarks_in(camera, model, person),
        scores=person.expression,
    )


@pytest.fixture(scope="module")
def pictures(model: FaceModel, person: Latent) -> tuple[Observation, ...]:
    return tuple(observation(model, person, orbit_camera(yaw, pitch, RADIUS, SIZE)) for yaw, pitch in ORBIT)


def begun(model: FaceModel, pictures: tuple[Observation, ...], yaw: float, pitch: float) -> Latent:
    """The mean face before a camera that is turned wrongly."""
    turned = orbit_camera(yaw, pitch, RADIUS, SIZE).camera_from_world[:3, :3]
    landmarks = pictures[0].landmarks
    assert landmarks is not None
    return mean_face(model, starting_camera(model, landmarks, turned, SIZE))


def shape_error(model: FaceModel, found: Latent, person: Latent) -> float:
    """Mean distance of the neutral face's vertices from the truth, metres."""
    apart = np.tensordot(found.identity - person.identity, model.identity_deltas, 1)
    return float(np.linalg.norm(apart, axis=-1).mean())


@pytest.mark.slow
def test_one_observation_is_fitted_as_it_was(
    model: FaceModel, person: Latent, pictures: tuple[Observation, ...]
) -> None:
    stored, one = np.load(STORED), pictures[:1]
    np.testing.assert_allclose(posed(model, person)[::100], stored["vertices"], atol=1e-6)
    start = begun(model, one, 9.0, 2.0)
    np.testing.assert_allclose(start.camera.camera_from_world, stored["start"], atol=1e-9)
    found = fit_landmarks(model, start, one)
    names = ("skin", "ears", "neck", "scalp")
    outlined = model.triangles[np.isin(np.array(model.region_names)[model.triangle_regions], names)]
    pulls = pair_outlines(one, found, posed(model, found), outlined)
    np.testing.assert_array_equal(pulls[0].vertices, stored["pulled"])
    found = fit_landmarks(model, found, one, pulls, 4)
    for name in ("identity", "expression", "gaze"):
        np.testing.assert_allclose(getattr(found, name), stored[name], atol=ROUNDING)
    np.testing.assert_allclose(found.camera.camera_from_world, stored["camera"], atol=ROUNDING)
    np.testing.assert_allclose(fit_offsets(model, found, one)[::100], stored["offsets"], atol=ROUNDING)


@pytest.mark.slow
def test_three_views_tell_shape_and_distance_better_than_one(
    model: FaceModel, person: Latent, pictures: tuple[Observation, ...]
) -> None:
    """From one side a small head nearby and a large one far away look almost the same."""
    start = begun(model, pictures, 9.0, 2.0)
    one, three = (fit_landmarks(model, start, seen) for seen in (pictures[:1], pictures))
    begin, single, several = (shape_error(model, found, person) for found in (start, one, three))
    assert single < 0.25 * begin and several < 0.12 * begin
    assert several < 0.6 * single
    off = [
        np.linalg.norm((found.camera.camera_from_world - person.camera.camera_from_world)[:3, 3])
        for found in (one, three)
    ]
    assert off[1] < 0.25 * off[0] and off[1] < 0.001


@pytest.mark.slow
def test_cameras_move_together(model: FaceModel, pictures: tuple[Observation, ...]) -> None:
    """The common frame of the cameras is any: turned as a whole, the fit finds the same face and the same cameras about it."""
    motion = np.eye(4)
    motion[:3, :3], motion[:3, 3] = rotation_from_axis_angle(np.array([0.3, -0.8, 0.2])), (0.4, -0.2, 0.1)
    moved = tuple(
        replace(each, camera=replace(each.camera, camera_from_world=each.camera.camera_from_world @ motion))
        for each in pictures
    )
    start = begun(model, pictures, 9.0, 2.0)
    here, there = fit_landmarks(model, start, pictures), fit_landmarks(model, start, moved)
    np.testing.assert_allclose(there.identity, here.identity, atol=1e-6)
    np.testing.assert_allclose(there.camera.camera_from_world, here.camera.camera_from_world, atol=1e-8)
    first, *others = placed(pictures, here.camera)
    np.testing.assert_array_equal(first.camera_from_world, here.camera.camera_from_world)
    for camera, each in zip(others, pictures[1:], strict=True):
        relative = camera.camera_from_world @ np.linalg.inv(first.camera_from_world)
        np.testing.assert_allclose(relative, from_first(pictures, each), atol=1e-9)
        truth = each.camera.camera_from_world @ np.linalg.inv(pictures[0].camera.camera_from_world)
        np.testing.assert_allclose(relative, truth, atol=1e-9)


def missed(model: FaceModel, latent: Latent, seen: tuple[Observation, ...]) -> list[int]:
    """Pixels of each picture in which the drawn head and the matte differ."""
    vertices = posed(model, latent)
    drawn = [rasterize(camera, vertices, model.triangles).covered for camera in placed(seen, latent.camera)]
    return [int((each ^ picture.segments.matte).sum()) for each, picture in zip(drawn, seen, strict=True)]


@pytest.mark.slow
def test_a_mask_without_landmarks_tells_the_profile(
    model: FaceModel, person: Latent, pictures: tuple[Observation, ...]
) -> None:
    """What landmarks from the front leave open, the outline from the side settles."""
    profile = replace(observation(model, person, orbit_camera(90.0, 0.0, RADIUS, SIZE)), landmarks=None, scores=None)
    both = (pictures[0], profile)
    start = fit_landmarks(model, begun(model, pictures, 9.0, 2.0), pictures[:1])
    found = fit_outlines(model, start, both)
    assert missed(model, found, both)[1] < 0.1 * missed(model, start, both)[1]
    assert shape_error(model, found, person) < 0.9 * shape_error(model, start, person)
    offsets = fit_offsets(model, found, both)
    assert 1e-4 < np.abs(offsets).max() < 0.02


@pytest.mark.slow
def test_masks_alone_are_enough_near_the_truth(
    model: FaceModel, person: Latent, pictures: tuple[Observation, ...]
) -> None:
    masks = tuple(replace(each, landmarks=None, scores=None) for each in pictures)
    start = mean_face(model, masks[0].camera)
    found = fit_outlines(model, start, masks)
    assert sum(missed(model, found, masks)) < 0.2 * sum(missed(model, start, masks))
    assert shape_error(model, found, person) < 0.75 * shape_error(model, start, person)


def test_nothing_to_go_by_is_refused(model: FaceModel, pictures: tuple[Observation, ...]) -> None:
    blind = replace(pictures[0], landmarks=None, scores=None)
    with pytest.raises(ValueError, match="landmarks or outlines"):
        fit_landmarks(model, mean_face(model, blind.camera), (blind,), (NO_PULL,))
    with pytest.raises(ValueError, match=f"{len(model.expression_names)} expressions, got 3"):
        fit_landmarks(model, mean_face(model, blind.camera), (replace(pictures[0], scores=np.zeros(3)),))


@pytest.mark.slow
def test_the_pictures_themselves_are_compared_from_every_side(
    model: FaceModel, person: Latent, pictures: tuple[Observation, ...]
) -> None:
    """Also where one of them sees the back of the head, on which no face can be compared."""
    rng, vertices = np.random.default_rng(0), posed(model, person)
    texture = rng.uniform(0.3, 0.8, (64, 64, 3)).astype(np.float32)
    mesh = Mesh(vertices, model.triangles, model.corner_uvs, texture)
    cameras = [orbit_camera(yaw, 0.0, RADIUS, SIZE) for yaw in (0.0, 40.0, 180.0)]
    seen = tuple(replace(observation(model, person, each), image=draw_mesh(mesh, each).image) for each in cameras)
    back = replace(seen[2], landmarks=None, scores=None)
    start = replace(person, camera=seen[0].camera)
    found, losses = fit_picture(model, start, (*seen[:2], back), 2)
    assert np.isfinite([*found.identity, *found.expression, *losses.values()]).all()
    assert losses["l2"] > 0 and losses["lpips"] > 0 and losses["landmarks"] < 1
