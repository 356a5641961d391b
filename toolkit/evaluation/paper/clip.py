"""CLIP's image encoder (Radford et al. 2021) from a folder of the user's, by transformers: a picture to a unit vector.

Nothing is fetched. Of the folder two files are read, config.json for the sizes and the weights by our own readers; the text encoder in them is passed over.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float32
from PIL import Image
from torch import nn

from facecraft4d.toolkit.core.checks import UserError
from facecraft4d.toolkit.core.pixels import to_bytes
from facecraft4d.toolkit.core.untrusted.door import at_the_border, read_untrusted
from facecraft4d.toolkit.core.untrusted.tensors import read_tensors
from facecraft4d.toolkit.evaluation.paper.loading import filled

WHAT = "a folder of CLIP as transformers saves it"
CONFIG, WEIGHTS = "config.json", ("model.safetensors", "pytorch_model.bin")
LARGEST_CONFIG, LARGEST_FILE = 1 << 20, 4 << 30
"""Bytes: ViT-L/14 with its text encoder has 1.7 GB."""
BOUNDS = {
    "hidden_size": (8, 4096), "intermediate_size": (8, 16384), "num_hidden_layers": (1, 64), "num_attention_heads": (1, 64),
    "image_size": (16, 1024), "patch_size": (4, 64), "projection_dim": (8, 4096),
}  # fmt: skip
"""Of its sizes: what is published lies well within."""
ACTIVATIONS = ("quick_gelu", "gelu")
OWN = ("vision_model.", "visual_projection.")
"""How the image encoder's names begin."""
PLACES = "vision_model.embeddings.position_ids"
"""Numbers from 0 on, which old files have and nobody needs."""
MEAN, DEVIATION = np.array([0.48145466, 0.4578275, 0.40821073]), np.array([0.26862954, 0.26130258, 0.27577711])
"""Of the colours that CLIP was trained on."""


@dataclass(frozen=True, slots=True, eq=False)
class Clip:
    """The encoder."""

    network: nn.Module
    name: str
    """ViT-B/32 and the like, with the picture's side."""
    side: int

    def embedded(self, image: Float32[np.ndarray, "h w 3"]) -> Float32[np.ndarray, " d"]:
        """The unit vector of an sRGB picture in [0, 1]: its middle square, brought to the encoder's side by bicubic interpolation."""
        rgb, least = to_bytes(image), min(image.shape[:2])
        top, left = (image.shape[0] - least) // 2, (image.shape[1] - least) // 2
        square = Image.fromarray(rgb[top : top + least, left : left + least])
        small = np.asarray(square.resize((self.side, self.side), Image.Resampling.BICUBIC), np.float64) / 255
        values = torch.from_numpy(((small - MEAN) / DEVIATION).transpose(2, 0, 1)[None].astype(np.float32))
        with torch.no_grad():
            found = self.network(pixel_values=values).image_embeds[0].numpy()
        return np.asarray(found / np.linalg.norm(found), np.float32)


def load(folder: Path) -> Clip:
    """The encoder of a folder. UserError for what is none, OtherArchitecture where weights and sizes do not agree."""
    from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection

    sizes = read_sizes(folder / CONFIG)
    with at_the_border(folder / CONFIG, f"{CONFIG} of {WHAT}"), torch.device("meta"):
        network = CLIPVisionModelWithProjection(CLIPVisionConfig(**sizes))
    path = next((folder / name for name in WEIGHTS if (folder / name).is_file()), None)
    if path is None:
        raise UserError(f"{folder}: expected {WHAT} with {' or '.join(WEIGHTS)}, found neither")
    arrays = read_tensors(path, WHAT, LARGEST_FILE)
    own = {name: array for name, array in arrays.items() if name.startswith(OWN) and name != PLACES}
    places = torch.arange((sizes["image_size"] // sizes["patch_size"]) ** 2 + 1).expand(1, -1)
    filled(network, path, WHAT, own)
    network.vision_model.embeddings.position_ids = places  # no part of its state: still on the meta device
    return Clip(network, _name(sizes), sizes["image_size"])


def _name(sizes: Mapping[str, Any]) -> str:
    """As the paper on CLIP names them, by width and patch."""
    letter = {768: "B", 1024: "L"}.get(sizes["hidden_size"], str(sizes["hidden_size"]))
    return f"ViT-{letter}/{sizes['patch_size']}, {sizes['image_size']} pixels"


def read_sizes(path: Path) -> dict[str, Any]:
    """The encoder's sizes, whether the folder holds it alone or beside the text encoder; transformers' own where the file says none."""
    from transformers import CLIPVisionConfig

    data = read_untrusted(path, f"{CONFIG} of {WHAT}", LARGEST_CONFIG)
    with at_the_border(path, f"{CONFIG} of {WHAT}"):
        whole = json.loads(data)
        if not isinstance(whole, dict) or whole.get("model_type") not in ("clip", "clip_vision_model"):
            raise ValueError("the configuration of another model")
        inner = whole.get("vision_config") or {}
        told = {**inner, "projection_dim": whole.get("projection_dim", 512)} if whole["model_type"] == "clip" else whole
        usual = CLIPVisionConfig()
        sizes = {name: told.get(name, getattr(usual, name)) for name in BOUNDS}
        for name, value in sizes.items():
            low, high = BOUNDS[name]
            if type(value) is not int or not low <= value <= high:
                raise ValueError(f"{name} {str(value)[:40]}, where {low} to {high} can be")
        return sizes | {"hidden_act": _activation(told.get("hidden_act", usual.hidden_act))} | _epsilon(told)


def _activation(name: Any) -> str:
    if name not in ACTIVATIONS:
        raise ValueError(f"hidden_act {str(name)[:40]}, where {' or '.join(ACTIVATIONS)} can be")
    return str(name)


def _epsilon(told: Mapping[str, Any]) -> dict[str, float]:
    value = told.get("layer_norm_eps", 1e-5)
    if not isinstance(value, float) or not 0 < value < 1:
        raise ValueError(f"layer_norm_eps {str(value)[:40]}")
    return {"layer_norm_eps": value}
