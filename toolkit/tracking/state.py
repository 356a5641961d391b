"""Everything that changes while a track is sought, and its checkpoint: one file in the stage's folder, replaced as a whole."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float32, Float64

from facecraft4d.toolkit import cache
from facecraft4d.toolkit.core.checks import UserError
from facecraft4d.toolkit.core.datatypes import Motion, Pose, Rig
from facecraft4d.toolkit.core.rigging import neutral_pose
from facecraft4d.toolkit.core.stages import Progress, Report, StageContext
from facecraft4d.toolkit.fitting.figure import Figure
from facecraft4d.toolkit.fitting.skin import Skin
from facecraft4d.toolkit.owned import discard
from facecraft4d.toolkit.tracking.seen import Sightings

FILE_NAME = "checkpoint.npz"


@dataclass(slots=True, eq=False)
class TrackState:
    """A track in progress."""

    key: str
    """Names the track that it belongs to."""
    sightings: Sightings
    expressions: Float32[np.ndarray, "t k"]
    joint_rotations: Float32[np.ndarray, "t j 3"]
    translations: Float32[np.ndarray, "t 3"]
    vertices: Float32[np.ndarray, "v 3"]
    """The neutral face as found so far, metres."""
    joint_positions: Float32[np.ndarray, "j 3"]
    shape: Float64[np.ndarray, " i"]
    albedo_weights: Float32[np.ndarray, "s s"]
    albedo_sums: Float32[np.ndarray, "s s 3"]
    light: Float64[np.ndarray, "9 3"]
    round: int = 0
    """Of the first step."""
    cost: float = 1e9
    """The error of colours after the last round or epoch."""
    settled: bool = False
    """Whether the first step has converged."""
    step: int = 0
    """Steps that have a pose."""
    epoch: int = 0
    """Epochs over all steps that are done."""
    done: bool = False
    """Whether another epoch would bring nothing."""
    iterations: int = 0
    """Of all fits of poses so far."""

    def pose(self, step: int) -> Pose:
        """Of a step."""
        return Pose(self.expressions[step].copy(), self.joint_rotations[step].copy(), self.translations[step].copy())

    def motion(self, rig: Rig, fps: float) -> Motion:
        """All steps, laid out for the rig."""
        poses = (self.expressions, rig.joint_names, self.joint_rotations, self.translations)
        return Motion("track", fps, rig.expression_names, *poses)

    def set_pose(self, step: int, pose: Pose) -> None:
        """Of a step."""
        self.expressions[step], self.joint_rotations[step] = pose.expression, pose.joint_rotations
        self.translations[step] = pose.translation


def begun(key: str, context: StageContext, figure: Figure, skin: Skin, look: Callable[[], Sightings]) -> TrackState:
    """The state of that key in the stage's folder, or everything at rest and the faces found, which is kept there."""
    state = load_state(context.folder, key, context.report)
    if state is None:
        sightings, rig = look(), figure.rig
        state = TrackState(
            key, sightings, *at_rest(rig, len(sightings.seen)), rig.vertices, rig.joint_positions, figure.shape,
            skin.albedo.weights, skin.albedo.sums, skin.light,
        )  # fmt: skip
        save_state(context.folder, state)
    return state


def save_state(folder: Path, state: TrackState) -> None:
    """Write the checkpoint."""
    cache.save(folder / FILE_NAME, state)


def load_state(folder: Path, key: str, report: Report) -> TrackState | None:
    """The state saved under that key; None where there is none, one of another track, or one that is damaged, which is removed and said."""
    path = folder / FILE_NAME
    if not os.path.lexists(path):
        return None
    try:
        state = cache.load(path, TrackState)
    except UserError as error:
        report(Progress("tracking", 0, 1, notes=(f"the checkpoint is damaged ({error}); tracking starts anew",)))
        discard(path)
        return None
    return state if state.key == key else None


def at_rest(rig: Rig, steps: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Expressions, rotations and translations of so many steps at rest."""
    rest = neutral_pose(rig)
    each = (rest.expression, rest.joint_rotations, rest.translation)
    expressions, rotations, translations = (np.repeat(part[None], steps, 0) for part in each)
    return expressions, rotations, translations
