"""The phases of a track: the first time step until it has settled, each following one from the one before, all again in random order."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from jaxtyping import Float64

from facecraft4d.toolkit.config import TrackingConfig
from facecraft4d.toolkit.core.datatypes import Pose, Rig
from facecraft4d.toolkit.core.stages import Progress, Report, StageContext
from facecraft4d.toolkit.fitting.colour import Albedo
from facecraft4d.toolkit.fitting.expected import Moment
from facecraft4d.toolkit.fitting.figure import Figure
from facecraft4d.toolkit.fitting.moving import Trust, fit_moment_pose
from facecraft4d.toolkit.fitting.observation import Observations
from facecraft4d.toolkit.fitting.skin import Skin
from facecraft4d.toolkit.tracking.eyes import errors_about_eye
from facecraft4d.toolkit.tracking.seen import Pictures, Sightings, observations, on_names, step_scores
from facecraft4d.toolkit.tracking.shared import LightSums, Shared, paint
from facecraft4d.toolkit.tracking.state import TrackState, save_state

BLURS = (1.5, 0.0)
"""Pixels by which pictures are smoothed, first and last: what is coarse reaches farther."""
FIRST_ROUNDS = 40
"""The most rounds of the first step."""
FIRST_SETTLED = 0.005
"""The first step has converged when a round leaves the error of colours less by no more than this part."""
LANDMARK_ITERATIONS = 8
"""Of landmarks alone: they bring a pose near enough for colours."""
SETTLED_EPOCH = 0.002
"""Epochs end early where one leaves the mean error of colours less by no more than this part."""
OFFSET_EPOCHS = (1, 4)
"""Epochs after which vertices move freely, too."""
NO_COLOURS = Trust(landmarks=0.3, colours=0.0, outlines=0.0)
COLOURS = Trust()
REVISIT = Trust(stride=4)
REVISIT_ITERATIONS = 3
"""Of a step's pose in an epoch."""
AT_REST = 0.05
"""How far down a lid is as good as open, and from shut as good as shut: no other start tells more."""
HINTED = 0.15
"""How far down the network sees lids that are open."""
SIDES = ("Left", "Right")
RATE_LEFT = 0.9
"""What is left of the rate of all that is shared after each epoch."""


@dataclass(frozen=True, slots=True)
class Footage:
    """The pictures of a track."""

    pictures: Pictures
    starts: frozenset[int]
    """Steps that do not follow in time what stands before them."""
    whole: bool
    """Whether the figure has all that the mattes show, hair and clothes too."""
    fps: float | None = None
    """Steps a second; None: as options say."""


@dataclass(slots=True)
class Course:
    """What a track is sought with."""

    config: TrackingConfig
    seed: int
    footage: Footage
    sightings: Sightings
    scores: Float64[np.ndarray, "t k"]
    figure: Figure
    skin: Skin
    pool: ThreadPoolExecutor

    def observed(self, step: int) -> Observations:
        """A time step's pictures."""
        return observations(self.footage.pictures, self.sightings, step, self.footage.whole)

    def moment(self, step: int, state: TrackState, ahead: bool) -> Moment:
        """A step with its neighbours in time, the one after it where it has a pose."""
        before = state.pose(step - 1) if step and step not in self.footage.starts else None
        follows = ahead and step + 1 < len(self.scores) and step + 1 not in self.footage.starts
        after = state.pose(step + 1) if follows else None
        return Moment(self.observed(step), self.scores[step], before, after, 1 / (self.footage.fps or self.config.fps))


def track(
    footage: Footage,
    figure: Figure,
    skin: Skin,
    state: TrackState,
    config: TrackingConfig,
    context: StageContext,
    pool: ThreadPoolExecutor,
) -> Figure:
    """All phases from where `state` is, whose poses they find. Returns the figure as it was found."""
    rig = replace(figure.rig, vertices=state.vertices, joint_positions=state.joint_positions)
    figure = replace(figure, rig=rig, shape=state.shape)
    skin.albedo.weights, skin.albedo.sums, skin.light = state.albedo_weights, state.albedo_sums, state.light
    skin.refresh()
    scores = on_names(step_scores(state.sightings, footage.pictures.cameras), rig.expression_names)
    course = Course(config, context.seed, footage, state.sightings, scores, figure, skin, pool)
    run_course(course, state, context.folder, context.report)
    return course.figure


def run_course(course: Course, state: TrackState, folder: Path, report: Report) -> TrackState:
    """All phases from where `state` is; a checkpoint after every round, step and epoch."""
    while not state.settled:
        _first_round(course, state)
        _keep(course, state, folder)
        report(Progress("tracking", state.round, FIRST_ROUNDS, "first time step"))
    while state.step < len(course.scores):
        _follow(course, state)
        _keep(course, state, folder)
        report(Progress("tracking", state.step, len(course.scores), "following time steps"))
    while state.epoch < course.config.epochs and not state.done:
        _epoch(course, state)
        _keep(course, state, folder)
        report(Progress("tracking", state.epoch, course.config.epochs, "all time steps"))
    return state


def _keep(course: Course, state: TrackState, folder: Path) -> None:
    figure, skin = course.figure, course.skin
    state.vertices, state.joint_positions, state.shape = figure.rig.vertices, figure.rig.joint_positions, figure.shape
    state.albedo_weights, state.albedo_sums, state.light = skin.albedo.weights, skin.albedo.sums, skin.light
    save_state(folder, state)


def _first_round(course: Course, state: TrackState) -> None:
    """Pose, then what is shared, of the first step alone."""
    moment = course.moment(0, state, False)
    if state.round == 0:
        state.set_pose(0, _from_scores(course, 0, state))
        _fit(course, state, 0, moment, NO_COLOURS, LANDMARK_ITERATIONS, BLURS[0])
    cost = _by_colours(course, state, moment, 0)
    shared = Shared(course.figure, False)
    shared.visit(course.figure, course.skin, moment, state.pose(0), COLOURS, course.pool)
    course.figure = shared.reshaped(course.figure, 1.0)
    state.round += 1
    state.settled = cost > (1 - FIRST_SETTLED) * state.cost or state.round == FIRST_ROUNDS
    state.cost = cost


def _from_scores(course: Course, step: int, state: TrackState) -> Pose:
    start = state.pose(max(step - 1, 0))
    return replace(start, expression=course.scores[step].astype(np.float32))


def _follow(course: Course, state: TrackState) -> None:
    """A step from the one before, by landmarks, then by colours; lids in doubt are tried where the network sees them."""
    step = state.step
    moment = course.moment(step, state, False)
    if step:
        state.set_pose(step, state.pose(step - 1))
        _fit(course, state, step, moment, NO_COLOURS, LANDMARK_ITERATIONS, BLURS[0])
    _by_colours(course, state, moment, step)
    state.step += 1


def _by_colours(course: Course, state: TrackState, moment: Moment, step: int) -> float:
    """From coarse to fine, then each lid from where else it may be. Returns the error of colours."""
    limit = course.config.following_iterations
    for blur in BLURS:
        cost = _fit(course, state, step, moment, COLOURS, max(1, limit // len(BLURS)), blur)
    for side in SIDES:
        lid = course.figure.rig.expression_names.index(f"eyeBlink{side}")
        for down in other_starts(float(state.expressions[step, lid]), float(course.scores[step, lid])):
            cost = _try_lid(course, state, moment, step, side, down, cost)
    return cost


def other_starts(found: float, score: float) -> tuple[float, ...]:
    """From where a lid is sought anew that was found so far down, and that the network sees so far down: open, shut, both or neither.

    A lid moves over a few pixels, behind the frame of glasses over fewer: a fit that begins on the wrong side stays there.
    """
    opened = (0.0,) if found > AT_REST else ()
    shut = (1.0,) if max(found, score) > HINTED and found < 1 - AT_REST else ()
    return opened + shut


def _try_lid(
    course: Course, state: TrackState, moment: Moment, step: int, side: str, down: float, cost: float
) -> float:
    """Keep the pose with the lid sought from so far down where the pictures agree with it better about the eye. Returns the error of colours."""
    known = state.pose(step)
    state.set_pose(step, with_lid(course.figure.rig, known, side, down))
    other = _fit(course, state, step, moment, COLOURS, course.config.following_iterations // 2, BLURS[-1])
    poses = known, state.pose(step)
    before, after = errors_about_eye(course.figure, course.skin, moment.observations, side, poses, course.pool)
    if after < before:
        return other
    state.set_pose(step, known)
    return cost


def with_lid(rig: Rig, pose: Pose, side: str, down: float) -> Pose:
    """The pose with one lid so far down, all else of that eye at rest, and the eye turned as the other one is."""
    lid, other = rig.expression_names.index(f"eyeBlink{side}"), SIDES[1 - SIDES.index(side)].lower()
    around = [
        index for index, name in enumerate(rig.expression_names) if name.startswith("eye") and name.endswith(side)
    ]
    expression, rotations = pose.expression.copy(), pose.joint_rotations.copy()
    expression[around], expression[lid] = 0.0, down
    rotations[rig.joint_names.index(f"eye_{side.lower()}")] = rotations[rig.joint_names.index(f"eye_{other}")]
    return replace(pose, expression=expression, joint_rotations=rotations)


def _fit(
    course: Course, state: TrackState, step: int, moment: Moment, trust: Trust, iterations: int, blur: float
) -> float:
    pose, cost, taken = fit_moment_pose(
        course.figure, course.skin, moment, state.pose(step), trust, iterations, blur, course.pool
    )
    state.set_pose(step, pose)
    state.iterations += taken
    return cost


def _epoch(course: Course, state: TrackState) -> None:
    """All steps in random order, then what is shared, by a rate that falls."""
    rate = RATE_LEFT**state.epoch
    shared, costs, light = Shared(course.figure, state.epoch in OFFSET_EPOCHS), list[float](), LightSums()
    painted = Albedo.begin(course.skin.albedo.fallback)
    for step in np.random.default_rng((course.seed, state.epoch)).permutation(len(course.scores)).tolist():
        moment = course.moment(step, state, True)
        costs.append(_fit(course, state, step, moment, REVISIT, REVISIT_ITERATIONS, BLURS[-1]))
        shared.visit(course.figure, course.skin, moment, state.pose(step), REVISIT, course.pool)
        paint(course.figure, course.skin, painted, moment.observations, state.pose(step), course.pool, light)
    course.skin.light = light.light(course.skin.light, rate)
    course.skin.learn(painted, 1 / len(course.scores))
    course.figure = shared.reshaped(course.figure, rate)
    state.epoch += 1
    cost = float(np.mean(costs))
    state.done, state.cost = state.epoch > 1 and cost > (1 - SETTLED_EPOCH) * state.cost, cost
