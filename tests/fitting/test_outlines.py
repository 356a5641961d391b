"""The outline of a matte, and what of a head's outline it pulls."""

import numpy as np
from fitted_subject import landmarks_of, subject

from facecraft4d.toolkit.core.geometry import project
from facecraft4d.toolkit.core.rigging import in_regions, vertices_in_regions
from facecraft4d.toolkit.face_model import FaceModel
from facecraft4d.toolkit.fitting.observation import Observation, Segments
from facecraft4d.toolkit.fitting.outlines import outline, pair_outlines
from facecraft4d.toolkit.landmarks.points import FACE_SIDES
from facecraft4d.toolkit.meshes.raster import rasterize
from facecraft4d.toolkit.shape_prior.parametric.shells.grid import signed_distance


def test_an_outline_lies_on_the_border_and_points_outward() -> None:
    y, x = np.mgrid[:80, :80] + 0.5
    disc = np.hypot(x - 40, y - 40) < 25
    points, normals = outline(disc)
    np.testing.assert_allclose(np.linalg.norm(points - 40, axis=1), 25, atol=1.0)
    assert ((points - 40) * normals).sum(-1).min() > 20
    np.testing.assert_allclose(signed_distance(disc), 25 - np.hypot(x - 40, y - 40), atol=1.0)


def test_an_ear_does_not_pull_the_jaw(model: FaceModel) -> None:
    """A mesh whose ears are gone ends at the jaw; the picture's ears, beyond what the landmarks call face, pull none of it."""
    camera, posed, latent = subject(model, 0.0)
    landmarks = landmarks_of(model, camera, posed)[:, :2]
    covered = rasterize(camera, posed, model.triangles).covered
    sides = landmarks[list(FACE_SIDES)]
    rows, columns = np.mgrid[: camera.height, : camera.width]
    lobes = np.zeros_like(covered)
    for x, y in sides:
        outward = np.sign(x - sides[:, 0].mean())
        lobes |= np.hypot((columns - x - 6 * outward) / 5, (rows - y - 8) / 12) < 1
    earless = model.triangles[in_regions(model, "skin", "scalp", "neck", "lips")]
    found = []
    for marks in (landmarks, None):
        picture = np.ones((*covered.shape, 3), np.float32)
        none = covered & False
        seen = Observation(camera, picture, Segments(covered | lobes, none, none), 1.0, marks)
        (pull,) = pair_outlines((seen,), latent, posed, earless)
        jaw = vertices_in_regions(model, "skin")[pull.vertices]
        far = np.linalg.norm(pull.targets - project(camera, posed[pull.vertices].astype(np.float64))[0], axis=1) > 4
        found.append(int((jaw & far).sum()))
    assert found[0] < 0.2 * found[1] and found[1] > 3
