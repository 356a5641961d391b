"""LivePortrait's networks with weights that follow from their names: full size as the golden vectors have them, and narrow ones in files."""

import json
import math
import re
import zlib
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from places import DATA
from torch import nn

from facecraft4d.toolkit.video_prior.liveportrait.appearance import AppearanceExtractor
from facecraft4d.toolkit.video_prior.liveportrait.architecture import PUBLISHED, Architecture
from facecraft4d.toolkit.video_prior.liveportrait.generator import Generator
from facecraft4d.toolkit.video_prior.liveportrait.motion_extractor import MotionExtractor
from facecraft4d.toolkit.video_prior.liveportrait.networks import Networks
from facecraft4d.toolkit.video_prior.liveportrait.retargeting import StitchingNetwork, eye_network, lip_network
from facecraft4d.toolkit.video_prior.liveportrait.warping import WarpingNetwork

KEYS = json.loads((DATA / "liveportrait_keys.json").read_text(encoding="utf-8"))
"""Shape and CRC-32 of the published networks' tensors by name, with the golden vectors' weights."""
WEIGHT_SEED = 1001
NARROW = Architecture(
    keypoints=5,
    volume_width=2, volume_depth=4, appearance_width=4, appearance_blocks=1, motion_widths=(4, 8, 8, 16), motion_depths=(1, 1, 1, 1),
    compressed_width=1, hourglass_width=2,
    hourglass_levels=3, hourglass_most=16, feature_width=8, middle_blocks=1, style_width=4, stitching_widths=(8, 8), eye_widths=(8, 8, 8),
)  # fmt: skip
KINDS: dict[str, Callable[[Architecture], nn.Module]] = {
    "lp.appearance": AppearanceExtractor, "lp.motion": MotionExtractor, "lp.warping": WarpingNetwork, "lp.spade": Generator,
    "lp.stitching": StitchingNetwork, "lp.lip": lip_network, "lp.eye": eye_network,
}  # fmt: skip
FILES = {
    "lp.appearance": "base_models/appearance_feature_extractor", "lp.motion": "base_models/motion_extractor",
    "lp.warping": "base_models/warping_module", "lp.spade": "base_models/spade_generator",
}  # fmt: skip
STITCHING = "retargeting_models/stitching_retargeting_module"
PARTS = {"lp.stitching": "retarget_shoulder", "lp.lip": "retarget_mouth", "lp.eye": "retarget_eye"}

RULES: tuple[tuple[str, bool, float, float], ...] = (
    (r"running_mean$", False, 0.0, 0.1), (r"running_var$", False, 1.0, 0.2), (r"grn\.(gamma|beta)$", False, 0.0, 0.2),
    (r"fc_kp\.weight$", True, 0.0, 0.15), (r"fc_kp\.bias$", False, 0.0, 0.25), (r"fc_exp\.weight$", True, 0.0, 0.08),
    (r"fc_exp\.bias$", False, 0.0, 0.02), (r"fc_scale\.weight$", True, 0.0, 0.1), (r"fc_scale\.bias$", False, 1.3, 0.05),
    (r"fc_t\.weight$", True, 0.0, 0.05), (r"fc_t\.bias$", False, 0.0, 0.05), (r"fc_(pitch|yaw|roll)\.weight$", True, 0.0, 2.0),
    (r"fc_(pitch|yaw|roll)\.bias$", False, 0.0, 0.5), (r"dense_motion_network\.mask\.weight$", True, 0.0, 3.0),
    (r"dense_motion_network\.occlusion\.weight$", True, 0.0, 1.0), (r"conv_img\.0\.weight$", True, 0.0, 2.0), (r"\.bias$", False, 0.0, 0.1),
)  # fmt: skip
"""What a name ends in, whether the gain falls with the root of the inputs, offset and gain; the first that fits."""
LAST = {"lp.stitching": "mlp.6", "lp.lip": "mlp.6", "lp.eye": "mlp.10"}
"""The published last layer of the small networks, which move keypoints a little."""
GAINS = {"lp.appearance": 1.2, "lp.motion": 1.0, "lp.spade": 1.0}
"""Of other weights, times the root of their inputs; that of a rectifier for the rest."""


def stream(key: str, count: int, seed: int) -> np.ndarray:
    """Numbers of mean 0 and variance 1 that follow from a key: sums of four 16-bit words of PCG64."""
    raw = np.random.PCG64((zlib.crc32(key.encode()) + seed) % (1 << 32)).random_raw(count)
    words = raw.view(np.uint16).reshape(count, 4).sum(axis=1, dtype=np.int64)
    return (words - 131070) / math.sqrt((2.0**32 - 1) / 3)


def weight(net: str, name: str, shape: tuple[int, ...]) -> np.ndarray:
    """A tensor of a network, by the rule of the golden vectors."""
    if name.endswith("num_batches_tracked"):
        return np.zeros(shape, np.int64)
    numbers = stream(f"{net}:{name}", math.prod(shape), WEIGHT_SEED)
    inputs = math.prod(shape[1:])
    if re.search(r"weight_[uv]$", name):
        values = numbers / math.sqrt(len(numbers))
    elif name.endswith("weight_orig"):
        u, v = (
            stream(f"{net}:{name[:-4]}{end}", size, WEIGHT_SEED) / math.sqrt(size)
            for end, size in (("u", shape[0]), ("v", inputs))
        )
        values = numbers / math.sqrt(inputs) + 2 * np.outer(u, v).ravel()
    else:
        by_inputs, offset, gain = _rule(net, name, shape)
        values = offset + (gain / math.sqrt(inputs) if by_inputs else gain) * numbers
    return values.astype(np.float32).reshape(shape)


def _rule(net: str, name: str, shape: tuple[int, ...]) -> tuple[bool, float, float]:
    layer, _, end = name.rpartition(".")
    if layer == LAST.get(net):
        return (True, 0.0, 0.1) if end == "weight" else (False, 0.0, 0.02)
    for pattern, *rule in RULES:
        if re.search(pattern, name):
            return tuple(rule)  # type: ignore[return-value]
    return (False, 1.0, 0.1) if len(shape) == 1 else (True, 0.0, GAINS.get(net, math.sqrt(2)))


def weights(net: str, architecture: Architecture) -> dict[str, np.ndarray]:
    with torch.device("meta"):
        state = KINDS[net](architecture).state_dict()
    return {name: weight(net, name, tuple(like.shape)) for name, like in state.items()}


def network(net: str, architecture: Architecture = PUBLISHED) -> Any:
    """One of the networks, ready to run."""
    with torch.device("meta"):
        made = KINDS[net](architecture)
    tensors = {name: torch.from_numpy(array) for name, array in weights(net, architecture).items()}
    made.load_state_dict(tensors, assign=True)
    return made.eval().requires_grad_(False)


@cache
def narrow() -> Networks:
    return Networks(*(network(net, NARROW) for net in KINDS))


def write_checkpoints(folder: Path, architecture: Architecture = NARROW, prefix: str = "") -> None:
    """The five files in the published layout."""
    for net, name in FILES.items():
        save(folder / f"{name}.pth", {prefix + each: array for each, array in weights(net, architecture).items()})
    parts = {
        part: {f"module.{each}": torch.from_numpy(array) for each, array in weights(net, architecture).items()}
        for net, part in PARTS.items()
    }
    (folder / STITCHING).parent.mkdir(parents=True, exist_ok=True)
    torch.save(parts, folder / f"{STITCHING}.pth")


def save(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save({name: torch.from_numpy(array) for name, array in arrays.items()}, path)


def safetensors(arrays: Mapping[str, np.ndarray]) -> bytes:
    """A file of the format, of float32 and int64."""
    header, blob = {}, b""
    for name, array in arrays.items():
        start, blob = len(blob), blob + array.tobytes()
        kind = {"f4": "F32", "i8": "I64"}[array.dtype.str[1:]]
        header[name] = {"dtype": kind, "shape": list(array.shape), "data_offsets": [start, len(blob)]}
    text = json.dumps({"__metadata__": {"format": "pt"}, **header}).encode()
    return len(text).to_bytes(8, "little") + text + blob
