"""Closed lids are skin with a line of lashes; the head with open eyes is the view."""

from dataclasses import replace

import numpy as np
import pytest

from facecraft4d.toolkit.core.datatypes import Coarse, Head, Mesh, View, ViewSet
from facecraft4d.toolkit.core.geometry import orbit_camera, project
from facecraft4d.toolkit.core.rigging import in_regions, neutral_pose, pose_from_weights, pose_vertices
from facecraft4d.toolkit.face_model import load_default_head, personalized_rig
from facecraft4d.toolkit.face_model.lids import BLINKS, with_meeting_lids
from facecraft4d.toolkit.meshes.raster import draw_mesh
from facecraft4d.toolkit.video_prior.mesh.animate import animated
from facecraft4d.toolkit.video_prior.mesh.fill import source_of
from facecraft4d.toolkit.video_prior.mesh.lids import folded
from facecraft4d.toolkit.video_prior.mesh.surface import surface_of

pytestmark = pytest.mark.slow

SIZE = 384
EYES, SOCKETS = (0.2, 0.95, 0.3), (0.1, 0.05, 0.05)


def plain_head(skin: tuple[float, float, float]) -> Coarse:
    """The model as it is, all skin of one colour, with dark edges of the lids, seen from the front and from 30 degrees."""
    model = load_default_head()
    rig = with_meeting_lids(personalized_rig(model), neutral_pose(personalized_rig(model)))
    colors = np.tile(skin, (len(rig.triangles), 1))
    colors[in_regions(rig, "eyes")], colors[in_regions(rig, "eye_sockets")] = EYES, SOCKETS
    count = len(colors)
    uvs = np.tile(((np.arange(count) + 0.5) / count)[:, None, None] * [1, 0] + [0, 0.5], (1, 3, 1)).astype(np.float32)
    mesh = Mesh(rig.vertices, rig.triangles, uvs, colors[None].astype(np.float32))
    views = []
    for yaw in (0.0, 30.0):
        camera = orbit_camera(yaw, 0.0, 1.0, SIZE, np.array([0, 0.02, 0.05]))
        camera = replace(camera, fx=2 * camera.fx, fy=2 * camera.fy)
        drawing = draw_mesh(mesh, camera)
        views.append(View(camera, drawing.image, drawing.alpha, drawing.depth))
    return Coarse(ViewSet(tuple(views), (0.0, 30.0)), Head(rig, mesh, neutral_pose(rig)))


@pytest.mark.parametrize("skin", [(0.9, 0.72, 0.62), (0.35, 0.22, 0.16)])
def test_closed_lids_have_the_colour_of_skin_and_a_line_of_lashes(skin: tuple[float, float, float]) -> None:
    coarse = plain_head(skin)
    head = coarse.head
    surface = surface_of(head)
    closed = pose_vertices(head.rig, pose_from_weights(head.rig, dict.fromkeys(BLINKS, 1.0)))
    for view in coarse.views.views:
        source = source_of(view, head.rig.vertices, surface, SIZE)
        same = animated(source, surface, head.rig.vertices)[..., :3]
        np.testing.assert_allclose(same / 255, view.image, atol=0.51 / 255)
        frame = animated(source, surface, closed)[..., :3].astype(np.float32) / 255
        opening = np.linalg.norm(view.image - EYES, axis=-1) < 0.1
        assert opening.sum() > 100, "the eyes were open"
        now = frame[opening]
        assert (np.linalg.norm(now - EYES, axis=-1) < 0.1 * np.linalg.norm(np.subtract(EYES, skin))).mean() < 0.01
        ratio = now / np.array(skin)
        assert np.quantile(ratio, 0.98) < 1.1 and np.median(ratio) > 0.85, "nothing brighter than skin, mostly skin"
        edge = np.concatenate(surface.upper_edges)
        column, row = project(source.camera, closed[edge])[0].astype(int).T
        assert (frame[row, column] / np.array(skin)).mean(-1).min() < 0.75, "lashes"


def test_only_what_comes_down_with_a_lid_is_filled() -> None:
    coarse = plain_head((0.8, 0.6, 0.5))
    head, surface = coarse.head, surface_of(coarse.head)
    source = source_of(coarse.views.views[0], head.rig.vertices, surface, SIZE)
    for weights in ({"jawOpen": 1.0}, {"eyeWideLeft": 1.0}, {"mouthSmileLeft": 1.0}):
        moved = pose_vertices(head.rig, pose_from_weights(head.rig, weights))
        assert folded(source, surface, moved).max() < 0.1
    half = pose_vertices(head.rig, pose_from_weights(head.rig, {"eyeBlinkLeft": 0.5}))
    came = folded(source, surface, half)
    assert came.max() > 0.9 and not came[head.rig.vertices[:, 0] < -0.01].any()
