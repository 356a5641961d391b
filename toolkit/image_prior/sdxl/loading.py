"""SDXL's networks from the user's folder: built from configurations that were checked, filled from safetensors whose every tensor fits.

diffusers and transformers bring the classes; their own loading is not used: it would follow other files of the folder (shards, pickles).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from facecraft4d.toolkit.core.checks import UserError
from facecraft4d.toolkit.core.untrusted.door import at_the_border
from facecraft4d.toolkit.core.untrusted.tensors import read_shapes
from facecraft4d.toolkit.device import quick_type
from facecraft4d.toolkit.image_prior.sdxl.documents import Config, expect, read_config, read_vocabulary
from facecraft4d.toolkit.image_prior.sdxl.folder import LARGEST_WEIGHTS, PARTS, TOKENIZERS, Folder
from facecraft4d.toolkit.image_prior.sdxl.schedule import check_noise
from facecraft4d.toolkit.weights.matching import check_matching

LATENTS = 4
"""Channels."""
CROPS = 6
"""Numbers that tell the UNet the size and crop of a picture."""
POSITIONS = "embeddings.position_ids"
"""Whole numbers that older files of text encoders hold, and nobody reads."""
TEXT_PREFIX = "text_model."
"""Of a text encoder's names, which versions of transformers have or have not."""
RENAMED = {".query.": ".to_q.", ".key.": ".to_k.", ".value.": ".to_v.", ".proj_attn.": ".to_out.0."}
"""What the VAE's attention was called in older files."""


@dataclass(frozen=True, slots=True)
class Networks:
    """What is on the device."""

    unet: Any
    vae: Any
    device: str

    @property
    def pixels_per_cell(self) -> int:
        """Pixels of a picture for one latent, each way."""
        return int(2 ** (len(self.vae.config.block_out_channels) - 1))


@dataclass(frozen=True, slots=True)
class TextNetworks:
    """What reads the prompts."""

    tokenizers: tuple[Any, Any]
    encoders: tuple[Any, Any]
    device: str


def check(folder: Folder) -> None:
    """UserError unless all networks of the folder fit together: configurations, the names and shapes of every tensor, the noise."""
    configs = _configs(folder)
    for name in PARTS:
        _matched(folder, name, configs)
    check_noise(folder.scheduler)


def load_networks(folder: Folder, device: str, offload: bool) -> Networks:
    """UNet and VAE on the device, without gradients: the UNet in half precision on CUDA, the VAE too if it says that it can.

    `offload` leaves weights in main memory and brings them to the device layer by layer. UserError as `check`.
    """
    configs = _configs(folder)
    half = quick_type(device)
    exact = torch.float32 if configs["vae"].get("force_upcast", True) else half
    unet, vae = (
        _placed(_filled(folder, name, configs, kind, "cpu" if offload else device), device, offload)
        for name, kind in (("unet", half), ("vae", exact))
    )
    return Networks(unet, vae, device)


def load_text_networks(folder: Folder, device: str, offload: bool) -> TextNetworks:
    """Tokenizers and text encoders, as precise as the UNet. UserError as `check`."""
    configs = _configs(folder)
    half = quick_type(device)
    first, second = (
        _placed(_filled(folder, name, configs, half, "cpu" if offload else device), device, offload)
        for name in ("text_encoder", "text_encoder_2")
    )
    return TextNetworks(load_tokenizers(folder), (first, second), device)


def load_tokenizers(folder: Folder) -> tuple[Any, Any]:
    """The first and the second. UserError where they do not fit the text encoders."""
    from transformers import CLIPTokenizer

    configs = _configs(folder)
    first, second = (CLIPTokenizer(**_vocabulary(folder, name, configs)) for name in TOKENIZERS)
    return first, second


def _configs(folder: Folder) -> dict[str, dict[str, Any]]:
    """By the names of PARTS. UserError for those of another architecture, and where one does not fit another."""
    found = {name: read_config(path, f"the sizes of {PARTS[name].words}") for name, path in folder.configs.items()}
    unet, path = found["unet"], folder.configs["unet"]
    for name, part in PARTS.items():
        kind = {"_class_name": part.kind} if "_class_name" in found[name] else {"architectures": [part.kind]}
        expect(folder.configs[name], found[name], part.words, **kind)
    expect(path, unet, "the UNet of SDXL", addition_embed_type="text_time", in_channels=LATENTS, out_channels=LATENTS)
    expect(folder.configs["vae"], found["vae"], "the VAE of SDXL", latent_channels=LATENTS, in_channels=3)
    with at_the_border(folder.place, "the parts of one SDXL"):
        widths = found["text_encoder"]["hidden_size"], found["text_encoder_2"]["hidden_size"]
        pooled = found["text_encoder_2"]["projection_dim"] + CROPS * unet["addition_time_embed_dim"]
        scale = found["vae"]["scaling_factor"]
        if type(scale) is not float or not 0 < scale < LATENTS:
            raise ValueError(f"a VAE with scaling_factor {scale}")
    expect(
        path,
        unet,
        "the UNet of these text encoders",
        cross_attention_dim=sum(widths),
        projection_class_embeddings_input_dim=pooled,
    )
    return found


def _vocabulary(folder: Folder, name: str, configs: Mapping[str, Config]) -> dict[str, Any]:
    """What the tokenizer is made of. UserError where it says more than its text encoder can read."""
    encoder = configs[name.replace("tokenizer", "text_encoder")]
    made_of = read_vocabulary(folder.tokenizers[name], TOKENIZERS[name], encoder.get("vocab_size", 0))
    if made_of["model_max_length"] != (most := encoder.get("max_position_embeddings")):
        raise UserError(f"{folder.tokenizers[name][-1]}: expected model_max_length {most}, as its text encoder has it")
    return made_of


def _network(name: str, config: Config) -> nn.Module:
    """The network without numbers."""
    from accelerate import init_empty_weights
    from diffusers import AutoencoderKL, UNet2DConditionModel
    from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

    makers: dict[str, Callable[[Config], nn.Module]] = {
        "unet": UNet2DConditionModel.from_config,
        "vae": AutoencoderKL.from_config,
        "text_encoder": lambda sizes: CLIPTextModel(CLIPTextConfig(**sizes)),
        "text_encoder_2": lambda sizes: CLIPTextModelWithProjection(CLIPTextConfig(**sizes)),
    }
    with init_empty_weights(include_buffers=False):
        return makers[name](config)


def _matched(folder: Folder, name: str, configs: Mapping[str, Config]) -> tuple[nn.Module, dict[str, str]]:
    """The network without numbers, and for each of its tensors what it is called in the file. OtherArchitecture unless all are there."""
    part, path = PARTS[name], folder.weights[name]
    with at_the_border(folder.configs[name], f"the sizes of {part.words}"):
        network = _network(name, configs[name])
    shapes = read_shapes(path, f"the weights of {part.words} as safetensors", LARGEST_WEIGHTS)
    ours = {_told(each): each for each in network.state_dict()}
    names = {ours.get(_told(each), each): each for each in shapes if not each.endswith(POSITIONS)}
    count = len(ours)
    check_matching(
        f"{path}: expected the {count} tensors of {part.words} as its {folder.configs[name].name} has them",
        network,
        {mine: shapes[theirs] for mine, theirs in names.items()},
    )
    return network, names


def _told(name: str) -> str:
    """A tensor's name without what versions of the libraries changed in it."""
    for old, new in RENAMED.items():
        name = name.replace(old, new)
    return name.removeprefix(TEXT_PREFIX)


def _filled(folder: Folder, name: str, configs: Mapping[str, Config], kind: torch.dtype, device: str) -> Any:
    """The network with the numbers of its file, read one tensor after another."""
    from safetensors import safe_open

    network, names = _matched(folder, name, configs)
    state: dict[str, Tensor] = {}
    with (
        at_the_border(folder.weights[name], f"the weights of {PARTS[name].words}"),
        safe_open(folder.weights[name], framework="pt") as file,
    ):
        for mine, theirs in names.items():
            tensor = file.get_tensor(theirs)
            state[mine] = tensor.to(device, kind if tensor.is_floating_point() else tensor.dtype)
    network.load_state_dict(state, assign=True)
    return network.eval().requires_grad_(False).to(device)


def _placed(network: Any, device: str, offload: bool) -> Any:
    if not offload:
        return network
    from accelerate import cpu_offload

    return cpu_offload(network, torch.device(device))
