"""SDXL in its real sizes with random weights: what one step costs with the views held to the photograph, and how much memory it takes."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import torch
from gpu.measure import milliseconds, peak_of, wait
from gpu.results import Found, demand
from torch import Tensor, nn

from facecraft4d.toolkit.image_prior.sdxl.attention import Switch, install

BATCHES = (2, 5)
"""Pictures at once, the photograph among them."""
TIME = 361
"""Of the noisiest level at strength 0.4."""
TOKENS = 77
"""Of a prompt."""
PARAMETERS, TENSORS = 2_567_463_684, 1680
"""Of the published UNet."""

UNET: dict[str, Any] = {
    "sample_size": 128, "in_channels": 4, "out_channels": 4, "block_out_channels": (320, 640, 1280), "layers_per_block": 2,
    "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
    "up_block_types": ("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"), "transformer_layers_per_block": (1, 2, 10),
    "attention_head_dim": (5, 10, 20), "cross_attention_dim": 2048, "use_linear_projection": True, "addition_embed_type": "text_time",
    "addition_time_embed_dim": 256, "projection_class_embeddings_input_dim": 2816,
}  # fmt: skip
VAE: dict[str, Any] = {
    "sample_size": 1024, "block_out_channels": (128, 256, 512, 512), "layers_per_block": 2, "latent_channels": 4,
    "down_block_types": ("DownEncoderBlock2D",) * 4, "up_block_types": ("UpDecoderBlock2D",) * 4, "scaling_factor": 0.13025,
}  # fmt: skip
ENCODERS: tuple[dict[str, Any], ...] = (
    {"hidden_size": 768, "intermediate_size": 3072, "num_hidden_layers": 12, "num_attention_heads": 12, "projection_dim": 768},
    {"hidden_size": 1280, "intermediate_size": 5120, "num_hidden_layers": 32, "num_attention_heads": 20, "projection_dim": 1280},
)  # fmt: skip
"""CLIP ViT-L and OpenCLIP ViT-bigG, the halves that read text."""


class Sizes(NamedTuple):
    """Of all networks, and of the pictures in pixels."""

    unet: dict[str, Any]
    vae: dict[str, Any]
    encoders: tuple[dict[str, Any], ...]
    side: int


PUBLISHED = Sizes(UNET, VAE, ENCODERS, 1024)
NARROW = Sizes(
    UNET | {
        "block_out_channels": (32, 32, 64), "layers_per_block": 1, "transformer_layers_per_block": (1, 1, 2), "attention_head_dim": (2, 2, 4),
        "cross_attention_dim": 48, "addition_time_embed_dim": 8, "projection_class_embeddings_input_dim": 80,
    },
    VAE | {"block_out_channels": (32, 32, 32, 32), "layers_per_block": 1},
    tuple({**each, "hidden_size": width, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "projection_dim": 32}
          for each, width in zip(ENCODERS, (16, 32), strict=True)),
    64,
)  # fmt: skip


@contextmanager
def made_on(device: str, dtype: torch.dtype) -> Iterator[None]:
    """Networks are made there and so precise, with random weights."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        with torch.device(device):
            yield
    finally:
        torch.set_default_dtype(before)


class Diffusion:
    """The networks on a device: UNet and encoders in half precision, the VAE in single, as the product loads them."""

    def __init__(self, sizes: Sizes, device: str, half: torch.dtype) -> None:
        from diffusers import AutoencoderKL, UNet2DConditionModel
        from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

        self.device, self.half, self.sizes = device, half, sizes
        with made_on(device, half):
            self.unet = _ready(UNet2DConditionModel.from_config(sizes.unet))
            kinds = (CLIPTextModel, CLIPTextModelWithProjection)
            self.encoders = [
                _ready(kind(CLIPTextConfig(**each))) for kind, each in zip(kinds, sizes.encoders, strict=True)
            ]
        with made_on(device, torch.float32):
            self.vae = _ready(AutoencoderKL.from_config(sizes.vae))
        self.switch: Switch = install(self.unet, 0)

    def step(self, pictures: int, guided: bool) -> Tensor:
        """The noise that the UNet sees in so many pictures, each with and without its prompt if `guided`, all held to the first."""
        self.switch.on, self.switch.halves = True, 1 + guided
        rows, side = pictures * self.switch.halves, self.sizes.side // 8
        settings = self.sizes.unet
        pooled = settings["projection_class_embeddings_input_dim"] - 6 * settings["addition_time_embed_dim"]
        with made_on(self.device, self.half):
            added = {
                "text_embeds": torch.randn(rows, pooled),
                "time_ids": torch.full((rows, 6), float(self.sizes.side)),
            }
            latents, words = (
                torch.randn(rows, 4, side, side),
                torch.randn(rows, TOKENS, settings["cross_attention_dim"]),
            )
        seen: Tensor = self.unet(latents, TIME, words, added_cond_kwargs=added, return_dict=False)[0]
        return seen

    def encode(self) -> Tensor:
        """A picture to latents."""
        picture = torch.zeros(1, 3, self.sizes.side, self.sizes.side, device=self.device)
        latents: Tensor = self.vae.encode(picture).latent_dist.mode()
        return latents

    def decode(self) -> Tensor:
        """Latents to a picture."""
        side = self.sizes.side // 8
        picture: Tensor = self.vae.decode(torch.zeros(1, 4, side, side, device=self.device), return_dict=False)[0]
        return picture


def _ready(network: nn.Module) -> Any:
    return network.eval().requires_grad_(False)


@torch.no_grad()
def measure_diffusion(diffusion: Diffusion, times: int, within: Callable[[], None], found: Found) -> None:
    """Milliseconds and peaks of a step by batch, of the VAE, and of a step whose weights wait in main memory, as the option `offload` has it.

    Raises Missed for noise that is no number, which random weights do not make, and for sizes other than the published.
    """
    found["parameters"] = sum(each.numel() for each in diffusion.unet.parameters())
    for batch in BATCHES:
        for name, guided in (("inverting", False), ("denoising", True)):
            within()
            row = found[f"{name}, {batch} pictures"] = {}
            with peak_of(row, "peak_gib"):
                row["step_ms"] = milliseconds(lambda: diffusion.step(batch, guided), diffusion.device, times)  # noqa: B023
    finite = bool(diffusion.step(BATCHES[0], True).isfinite().all())
    for name, run in (("encode", diffusion.encode), ("decode", diffusion.decode)):
        within()
        with peak_of(found, f"{name}_peak_gib"):
            found[f"{name}_ms"] = milliseconds(run, diffusion.device, times)
    within()
    found["offloaded"] = {}
    measure_offloaded(diffusion, found["offloaded"])
    demand(finite, "the noise that the UNet sees is no number")
    demand(diffusion.sizes is not PUBLISHED or found["parameters"] == PARAMETERS, "the UNet has another size")


def measure_offloaded(diffusion: Diffusion, found: Found) -> None:
    """One step of a view beside the photograph, with no weights on the device but those of the layer that runs."""
    from accelerate import cpu_offload

    diffusion.encoders, diffusion.vae = [], None
    diffusion.unet = cpu_offload(diffusion.unet.to("cpu"), torch.device(diffusion.device))
    if diffusion.device == "cuda":
        torch.cuda.empty_cache()
    wait(diffusion.device)
    with peak_of(found, "peak_gib"):
        found["step_ms"] = milliseconds(lambda: diffusion.step(BATCHES[0], True), diffusion.device, 1)
