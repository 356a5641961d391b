"""Tracks films of somebody of whom nothing is known: the mean face, fitted to the first moment, then as every track."""

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float32

from facecraft4d.toolkit.config import TrackingConfig
from facecraft4d.toolkit.core.datatypes import Motion
from facecraft4d.toolkit.core.stages import StageContext
from facecraft4d.toolkit.face_model import FaceModel, load_default_head
from facecraft4d.toolkit.fitting.colour import Albedo
from facecraft4d.toolkit.fitting.figure import figure_of_model
from facecraft4d.toolkit.fitting.landmarks import fit_landmarks
from facecraft4d.toolkit.fitting.latent import Latent, mean_face
from facecraft4d.toolkit.fitting.observation import placed
from facecraft4d.toolkit.fitting.skin import skin_of
from facecraft4d.toolkit.landmarks import FaceLandmarker
from facecraft4d.toolkit.tracking.alignment import in_head_world
from facecraft4d.toolkit.tracking.course import Footage, track
from facecraft4d.toolkit.tracking.films import Films
from facecraft4d.toolkit.tracking.seen import Sightings, look, observations, step_scores
from facecraft4d.toolkit.tracking.shared import paint
from facecraft4d.toolkit.tracking.state import begun

ALBEDO_SIDE = 512
"""Texels."""
USUAL_ALBEDO = 0.6
"""Where no picture shows anything."""


@dataclass(frozen=True, slots=True, eq=False)
class Person:
    """What films show of somebody."""

    clip: Motion
    """ARKit's 52 weights, jaw, eyes, neck and place; the head's turn and place are counted from the first frame."""
    vertices: Float32[np.ndarray, "v 3"]
    """The default head's, shaped like the person, at rest, metres."""
    unseen: int
    """Time steps in which no camera saw the face."""


def track_films(films: Films, name: str, config: TrackingConfig, context: StageContext) -> Person:
    """The motion and the head of whom the films show. UserError where the first frames show no face.

    The checkpoint lies in `context.folder`.
    """
    model = load_default_head(context.report)
    landmarker = FaceLandmarker()
    figure = figure_of_model(model)
    skin = skin_of(figure.rig, _blank())
    key = repr((name, config, context.seed, films.count, len(films.cameras)))
    state = begun(key, context, figure, skin, lambda: look(films, landmarker, context.report))
    seen = state.sightings
    films = replace(
        films, cameras=in_head_world(model, films.cameras, seen.landmarks[0], seen.seen[0], landmarker.canonical)
    )
    films, latent = _fitted(model, films, seen)
    figure = figure.reshaped(latent.identity - figure.shape)
    if state.round == 0:
        state.vertices, state.joint_positions, state.shape = (
            figure.rig.vertices,
            figure.rig.joint_positions,
            figure.shape,
        )
        state.set_pose(0, latent.pose(model))
    footage = Footage(films, frozenset(), False, films.fps)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        paint(figure, skin, skin.known, observations(films, seen, 0, False), latent.pose(model), pool)
        figure = track(footage, figure, skin, state, config, context, pool)
    unseen = int((~seen.seen.any(1)).sum())
    return Person(state.motion(figure.rig, films.fps), figure.rig.vertices, unseen)


def _blank() -> Albedo:
    return Albedo.begin(np.full((ALBEDO_SIDE, ALBEDO_SIDE, 3), USUAL_ALBEDO, np.float32))


def _fitted(model: FaceModel, films: Films, seen: Sightings) -> tuple[Films, Latent]:
    """The cameras about the person's own head, and what the first moment says of that head by its landmarks."""
    scores = step_scores(seen, films.cameras)[0]
    first = tuple(
        replace(each, scores=scores) if each.landmarks is not None else each
        for each in observations(films, seen, 0, False)
    )
    latent = fit_landmarks(model, mean_face(model, films.cameras[0]), first)
    return replace(films, cameras=placed(first, latent.camera)), latent
