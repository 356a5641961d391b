"""The levels of noise that pictures are inverted to and denoised from: DDIM, with the noise that SDXL was trained on (paper, supplement 6.2)."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from facecraft4d.toolkit.core.untrusted.door import at_the_border
from facecraft4d.toolkit.image_prior.sdxl.documents import expect, read_config

WHAT = "the configuration of SDXL's noise"
NOISE = ("beta_start", "beta_end", "beta_schedule", "num_train_timesteps", "prediction_type")
"""What the folder decides; it names a scheduler of another kind (Euler), which is not used."""
DDIM = {"clip_sample": False, "set_alpha_to_one": False, "steps_offset": 1, "timestep_spacing": "leading"}
"""What inversion and denoising must agree on to meet again, and which the libraries' defaults have otherwise."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """The steps that are taken. Level 0 is the picture, `levels` the noisiest."""

    rising: Any
    """diffusers' DDIMInverseScheduler."""
    falling: Any
    """diffusers' DDIMScheduler."""
    levels: int

    def rising_time(self, level: int) -> int:
        """The time that the network is told to leave `level` upwards."""
        return int(self.rising.timesteps[level])

    def falling_time(self, level: int) -> int:
        """The time that the network is told to leave `level` downwards."""
        return int(self.falling.timesteps[len(self.falling.timesteps) - level])

    def risen(self, noise: Tensor, level: int, latents: Tensor) -> Tensor:
        """From `level` to the one above; `noise` is what the network sees at `level`."""
        found: Tensor = self.rising.step(noise, self.rising_time(level), latents, return_dict=False)[0]
        return found

    def fallen(self, noise: Tensor, level: int, latents: Tensor) -> Tensor:
        """From `level` to the one below."""
        found: Tensor = self.falling.step(noise, self.falling_time(level), latents, return_dict=False)[0]
        return found


def read_schedule(path: Path, steps: int, levels: int) -> Schedule:
    """The last `levels` of `steps` steps, with the folder's noise. UserError for a file that does not say what noise it is."""
    from diffusers import DDIMInverseScheduler, DDIMScheduler

    noise = check_noise(path)
    make_rising: Any = DDIMInverseScheduler  # their makers have no types
    make_falling: Any = DDIMScheduler
    with at_the_border(path, WHAT):
        rising, falling = make_rising(**noise, **DDIM), make_falling(**noise, **DDIM)
    rising.set_timesteps(steps)
    falling.set_timesteps(steps)
    return Schedule(rising, falling, levels)


def check_noise(path: Path) -> dict[str, Any]:
    """What the folder says of its noise. UserError for a file that says too little, or of noise that SDXL does not have."""
    config = read_config(path, WHAT)
    expect(path, config, WHAT, beta_schedule="scaled_linear", num_train_timesteps=1000, trained_betas=None)
    with at_the_border(path, WHAT):
        if not 0 < config["beta_start"] < config["beta_end"] < 1:
            raise ValueError(f"noise from {config['beta_start']} to {config['beta_end']}")
        if config["prediction_type"] not in ("epsilon", "v_prediction"):
            raise ValueError(f"prediction_type {str(config['prediction_type'])[:40]}")
        return {name: config[name] for name in NOISE}
