"""The landmarks' depths in the fit: what a plane explains says nothing, what is left tells the face's relief."""

from dataclasses import replace

import numpy as np
import pytest
from fitted_subject import SIZE, landmarks_of, posed_by, subject

from facecraft4d.toolkit.core.rigging import pose_vertices
from facecraft4d.toolkit.face_model import FaceModel, personalized_rig
from facecraft4d.toolkit.fitting.landmarks import depth_trust, fit_landmarks
from facecraft4d.toolkit.fitting.latent import Latent, mean_face
from facecraft4d.toolkit.fitting.observation import Observation, Segments
from facecraft4d.toolkit.fitting.offsets import fit_offsets
from facecraft4d.toolkit.landmarks.points import EYE_CORNERS

pytestmark = pytest.mark.slow

NOSE_TIP = 4


@pytest.fixture(scope="module")
def seen(model: FaceModel) -> Observation:
    """A face from the front, its landmarks and their depths without error."""
    camera, posed, latent = subject(model, 0.0)
    landmarks = landmarks_of(model, camera, posed)
    nothing = np.zeros((SIZE, SIZE), bool)
    image, segments = np.ones((SIZE, SIZE, 3), np.float32), Segments(nothing, nothing, nothing)
    scale = camera.fx / landmarks[:, 2].mean()
    return Observation(
        camera, image, segments, 0.5, landmarks[:, :2], depths=landmarks[:, 2] * scale, scores=latent.expression
    )


def relief(model: FaceModel, found: Latent, posed: np.ndarray) -> float:
    """How far the tip of the nose stands before the corners of the eyes, metres."""
    depth = landmarks_of(model, found.camera, posed)[:, 2]
    return float(depth[list(EYE_CORNERS)].mean() - depth[NOSE_TIP])


def test_a_plane_over_the_face_says_nothing(model: FaceModel, seen: Observation) -> None:
    assert seen.landmarks is not None and seen.depths is not None
    tilted = replace(seen, depths=seen.depths + 30 + seen.landmarks @ (0.2, -0.3))
    one, other = (fit_landmarks(model, mean_face(model, each.camera), (each,)) for each in (seen, tilted))
    np.testing.assert_allclose(one.identity, other.identity, atol=1e-4)


def test_noses_are_as_long_as_their_depth(model: FaceModel, seen: Observation) -> None:
    """A nose that is seen farther out is fitted farther out; by the latent weights and again by the free offsets."""
    assert seen.depths is not None
    longer = seen.depths.copy()
    longer[[1, 2, 4, 5, 19, 94, 195]] -= 8.0
    lengths = []
    for depths in (seen.depths, longer):
        each = replace(seen, depths=depths)
        found = fit_landmarks(model, mean_face(model, each.camera), (each,))
        offsets = fit_offsets(model, found, (each,))
        free = pose_vertices(personalized_rig(model, found.identity.astype(np.float32), offsets), found.pose(model))
        lengths.append((relief(model, found, posed_by(model, found)), relief(model, found, free)))
    (short, short_free), (long, long_free) = lengths
    assert long > short + 0.0005
    assert long_free - long > short_free - short


def test_without_depths_the_fit_is_told_nothing_of_them(model: FaceModel, seen: Observation) -> None:
    blind = replace(seen, depths=None)
    found = fit_landmarks(model, mean_face(model, blind.camera), (blind,))
    assert np.isfinite(found.identity).all()
    with pytest.raises(ValueError, match="landmarks where it has depths"):
        depth_trust(replace(seen, landmarks=None), np.ones(478))
