"""What a fit is given of a picture."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool


@dataclass(frozen=True, slots=True, eq=False)
class Segments:
    """What the photograph's pixels show; the three exclude each other and fill the matte."""

    skin: Bool[np.ndarray, "h w"]
    """Face, ears, neck; eyes, brows, glasses and mouth count as skin."""
    hair: Bool[np.ndarray, "h w"]
    """Hair and headwear."""
    torso: Bool[np.ndarray, "h w"]
    """Clothes and all skin below the neck."""

    @property
    def matte(self) -> Bool[np.ndarray, "h w"]:
        """All of the person."""
        return np.asarray(self.skin | self.hair | self.torso)
