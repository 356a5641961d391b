"""The built-in clips, drawn on the CC0 head: an actor for whoever brings no videos."""

from dataclasses import replace

import numpy as np

from facecraft4d.toolkit.core.datatypes import Camera, Pose
from facecraft4d.toolkit.core.geometry import orbit_camera, project
from facecraft4d.toolkit.core.pixels import to_bytes
from facecraft4d.toolkit.core.rigging import neutral_pose, pose_vertices
from facecraft4d.toolkit.core.stages import Progress, Report
from facecraft4d.toolkit.face_model import load_default_head, surface_positions
from facecraft4d.toolkit.face_model.model import FaceModel
from facecraft4d.toolkit.landmarks.points import IBUG_68
from facecraft4d.toolkit.subjects.paint import Look
from facecraft4d.toolkit.subjects.people import RADIUS_METRES, Spec, Subject, make_subject
from facecraft4d.toolkit.subjects.sets import render_view
from facecraft4d.toolkit.video_prior.liveportrait.clips import SIZE, Clips
from facecraft4d.toolkit.video_prior.liveportrait.crop import DRIVING, crop_from_picture, eyes_and_mouth
from facecraft4d.toolkit.video_prior.liveportrait.paste import resampled
from facecraft4d.toolkit.video_prior.poses import clip_ingredients, driving_track

ACTOR = Spec(Look((0.86, 0.67, 0.58), (0.72, 0.42, 0.41), (0.2, 0.13, 0.09), (0.3, 0.42, 0.5)), seed=41)
"""Somebody with a bare and even face, on which every expression shows."""
TEXTURE = 1024
"""Texels: two for each of the face's pixels."""
SIDE = 512
"""Pixels of a drawing, of which the face is half."""


def drawn_clips(count: int, seed: int, report: Report) -> Clips:
    """`count` moments of the built-in clips, which the mesh prior would choose, too."""
    model = load_default_head(report)
    made = make_subject(ACTOR, model, TEXTURE)
    actor = replace(made, truth=made.rig)  # the face model's own expressions, alike on both sides
    rest, texture, camera = neutral_pose(actor.truth), actor.texture(), orbit_camera(0.0, 0.0, RADIUS_METRES, SIDE)
    track, _ = driving_track(actor.truth, rest, count, np.random.default_rng(seed))
    matrix = _crop(model, actor, rest, camera)

    def drawn(pose: Pose) -> np.ndarray:
        picture = render_view(actor, texture, pose, camera).image
        return to_bytes(resampled(picture, matrix, (SIZE, SIZE), (1.0, 1.0, 1.0)))

    moments = []
    for moment in range(count):
        moments.append(drawn(track.pose(moment)))
        report(Progress("video_prior", moment + 1, count, "drawing the driving clips"))
    made_of = (*clip_ingredients(), *model.ingredients)
    return Clips(np.stack(moments), drawn(rest)[None], np.zeros(count, np.int64), tuple(range(count)), made_of)


def _crop(model: FaceModel, actor: Subject, rest: Pose, camera: Camera) -> np.ndarray:
    """One for all clips, for the head stays where it is."""
    assert model.landmarks_478 is not None, "the default head knows its landmarks"
    places = surface_positions(model.landmarks_478, model.triangles, pose_vertices(actor.truth, rest))
    points = project(camera, places[list(IBUG_68)])[0].astype(np.float64)
    return crop_from_picture(points, *eyes_and_mouth(points), DRIVING, SIZE, upright=False)
