"""Beards make the face thicker where they grow, and nothing else."""

import numpy as np
import pytest
from fitted_subject import landmarks_of, subject

from facecraft4d.toolkit.core.rigging import vertices_in_regions
from facecraft4d.toolkit.face_model import FaceModel, surface_positions
from facecraft4d.toolkit.fitting.observation import Segments
from facecraft4d.toolkit.landmarks.points import CHIN, MOUTH
from facecraft4d.toolkit.meshes.raster import rasterize
from facecraft4d.toolkit.shape_prior.parametric.shells.beard import THICKNESSES, beard_offsets, bearded


@pytest.mark.parametrize("below", [0, 6, 12])
def test_a_beard_covers_what_the_photograph_shows_of_it(model: FaceModel, below: int) -> None:
    """All of the face below the mouth is bearded, and so are some pixels below the chin."""
    camera, posed, _ = subject(model, 0.0)
    landmarks = landmarks_of(model, camera, posed)
    covered = rasterize(camera, posed, model.triangles).covered
    rows, columns = np.mgrid[: camera.height, : camera.width]
    chin = landmarks[CHIN]
    wide = np.abs(columns - chin[0]) < 18
    beard = covered & (rows > landmarks[MOUTH, 1]) & (rows < chin[1] + below) & wide
    segments = Segments(covered, covered & False, covered & False, beard=beard)
    place = _chin(model, posed)
    grown = bearded(model, posed, camera, segments, model.mirror_vertices)
    moved = beard_offsets(model, posed, camera, segments.beard, grown, place)
    length = np.linalg.norm(moved, axis=1)
    assert length.max() <= THICKNESSES[-1] + 1e-6 and not length[_never(model)].any()
    reach = float(place[1] - (posed + moved)[np.linalg.norm(posed - place, axis=1) < 0.02, 1].min())
    metres = below * 1.6 / camera.fx
    assert reach > 0.5 * metres, "the chin goes down with the beard"
    assert length[posed[:, 1] > place[1] + 0.09].max() < 1e-4, "forehead and eyes stay"


def test_without_a_beard_nothing_moves(model: FaceModel) -> None:
    camera, posed, _ = subject(model, 0.0)
    covered = rasterize(camera, posed, model.triangles).covered
    nowhere = covered & False
    for beard in (None, nowhere):
        segments = Segments(covered, nowhere, nowhere, beard=beard)
        grown = bearded(model, posed, camera, segments, model.mirror_vertices)
        assert not grown.any() and not beard_offsets(model, posed, camera, beard, grown, _chin(model, posed)).any()


def _chin(model: FaceModel, posed: np.ndarray) -> np.ndarray:
    assert model.landmarks_478 is not None
    return np.asarray(surface_positions(model.landmarks_478, model.triangles, posed)[CHIN])


def _never(model: FaceModel) -> np.ndarray:
    return vertices_in_regions(model, "lips", "eyelids", "scalp", "teeth")
