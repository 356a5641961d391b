"""What each step does: which picture it looks at, how large, at which rates. A pure function of the step, so resuming is exact."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from facecraft4d.toolkit.config import LearningRates, TrainingConfig
from facecraft4d.toolkit.core.geometry import yaw_distances

STATIC = -1
"""Camera and frame of a picture from the static ViewSet."""

LEVELS = 3
"""Levels of detail beside the whole; each has half the splats of the one before."""


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


def anchor_views(yaws_degrees: Sequence[float], count: int) -> tuple[int, ...]:
    """The views nearest to `count` directions that divide the circle evenly, from view 0 on; in ascending order."""
    directions = [yaws_degrees[0] + 360 * index / count for index in range(count)]
    return tuple(sorted({int(yaw_distances(yaws_degrees, direction).argmin()) for direction in directions}))


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
    """Size of the rig."""
    openings: tuple[int, ...] = ()
    """Frames that show what few others do: closed lids, tongue, teeth."""
    anchors: tuple[int, ...] = (0,)
    """Views that shape the consistent model in full, the photograph among them."""

    @property
    def total(self) -> int:
        """Steps in all."""
        return self.whole + LEVELS * self.config.levels.iterations

    @property
    def whole(self) -> int:
        """Steps that train all splats; levels follow."""
        return self.config.static_iterations + self.config.coin_iterations

    def rng(self, step: int, purpose: int) -> np.random.Generator:
        """A generator of its own for each step and purpose."""
        return np.random.default_rng((self.seed, step, purpose))

    def is_coin(self, step: int) -> bool:
        """True where the network of offsets is trained."""
        return step >= self.config.static_iterations

    def uses_network(self, step: int) -> bool:
        """True where offsets are drawn; at rate 0 they would stay zero, and are left out."""
        return self.is_coin(step) and self.config.rates.coin > 0

    def uses_lpips(self, step: int) -> bool:
        """True for every `lpips_every`-th COIN step."""
        return self.is_coin(step) and step % self.config.lpips_every == 0

    def resolution(self, step: int) -> int:
        """Side of the pictures in pixels; levels are seen from afar."""
        fine = round(self.whole * (1 - self.config.fine_share)) <= step < self.whole
        return self.config.resolution if fine else min(self.config.coarse_resolution, self.config.resolution)

    def rate_factor(self, step: int) -> float:
        """Exponential decay from 1 to `rates.final` over the whole, and again over each level."""
        done, steps = step, self.whole
        if step >= self.whole:
            done, steps = (step - self.whole) % self.config.levels.iterations, self.config.levels.iterations
        return float(self.config.rates.final ** (done / max(steps - 1, 1)))

    def rates(self, step: int, splats: int) -> LearningRates:
        """Adam's rates before they decay. For levels the network rests, and centres move as far as the splats reach."""
        rates = self.config.rates
        if step < self.whole:
            return rates
        return replace(rates, means=rates.means * self.reach(splats), coin=0.0, gaussian_embeddings=0.0)

    def consistent_share(self, step: int, sample: Sample) -> float:
        """Share of the pixel losses' gradient that reaches the consistent model: less than 1 beside the anchors while the network learns."""
        learns = self.uses_network(step) and step < self.whole
        return self.config.consistent_share if learns and sample.view not in self.anchors else 1.0

    def reach(self, splats: int) -> float:
        """Side of what a splat has to cover, in sides of a triangle: 1 unless there are fewer splats than triangles."""
        return float(max(self.triangles / splats, 1.0) ** 0.5)

    @property
    def start_count(self) -> int:
        """Splats at the first step."""
        return round(self.config.splats * self.config.densify.start_share)

    def refines(self, step: int) -> bool:
        """True for the steps after which splats are added and removed."""
        densify = self.config.densify
        return densify.begin <= step < densify.end_share * self.whole and step % densify.every == 0

    def resets(self, step: int) -> bool:
        """True for the steps after which opacities are reset: never the first one, nor under COIN, nor after densification."""
        settled = math.ceil(self.config.densify.end_share * self.whole)
        every, end = self.config.densify.reset_every, min(settled, self.config.static_iterations)
        return every > 0 and 0 < step < end and step % every == 0

    def begins_level(self, step: int) -> bool:
        """True for the steps before which half of the splats are put aside."""
        return self.whole <= step < self.total and (step - self.whole) % self.config.levels.iterations == 0

    def budget(self, step: int) -> int:
        """How many splats there may be after refining at `step`: grows linearly to the cap."""
        densify = self.config.densify
        last = densify.end_share * self.whole - densify.every
        progress = min(max((step - densify.begin + densify.every) / max(last - densify.begin, 1), 0.0), 1.0)
        return round(self.start_count + progress * (self.config.splats - self.start_count))

    def sample(self, step: int) -> Sample:
        """The picture of a step: the photograph, an opening, another static view or, under COIN, any animated frame."""
        rng, config = self.rng(step, 0), self.config
        chance = rng.random() - config.reference_share
        if self.views == 1 or chance < 0:
            return REFERENCE
        chance -= config.opening_share if self.openings else 0.0
        if chance < 0:
            return self._animated(rng, int(rng.choice(self.openings)))
        if not self.is_coin(step) or not self.frames or not self.view_indices or chance < config.static_share:
            return Sample(int(rng.integers(1, self.views)))
        return self._animated(rng, int(rng.integers(self.frames)))

    def _animated(self, rng: np.random.Generator, frame: int) -> Sample:
        camera = int(rng.integers(len(self.view_indices)))
        return Sample(self.view_indices[camera], camera, frame)
