"""What each step does: which picture it looks at, how large, at which rates. A pure function of the step, so resuming is exact."""

from dataclasses import dataclass

import numpy as np

from facecraft4d.toolkit.config import TrainingConfig

STATIC = -1
"""Camera and frame of a picture from the static ViewSet."""


BESIDE = 0.05
"""Share of the cap that training starts with beside one splat on each triangle."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One training picture."""

    view: int
    """Row of the static ViewSet, and of the view embeddings."""
    camera: int = STATIC
    """Camera of the FrameSet."""
    frame: int = STATIC


REFERENCE = Sample(0)
"""The photograph."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """The course of one training."""

    config: TrainingConfig
    seed: int
    views: int
    """Size of the static ViewSet."""
    view_indices: tuple[int, ...]
    """View of each animated camera."""
    frames: int
    triangles: int = 0
    """Size of the rig: where the cap allows, training starts with a splat on each and some more."""

    @property
    def total(self) -> int:
        """Steps in all."""
        return self.config.static_iterations + self.config.coin_iterations

    def rng(self, step: int, purpose: int) -> np.random.Generator:
        """A generator of its own for each step and purpose."""
        return np.random.default_rng((self.seed, step, purpose))

    def is_coin(self, step: int) -> bool:
        """True where the network of offsets is trained."""
        return step >= self.config.static_iterations

    def uses_lpips(self, step: int) -> bool:
        """True for every `lpips_every`-th COIN step."""
        return self.is_coin(step) and step % self.config.lpips_every == 0

    def resolution(self, step: int) -> int:
        """Side of the pictures in pixels."""
        fine = step >= round(self.total * (1 - self.config.fine_share))
        return self.config.resolution if fine else min(self.config.coarse_resolution, self.config.resolution)

    def rate_factor(self, step: int) -> float:
        """Exponential decay from 1 to `rates.final` over all steps."""
        return float(self.config.rates.final ** (step / max(self.total - 1, 1)))

    @property
    def start_count(self) -> int:
        """Splats at the first step."""
        share = round(self.config.splats * self.config.densify.start_share)
        return max(share, min(self.triangles + round(BESIDE * self.config.splats), self.config.splats))

    def refines(self, step: int) -> bool:
        """True for the steps after which splats are added and removed."""
        densify = self.config.densify
        return densify.begin <= step < densify.end_share * self.total and step % densify.every == 0

    def budget(self, step: int) -> int:
        """How many splats there may be after refining at `step`: grows linearly to the cap."""
        densify = self.config.densify
        last = densify.end_share * self.total - densify.every
        progress = min(max((step - densify.begin + densify.every) / max(last - densify.begin, 1), 0.0), 1.0)
        return round(self.start_count + progress * (self.config.splats - self.start_count))

    def sample(self, step: int) -> Sample:
        """The picture of a step: the photograph, another static view or, under COIN, an animated frame."""
        rng, config = self.rng(step, 0), self.config
        chance = rng.random()
        if self.views == 1 or chance < config.reference_share:
            return REFERENCE
        still = not self.is_coin(step) or not self.frames or not self.view_indices
        if still or chance < config.reference_share + config.static_share:
            return Sample(int(rng.integers(1, self.views)))
        camera = int(rng.integers(len(self.view_indices)))
        return Sample(self.view_indices[camera], camera, int(rng.integers(self.frames)))
