"""What a training step takes, in all and in parts, and how far two runs of the same steps come apart."""

import copy
import statistics
import time
from collections import defaultdict
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any
from unittest.mock import patch

import torch
from gpu.kept import paper_schedule
from gpu.measure import peak_of
from gpu.results import Found, demand

from facecraft4d.toolkit.training import loop
from facecraft4d.toolkit.training.loop import Trainer, train_step
from facecraft4d.toolkit.training.schedule import Sample
from facecraft4d.toolkit.training.state import TrainingState

Begun = tuple[Trainer, TrainingState]


@dataclass(frozen=True)
class Counts:
    """How often."""

    warm: int = 20
    """Steps that do not count: caches fill, kernels are chosen."""
    timed: int = 100
    """Steps whose total is measured, without waiting in between."""
    split: int = 40
    """Steps that wait after every part."""
    twice: int = 60
    """Steps that are run a second time from the same start."""
    cold: int = 24
    """Pictures that are fetched for the first time."""


@dataclass(frozen=True)
class Clock:
    """Adds up milliseconds by part; waits for the device before and after."""

    device: str
    parts: dict[str, float] = field(default_factory=lambda: defaultdict(float))

    def wait(self) -> None:
        """Until the device has done all it was asked to."""
        if self.device == "cuda":
            torch.cuda.synchronize()

    def around(self, part: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function, timed."""

        def timed(*arguments: Any, **named: Any) -> Any:
            self.wait()
            begun = time.perf_counter()
            result = function(*arguments, **named)
            self.wait()
            self.parts[part] += 1e3 * (time.perf_counter() - begun)
            return result

        return timed


def check_step(begun: Begun, device: str, counts: Counts, within: Callable[[], None], found: Found) -> None:
    """Measure one number of splats. Raises Missed for losses that are no numbers."""
    trainer, state = begun
    clock = Clock(device)
    found["splats"] = len(state.triangles)
    with peak_of(found, "peak_gib"):
        found["fetch_cold_ms"] = cold_fetch(trainer, clock, counts.cold)
        start = copy.deepcopy(state)
        run(trainer, state, counts.warm, clock)
        within()
        found["step_ms"], losses = run(trainer, state, counts.timed, clock)
        within()
        found["parts_ms"] = split(trainer, state, counts.split, clock)
        found["loss"] = losses[-1]
        within()
        found["two_runs"] = apart(trainer, start, counts.twice, clock)
    found["paper_hours"] = paper_hours(found, trainer)
    demand(all(loss == loss for loss in losses), "a loss is no number")


def run(trainer: Trainer, state: TrainingState, steps: int, clock: Clock) -> tuple[float, list[float]]:
    """Milliseconds a step and the total losses; the device is waited for at the end only."""
    clock.wait()
    begun = time.perf_counter()
    totals = [train_step(trainer, state)["total"] for _ in range(steps)]
    clock.wait()
    return 1e3 * (time.perf_counter() - begun) / steps, torch.stack(totals).tolist()


def split(trainer: Trainer, state: TrainingState, steps: int, clock: Clock) -> dict[str, float]:
    """Milliseconds a step by part; `rest` is what the parts leave. Waiting makes their sum larger than `step_ms`."""
    clock.parts.clear()
    targets = (
        ("fetch", trainer.footage, "picture"), ("fetch", trainer.footage, "posed"), ("draw", loop, "draw"),
        ("losses", loop, "loss_terms"), ("lpips", loop, "perceptual_term"), ("losses", loop, "weighted"),
        ("backward", torch.Tensor, "backward"), ("adam", TrainingState, "descend"),
    )  # fmt: skip
    with ExitStack() as stack:
        for part, owner, name in targets:
            stack.enter_context(patch.object(owner, name, clock.around(part, getattr(owner, name))))
        total = run(trainer, state, steps, clock)[0]
    parts = {part: milliseconds / steps for part, milliseconds in clock.parts.items()}
    return parts | {"rest": total - sum(parts.values())}


def cold_fetch(trainer: Trainer, clock: Clock, pictures: int) -> float:
    """Median milliseconds to fetch an animated picture that is not in memory yet, and the pose it shows."""
    schedule, taken = trainer.schedule, []
    for index in range(min(pictures, schedule.frames)):
        camera = index % len(schedule.view_indices)
        sample = Sample(schedule.view_indices[camera], camera, index)
        clock.wait()
        begun = time.perf_counter()
        trainer.footage.picture(sample, trainer.config.resolution)
        trainer.footage.posed(sample.frame)
        clock.wait()
        taken.append(1e3 * (time.perf_counter() - begun))
    return statistics.median(taken)


def apart(trainer: Trainer, start: TrainingState, steps: int, clock: Clock) -> dict[str, float]:
    """How far two runs from the same start come apart: largest relative difference of the losses, and of each parameter (L2)."""
    states = [copy.deepcopy(start) for _ in range(2)]
    first, second = (run(trainer, state, steps, clock)[1] for state in states)
    found = {"losses": max(abs(a - b) / abs(a) for a, b in zip(first, second, strict=True))}
    for name, parameter in states[0].parameters.items():
        difference = (parameter - states[1].parameters[name]).detach().norm()
        found[name] = float(difference / parameter.detach().norm().clamp_min(1e-12))
    return found


def paper_hours(found: Found, trainer: Trainer) -> float:
    """Hours of the preset paper, were each step as long as this one: pictures that the budget does not keep are read by the thread that is ahead,
    which may need longer than the step."""
    steps, pictures = paper_schedule()
    kept = trainer.footage.pictures.budget // (4 * trainer.config.resolution**2)
    reading = max(1 - kept / pictures, 0) * found["fetch_cold_ms"]
    return steps * max(found["step_ms"], reading) / 3.6e6
