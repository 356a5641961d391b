"""Training pictures as bytes where training runs: kept while a budget of bytes allows, read ahead of their steps by a thread."""

from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np
import torch
from jaxtyping import UInt8
from torch import Tensor

from facecraft4d.toolkit.memory import free_on_device
from facecraft4d.toolkit.training.schedule import Sample

AHEAD = 8
"""Steps that the reader is ahead: reading a picture of 512 pixels takes as long as three steps on a data-centre GPU, and its times vary."""
HOST_BYTES = 1 << 29
"""Of pictures that are kept where training runs on the processor."""
DEVICE_SHARE = 4
"""A GPU keeps pictures in this part of the memory that it has free: 100,000 splats train in half a gigabyte."""

Key = tuple[Sample, int]
"""A picture and its largest side in pixels."""
Pixels = UInt8[np.ndarray, "h w 4"]


def budget_on(device: str) -> int:
    """Bytes of pictures that are kept on a device."""
    return HOST_BYTES if device == "cpu" else free_on_device() // DEVICE_SHARE


class Pictures:
    """Pictures on a device by what they are of. The least recently shown ones make room; one beyond the whole budget is shown and not kept.

    Whether a picture was kept, expected or read when it was asked for decides how fast it comes, never what it shows.
    """

    def __init__(self, read: Callable[[Sample, int], Pixels], device: str, budget: int) -> None:
        self._read, self._device, self.budget = read, device, budget
        self._kept: OrderedDict[Key, UInt8[Tensor, "h w 4"]] = OrderedDict()
        self._coming: OrderedDict[Key, Future[UInt8[Tensor, "h w 4"]]] = OrderedDict()
        self._reader = ThreadPoolExecutor(1, "pictures")
        self.kept_bytes = 0
        """Of the pictures that are kept on the device: at most the budget."""

    def expect(self, sample: Sample, size: int) -> None:
        """Let the reader begin with a picture that will be asked for; of those not asked for yet the newest `AHEAD` are read."""
        key = sample, size
        if key in self._kept or key in self._coming:
            return
        self._coming[key] = self._reader.submit(self._fetch, key)
        while len(self._coming) > AHEAD:
            self._coming.popitem(last=False)[1].cancel()

    def show(self, sample: Sample, size: int) -> UInt8[Tensor, "h w 4"]:
        """The picture on the device. Raises what reading it raised."""
        key = sample, size
        if key in self._kept:
            self._kept.move_to_end(key)
            return self._kept[key]
        coming = self._coming.pop(key, None)
        pixels = (coming.result() if coming else self._fetch(key)).to(self._device, non_blocking=True)
        self._keep(key, pixels)
        return pixels

    def _fetch(self, key: Key) -> UInt8[Tensor, "h w 4"]:
        """A picture in the host's memory; pinned for a GPU, which then copies it while the processor goes on."""
        pixels = torch.from_numpy(self._read(*key))
        return pixels if self._device == "cpu" else pixels.pin_memory()

    def _keep(self, key: Key, pixels: UInt8[Tensor, "h w 4"]) -> None:
        if pixels.nbytes > self.budget:
            return
        while self.kept_bytes + pixels.nbytes > self.budget:
            self.kept_bytes -= self._kept.popitem(last=False)[1].nbytes
        self._kept[key] = pixels
        self.kept_bytes += pixels.nbytes
