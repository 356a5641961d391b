"""How far a picture of the generator's is from the portrait: squares and LPIPS, as PanoHead's inversion weighs them."""

import torch
from jaxtyping import Float32
from torch import Tensor
from torch.nn import functional

from facecraft4d.toolkit.losses import Lpips

SQUARE_WEIGHT = 0.1
"""Of the mean square of differences from -1 to 1, beside LPIPS."""
COMPARED_SIDE = 256
"""Pixels a side that LPIPS looks at; smaller pictures stay as they are."""


class Likeness:
    """A portrait to be like. Its features are computed once."""

    def __init__(self, target: Float32[Tensor, "1 3 s s"], network: Lpips) -> None:
        """`target` in 0..1."""
        self.target, self.network = target, network
        with torch.no_grad():
            self._features = network.features(_small(target))

    def terms(self, image: Float32[Tensor, "1 3 s s"]) -> dict[str, Float32[Tensor, ""]]:
        """Weighted, of a picture whose colours are about -1 to 1."""
        shown = (image + 1) / 2
        square = SQUARE_WEIGHT * 4 * functional.mse_loss(shown, self.target)
        return {
            "square": square,
            "perceptual": self.network.distance(self.network.features(_small(shown)), self._features).sum(),
        }


def _small(images: Float32[Tensor, "1 3 s s"]) -> Float32[Tensor, "1 3 r r"]:
    if images.shape[-1] <= COMPARED_SIDE:
        return images
    return functional.interpolate(images, (COMPARED_SIDE, COMPARED_SIDE), mode="area")
