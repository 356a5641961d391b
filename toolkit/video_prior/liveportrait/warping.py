"""W, the warping network: F's volume, seen as its keypoints move, to G's features (LivePortrait, section 3.1; Wang et al. 2021, figure 5).

Places in a volume are (x, y, z) in [-1, 1], x to the right and y down; -1 and 1 are the MIDDLES of the first and the last voxel. Volumes are
sampled as if they were voxels' outer edges all the same (`sampled`): the published weights have learned with it.
"""

from typing import NamedTuple, cast

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from facecraft4d.toolkit.video_prior.liveportrait.architecture import Architecture
from facecraft4d.toolkit.video_prior.liveportrait.blocks import ConvNorm, doubled, halved

VARIANCE = 0.01
"""Of the Gaussian that shows where a keypoint is."""
SLOPE = 0.01
"""Of the leaky rectifier behind the flattened volume's convolution."""


class Warped(NamedTuple):
    """What W says of a batch."""

    features: Float[Tensor, "b f h w"]
    """For G, dimmed by the occlusion."""
    occlusion: Float[Tensor, "b 1 h w"]
    """1 where the source shows what is there, 0 where G has to invent it."""
    deformation: Float[Tensor, "b d h w 3"]
    """Where in the source each place lies."""
    mask: Float[Tensor, "b n d h w"]
    """Shares of the candidate motions: of no motion, then of each keypoint; their sum is 1."""


def identity_grid(size: tuple[int, int, int], like: Tensor) -> Float[Tensor, "d h w 3"]:
    """The places of the voxels of a volume with `size` slices, rows and columns, of type and device as `like`."""
    sides = [torch.linspace(-1, 1, side, dtype=like.dtype, device=like.device) for side in size]
    z, y, x = torch.meshgrid(*sides, indexing="ij")
    return torch.stack((x, y, z), dim=-1)


def gaussians(
    keypoints: Float[Tensor, "b k 3"], grid: Float[Tensor, "d h w 3"], variance: float = VARIANCE
) -> Float[Tensor, "b k d h w"]:
    """How near each voxel is to each keypoint: 1 at it, falling off as a Gaussian."""
    away = grid - keypoints[:, :, None, None, None]
    return torch.exp(-0.5 * away.square().sum(dim=-1) / variance)


def sampled(volume: Float[Tensor, "b c d h w"], places: Float[Tensor, "b d h w 3"]) -> Float[Tensor, "b c d h w"]:
    """The volume at places, between voxels linearly, 0 beyond it; the identity grid does not give the volume back (see the top)."""
    return functional.grid_sample(volume, places, align_corners=False)


class Encoder(nn.Module):
    """Halves a volume's rows and columns again and again; every level is kept."""

    def __init__(self, before: int, widths: list[int]) -> None:
        super().__init__()
        pairs = zip([before, *widths], widths, strict=False)
        self.down_blocks = nn.ModuleList(ConvNorm(3, narrow, wide) for narrow, wide in pairs)

    def forward(self, volume: Tensor) -> list[Tensor]:
        levels = [volume]
        for block in self.down_blocks:
            levels.append(halved(block(levels[-1])))
        return levels


class Decoder(nn.Module):
    """Doubles them again, with the encoder's level of each size beside its own."""

    def __init__(self, before: int, widths: list[int], narrowest: int) -> None:
        super().__init__()
        after = [*reversed(widths[:-1]), narrowest]
        inputs = [widths[-1], *(2 * width for width in after[:-1])]
        self.up_blocks = nn.ModuleList(ConvNorm(3, wide, narrow) for wide, narrow in zip(inputs, after, strict=True))
        self.conv = nn.Conv3d(narrowest + before, narrowest + before, 3, padding=1)
        self.norm = nn.BatchNorm3d(narrowest + before)

    def forward(self, levels: list[Tensor]) -> Tensor:
        volume = levels[-1]
        for block, beside in zip(self.up_blocks, reversed(levels[:-1]), strict=True):
            volume = torch.cat((block(doubled(volume)), beside), dim=1)
        return functional.relu(self.norm(self.conv(volume)))


class Hourglass(nn.Module):
    """A volume to one of the same size in which every voxel knows of the whole."""

    def __init__(self, before: int, architecture: Architecture) -> None:
        super().__init__()
        narrowest, most = architecture.hourglass_width, architecture.hourglass_most
        widths = [min(most, narrowest << level + 1) for level in range(architecture.hourglass_levels)]
        self.encoder, self.decoder = Encoder(before, widths), Decoder(before, widths, narrowest)

    def forward(self, volume: Tensor) -> Tensor:
        return cast(Tensor, self.decoder(self.encoder(volume)))


class DenseMotion(nn.Module):
    """The motion of every voxel: a mixture of the keypoints' motions and of none."""

    def __init__(self, architecture: Architecture) -> None:
        super().__init__()
        motions, compressed = architecture.motions, architecture.compressed_width
        shown = motions * (compressed + 1)
        known = shown + architecture.hourglass_width
        self.hourglass = Hourglass(shown, architecture)
        self.mask = nn.Conv3d(known, motions, 7, padding=3)
        self.compress = nn.Conv3d(architecture.volume_width, compressed, 1)
        self.norm = nn.BatchNorm3d(compressed)
        self.occlusion = nn.Conv2d(known * architecture.volume_depth, 1, 7, padding=3)

    def forward(self, volume: Tensor, driving: Tensor, source: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """(deformation, occlusion, mask), as in `Warped`."""
        compressed = functional.relu(self.norm(self.compress(volume)))
        depth, height, width = volume.shape[2:]
        grid = identity_grid((depth, height, width), volume)
        candidates = self._candidates(grid, driving, source)
        known = self.hourglass(self._shown(compressed, candidates, grid, driving, source))
        mask = self.mask(known).softmax(dim=1)
        deformation = torch.einsum("bndhw,bndhwc->bdhwc", mask, candidates)
        return deformation, self.occlusion(known.flatten(1, 2)).sigmoid(), mask

    def _candidates(self, grid: Tensor, driving: Tensor, source: Tensor) -> Float[Tensor, "b n d h w 3"]:
        """Where every place would lie in the source if all moved as one keypoint does; first, if nothing moves."""
        moved = grid + (source - driving)[:, :, None, None, None]
        return torch.cat((grid.expand(len(moved), 1, *grid.shape), moved), dim=1)

    def _shown(
        self, compressed: Tensor, candidates: Tensor, grid: Tensor, driving: Tensor, source: Tensor
    ) -> Float[Tensor, "b m d h w"]:
        """Channels for each candidate: where its keypoint arrives and leaves, and the volume moved by it."""
        batch, motions = candidates.shape[:2]
        repeated = compressed[:, None].expand(-1, motions, -1, -1, -1, -1).flatten(0, 1)
        moved = sampled(repeated, candidates.flatten(0, 1)).view(batch, motions, *compressed.shape[1:])
        heat = gaussians(driving, grid) - gaussians(source, grid)
        heat = torch.cat((torch.zeros_like(heat[:, :1]), heat), dim=1)[:, :, None]
        return torch.cat((heat, moved), dim=2).flatten(1, 2)


class WarpingNetwork(nn.Module):
    """W."""

    def __init__(self, architecture: Architecture) -> None:
        super().__init__()
        width = architecture.feature_width
        self.dense_motion_network = DenseMotion(architecture)
        self.third = ConvNorm(2, architecture.volume_channels, width, SLOPE)
        self.fourth = nn.Conv2d(width, width, 1)

    def forward(
        self, volume: Float[Tensor, "b c d h w"], driving: Float[Tensor, "b k 3"], source: Float[Tensor, "b k 3"]
    ) -> Warped:
        """The volume of a source whose keypoints move from `source` to `driving`."""
        deformation, occlusion, mask = self.dense_motion_network(volume, driving, source)
        features = self.fourth(self.third(sampled(volume, deformation).flatten(1, 2)))
        return Warped(features * occlusion, occlusion, deformation, mask)
