"""S, the stitching network, and those that move lips and eyes: small perceptrons over keypoints (LivePortrait, section 3.2)."""

from itertools import pairwise

import torch
from jaxtyping import Float
from torch import Tensor, nn

from facecraft4d.toolkit.video_prior.liveportrait.architecture import Architecture


class Perceptron(nn.Module):
    """Linear layers with rectifiers between them."""

    def __init__(self, widths: tuple[int, ...]) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for before, after in pairwise(widths):
            layers += [nn.Linear(before, after), nn.ReLU()]
        self.mlp = nn.Sequential(*layers[:-1])

    def forward(self, numbers: Tensor) -> Tensor:
        found: Tensor = self.mlp(numbers)
        return found


class StitchingNetwork(Perceptron):
    """S: moves driven keypoints so that the shoulders stay where the source has them."""

    def __init__(self, architecture: Architecture) -> None:
        entries = 3 * architecture.keypoints
        super().__init__((2 * entries, *architecture.stitching_widths, entries + 2))

    def stitched(self, source: Float[Tensor, "b k 3"], driving: Float[Tensor, "b k 3"]) -> Float[Tensor, "b k 3"]:
        """The driven keypoints with S's offset of each, and S's shift in x and y of all."""
        numbers: Tensor = self(torch.cat((source.flatten(1), driving.flatten(1)), dim=1))
        stitched = driving + numbers[:, :-2].view_as(driving)
        stitched[..., :2] += numbers[:, None, -2:]
        return stitched


class RetargetingNetwork(Perceptron):
    """The lip or the eye network: offsets that open them from the source's ratios to a wanted one."""

    def __init__(self, architecture: Architecture, ratios: int, widths: tuple[int, ...]) -> None:
        entries = 3 * architecture.keypoints
        super().__init__((entries + ratios, *widths, entries))

    def offsets(self, source: Float[Tensor, "b k 3"], ratios: Float[Tensor, "b r"]) -> Float[Tensor, "b k 3"]:
        """By the source's keypoints and its own ratios (crop.opening) before the wanted one."""
        offsets: Tensor = self(torch.cat((source.flatten(1), ratios), dim=1))
        return offsets.view(source.shape)


def lip_network(architecture: Architecture) -> RetargetingNetwork:
    """Two ratios: the source's and the wanted."""
    return RetargetingNetwork(architecture, 2, architecture.stitching_widths)


def eye_network(architecture: Architecture) -> RetargetingNetwork:
    """Three ratios: the source's left and right eye, and the wanted of both."""
    return RetargetingNetwork(architecture, 3, architecture.eye_widths)
