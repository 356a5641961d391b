"""The training loop: static stage, then COIN (paper, section 3.4)."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float32
from torch import Tensor

from facecraft4d.toolkit.config import TrainingConfig
from facecraft4d.toolkit.datatypes import Head, Progress, TrainedHead, ViewSet
from facecraft4d.toolkit.losses import Lpips
from facecraft4d.toolkit.training.checkpoint import load_checkpoint, save_checkpoint
from facecraft4d.toolkit.training.coin import frozen_network, network_parameters, position_encoding
from facecraft4d.toolkit.training.densify import observe, refine
from facecraft4d.toolkit.training.footage import Footage
from facecraft4d.toolkit.training.gaussians import bound_splats, place, splat_parameters
from facecraft4d.toolkit.training.initial import initial_splats
from facecraft4d.toolkit.training.objective import draw, loss_terms, perceptual_term, rasterize
from facecraft4d.toolkit.training.schedule import REFERENCE, STATIC, Sample, Schedule
from facecraft4d.toolkit.training.state import TrainingState

RECORD_EVERY = 10
"""Steps between points of the loss curves and progress reports."""


@dataclass(frozen=True, slots=True)
class Trainer:
    """What stays the same from step to step."""

    config: TrainingConfig
    schedule: Schedule
    footage: Footage
    lpips: Lpips | None
    """None where its weight is 0."""


def begin(trainer: Trainer, head: Head, views: ViewSet, device: str) -> TrainingState:
    """Splats on the surface and a network whose offsets are zero."""
    openings = trainer.footage.openings()
    start = initial_splats(head, views, trainer.schedule.start_count, openings)
    parameters, triangles = splat_parameters(start, device)
    neutral = place(parameters, triangles, trainer.footage.neutral()).means.detach()
    encodings = position_encoding(neutral, trainer.config.position_octaves)
    rng = trainer.schedule.rng(0, 3)
    parameters |= network_parameters(len(views.views), encodings, trainer.config, rng)
    return TrainingState.begin(parameters, triangles)


def train_step(trainer: Trainer, state: TrainingState) -> dict[str, Tensor]:
    """One step: draw a picture, descend, refine when due. Returns the unweighted loss terms and the weighted total."""
    schedule, step = trainer.schedule, state.step
    sample, size = schedule.sample(step), schedule.resolution(step)
    picture = trainer.footage.picture(sample, size)
    view = sample.view if schedule.is_coin(step) else None
    drawn = draw(state.parameters, state.triangles, trainer.footage.posed(sample.frame), picture, view)
    drawn.meta["means2d"].retain_grad()
    chance = schedule.rng(step, 1).random(5)
    background = picture.image.new_tensor(chance[:3])
    terms = loss_terms(drawn, picture, state.parameters, trainer.config.losses, background)
    total = sum(getattr(trainer.config.losses, name) * term for name, term in terms.items())
    if trainer.lpips is not None and schedule.uses_lpips(step):
        terms["lpips"] = perceptual_term(drawn, picture, trainer.lpips, (chance[3], chance[4]))
        total = total + trainer.config.losses.lpips * trainer.config.lpips_every * terms["lpips"]
    total.backward()
    observe(state, drawn.meta["means2d"].grad[0], drawn.meta["radii"][0], picture.mask.shape[:2])
    state.descend(trainer.config.rates, schedule.rate_factor(step))
    if schedule.refines(step):
        rest = trainer.footage.posed(STATIC)
        refine(state, rest, trainer.config.densify, schedule.budget(step), schedule.rng(step, 2))
    state.step += 1
    return {name: value.detach() for name, value in {**terms, "total": total}.items()}


def contributions(trainer: Trainer, state: TrainingState) -> Float32[Tensor, " n"]:
    """Blend weight of each splat, summed over pixels, in all static views and in as many animated frames of the first camera.

    It is the gradient of the drawn colours' sum.
    """
    schedule = trainer.schedule
    samples = [Sample(view) for view in range(schedule.views)]
    if schedule.view_indices and schedule.frames:
        frames = sorted({round(f) for f in np.linspace(0, schedule.frames - 1, schedule.views)})
        samples += [Sample(schedule.view_indices[0], 0, frame) for frame in frames]
    size = min(trainer.config.coarse_resolution, trainer.config.resolution)
    ones = torch.ones(len(state.triangles), 1, device=state.triangles.device, requires_grad=True)
    for sample in samples:
        with torch.no_grad():
            world = place(state.parameters, state.triangles, trainer.footage.posed(sample.frame))
        rasterize(world, ones, trainer.footage.picture(sample, size))[0].sum().backward()  # type: ignore[no-untyped-call]
    return torch.zeros_like(ones[:, 0]) if ones.grad is None else ones.grad[:, 0]


def finish(trainer: Trainer, state: TrainingState) -> TrainedHead:
    """The frozen result."""
    return TrainedHead(
        splats=bound_splats(state.parameters, state.triangles),
        coin=frozen_network(state.parameters),
        reference_view=REFERENCE.view,
        contributions=contributions(trainer, state).cpu().numpy(),
        loss_steps=np.array(state.curve_steps, np.int32),
        losses={name: np.array(curve, np.float32) for name, curve in state.curves.items()},
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
    state = load_checkpoint(folder, key, device) or start()
    total = trainer.schedule.total
    while state.step < total:
        terms = train_step(trainer, state)
        if state.step % RECORD_EVERY == 0 or state.step == total:
            losses = {name: float(value) for name, value in terms.items()}
            state.record(losses)
            stage = "coin" if trainer.schedule.is_coin(state.step - 1) else "static"
            report(Progress("training", state.step, total, f"{stage}, {len(state.triangles)} splats", losses))
        if state.step % trainer.config.checkpoint_every == 0 and state.step < total:
            save_checkpoint(folder, state, key)
    return state
