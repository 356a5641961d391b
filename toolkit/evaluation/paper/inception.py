"""Inception v3 (Szegedy et al. 2016) as the Frechet distance measures with it.

FID means the weights of TensorFlow's graph of 2015-12-05, which the user brings as pytorch-fid converted them, 2048 numbers behind its last block. That graph
pools otherwise than torchvision: averages leave the border out, and the last block takes the largest. The same layers up to Mixed_6c with the weights that the
package nsfwjs carries (Keras' ImageNet network in 8 bits) give FD-Inc768, which is not FID and cannot be compared with it.
"""

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Float32, Float64
from torch import Tensor, nn
from torch.nn import functional
from torchvision.models import inception

from facecraft4d.toolkit.core.untrusted.tensors import read_tensors
from facecraft4d.toolkit.evaluation.paper import keras_js
from facecraft4d.toolkit.evaluation.paper.loading import filled

WHAT = "pt_inception-2015-12-05-6726825d.pth of pytorch-fid (Inception v3 of the FID)"
LARGEST_FILE = 256 << 20
"""Bytes: it has 95 MB."""
SIDE, CLASSES = 299, 1008
WIDTH = 2048
"""Channels of the last block."""
LAST_768 = "Mixed_6c"
"""Keras' mixed5: 768 channels."""


def _average(values: Tensor) -> Tensor:
    """Of 3 x 3 neighbours, of those that there are at the border."""
    return functional.avg_pool2d(values, 3, 1, 1, count_include_pad=False)


class _A(inception.InceptionA):  # type: ignore[misc]
    def _forward(self, x: Tensor) -> list[Tensor]:
        double = self.branch3x3dbl_3(self.branch3x3dbl_2(self.branch3x3dbl_1(x)))
        five = self.branch5x5_2(self.branch5x5_1(x))
        return [self.branch1x1(x), five, double, self.branch_pool(_average(x))]


class _C(inception.InceptionC):  # type: ignore[misc]
    def _forward(self, x: Tensor) -> list[Tensor]:
        single = self.branch7x7_3(self.branch7x7_2(self.branch7x7_1(x)))
        double = self.branch7x7dbl_3(self.branch7x7dbl_2(self.branch7x7dbl_1(x)))
        double = self.branch7x7dbl_5(self.branch7x7dbl_4(double))
        return [self.branch1x1(x), single, double, self.branch_pool(_average(x))]


class _E(inception.InceptionE):  # type: ignore[misc]
    def __init__(self, inputs: int, largest: bool, conv_block: Any) -> None:
        super().__init__(inputs, conv_block)
        self.largest = largest

    def _forward(self, x: Tensor) -> list[Tensor]:
        single, double = self.branch3x3_1(x), self.branch3x3dbl_2(self.branch3x3dbl_1(x))
        pooled = functional.max_pool2d(x, 3, 1, 1) if self.largest else _average(x)
        return [
            self.branch1x1(x),
            torch.cat([self.branch3x3_2a(single), self.branch3x3_2b(single)], 1),
            torch.cat([self.branch3x3dbl_3a(double), self.branch3x3dbl_3b(double)], 1),
            self.branch_pool(pooled),
        ]


def _layers(conv: Any) -> dict[str, nn.Module]:
    """Every layer before the mean by torchvision's name, in order."""
    pool = partial(nn.MaxPool2d, 3, 2)
    return {
        "Conv2d_1a_3x3": conv(3, 32, kernel_size=3, stride=2), "Conv2d_2a_3x3": conv(32, 32, kernel_size=3),
        "Conv2d_2b_3x3": conv(32, 64, kernel_size=3, padding=1), "maxpool1": pool(),
        "Conv2d_3b_1x1": conv(64, 80, kernel_size=1), "Conv2d_4a_3x3": conv(80, 192, kernel_size=3), "maxpool2": pool(),
        "Mixed_5b": _A(192, 32, conv), "Mixed_5c": _A(256, 64, conv), "Mixed_5d": _A(288, 64, conv),
        "Mixed_6a": inception.InceptionB(288, conv), "Mixed_6b": _C(768, 128, conv), "Mixed_6c": _C(768, 160, conv),
        "Mixed_6d": _C(768, 160, conv), "Mixed_6e": _C(768, 192, conv), "Mixed_7a": inception.InceptionD(768, conv),
        "Mixed_7b": _E(1280, False, conv), "Mixed_7c": _E(2048, True, conv),
    }  # fmt: skip


class Inception(nn.Module):
    """RGB in [-1, 1], 299 pixels, to the mean of each channel of the layer `last`; `narrowed` divides all channels but the picture's.

    With `classes` it has the layer that tells them, which its file holds and nobody asks.
    """

    def __init__(self, last: str = "Mixed_7c", classes: int = 0, narrowed: int = 1) -> None:
        def convolution(inputs: int, outputs: int, **options: Any) -> nn.Module:
            given = inputs if inputs == 3 else inputs // narrowed
            block: nn.Module = inception.BasicConv2d(given, outputs // narrowed, **options)
            return block

        super().__init__()
        layers = _layers(convolution)
        self.order = list(layers)[: list(layers).index(last) + 1]
        for name in self.order:
            self.add_module(name, layers[name])
        if classes:
            self.fc = nn.Linear(WIDTH // narrowed, classes)

    def forward(self, images: Float[Tensor, "n 3 h w"]) -> Float[Tensor, "n d"]:
        """The features of pictures."""
        values = images
        for name in self.order:
            values = getattr(self, name)(values)
        return values.mean((2, 3))


def load_fid(path: Path, narrowed: int = 1) -> Inception:
    """FID's network from the user's file. UserError for a file that is none, OtherArchitecture for another network's."""
    arrays = read_tensors(path, WHAT, LARGEST_FILE)
    with torch.device("meta"):
        network = Inception(classes=CLASSES, narrowed=narrowed)
    return filled(network, path, WHAT, arrays)


def load_768(path: Path) -> Inception:
    """FD-Inc768's network from the file that nsfwjs carries. UserError for one that is none."""
    kept = keras_js.read_weights(path)
    with torch.device("meta"):
        network = Inception(LAST_768)
    return filled(network, path, keras_js.WHAT, _from_keras(network, kept))


def _from_keras(network: Inception, kept: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Keras numbers its convolutions in the order in which torchvision makes them; its normalisations have no scale of their own."""
    arrays: dict[str, np.ndarray] = {}
    convolutions = [name for name, part in network.named_modules() if isinstance(part, inception.BasicConv2d)]
    for number, name in enumerate(convolutions, 1):
        places = {
            "conv.weight": f"conv2d_{number}/kernel", "bn.bias": f"batch_normalization_{number}/beta",
            "bn.running_mean": f"batch_normalization_{number}/moving_mean", "bn.running_var": f"batch_normalization_{number}/moving_variance",
        }  # fmt: skip
        found = {own: kept[theirs] for own, theirs in places.items() if theirs in kept}
        if "conv.weight" in found and found["conv.weight"].ndim == 4:
            found["conv.weight"] = found["conv.weight"].transpose(3, 2, 0, 1)
        if "bn.running_var" in found:
            found["bn.running_var"] = found["bn.running_var"].clip(0)  # 8 bits round some below zero
            found["bn.weight"] = np.ones_like(found["bn.running_var"])
        arrays |= {f"{name}.{own}": array for own, array in found.items()}
    return arrays


def features(network: nn.Module, image: Float32[np.ndarray, "h w 3"]) -> Float64[np.ndarray, " d"]:
    """Of an sRGB picture in [0, 1], brought to 299 pixels bilinearly, without smoothing before, as pytorch-fid does."""
    values = torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1)[None]))
    with torch.no_grad():
        small = functional.interpolate(values, (SIDE, SIDE), mode="bilinear", align_corners=False)
        found: Tensor = network(2 * small - 1)[0]
    return found.double().numpy()
