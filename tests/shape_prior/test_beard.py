"""Beards make the face thicker where they grow, and nothing else."""

import numpy as np
import pytest
from fitted_subject import landmarks_of, subject

from facecraft4d.toolkit.core.datatypes import Portrait
from facecraft4d.toolkit.core.rigging import vertices_in_regions
from facecraft4d.toolkit.face_model import FaceModel, surface_positions
from facecraft4d.toolkit.fitting.observation import Segments
from facecraft4d.toolkit.landmarks.points import CHIN, FACE_SIDES, FOREHEAD, MOUTH
from facecraft4d.toolkit.meshes.raster import rasterize
from facecraft4d.toolkit.shape_prior.parametric.segment import segment
from facecraft4d.toolkit.shape_prior.parametric.shells.beard import THICKNESSES, beard_offsets, bearded, carried


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
    under = carried(grown, moved)
    assert (under >= grown).all() and under.max() <= 1 and not under[_never(model)].any()
    assert (under[length >= length.max() / 2] == 1).all() or not length.any()


def test_a_beard_goes_on_to_the_ears(model: FaceModel) -> None:
    """What a picture from one side shows grows on the other side as well, along the jaw, and neither behind the ears nor on the temples."""
    camera, posed, _ = subject(model, 35.0)
    covered = rasterize(camera, posed, model.triangles).covered
    rows = np.arange(camera.height)[:, None]
    beard = covered & (rows > landmarks_of(model, camera, posed)[MOUTH, 1])
    nowhere = covered & False
    grown = bearded(model, posed, camera, Segments(covered, nowhere, nowhere, beard=beard), model.mirror_vertices)
    skin, chin = vertices_in_regions(model, "skin") & ~_never(model), _chin(model, posed)
    ears = posed[vertices_in_regions(model, "ears")]
    level = np.abs(posed[:, 1] - chin[1] - 0.01) < 0.01
    jaw = skin & level & (posed[:, 2] > np.median(ears[:, 2]) + 0.02) & (posed[:, 2] < chin[2] - 0.02)
    jaw &= ~vertices_in_regions(model, "neck")
    for side in (1, -1):
        assert np.median(grown[jaw & (posed[:, 0] * side > 0.02)]) > 0.9
    assert not grown[posed[:, 2] < np.median(ears[:, 2])].any()
    assert not grown[posed[:, 1] > ears[:, 1].max()].any()


@pytest.mark.slow
@pytest.mark.parametrize("hanging", [0.15, 0.2])
@pytest.mark.parametrize("color", [(0.1, 0.08, 0.07), (0.55, 0.55, 0.55)])
def test_a_beard_is_seen_as_far_as_it_hangs(
    model: FaceModel, hanging: float, color: tuple[float, float, float]
) -> None:
    """So many heights of the face below the chin, before the throat."""
    camera, posed, _ = subject(model, 0.0)
    points = landmarks_of(model, camera, posed)
    rows, columns = np.mgrid[: camera.height, : camera.width]
    height = points[CHIN, 1] - points[FOREHEAD, 1]
    u = (columns - points[CHIN, 0]) / (abs(points[FACE_SIDES[0], 0] - points[FACE_SIDES[1], 0]) / 2)
    head = u**2 + ((rows - points[CHIN, 1] + 0.5 * height) / (0.6 * height)) ** 2 < 1.0
    neck = (np.abs(u) < 0.75) & (rows > points[CHIN, 1] - 0.2 * height) & (rows < points[CHIN, 1] + 0.5 * height)
    below = rows > points[MOUTH, 1] + 0.08 * height
    beard = (head | neck) & below & (rows < points[CHIN, 1] + hanging * height) & (np.abs(u) < 0.7)
    image = np.ones((camera.height, camera.width, 3), np.float32)
    image[head | neck] = (0.85, 0.65, 0.55)
    image[beard] = color
    image += np.random.default_rng(0).normal(0, 0.015, image.shape).astype(np.float32)
    alpha, eye = (head | neck).astype(np.float32), np.eye(3, dtype=np.float32)
    portrait = Portrait(image.clip(0, 1), alpha, points.astype(np.float32), np.zeros(52, np.float32), eye, eye)
    found = segment(portrait).beard
    assert found is not None
    throat = rows > points[CHIN, 1]
    assert (found & beard & throat).sum() > 0.85 * ((found | beard) & throat).sum()


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
