"""Published checkpoints of PanoHead and of its kin (SphereHead): what architecture they say they have, and whether they have it.

The weights are under non-commercial terms and the user's to bring. Nothing of a file is run (toolkit/core/untrusted/torch_pickles.py).
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from facecraft4d.toolkit.core.untrusted.door import at_the_border
from facecraft4d.toolkit.core.untrusted.torch_pickles import read_network
from facecraft4d.toolkit.shape_prior.panohead.generator import BACKGROUND_SIDE, Architecture, Generator
from facecraft4d.toolkit.shape_prior.panohead.volume import Sampling
from facecraft4d.toolkit.weights.matching import filled

CHECKPOINT = "a PanoHead checkpoint (.pkl with G_ema)"
ADVICE = "easy-khair-180-gpc0.8-trans10-025000.pkl is linked from PanoHead's page (non-commercial)"
LARGEST_FILE = 2 << 30
"""Bytes: a published file holds the generator twice, of 219 MB each, and its critic."""
LABEL_SIZE = 25
SIZES: dict[str, tuple[str, int, int]] = {
    "z_size": ("z_dim", 1, 4096), "w_size": ("w_dim", 1, 4096), "c_size": ("c_dim", LABEL_SIZE, LABEL_SIZE),
    "resolution": ("img_resolution", 32, 2048), "channel_base": ("channel_base", 256, 1 << 17), "channel_max": ("channel_max", 1, 2048),
}  # fmt: skip
"""Of Architecture: the name in the file, least and most."""
SUPERRESOLUTION_SIZES = {
    "superresolution_base": ("channel_base", 512, 1 << 17), "superresolution_max": ("channel_max", 1, 2048),
}  # fmt: skip
GRID_SIZES = {"grid_side": ("triplane_size", BACKGROUND_SIDE, 1024), "grid_depth": ("triplane_depth", 1, 16)}
SAMPLE_COUNTS = {"coarse": ("depth_resolution", 4, 1024), "fine": ("depth_resolution_importance", 1, 1024)}
LENGTHS = {"near": "ray_start", "far": "ray_end", "box": "box_warp"}
LONGEST = 100.0
"""In the box's units."""
FIXED: dict[str, Any] = {"img_channels": 3, "architecture": "skip", "conv_clamp": None, "sr_num_fp16_res": 4}
"""What the generator here takes for granted; a file that does not speak of it has it."""
FIXED_RENDERING: dict[str, Any] = {
    "disparity_space_sampling": False, "clamp_mode": "softplus", "c_gen_conditioning_zero": False, "c_scale": 1,
    "superresolution_module": "training.superresolution.SuperresolutionHybrid8XDC", "superresolution_noise_mode": "none",
    "decoder_lr_mul": 1, "decoder_activation": "none", "use_torgb_raw": True, "use_background": True, "sr_antialias": True, "white_back": False,
}  # fmt: skip


def load_generator(path: Path, device: str = "cpu") -> Generator:
    """The file's G_ema, ready to show heads (no gradients), in float32.

    UserError for a file that is none, damaged, or with numbers that are not finite; OtherArchitecture for one with other tensors.
    """
    stored = read_network(path, "G_ema", CHECKPOINT, LARGEST_FILE, ADVICE)
    with at_the_border(path, CHECKPOINT, ADVICE):
        architecture = architecture_of(stored.arguments)
        with torch.device("meta"):
            generator = Generator(architecture)
    count = len(generator.state_dict())
    expected = f"{path}: expected {CHECKPOINT} with the {count} tensors of its architecture"
    return filled(generator, expected, stored.tensors).to(device)


def architecture_of(arguments: Mapping[Any, Any]) -> Architecture:
    """The sizes that a generator was constructed with. ValueError for what the generator here is not made for."""
    rendering, superresolution = _group(arguments, "rendering_kwargs"), _group(arguments, "sr_kwargs")
    for group, fixed in ((arguments, FIXED), (rendering, FIXED_RENDERING)):
        _check_fixed(group, fixed)
    lengths = {name: _length(rendering, key) for name, key in LENGTHS.items()}
    if not lengths["near"] < lengths["far"]:
        raise ValueError(f"rays from {lengths['near']:g} to {lengths['far']:g}")
    counts = _sizes(rendering, SAMPLE_COUNTS)
    sampling = Sampling(lengths["near"], lengths["far"], counts["coarse"], counts["fine"], lengths["box"])
    sizes = _sizes(arguments, SIZES) | _sizes(superresolution, SUPERRESOLUTION_SIZES) | _sizes(rendering, GRID_SIZES)
    for name in ("resolution", "grid_side"):
        if sizes[name].bit_count() != 1:
            raise ValueError(f"{name} of {sizes[name]}, which is no power of 2")
    return Architecture(**sizes, sampling=sampling)


def _group(arguments: Mapping[Any, Any], name: str) -> Mapping[Any, Any]:
    group = arguments.get(name, {})
    if not isinstance(group, dict):
        raise ValueError(f"{name} that are no names with values")
    return group


def _check_fixed(group: Mapping[Any, Any], fixed: Mapping[str, Any]) -> None:
    for name, value in fixed.items():
        if name in group and group[name] != value:
            raise ValueError(f"another architecture: {name} is {str(group[name])[:60]!r}, not {value!r}")


def _sizes(group: Mapping[Any, Any], table: Mapping[str, tuple[str, int, int]]) -> dict[str, int]:
    """Whole numbers by our names. ValueError for one that is absent or out of bounds."""
    found = {}
    for name, (key, least, most) in table.items():
        value = group.get(key)
        if type(value) is not int or not least <= value <= most:
            raise ValueError(f"another architecture: {key} is {str(value)[:20]!r}, not {least} to {most}")
        found[name] = value
    return found


def _length(group: Mapping[Any, Any], key: str) -> float:
    value: Any = group.get(key)
    if type(value) not in (int, float) or not 0 < value <= LONGEST:
        raise ValueError(f"another architecture: {key} is {str(value)[:20]!r}, not 0 to {LONGEST:g}")
    return float(value)
