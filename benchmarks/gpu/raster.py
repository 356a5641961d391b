"""The rasteriser against the stored float64 results: pictures and every gradient, packed and not."""

from pathlib import Path

import numpy as np
import torch
from gpu.measure import exact_products
from gpu.results import Found, demand
from gpu.scenes import CASES, INPUTS, Arrays, Case, cotangents, read

from facecraft4d.toolkit.core.files import whole_file
from facecraft4d.toolkit.splatting.rasterize import rasterization

IMAGE_MAX, IMAGE_MEAN = 2e-3, 1e-5
"""Largest difference at a sure pixel, and the mean over all."""
GRADIENT_LIMIT = 1e-3
"""Length of a gradient's difference over the gradient's length."""
UNSURE_LIMIT = 0.05
"""Share of the pixels that may be left out of the largest difference."""
SAVED = ("training", "antialiased")
"""Cases whose drawn pictures and gradients come back as test data: about a megabyte."""
FILE_NAME = "raster_cuda.npz"


def check_raster(carried: Path, out: Path, device: str, found: Found, cases: tuple[Case, ...] = CASES) -> None:
    """Compare every case both ways; all are compared before the first that is too far off is named."""
    found["limits"] = {"image_max": IMAGE_MAX, "image_mean": IMAGE_MEAN, "gradient": GRADIENT_LIMIT}
    found["tf32"] = False
    saved: Arrays = {}
    too_far: list[str] = []
    with exact_products():
        for case in cases:
            scene, wanted = read(carried, case)
            for packed in (False, True):
                drawn = draw(case, scene, wanted["sure"], device, packed)
                name = f"{case.name}, packed" if packed else case.name
                found[name] = compare(drawn, wanted)
                too_far += [f"{name}: {text}" for text in excesses(found[name])]
                if case.name in SAVED and not packed:
                    saved |= {f"{case.name}/{key}": array for key, array in (scene | drawn).items()}
    with whole_file(out / FILE_NAME) as temporary:
        np.savez_compressed(temporary, **saved)  # type: ignore[arg-type]
    demand(not too_far, "; ".join(too_far))


def draw(case: Case, scene: Arrays, sure: np.ndarray, device: str, packed: bool) -> Arrays:
    """What the rasteriser of that device gives: `image`, `alpha` and `d_NAME` as in `scenes.expected`, d_means2d without packing only."""
    tensors = {name: torch.from_numpy(array).to(device) for name, array in scene.items()}
    leaves = {name: tensors[name].requires_grad_() for name in INPUTS}
    image, alpha, meta = rasterization(
        **tensors, width=case.width, height=case.height, sh_degree=case.sh_degree, packed=packed,
        rasterize_mode="antialiased" if case.antialiased else "classic",
    )  # fmt: skip
    meta["means2d"].retain_grad()
    given = [torch.from_numpy((cotangents(t.shape) * sure[..., None]).astype(np.float32)) for t in (image, alpha)]
    torch.autograd.backward([image, alpha], [weights.to(device) for weights in given])
    gradients = leaves if packed else leaves | {"means2d": meta["means2d"]}
    arrays = {"image": image, "alpha": alpha} | {f"d_{name}": leaf.grad for name, leaf in gradients.items()}
    return {name: tensor.detach().cpu().numpy() for name, tensor in arrays.items()}


def compare(drawn: Arrays, wanted: Arrays) -> dict[str, float]:
    """How far off: image_max, image_mean, unsure (share of the pixels), and each gradient's relative distance by its name."""
    off = np.maximum(np.abs(drawn["image"] - wanted["image"]).max(-1), np.abs(drawn["alpha"] - wanted["alpha"])[..., 0])
    distances = {
        name: _relative(drawn[name], wanted[name]) for name in wanted if name.startswith("d_") and name in drawn
    }
    sure = wanted["sure"]
    return {
        "image_max": float(off[sure].max()),
        "image_mean": float(off.mean()),
        "unsure": float(1 - sure.mean()),
    } | distances


def excesses(row: dict[str, float]) -> list[str]:
    """Which numbers of `compare` are past their limit; one that is no number is."""
    limits = {"image_max": IMAGE_MAX, "image_mean": IMAGE_MEAN, "unsure": UNSURE_LIMIT}
    return [
        f"{name} {value:.2e} is over {limits.get(name, GRADIENT_LIMIT):g}"
        for name, value in row.items()
        if not value <= limits.get(name, GRADIENT_LIMIT)
    ]


def _relative(found: np.ndarray, wanted: np.ndarray) -> float:
    difference = found.astype(np.float64) - wanted
    return float(np.linalg.norm(difference) / np.linalg.norm(wanted))
