"""What sections measure with: time with the device waited for, peak memory, full float32, the largest distance from what should come out."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from gpu.results import Found, demand
from torch import Tensor

from facecraft4d.toolkit.memory import device_peak, restart_device_peak

Named = Mapping[str, Tensor]


@contextmanager
def exact_products() -> Iterator[None]:
    """Matrix products and convolutions in full float32, not in TF32."""
    switches = torch.backends.cuda.matmul, torch.backends.cudnn
    before = [switch.allow_tf32 for switch in switches]
    try:
        for switch in switches:
            switch.allow_tf32 = False
        yield
    finally:
        for switch, value in zip(switches, before, strict=True):
            switch.allow_tf32 = value


def wait(device: str) -> None:
    """Until the device has done all it was asked to."""
    if device == "cuda":
        torch.cuda.synchronize()


def milliseconds(run: Callable[[], Any], device: str, times: int) -> float:
    """Of one call, the mean of `times` after one that does not count; the device is waited for at the end."""
    run()
    wait(device)
    begun = time.perf_counter()
    for _ in range(times):
        run()
    wait(device)
    return 1e3 * (time.perf_counter() - begun) / times


@contextmanager
def peak_of(found: Found, name: str) -> Iterator[None]:
    """Write the most GiB that tensors take meanwhile, all that lay there before among them; 0 on the processor."""
    restart_device_peak()
    yield
    found[name] = device_peak() / 2**30


def compare(shown: Named, wanted: Named, limits: Mapping[str, float], misses: float, found: Found) -> None:
    """Write the largest distance of each tensor, then raise Missed for those in which more than the share `misses` is off by more than the limit.

    A limit holds for all names that end in its own.
    """
    too_far = []
    for name, tensor in shown.items():
        limit = next(value for ending, value in limits.items() if name.endswith(ending))
        off = (tensor.cpu().double() - wanted[name].reshape(tensor.shape).double()).abs()
        found[name] = {"off": float(off.max()), "limit": limit, "missed": float((~(off <= limit)).double().mean())}
        if not found[name]["missed"] <= misses:
            too_far.append(f"{name} is off by {found[name]['off']:.2e}, allowed {limit:g}")
    demand(not too_far, "; ".join(too_far))
