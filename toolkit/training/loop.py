"""The training loop: static stage, then COIN (paper, section 3.4)."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float32
from torch import Tensor
from torch.nn import functional

from facecraft4d.toolkit.config import TrainingConfig
from facecraft4d.toolkit.core.datatypes import Head, ViewSet
from facecraft4d.toolkit.core.stages import Progress
from facecraft4d.toolkit.core.trained import TrainedHead
from facecraft4d.toolkit.losses import Lpips
from facecraft4d.toolkit.training.checked import Course
from facecraft4d.toolkit.training.checkpoint import load_checkpoint, save_checkpoint
from facecraft4d.toolkit.training.coin import frozen_network, network_parameters, position_encoding
from facecraft4d.toolkit.training.densify import observe, refine
from facecraft4d.toolkit.training.footage import Footage, Target
from facecraft4d.toolkit.training.gaussians import bound_splats, place, splat_parameters
from facecraft4d.toolkit.training.initial import initial_splats
from facecraft4d.toolkit.training.levels import halve, level_order, reorder
from facecraft4d.toolkit.training.objective import Difference, SplatRender, draw, loss_terms, perceptual_term, rasterize
from facecraft4d.toolkit.training.pictures import AHEAD
from facecraft4d.toolkit.training.schedule import REFERENCE, STATIC, Sample, Schedule
from facecraft4d.toolkit.training.state import TrainingState

RECORD_EVERY = 10
"""Steps between points of the loss curves and progress reports."""
WORTH_EVERY = 4
"""Rounds of densification judge splats by every fourth picture: what shows from six sides is worth keeping."""


@dataclass(frozen=True, slots=True)
class Trainer:
    """What stays the same from step to step."""

    config: TrainingConfig
    schedule: Schedule
    footage: Footage
    lpips: Lpips | None
    """None where its weight is 0."""
    difference: Difference = functional.l1_loss
    """Compares pixels: the loss term "l1"."""


def begin(trainer: Trainer, head: Head, views: ViewSet, device: str) -> TrainingState:
    """Splats on the surface and a network whose offsets are zero."""
    openings = trainer.footage.openings()
    start = initial_splats(head, views, trainer.schedule.start_count, openings, trainer.footage.shown())
    parameters, triangles = splat_parameters(start, device)
    neutral = place(parameters, triangles, trainer.footage.neutral()).means.detach()
    encodings = position_encoding(neutral, trainer.config.position_octaves)
    rng = trainer.schedule.rng(0, 3)
    parameters |= network_parameters(len(views.views), encodings, trainer.config, rng)
    return TrainingState.begin(parameters, triangles)


def train_step(trainer: Trainer, state: TrainingState) -> dict[str, Tensor]:
    """One step: draw a picture, descend, refine when due. Returns the unweighted loss terms and the weighted total."""
    schedule, step = trainer.schedule, state.step
    if schedule.begins_level(step):
        order_splats(trainer, state)
        halve(state)
    read_ahead(trainer, step)
    drawn, picture, terms = compare(trainer, state)
    drawn.meta["means2d"].retain_grad()
    if trainer.lpips is not None and schedule.uses_lpips(step):
        corner = schedule.rng(step, 1).random(5)[3:]
        terms["lpips"] = perceptual_term(drawn, picture, trainer.lpips, (corner[0], corner[1]))
    total = weighted(terms, trainer.config)
    total.backward()  # type: ignore[no-untyped-call]
    observe(state, drawn.meta["means2d"].grad[0], drawn.meta["radii"][0], picture.mask.shape[:2])
    state.descend(schedule.rates(step, len(state.triangles)), schedule.rate_factor(step))
    if schedule.refines(step):
        rest = trainer.footage.posed(STATIC)
        worth = contributions(trainer, state, WORTH_EVERY) if trainer.config.densify.recycle else None
        refine(state, rest, trainer.config.densify, schedule.budget(step), schedule.rng(step, 2), worth)
    if schedule.resets(step):
        state.reset_opacities()
    state.step += 1
    return {name: value.detach() for name, value in {**terms, "total": total}.items()}


def read_ahead(trainer: Trainer, step: int) -> None:
    """Let the picture of a later step be read while this one and those between are computed."""
    schedule, later = trainer.schedule, step + AHEAD
    if later < schedule.total:
        trainer.footage.expect(schedule.sample(later), schedule.resolution(later))


def compare(trainer: Trainer, state: TrainingState) -> tuple[SplatRender, Target, dict[str, Tensor]]:
    """The step's picture as the splats draw it, its target, and the loss terms between them, without LPIPS."""
    schedule, step = trainer.schedule, state.step
    sample = schedule.sample(step)
    picture = trainer.footage.picture(sample, schedule.resolution(step))
    view = sample.view if schedule.uses_network(step) else None
    frames, share = trainer.footage.posed(sample.frame), schedule.consistent_share(step, sample)
    drawn = draw(state.parameters, state.triangles, frames, picture, view, share)
    color = torch.from_numpy(schedule.rng(step, 1).random(5)[:3].astype(np.float32))
    background = color.to(picture.image.device, non_blocking=True)
    reach = schedule.reach(len(state.triangles))
    terms = loss_terms(drawn, picture, state.parameters, trainer.config.losses, background, trainer.difference, reach)
    return drawn, picture, terms


def weighted(terms: dict[str, Tensor], config: TrainingConfig) -> Tensor:
    """The total that is descended; LPIPS makes up for the steps without it."""
    parts = [getattr(config.losses, name) * term for name, term in terms.items() if name != "lpips"]
    if "lpips" in terms:
        parts.append(config.losses.lpips * config.lpips_every * terms["lpips"])
    return torch.stack(parts).sum()


def order_splats(trainer: Trainer, state: TrainingState) -> None:
    """Put the splats, with all that belongs to them, in the order of levels."""
    neutral = place(state.parameters, state.triangles, trainer.footage.neutral()).means.detach()
    reorder(state, level_order(contributions(trainer, state), neutral, trainer.config.levels.cell))


def contributions(trainer: Trainer, state: TrainingState, every: int = 1) -> Float32[Tensor, " n"]:
    """Blend weight of each splat, summed over pixels, in the picture that shows it most: lids count although few pictures show them.

    Of the static views and as many animated frames of the first camera only each `every`-th is drawn, but every opening.
    """
    schedule = trainer.schedule
    samples = [Sample(view) for view in range(schedule.views)]
    if schedule.view_indices and schedule.frames:
        frames = sorted({round(f) for f in np.linspace(0, schedule.frames - 1, schedule.views)})
        samples += [Sample(schedule.view_indices[0], 0, frame) for frame in frames]
    openings = [Sample(schedule.view_indices[0], 0, frame) for frame in schedule.openings]
    samples = list(dict.fromkeys(samples[::every] + openings))
    size = min(trainer.config.coarse_resolution, trainer.config.resolution)
    return torch.stack([shown(trainer, state, sample, size) for sample in samples]).amax(0)


def shown(trainer: Trainer, state: TrainingState, sample: Sample, size: int) -> Float32[Tensor, " n"]:
    """Blend weight of each splat, summed over the pixels of one picture: the gradient of the drawn colours' sum."""
    ones = torch.ones(len(state.triangles), 1, device=state.triangles.device, requires_grad=True)
    with torch.no_grad():
        world = place(state.parameters, state.triangles, trainer.footage.posed(sample.frame))
    drawn = rasterize(world, ones, trainer.footage.picture(sample, size))[0]
    return torch.autograd.grad(drawn.sum(), ones, allow_unused=True, materialize_grads=True)[0][:, 0]


def finish(trainer: Trainer, state: TrainingState) -> TrainedHead:
    """The frozen result."""
    order_splats(trainer, state)
    sets = [*state.larger, state.parameters | {"triangles": state.triangles}]
    whole, *levels = (bound_splats(each, each["triangles"]) for each in sets)
    return TrainedHead(
        splats=whole,
        coin=frozen_network(state.parameters | sets[0]),
        reference_view=REFERENCE.view,
        loss_steps=np.array(state.curve_steps, np.int32),
        losses={name: np.array(curve, np.float32) for name, curve in state.curves.items()},
        levels=tuple(levels),
    )


def train(
    trainer: Trainer,
    start: Callable[[], TrainingState],
    files: tuple[Path, str],
    report: Callable[[Progress], None],
    device: str,
) -> TrainingState:
    """Go on from the checkpoint (folder, key) or from `start`, to the last step."""
    folder, key = files
    course = Course(trainer.schedule, len(trainer.footage.neutral().scales))
    state = load_checkpoint(folder, key, device, course, report) or start()
    total = trainer.schedule.total
    while state.step < total:
        terms = train_step(trainer, state)
        if state.step % RECORD_EVERY == 0 or state.step == total:
            losses = {name: float(value) for name, value in terms.items()}
            state.record(losses)
            stage = "coin" if trainer.schedule.is_coin(state.step - 1) else "static"
            stage = f"level {len(state.larger)}" if state.larger else stage
            report(Progress("training", state.step, total, f"{stage}, {len(state.triangles)} splats", losses))
        if state.step % trainer.config.checkpoint_every == 0 and state.step < total:
            save_checkpoint(folder, state, key)
    return state
