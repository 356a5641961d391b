"""ArcFace's network (J. Deng et al. 2019; InsightFace's IResNet), whose checkpoints the user brings: a face to 512 numbers.

A residual network for pictures of 112 pixels: each block normalises before its first convolution, rectifies with a slope of its own once, takes its
stride in the second convolution, and adds what came in without rectifying the sum. Four groups halve the picture to 7 pixels; one linear
layer and a normalisation end it.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Float32, UInt8
from torch import Tensor, nn

from facecraft4d.toolkit.core.untrusted.tensors import read_tensors
from facecraft4d.toolkit.evaluation.paper.alignment import SIDE
from facecraft4d.toolkit.evaluation.paper.loading import filled

WHAT = "a backbone.pth of InsightFace's arcface_torch (IResNet)"
LARGEST_FILE = 1 << 30
"""Bytes: r100, the largest that is used, has 261 MB, r200 441."""
NUMBERS = 512
GROUPS = (1, 2, 4, 8)
"""Channels of the four groups, in those of the first."""
DEPTHS = {
    "r18": (2, 2, 2, 2),
    "r34": (3, 4, 6, 3),
    "r50": (3, 4, 14, 3),
    "r100": (3, 13, 30, 3),
    "r200": (6, 26, 60, 6),
}
"""Blocks in each group, by the name of what is published."""
USUAL = "r50"
"""What a file without blocks is compared with."""


@dataclass(frozen=True, slots=True)
class Architecture:
    """Sizes of the network."""

    depths: tuple[int, int, int, int] = DEPTHS[USUAL]
    width: int = 64
    """Channels of the first group."""


class Block(nn.Module):
    """Two convolutions beside what came in."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.bn1 = nn.BatchNorm2d(inputs)
        self.conv1 = nn.Conv2d(inputs, outputs, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.prelu = nn.PReLU(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, stride, padding=1, bias=False)
        self.bn3 = nn.BatchNorm2d(outputs)
        if stride > 1:
            self.downsample = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))
        else:
            self.downsample = nn.Sequential()

    def forward(self, values: Tensor) -> Tensor:
        """The block's sum."""
        inner = self.prelu(self.bn2(self.conv1(self.bn1(values))))
        summed: Tensor = self.bn3(self.conv2(inner)) + self.downsample(values)
        return summed


class IResNet(nn.Module):
    """RGB in [-1, 1] to 512 numbers, of which the direction counts."""

    def __init__(self, architecture: Architecture) -> None:
        super().__init__()
        self.name = next((name for name, depths in DEPTHS.items() if depths == architecture.depths), "IResNet")
        width, channels = architecture.width, [architecture.width * each for each in (1, *GROUPS)]
        self.conv1 = nn.Conv2d(3, width, 3, padding=1, bias=False)
        self.bn1, self.prelu = nn.BatchNorm2d(width), nn.PReLU(width)
        for group, depth in enumerate(architecture.depths):
            inputs, outputs = channels[group : group + 2]
            blocks = [Block(inputs if first else outputs, outputs, 2 if first else 1) for first in _firsts(depth)]
            setattr(self, f"layer{group + 1}", nn.Sequential(*blocks))
        self.bn2 = nn.BatchNorm2d(channels[-1])
        self.fc = nn.Linear(channels[-1] * (SIDE // 2 ** len(GROUPS)) ** 2, NUMBERS)
        self.features = nn.BatchNorm1d(NUMBERS)

    def forward(self, images: Float[Tensor, "n 3 112 112"]) -> Float[Tensor, "n 512"]:
        """Of faces aligned as alignment.py has them."""
        values = self.prelu(self.bn1(self.conv1(images)))
        for group in range(len(GROUPS)):
            values = getattr(self, f"layer{group + 1}")(values)
        found: Tensor = self.features(self.fc(self.bn2(values).flatten(1)))
        return found


def _firsts(depth: int) -> list[bool]:
    return [block == 0 for block in range(depth)]


def depths_of(arrays: Mapping[str, np.ndarray]) -> tuple[int, int, int, int]:
    """The published depths that a checkpoint's names speak of; the usual ones where they speak of none."""
    blocks = [re.match(r"layer([1-4])\.(\d{1,3})\.", name) for name in arrays]
    counts = [len({each[2] for each in blocks if each and each[1] == str(group)}) for group in range(1, 5)]
    return next((depths for depths in DEPTHS.values() if list(depths) == counts), DEPTHS[USUAL])


def load(path: Path, width: int = 64) -> IResNet:
    """The network of a checkpoint, of whichever published depth. UserError for a file that is none, OtherArchitecture for another network's."""
    arrays = read_tensors(path, WHAT, LARGEST_FILE)
    with torch.device("meta"):
        network = IResNet(Architecture(depths_of(arrays), width))
    return filled(network, path, WHAT, arrays)


def embedded(network: IResNet, face: UInt8[np.ndarray, "112 112 3"]) -> Float32[np.ndarray, "512"]:
    """The unit vector of an aligned RGB face."""
    values = torch.from_numpy(face.transpose(2, 0, 1)[None].copy()).float()
    with torch.no_grad():
        found = network((values - 127.5) / 127.5)[0].numpy()
    return np.asarray(found / np.linalg.norm(found), np.float32)
