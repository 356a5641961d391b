"""PanoHead without its weights: networks filled by rule, narrow ones, and files in the published layout with nothing but such numbers in them.

The rule is that of the golden vectors: PCG64 seeded with crc32 of the name plus a seed, the four 16-bit words of each draw added.
"""

import pickle
import re
import sys
import types
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from facecraft4d.toolkit.shape_prior.panohead.generator import Architecture, Generator
from facecraft4d.toolkit.shape_prior.panohead.volume import Sampling

NARROW = Architecture(
    z_size=16, w_size=16, resolution=64, channel_base=512, channel_max=8, superresolution_base=512, superresolution_max=16,
    grid_side=128, sampling=Sampling(coarse=12, fine=12),
)  # fmt: skip
WEIGHT_SEED, INPUT_SEED = 1001, 2001
GAINS: tuple[tuple[str, float, float], ...] = (
    (r"noise_const$", 0, 1), (r"noise_strength$", 0.1, 0.05), (r"^t_mapping\.w_avg$", 0, 0.01), (r"w_avg$", 0, 0.5), (r"\.const$", 0, 1),
    (r"^t_mapping\.fc1\.weight$", 0, 0.02), (r"^t_mapping\.fc1\.bias$", 0, 0.01), (r"^backbone\.mapping\.fc\d+\.weight$", 0, 100),
    (r"^backbone\.mapping\.fc\d+\.bias$", 0, 10), (r"affine\.bias$", 1, 0.1), (r"\.bias$", 0, 0.1), (r"\.weight$", 0, 1),
)  # fmt: skip
"""Pattern, offset, gain; the first that matches."""


def rule(key: str, seed: int, shape: tuple[int, ...]) -> np.ndarray:
    """Nearly normal numbers of variance 1."""
    raw = np.random.PCG64((zlib.crc32(key.encode()) + seed) % 2**32).random_raw(int(np.prod(shape)))
    total = np.asarray(raw, "<u8").view("<u2").reshape(-1, 4).astype(np.int64).sum(1)
    return ((total - 131070) * (1 / np.sqrt((2.0**32 - 1) / 3))).reshape(shape)


def stored_input(label: str, shape: tuple[int, ...], scale: float = 1) -> torch.Tensor:
    return torch.from_numpy((scale * rule(f"input:{label}", INPUT_SEED, shape)).astype(np.float32))


def tensor(name: str, shape: tuple[int, ...]) -> np.ndarray:
    """One entry of the generator."""
    if name.endswith("resample_filter"):
        return np.float32(np.outer([1, 3, 3, 1], [1, 3, 3, 1]) / 64)
    offset, gain = next((offset, gain) for pattern, offset, gain in GAINS if re.search(pattern, name))
    values = gain * rule(f"panohead:{name}", WEIGHT_SEED, shape)
    picture = re.match(r"backbone\.synthesis\.b(\d+)\.torgb\.weight", name)
    if picture:
        values *= min(1, 32 / int(picture[1]))
    if name == "decoder.net.2.weight":
        values[0, 1::2] = -values[0, 0::2]
        values[0] *= 20
    return np.asarray(offset + values, np.float32)


def ruled(architecture: Architecture) -> Generator:
    """A generator filled by the rule."""
    with torch.device("meta"):
        generator = Generator(architecture)
    entries = {name: torch.from_numpy(tensor(name, tuple(each.shape))) for name, each in generator.state_dict().items()}
    generator.load_state_dict(entries, assign=True)
    return generator.eval().requires_grad_(False)


def arguments(a: Architecture) -> dict[str, Any]:
    """As a published file says what it was constructed with."""
    s = a.sampling
    return {
        "z_dim": a.z_size, "c_dim": a.c_size, "w_dim": a.w_size, "img_resolution": a.resolution, "img_channels": 3, "mapping_kwargs": {"num_layers": 2},
        "architecture": "skip", "channel_base": a.channel_base, "channel_max": a.channel_max, "num_fp16_res": 0, "conv_clamp": None,
        "sr_num_fp16_res": 4, "sr_kwargs": {"channel_base": a.superresolution_base, "channel_max": a.superresolution_max},
        "rendering_kwargs": {
            "clamp_mode": "softplus", "superresolution_module": "training.superresolution.SuperresolutionHybrid8XDC", "decoder_activation": "none",
            "use_torgb_raw": True, "use_background": True, "triplane_size": a.grid_side, "triplane_depth": a.grid_depth, "sr_antialias": True,
            "depth_resolution": s.coarse, "depth_resolution_importance": s.fine, "ray_start": s.near, "ray_end": s.far, "box_warp": s.box,
        },
    }  # fmt: skip


class Persistent:
    """Pickled as NVIDIA's persistence does."""

    def __init__(self, class_name: str, source: str, state: dict[str, Any]) -> None:
        self.meta = {"type": "class", "version": 6, "module_src": source, "class_name": class_name, "state": state}

    def __reduce__(self) -> Any:
        return sys.modules["torch_utils.persistence"]._reconstruct_persistent_obj, (self.meta,)


def persistent(module: nn.Module, source: str, kwargs: dict[str, Any]) -> Persistent:
    """A network and all within it."""
    state = {
        "training": False, "_parameters": dict(module._parameters), "_buffers": dict(module._buffers), "_non_persistent_buffers_set": set(),
        "_modules": {name: persistent(each, source, {}) for name, each in module._modules.items() if each is not None},
        "act_gain": np.float64(2) ** 0.5, "_init_args": (), "_init_kwargs": kwargs,
    }  # fmt: skip
    return Persistent(type(module).__name__, source, state)


@contextmanager
def published_modules() -> Iterator[None]:
    """Modules by the names that the files use, empty but for those names."""
    persistence, util = types.ModuleType("torch_utils.persistence"), types.ModuleType("dnnlib.util")

    def _reconstruct_persistent_obj(meta: Any) -> None:
        raise AssertionError("called")

    easy = type("EasyDict", (dict,), {"__module__": "dnnlib.util"})
    _reconstruct_persistent_obj.__module__, _reconstruct_persistent_obj.__qualname__ = (
        persistence.__name__,
        "_reconstruct_persistent_obj",
    )
    persistence._reconstruct_persistent_obj, util.EasyDict = _reconstruct_persistent_obj, easy  # type: ignore[attr-defined]
    fakes = {
        "torch_utils": types.ModuleType("torch_utils"),
        "torch_utils.persistence": persistence,
        "dnnlib": types.ModuleType("dnnlib"),
        "dnnlib.util": util,
    }
    sys.modules.update(fakes)
    try:
        yield
    finally:
        for name in fakes:
            del sys.modules[name]


def file_bytes(
    generator: Generator, source: str = "", old_numpy: bool = False, kwargs: dict[str, Any] | None = None, **more: Any
) -> bytes:
    """A generator's checkpoint."""
    data = published(generator, arguments(generator.architecture) if kwargs is None else kwargs, source, **more)
    return data.replace(b"\x8c\x16numpy._core.multiarray", b"\x8c\x15numpy.core.multiarray") if old_numpy else data


def published(network: nn.Module, kwargs: dict[str, Any], source: str = "", **more: Any) -> bytes:
    """A checkpoint in the published layout: G, D, G_ema and augment_pipe; `more` replaces any of them."""
    with published_modules():
        easy = sys.modules["dnnlib.util"].EasyDict
        critic = nn.Sequential(nn.Conv2d(3, 2, 1), nn.Softplus())
        content = {
            "training_set_kwargs": easy(class_name="training.dataset.MaskLabeledDataset"),
            "G": None, "D": persistent(critic, source, {}), "G_ema": persistent(network, source, easy(kwargs)), "augment_pipe": critic,
        } | more  # fmt: skip
        return pickle.dumps(content, protocol=4)


def write(path: Path, *args: Any, **named: Any) -> Path:
    path.write_bytes(file_bytes(*args, **named))
    return path
