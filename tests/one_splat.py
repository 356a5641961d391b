"""Stand-ins for a machine with CUDA, on which gsplat draws or does not: CPU tensors, and whatever takes gsplat's place."""

import sys
from collections.abc import Callable
from functools import wraps
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from facecraft4d.toolkit.splatting import trial
from facecraft4d.toolkit.splatting.rasterize import rasterization


def pretend_cuda(monkeypatch: pytest.MonkeyPatch, rasterize: Callable[..., Any] | None) -> None:
    """torch finds a card whose tensors live on the CPU; gsplat is `rasterize`, or absent."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(trial, "DEVICE", "cpu")
    gsplat = None if rasterize is None else SimpleNamespace(rasterization=rasterize, __version__="1.5.3")
    monkeypatch.setitem(sys.modules, "gsplat", gsplat)


draws = rasterization
"""A gsplat that is well."""


@wraps(rasterization)
def has_no_nvcc(*arguments: Any, **named: Any) -> Any:
    """gsplat 1.5.3 as a wheel of source, where it found no compiler."""
    print("gsplat: No CUDA toolkit found. gsplat will be disabled.")
    compiled: Any = None
    return compiled.projection_ewa_3dgs_fused_fwd(*arguments)


@wraps(rasterization)
def does_not_compile(*arguments: Any, **named: Any) -> Any:
    """What torch raises when nvcc fails."""
    raise RuntimeError(
        f"Error building extension 'gsplat_cuda': [1/29] nvcc {'-I/include ' * 60}\nFAILED: Projection.cuda.o\nnvcc fatal   : "
        "Unsupported gpu architecture 'compute_120'\nninja: build stopped: subcommand failed."
    )


@wraps(rasterization)
def draws_nothing(*arguments: Any, **named: Any) -> Any:
    """A kernel for another card: no error, no picture."""
    image, alpha, meta = rasterization(*arguments, **named)
    return image * 0, alpha * 0, meta
