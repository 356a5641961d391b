"""Noise into pictures and out again: DDIM inversion, then denoising beside the photograph with warped neighbours pasted in (paper, section 3.2)."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from facecraft4d.toolkit.image_prior.sdxl.predictor import Latents, Predictor
from facecraft4d.toolkit.image_prior.sdxl.schedule import Schedule
from facecraft4d.toolkit.image_prior.sdxl.words import Words

Trajectory = Float[Tensor, "levels n 4 ch cw"]
"""Latents at every level of noise, from none on."""
Tick = Callable[[str, int], None]
"""Is told what was done, to how many pictures."""


@dataclass(frozen=True, slots=True)
class Photograph:
    """What the views are held to."""

    trajectory: Trajectory
    """One picture. It is put back at each step, so that its keys and values are exact whatever the prompt leads to."""
    words: Words


@dataclass(frozen=True, slots=True)
class Patch:
    """Warped neighbours, for views."""

    trajectory: Trajectory
    weights: Float[Tensor, "n 1 ch cw"]
    """1 where the warped picture counts alone, 0 where it does not count."""


@dataclass(frozen=True, slots=True)
class Diffusion:
    """What goes from level to level."""

    schedule: Schedule
    predictor: Predictor
    tick: Tick


def inverted(latents: Latents, words: Words, diffusion: Diffusion) -> Trajectory:
    """The latents of pictures and what DDIM inversion makes of them, level by level, without guidance."""
    schedule, levels = diffusion.schedule, [latents]
    for level in range(schedule.levels):
        noise = diffusion.predictor.plain(levels[-1], words, schedule.rising_time(level))
        levels.append(schedule.risen(noise, level, levels[-1]))
        diffusion.tick("inverting", len(latents))
    return torch.stack(levels)


def denoised(
    latents: Latents,
    words: Words,
    photograph: Photograph,
    patch: Patch | None,
    diffusion: Diffusion,
    attends: Callable[[int], bool],
) -> Latents:
    """From the noisiest level to the pictures. `attends`: whether views attend to the photograph at a step, counted from 0."""
    schedule = diffusion.schedule
    for level in range(schedule.levels, 0, -1):
        if patch is not None:
            latents = pasted(latents, patch.trajectory[level], patch.weights)
        noise = diffusion.predictor.guided(
            photograph.trajectory[level],
            photograph.words,
            latents,
            words,
            schedule.falling_time(level),
            attends(schedule.levels - level),
        )
        latents = schedule.fallen(noise, level, latents)
        diffusion.tick("denoising", len(latents))
    return latents


def pasted(latents: Latents, warped: Latents, weights: Float[Tensor, "n 1 ch cw"]) -> Latents:
    """Warped latents over generated ones of equal noise (paper, supplement 6.2)."""
    return weights * warped + (1 - weights) * latents
