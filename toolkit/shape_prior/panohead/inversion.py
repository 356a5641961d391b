"""Which rows of style show the portrait: PanoHead's inversion, StyleGAN2's projection (Karras et al. 2020, appendix D) with LPIPS and squares.

The landmarks' network and PanoHead's detector disagree about where frontal is: the first steps may turn the camera, too.
"""

import math
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Float32
from torch import Tensor

from facecraft4d.toolkit.config import LatentSpace, PanoHeadConfig
from facecraft4d.toolkit.shape_prior.panohead.cameras import RADIUS, moved, orbited
from facecraft4d.toolkit.shape_prior.panohead.descent import Course, Descent
from facecraft4d.toolkit.shape_prior.panohead.generator import Generator
from facecraft4d.toolkit.shape_prior.panohead.likeness import Likeness
from facecraft4d.toolkit.shape_prior.panohead.volume import Sampling

FILE_NAME = "inversion.npz"
LATENTS = 10_000
"""Whose mean row the inversion starts from and stays near to."""
RATE, RISING, FALLING = 0.1, 0.05, 0.25
"""Adam's rate at its height, and the shares of the steps in which it rises to it, and falls to 0 as a cosine."""
NOISE, NOISE_UNTIL = 0.05, 0.75
"""Of the rows' spread that is added to them at first, and the share of the steps after which nothing is."""
TURN_RATE, MOST_TURN = 0.005, math.radians(15)
"""Radians: Adam's rate for the camera's yaw and pitch at its height, and how far they may leave what the landmarks say."""
IN_FRONT = 0.35
"""How far before the middle of the box the rays begin, while a head is inverted and seen: what floats before it is cut."""
KEPT_EVERY = 25
"""Steps between two files for a killed run; one takes some milliseconds."""


@dataclass(frozen=True, slots=True, eq=False)
class MeanLatent:
    """Of many latents."""

    row: Float32[Tensor, " w"]
    spread: float
    """Root of the mean squared distance from the mean row."""
    z: Float32[Tensor, "1 z"]


@dataclass(frozen=True, slots=True, eq=False)
class Inverted:
    """A head in the generator's terms."""

    rows: Float32[Tensor, "1 n w"]
    """A row for each that a picture takes."""
    labels: Float32[Tensor, "1 25"]
    """Of the picture's camera, as the generator sees this head."""
    translation: Float32[Tensor, "1 3"]
    """By which the generator moves every camera for heads like this one; `labels` have it."""
    losses: dict[str, list[float]]


def chance(seed: int, phase: int, step: int, device: torch.device) -> torch.Generator:
    """The random numbers of one step, whichever steps were done before in this process."""
    state = np.random.SeedSequence((seed, phase, step)).generate_state(1, np.uint64)[0]
    return torch.Generator(device).manual_seed(int(state >> 1))


def near_sampling(generator: Generator) -> Sampling:
    """Where rays are sampled from now on."""
    sampling = generator.architecture.sampling
    return replace(sampling, near=max(sampling.near, RADIUS - IN_FRONT))


@torch.no_grad()
def mean_latent(generator: Generator, labels: Float32[Tensor, "1 25"], seed: int) -> MeanLatent:
    """The mean of LATENTS random latents, as the camera makes rows of them."""
    drawn = np.random.default_rng(seed).standard_normal((LATENTS, generator.architecture.z_size), np.float32)
    z = torch.from_numpy(drawn).to(labels.device)
    rows = generator.backbone.mapping(z, labels.expand(LATENTS, -1))
    mean = rows.mean(0)
    spread = (rows - mean).square().sum().div(LATENTS).sqrt().item()
    return MeanLatent(mean, spread, z.mean(0, keepdim=True))


def rate(share: float) -> float:
    """Adam's rate after that share of the steps, as a part of its height."""
    falling = min(1.0, (1 - share) / FALLING)
    return (0.5 - 0.5 * math.cos(math.pi * falling)) * min(1.0, share / RISING)


def noise_level(share: float) -> float:
    """How much noise the rows have after that share of the steps, in spreads."""
    return NOISE * max(0.0, 1 - share / NOISE_UNTIL) ** 2


def invert(
    generator: Generator,
    likeness: Likeness,
    labels: Float32[Tensor, "1 25"],
    config: PanoHeadConfig,
    course: Course,
) -> Inverted:
    """Find the rows, and how the camera `labels` must turn; a killed run goes on from what it kept.

    FloatingPointError where the loss is no finite number.
    """
    mean = mean_latent(generator, labels, course.seed)
    translation, steps = generator.translation(mean.z, labels), config.inversion_steps
    count = generator.ws_count if config.space is LatentSpace.W_PLUS else 1
    rows = mean.row.repeat(1, count, 1).requires_grad_()
    turn = torch.zeros(2, device=labels.device, requires_grad=True)
    descent, file = Descent({"rows": rows, "turn": turn}), course.folder / FILE_NAME
    descent.go_on(file, course.say)

    def camera() -> Float32[Tensor, "1 25"]:
        return moved(orbited(labels, turn[0], turn[1]), translation)

    for step in range(descent.step, steps):
        share, random = step / steps, chance(course.seed, 0, step, labels.device)
        noise = torch.randn(rows.shape, generator=random, device=rows.device) * (mean.spread * noise_level(share))
        ws = (rows + noise).expand(-1, generator.ws_count, -1)
        picture = generator.synthesis(ws, camera(), random=random, sampling=near_sampling(generator))
        terms = likeness.terms(picture.image) | {"distance": (rows - mean.row).square().mean()}
        rates = {"rows": RATE * rate(share)} | ({"turn": TURN_RATE * rate(share)} if step < config.camera_steps else {})
        losses = descent.descend(terms, rates)
        with torch.no_grad():
            turn.clamp_(-MOST_TURN, MOST_TURN)
        course.tell(step + 1, "inverting", losses)
        if (step + 1) % KEPT_EVERY == 0 or step + 1 == steps:
            descent.save(file)
    found = rows.detach().expand(-1, generator.ws_count, -1)
    return Inverted(found, camera().detach(), translation, descent.losses)
