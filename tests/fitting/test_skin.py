"""A still picture tells how the figure looks to its camera in any other pose, and what it does not show it does not tell."""

from dataclasses import replace

import numpy as np
import pytest

from facecraft4d.toolkit.core.datatypes import Mesh
from facecraft4d.toolkit.core.geometry import orbit_camera, project, vertex_normals
from facecraft4d.toolkit.core.rigging import in_regions, pose_from_weights, pose_vertices
from facecraft4d.toolkit.face_model import FaceModel
from facecraft4d.toolkit.fitting.colour import Albedo, visible_samples
from facecraft4d.toolkit.fitting.figure import figure_of_model
from facecraft4d.toolkit.fitting.observation import Observation, Segments
from facecraft4d.toolkit.fitting.skin import skin_of, still_of
from facecraft4d.toolkit.meshes.raster import draw_mesh, rasterize

SIZE, SIDE = 200, 256
OPEN = {"jawOpen": 1.0}


@pytest.fixture(scope="module")
def scene(model: FaceModel):
    """A person of many smooth colours before a camera, at rest, and their still picture."""
    figure, camera = figure_of_model(model), orbit_camera(20.0, 0.0, 1.0, SIZE)
    waves = np.sin(np.linspace(0, 40, SIDE, dtype=np.float32))
    texture = np.stack([0.5 + 0.4 * waves[:, None] * waves * sign for sign in (1, -1, 0.5)], -1).astype(np.float32)
    rest = pose_from_weights(figure.rig, {})
    drawn = draw_mesh(
        Mesh(pose_vertices(figure.rig, rest), figure.rig.triangles, figure.corner_uvs, texture), camera, 1
    )
    matte, nothing = drawn.alpha > 0.5, np.zeros(drawn.alpha.shape, bool)
    seen = Observation(camera, drawn.image, Segments(matte, nothing, nothing), 1.0)
    skin = skin_of(figure.rig, Albedo.begin(texture))
    return figure, skin, seen, still_of(figure, skin, rest, seen)


def samples_in(scene, weights: dict[str, float]):
    figure, _, seen, _ = scene
    rig = figure.rig
    posed = pose_vertices(rig, pose_from_weights(rig, weights)).astype(np.float64)
    fragments = rasterize(seen.camera, posed, rig.triangles, cull_backfaces=True)
    everything, one = np.ones(len(rig.triangles), bool), np.zeros(len(rig.triangles), np.int32)
    return visible_samples(fragments, seen.camera, posed, rig.triangles, everything, one), posed


def test_in_its_own_pose_it_is_the_picture(scene) -> None:
    """At the very pixels that the samples were taken from."""
    figure, skin, seen, still = scene
    samples, posed = samples_in(scene, {})
    points = np.einsum("nc,ncx->nx", samples.barycentrics, posed[figure.rig.triangles[samples.triangle]])
    column, row = np.floor(project(seen.camera, points)[0] + 1e-3).astype(int).T
    colours, shown = still.colours(samples, figure.rig.triangles, skin.pieces)
    assert shown.mean() > 0.9
    assert colours[shown] == pytest.approx(seen.image[row, column][shown], abs=2e-3)


def test_in_another_pose_skin_keeps_its_colours_and_what_was_hidden_is_not_told(scene) -> None:
    """The jaw opens: against the texture that nobody but the test knows; teeth and mouth were behind the lips."""
    figure, skin, _, still = scene
    samples, posed = samples_in(scene, OPEN)
    normals = vertex_normals(posed, figure.rig.triangles)
    wanted = skin.expected(samples, figure, normals, 0)
    colours, shown = still.colours(samples, figure.rig.triangles, skin.pieces)
    assert np.median(np.abs(colours - wanted)[shown].max(1)) < 0.02
    inner = in_regions(figure.rig, "teeth", "tongue", "mouth_interior")[samples.triangle]
    assert inner.sum() > 20 and shown[inner].mean() < 0.1 and shown[~inner].mean() > 0.9


def test_an_eye_behind_its_lid_is_not_told(scene) -> None:
    """Some millimetres behind: the still shows the lids there. Only the eyes' white that is seen at rest is."""
    figure, skin, _, still = scene
    rig = figure.rig
    open_eyes, _ = samples_in(scene, {"eyeWideLeft": 1.0, "eyeWideRight": 1.0})
    _, shown = still.colours(open_eyes, rig.triangles, skin.pieces)
    eyes = in_regions(rig, "eyes")[open_eyes.triangle]
    assert eyes.sum() > 20 and 0.2 < shown[eyes].mean() < 0.9


def test_where_it_shows_nothing_the_lit_albedo_stands(scene) -> None:
    figure, skin, _, still = scene
    nothing = replace(still, depth=np.full_like(still.depth, np.inf))
    samples, posed = samples_in(scene, OPEN)
    normals = vertex_normals(posed, figure.rig.triangles)
    before = skin.expected(samples, figure, normals, 0)
    np.testing.assert_array_equal(replace(skin, stills=(nothing,)).expected(samples, figure, normals, 0), before)
    assert (replace(skin, stills=(still,)).expected(samples, figure, normals, 0) != before).any()
