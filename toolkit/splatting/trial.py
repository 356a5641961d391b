"""Whether gsplat draws on this machine: it is tried with one splat, since being installed says little.

gsplat's own wheel is source. nvcc compiles it at the first call, for minutes; without nvcc that call fails.
"""

import contextlib
import functools
import io
import traceback
from typing import Any

import torch
from torch import Tensor

from facecraft4d.toolkit.needs import missing_packages
from facecraft4d.toolkit.splatting.rasterize import through_gsplat

SIDE = 8
"""Pixels of the picture that is tried."""
REASON_LENGTH = 160
"""Characters of each line of a compiler's complaint that are passed on."""
DEVICE = "cuda"
NO_COMPILER = (
    "gsplat is there as source only and finds no nvcc to compile it; install NVIDIA's CUDA toolkit in the version that torch was built "
    f"for ({torch.version.cuda})"
)


def is_decided() -> bool:
    """Whether `obstacle` answers at once; it may compile for minutes otherwise."""
    return bool(_nothing_to_try()) or bool(_failure.cache_info().currsize)


def obstacle() -> str:
    """Why gsplat cannot draw here, and what to do about it; empty where it drew a splat and its gradients."""
    return _nothing_to_try() or _failure(DEVICE)


def draw_one_splat(device: str) -> None:
    """Draw a splat through gsplat, with gradients. Raises RuntimeError for a wrong picture, and whatever gsplat raises."""
    means = torch.tensor([[0.0, 0.0, 2.0]], device=device, requires_grad=True)
    intrinsics = torch.tensor([[[SIDE, 0, SIDE / 2], [0, SIDE, SIDE / 2], [0, 0, 1]]], device=device)
    scene: dict[str, Any] = {
        "means": means, "quats": torch.tensor([[1.0, 0, 0, 0]], device=device), "scales": torch.full((1, 3), 0.5, device=device),
        "opacities": torch.full((1,), 0.9, device=device), "colors": torch.ones(1, 3, device=device),
        "viewmats": torch.eye(4, device=device)[None], "Ks": intrinsics, "width": SIDE, "height": SIDE, "packed": False,
    }  # fmt: skip
    image, alpha, _ = through_gsplat(scene)
    (image.sum() + alpha.square().sum()).backward()  # type: ignore[no-untyped-call]
    if not (_shows_something(alpha) and means.grad is not None and bool(means.grad.isfinite().all())):
        raise RuntimeError("the picture of one splat is wrong")


def _shows_something(alpha: Tensor) -> bool:
    return bool(alpha.isfinite().all()) and float(alpha.detach().max()) > 0.5


def _nothing_to_try() -> str:
    """What can be said without a try."""
    if not torch.cuda.is_available():
        return "torch finds no CUDA device here"
    return "".join(missing_packages(("gsplat",)))


@functools.cache
def _failure(device: str) -> str:
    """Try, once in a process: a compilation that failed would start again. What gsplat says on the screen is our progress's place."""
    try:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            draw_one_splat(device)
    except Exception as error:  # whatever compiler, loader or driver raise
        if isinstance(error, AttributeError) and "NoneType" in str(error):  # its compiled half is None
            return NO_COMPILER
        return f"gsplat does not compile or draw: {_in_short(error)}"
    return ""


def _in_short(error: Exception) -> str:
    """The first line of an error and the first one in which a compiler says what is wrong."""
    lines = [line.strip() for line in "".join(traceback.format_exception_only(error)).splitlines() if line.strip()]
    complaints = [line for line in lines[1:] if "error:" in line.lower() or "fatal" in line.lower()]
    return " ... ".join(line[:REASON_LENGTH] for line in (*lines[:1], *complaints[:1]))
