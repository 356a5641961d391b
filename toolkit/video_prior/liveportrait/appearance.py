"""F, the appearance extractor: a portrait to a volume of features (LivePortrait, section 3.1; Wang et al. 2021, figure 3)."""

from typing import cast

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from facecraft4d.toolkit.video_prior.liveportrait.architecture import Architecture
from facecraft4d.toolkit.video_prior.liveportrait.blocks import ConvNorm, halved


class ResidualBlock3d(nn.Module):
    """Twice normalisation, rectifier and convolution, beside the volume itself."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm1, self.conv1 = nn.BatchNorm3d(width), nn.Conv3d(width, width, 3, padding=1)
        self.norm2, self.conv2 = nn.BatchNorm3d(width), nn.Conv3d(width, width, 3, padding=1)

    def forward(self, volume: Tensor) -> Tensor:
        inner = self.conv1(functional.relu(self.norm1(volume)))
        return cast(Tensor, volume + self.conv2(functional.relu(self.norm2(inner))))


class AppearanceExtractor(nn.Module):
    """F."""

    def __init__(self, architecture: Architecture) -> None:
        super().__init__()
        width = architecture.appearance_width
        self.depth = architecture.volume_depth
        self.first = ConvNorm(2, 3, width)
        self.down_blocks = nn.ModuleList([ConvNorm(2, width, 2 * width), ConvNorm(2, 2 * width, 4 * width)])
        self.second = nn.Conv2d(4 * width, architecture.volume_channels, 1)
        blocks = {f"3dr{k}": ResidualBlock3d(architecture.volume_width) for k in range(architecture.appearance_blocks)}
        self.resblocks_3d = nn.ModuleDict(blocks)

    def forward(self, image: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b c d h/4 w/4"]:
        """The volume of a picture, sRGB in [0, 1] of 256 x 256 pixels."""
        features = self.first(image)
        for block in self.down_blocks:
            features = halved(block(features))
        volume: Tensor = self.second(features).unflatten(1, (-1, self.depth))
        for block in self.resblocks_3d.values():
            volume = block(volume)
        return volume
