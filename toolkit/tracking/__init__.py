"""Finds the motion of pictures that nobody knows the motion of, and refines the head (paper, section 6.3 of the supplement)."""

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import cv2
import numpy as np

from facecraft4d.toolkit import face_model, weights
from facecraft4d.toolkit.config import FaceModelConfig, TrackingConfig
from facecraft4d.toolkit.core.asset import GLASSES
from facecraft4d.toolkit.core.datatypes import FrameSet, Head, Tracked, View, ViewSet
from facecraft4d.toolkit.core.geometry import project, resized_camera
from facecraft4d.toolkit.core.pixels import to_bytes
from facecraft4d.toolkit.core.rigging import pose_vertices
from facecraft4d.toolkit.core.stages import Report, StageContext
from facecraft4d.toolkit.face_model.model import surface_positions
from facecraft4d.toolkit.fitting.colour import Albedo
from facecraft4d.toolkit.fitting.figure import Figure, figure_of_head
from facecraft4d.toolkit.fitting.observation import Observation, Observations, Segments
from facecraft4d.toolkit.fitting.skin import skin_of, still_of
from facecraft4d.toolkit.images import resized
from facecraft4d.toolkit.landmarks import FaceLandmarker
from facecraft4d.toolkit.needs import Needs, joined
from facecraft4d.toolkit.tracking.course import Footage, track
from facecraft4d.toolkit.tracking.lids import light_lids
from facecraft4d.toolkit.tracking.seen import SOLID, Sightings, StageFrames, look, relative
from facecraft4d.toolkit.tracking.shared import paint
from facecraft4d.toolkit.tracking.state import begun

ALBEDO_SIDE = 512
"""Texels: about as fine as the face in pictures of 256 pixels."""


def needs(config: TrackingConfig, chosen: FaceModelConfig) -> Needs:
    """The landmark network, and the face model whose landmarks are known."""
    return joined((face_model.needs(chosen), Needs(weights=("face_landmarker",))))


def run(
    views: ViewSet,
    frames: FrameSet,
    head: Head,
    config: TrackingConfig,
    chosen: FaceModelConfig,
    context: StageContext,
    most_steps: int | None = None,
) -> Tracked:
    """The motion of `frames` on the head's rig, and the head, which was made of the `chosen` face model, as they show it.

    The static `views` show `head.pose` and tell the albedo. The stage's folder holds the checkpoint; a killed run goes on from it and ends with
    the same numbers. `most_steps`: only the first so many time steps. Steps in `frames.clip_starts` do not follow in time what stands before them.
    """
    figure = figure_of_head(face_model.load(chosen, context.report), head)
    pictures = StageFrames(frames, most_steps)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        skin = skin_of(head.rig, _albedo(head.mesh.texture))
        stills = tuple(_still(view, frames.cameras[0].height) for view in views.views)
        paint(figure, skin, skin.known, stills, head.pose, pool)
        # glasses cast the shadow: lids of heads without may be darker than the skin around them in every picture
        if GLASSES in head.rig.region_names:
            light_lids(figure, skin.known)
        skin.refresh()
        skin.stills = tuple(still_of(figure, skin, head.pose, stills[view]) for view in frames.view_indices)
        key = repr((config, context.seed, pictures.count, len(pictures.cameras), len(head.rig.vertices)))
        state = begun(key, context, figure, skin, lambda: _seen(pictures, stills, head, figure, context.report))
        starts = frozenset(frames.clip_starts)
        figure = track(Footage(pictures, starts, True), figure, skin, state, config, context, pool)
    mesh = replace(head.mesh, vertices=figure.rig.vertices)
    seen_by = weights.as_ingredient("face_landmarker", "landmarks and expression scores")
    return Tracked(state.motion(head.rig, config.fps), replace(head, rig=figure.rig, mesh=mesh), (seen_by,))


def _seen(pictures: StageFrames, stills: Observations, head: Head, figure: Figure, report: Report) -> Sightings:
    """Faces in all frames, as they differ from those in the still pictures of the same views."""
    landmarker, posed = FaceLandmarker(), pose_vertices(head.rig, head.pose)
    points = surface_positions(figure.landmarks, head.rig.triangles, posed)
    return relative(
        look(pictures, landmarker, report),
        landmarker,
        [to_bytes(stills[view].image) for view in pictures.frames.view_indices],
        [project(camera, points)[0] for camera in pictures.cameras],
    )


def _albedo(texture: np.ndarray) -> Albedo:
    small = cv2.resize(texture, (ALBEDO_SIDE, ALBEDO_SIDE), interpolation=cv2.INTER_AREA)
    return Albedo.begin(np.asarray(small, np.float32))


def _still(view: View, size: int) -> Observation:
    """A static view as something to paint from, as sharp as the frames."""
    camera = resized_camera(view.camera, size, size)
    matte, nothing = resized(view.mask, size) > SOLID, np.zeros((size, size), bool)
    return Observation(camera, resized(view.image, size), Segments(matte, nothing, nothing), 1.0)
