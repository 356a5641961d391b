"""A folder of SDXL as diffusers lays it out, with tiny networks of random numbers, and views to sharpen with it."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING

import torch

from facecraft4d.toolkit.config import ImagePrior, ImagePriorConfig, SdxlConfig
from facecraft4d.toolkit.image_prior.sdxl.loading import Networks

if TYPE_CHECKING:  # they take five seconds, which runs without these tests need not wait
    from diffusers import AutoencoderKL, UNet2DConditionModel
    from transformers import CLIPTextConfig

NAME = "stable-diffusion-xl-base-1.0"
WIDTH, TIMES = 32, 8
"""Of a text encoder; of the UNet's embedding of each number that tells a size."""
NOISE = {
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "beta_schedule": "scaled_linear",
    "steps_offset": 1,
    "timestep_spacing": "leading",
}
LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789,.!{}-'"
MERGES = ("t h", "h e</w>", "p e", "r s", "o n</w>", "pe rs", "h a", "ha i", "w h")


def write_folder(place: Path, seed: int = 0, unet: bool = True) -> Path:
    """Write the folder NAME into `place`."""
    from diffusers import EulerDiscreteScheduler
    from transformers import CLIPTextModel, CLIPTextModelWithProjection

    folder = place / NAME
    folder.mkdir(parents=True)
    torch.manual_seed(seed)
    parts = {
        "vae": tiny_vae(),
        "text_encoder": CLIPTextModel(text_config()),
        "text_encoder_2": CLIPTextModelWithProjection(text_config()),
    }
    if unet:
        parts["unet"] = tiny_unet()
    for name, network in parts.items():
        network.save_pretrained(folder / name)
    EulerDiscreteScheduler(**NOISE).save_pretrained(folder / "scheduler")
    for name, padding in (("tokenizer", "<|endoftext|>"), ("tokenizer_2", "!")):
        write_tokenizer(folder / name, padding)
    (folder / "model_index.json").write_text(
        json.dumps({"_class_name": "StableDiffusionXLPipeline", **{name: [] for name in parts}})
    )
    return folder


def write_unet(place: Path, seed: int = 7) -> Path:
    """Write another UNet as CosmicMan is given out."""
    torch.manual_seed(seed)
    tiny_unet().save_pretrained(place / "CosmicMan-SDXL")
    return place / "CosmicMan-SDXL"


def tiny_unet() -> "UNet2DConditionModel":
    """SDXL's UNet, narrow: three levels, the first without attention; 10 self-attentions."""
    from diffusers import UNet2DConditionModel

    return UNet2DConditionModel(
        sample_size=16,
        block_out_channels=(16, 32, 64),
        norm_num_groups=8,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
        layers_per_block=1,
        transformer_layers_per_block=(1, 1, 2),
        attention_head_dim=(1, 2, 4),
        use_linear_projection=True,
        cross_attention_dim=2 * WIDTH,
        addition_embed_type="text_time",
        addition_time_embed_dim=TIMES,
        projection_class_embeddings_input_dim=6 * TIMES + WIDTH,
    )


def tiny_vae() -> "AutoencoderKL":
    """SDXL's VAE, narrow: a latent for 8 pixels each way."""
    from diffusers import AutoencoderKL

    return AutoencoderKL(
        block_out_channels=(8, 8, 8, 8),
        norm_num_groups=4,
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        layers_per_block=1,
        scaling_factor=0.13025,
        force_upcast=True,
    )


def text_config() -> "CLIPTextConfig":
    """A text encoder's sizes."""
    from transformers import CLIPTextConfig

    return CLIPTextConfig(
        vocab_size=len(vocabulary()),
        hidden_size=WIDTH,
        intermediate_size=2 * WIDTH,
        projection_dim=WIDTH,
        num_hidden_layers=3,
        num_attention_heads=4,
        max_position_embeddings=77,
        bos_token_id=vocabulary()["<|startoftext|>"],
        eos_token_id=vocabulary()["<|endoftext|>"],
    )


def vocabulary() -> dict[str, int]:
    """Letters, letters that end a word, what the merges make, and the marks."""
    words = [*LETTERS, *(f"{letter}</w>" for letter in LETTERS), *(merge.replace(" ", "") for merge in MERGES)]
    return {word: number for number, word in enumerate([*words, "<|startoftext|>", "<|endoftext|>"])}


def write_tokenizer(folder: Path, padding: str) -> None:
    """In the three files that CLIP's tokenizers come in."""
    folder.mkdir()
    (folder / "vocab.json").write_text(json.dumps(vocabulary()))
    (folder / "merges.txt").write_text("\n".join(("#version: 0.2", *MERGES, "")))
    marks = {
        "bos_token": "<|startoftext|>",
        "eos_token": "<|endoftext|>",
        "unk_token": "<|endoftext|>",
        "pad_token": padding,
    }
    table = {name: {"content": mark, "lstrip": False} for name, mark in marks.items()}
    (folder / "tokenizer_config.json").write_text(
        json.dumps(table | {"model_max_length": 77, "tokenizer_class": "CLIPTokenizer"})
    )


def options(folder: Path | None, **chosen: object) -> ImagePriorConfig:
    """Options of an image prior on tiny networks; `chosen` are options of SdxlConfig."""
    small = {"resolution": 64, "steps": 5, "strength": 0.4, "prompt": "a person {view}", "negative_prompt": "blur"}
    return ImagePriorConfig(ImagePrior.SDXL, sdxl=SdxlConfig(folder=folder, **(small | chosen)))  # type: ignore[arg-type]


class BlockVae:
    """A codec that anybody can follow: a latent is the mean colour of `cell` x `cell` pixels, in three of four channels."""

    dtype = torch.float32

    def __init__(self, cell: int) -> None:
        self.cell = cell
        self.config = SimpleNamespace(block_out_channels=(0,) * (cell.bit_length()), scaling_factor=1.0)

    def encode(self, pictures: torch.Tensor) -> SimpleNamespace:
        means = torch.nn.functional.avg_pool2d(pictures, self.cell)
        return SimpleNamespace(latent_dist=SimpleNamespace(mode=lambda: torch.cat((means, 0 * means[:, :1]), 1)))

    def decode(self, latents: torch.Tensor, return_dict: bool) -> tuple[torch.Tensor]:
        return (torch.repeat_interleave(torch.repeat_interleave(latents[:, :3], self.cell, 2), self.cell, 3),)


def without_noise(networks: Networks, cell: int) -> Networks:
    """The same with a codec of blocks, and a UNet that sees no noise anywhere: what goes in comes out, and what is pasted stays."""
    with torch.no_grad():
        networks.unet.conv_out.weight.zero_()
        networks.unet.conv_out.bias.zero_()
    return Networks(networks.unet, BlockVae(cell), networks.device)
