"""Steps of PanoHead's inversion and pivotal tuning on the device, by the product's own functions, and what whole ones would take."""

import time
from collections.abc import Callable
from pathlib import Path

import torch
from gpu.measure import peak_of
from gpu.networks import stored
from gpu.results import Found, demand

from facecraft4d.toolkit.config import PanoHeadConfig
from facecraft4d.toolkit.losses import Lpips, Trunk
from facecraft4d.toolkit.shape_prior.panohead.descent import Course
from facecraft4d.toolkit.shape_prior.panohead.generator import Generator
from facecraft4d.toolkit.shape_prior.panohead.inversion import invert
from facecraft4d.toolkit.shape_prior.panohead.likeness import Likeness
from facecraft4d.toolkit.shape_prior.panohead.tuning import tune

Steps = tuple[int, int]
"""Of inversion and of tuning."""


class Stops:
    """Hears of steps and keeps their times."""

    def __init__(self, within: Callable[[], None]) -> None:
        self._within, self._times = within, list[float]()
        self.losses: list[dict[str, float]] = []

    def __call__(self, step: int, doing: str, losses: dict[str, float]) -> None:
        """As the product's functions tell of a step; its losses are numbers, so the device has done it."""
        self._times.append(time.perf_counter())
        self.losses.append(losses)
        self._within()

    @property
    def step_ms(self) -> float:
        """Milliseconds of a step, but for the first."""
        return 1e3 * (self._times[-1] - self._times[0]) / (len(self._times) - 1)


def measure_inversion(
    generator: Generator, steps: Steps, device: str, scratch: Path, within: Callable[[], None], found: Found
) -> None:
    """Milliseconds a step of both, their peaks, their first and last loss. The target is the mean head seen from the side, and LPIPS is without
    its weights: neither changes what a step costs."""
    label = stored("panohead_golden")["c_yaw60"].to(device)
    with torch.no_grad():
        ws = generator.w_avg.expand(1, generator.ws_count, -1)
        target = ((generator.synthesis(ws, label).image + 1) / 2).clamp(0, 1)
    likeness = Likeness(target, Lpips(Trunk.VGG16).to(device).requires_grad_(False))
    config = PanoHeadConfig(inversion_steps=steps[0], tuning_steps=steps[1], tuning_stop=0.0)
    inverting, tuning = Stops(within), Stops(within)
    with peak_of(found, "inversion_peak_gib"):
        pivot = invert(generator, likeness, label, config, Course(0, scratch, inverting, str))
    with peak_of(found, "tuning_peak_gib"):
        tune(generator, likeness, pivot, config, Course(0, scratch, tuning, str))
    for name, heard in (("inversion", inverting), ("tuning", tuning)):
        found[f"{name}_step_ms"] = heard.step_ms
        found[f"{name}_losses"] = [sum(heard.losses[at].values()) for at in (0, -1)]
    finite = all(loss == loss for name in ("inversion", "tuning") for loss in found[f"{name}_losses"])
    demand(finite, "a loss is no number")
