"""What several of the networks are made of. Normalisation is by the running statistics of training: every network is in `eval`."""

from typing import Literal

from torch import Tensor, nn
from torch.nn import functional


class ConvNorm(nn.Module):
    """Convolution over 3 pixels in each of 2 or 3 dimensions, batch normalisation, rectifier."""

    def __init__(self, dimensions: Literal[2, 3], before: int, after: int, slope: float = 0.0) -> None:
        super().__init__()
        convolution, norm = (nn.Conv2d, nn.BatchNorm2d) if dimensions == 2 else (nn.Conv3d, nn.BatchNorm3d)
        self.conv: nn.Module = convolution(before, after, 3, padding=1)
        self.norm: nn.Module = norm(after)
        self.slope = slope

    def forward(self, image: Tensor) -> Tensor:
        return functional.leaky_relu(self.norm(self.conv(image)), self.slope)


def halved(volume: Tensor) -> Tensor:
    """Mean over 2 x 2 pixels; the slices of a volume stay."""
    return functional.avg_pool2d(volume, 2) if volume.ndim == 4 else functional.avg_pool3d(volume, (1, 2, 2))


def doubled(volume: Tensor) -> Tensor:
    """Every pixel twice in rows and columns; the slices of a volume stay."""
    factor = (2.0, 2.0) if volume.ndim == 4 else (1.0, 2.0, 2.0)
    return functional.interpolate(volume, scale_factor=factor)
