"""Which device a build runs on: CUDA only where gsplat draws on it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch

from facecraft4d.toolkit.config import Device
from facecraft4d.toolkit.core.checks import UserError
from facecraft4d.toolkit.core.stages import Progress
from facecraft4d.toolkit.memory import device_peak, peak_memory
from facecraft4d.toolkit.splatting import trial

STAGE = "device"
ELSEWHERE = "end what else uses it, or take --device cpu"
"""What helps whatever needs more of a device's memory than is free."""
COMPILING = "trying gsplat on this card; the first time it is compiled, for minutes"


def resolve(device: Device, report: Callable[[Progress], None]) -> Device:
    """The device that `device` means on this machine: CUDA or the CPU.

    Where torch finds CUDA a splat is drawn, once in a process; that may compile gsplat, so `report` says so before. `auto` falls back to
    the CPU and `report` says why, unless there simply is no card. Raises UserError if CUDA is asked for and cannot be had.
    """
    if device is Device.CPU or (device is Device.AUTO and not torch.cuda.is_available()):
        return Device.CPU
    reason = obstacle_on_cuda(report)
    if not reason:
        return Device.CUDA
    if device is Device.CUDA:
        raise UserError(f"--device cuda: {reason}; otherwise take --device cpu")
    report(Progress(STAGE, 1, 1, f"the CPU, not CUDA: {reason}"))
    return Device.CPU


def obstacle_on_cuda(report: Callable[[Progress], None]) -> str:
    """Why nothing can be drawn on CUDA here, and what to do; empty where a splat was drawn."""
    if trial.is_decided():
        return trial.obstacle()
    report(Progress(STAGE, 0, 1, COMPILING))
    reason = trial.obstacle()
    report(Progress(STAGE, 1, 1, "" if reason else "gsplat draws on CUDA"))
    return reason


def quick_type(device: str) -> torch.dtype:
    """The type of numbers in which large networks run: half precision on CUDA, single on the CPU, which has no speed to gain."""
    return torch.float16 if device == Device.CUDA else torch.float32


def peak_bytes(device: str) -> int:
    """The most memory that was taken on the device: by the stage's tensors on CUDA, by the process so far on the CPU."""
    return device_peak() if device == Device.CUDA else peak_memory()


def release(device: str) -> None:
    """Give back what the device keeps in reserve for tensors to come."""
    if device == Device.CUDA:
        torch.cuda.empty_cache()


@contextmanager
def within_memory(device: str, option: str, holding: str, advice: str) -> Iterator[None]:
    """What does not fit into the device's memory is a UserError: the user's `option`, what is to be held, how much was taken, what helps."""
    try:
        yield
    except torch.OutOfMemoryError as error:
        taken = f"up to {peak_bytes(device) / 2**30:.1f} GiB were taken"
        raise UserError(f"{option}: the device has too little memory for {holding} ({taken}); {advice}") from error
