"""Pictures that drive the views: moments of clips, and the neutral face that each clip begins with."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Int64, UInt8

from facecraft4d.toolkit.core.ingredients import Ingredient

SIZE = 256
"""Pixels a side of what M sees."""


@dataclass(frozen=True, slots=True, eq=False)
class Clips:
    """Crops of faces, sRGB."""

    moments: UInt8[np.ndarray, "t 256 256 3"]
    neutral: UInt8[np.ndarray, "c 256 256 3"]
    neutral_of: Int64[np.ndarray, " t"]
    """Which neutral face each moment's expression is told from."""
    starts: tuple[int, ...]
    """Moments that do not follow in time what stands before them: the first of each clip, and whatever was chosen apart from its neighbours."""
    ingredients: tuple[Ingredient, ...]
    """Who made them."""
    notes: tuple[str, ...] = ()
    """What the user should know of them."""
