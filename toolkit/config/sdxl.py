"""Options of the paper's image prior: a diffusion model that is held to the photograph."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from facecraft4d.toolkit.config.bounds import SHARE, Bounds

CELL = 32
"""Pixels that the sides of SDXL's pictures are multiples of: 8 a latent, and the UNet halves those twice."""


@dataclass(frozen=True)
class SdxlConfig:
    """Stable Diffusion XL or CosmicMan, from a folder of your own, held to the photograph (paper, section 3.2; docs/paper_priors.md).

    --image-prior sdxl --image-prior.sdxl.folder stable-diffusion-xl-base-1.0 --image-prior.sdxl.unet CosmicMan-SDXL
    """

    folder: Path | None = None
    """SDXL's folder as diffusers lays it out, with safetensors. Keep the name it was given out under: the licence is known by it."""
    unet: Path | None = None
    """A folder with another UNet of SDXL's architecture (config.json, diffusion_pytorch_model.safetensors), such as CosmicMan-SDXL."""
    # Below 64 pixels nothing of a face is left in the latents; SDXL knows 1024, at 2048 it repeats heads.
    resolution: Annotated[int, Bounds(64, 2048)] = 1024
    """Side in pixels at which views are sharpened, a multiple of 32; SDXL was trained at 1024."""
    # The noise has 1000 levels, of which the first is never used.
    steps: Annotated[int, Bounds(1, 999)] = 25
    """Steps of the whole DDIM schedule (paper, supplement 6.2)."""
    strength: Annotated[float, SHARE] = 0.4
    """Share of the steps that noise is brought in by inversion and taken out again (paper, supplement 6.2)."""
    # At 1 there is none. SDXL's colours burn out well below 30.
    guidance: Annotated[float, Bounds(1, 30)] = 3.0
    """How far the prompt leads the denoising; 1 asks the network half as often. The paper names no value; SDXL alone is used with 5 to 7."""
    prompt: str = (
        "studio portrait photograph of a person {view}, head and shoulders, plain white background, even light, "
        "sharp focus, natural skin texture, detailed hair"
    )
    """What the views show; {view} becomes "seen from the front", "from the side" and so on. The paper names none."""
    negative_prompt: str = "blurry, painting, cartoon, distorted, several people, text"
    """What the views do not show; unused at guidance 1."""
    attention: bool = True
    """Every view attends to the photograph; without is the paper's ablation "w/o MA" (table 4)."""
    attention_layer: Annotated[int, Bounds(0, 69)] = 0  # SDXL has 70 self-attentions
    """The first of the 70 self-attentions that attends to the photograph, in the order in which they run."""
    attention_step: Annotated[int, Bounds(0, 998)] = 0
    """The first step of denoising at which they do; the paper's is the first."""
    warp: bool = True
    """Finished neighbours are pasted in by depth; without is the paper's ablation "w/o Warp" (table 4)."""
    batch: Annotated[int, Bounds(1, 71)] = 4  # all of the most views but the photograph
    """Views that the network is asked for at once, beside the photograph; halved where the device's memory does not do."""
    offload: bool = False
    """The networks' weights stay in main memory and reach the device layer by layer: slower, and several GiB less on the device."""

    @property
    def levels(self) -> int:
        """Steps that are taken: inverted, then denoised."""
        return int(self.steps * self.strength + 1e-9)  # 100 steps at 0.29 are 29
