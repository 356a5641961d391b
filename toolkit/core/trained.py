"""What training leaves behind: splats, the network of their colour offsets, levels of detail, curves."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, Int32

from facecraft4d.toolkit.core.datatypes import BoundSplats
from facecraft4d.toolkit.core.ingredients import Ingredient


@dataclass(frozen=True, slots=True, eq=False)
class CoinNetwork:
    """The two-layer network of colour offsets: relu(view + color + gaussian + bias) -> offset (paper, section 3.4, equation 1)."""

    view_embeddings: Float32[np.ndarray, "v d"]
    """One row for each view of the static ViewSet."""
    gaussian_embeddings: Float32[np.ndarray, "n e"]
    """One row for each splat."""
    hidden_from_view: Float32[np.ndarray, "h d"]
    hidden_from_color: Float32[np.ndarray, "h 3"]
    hidden_from_gaussian: Float32[np.ndarray, "h e"]
    hidden_bias: Float32[np.ndarray, " h"]
    offset_from_hidden: Float32[np.ndarray, "3 h"]
    offset_bias: Float32[np.ndarray, "3"]


@dataclass(frozen=True, slots=True, eq=False)
class TrainedHead:
    """What training leaves to baking."""

    splats: BoundSplats
    """The consistent model: base colours, without offsets; the first K are the best that K splats can show."""
    coin: CoinNetwork
    reference_view: int
    """Row of `coin.view_embeddings` whose offsets become part of the avatar."""
    loss_steps: Int32[np.ndarray, " s"]
    losses: Mapping[str, Float32[np.ndarray, " s"]]
    """Curves over `loss_steps`, by name; NaN where a term was not in use."""
    levels: tuple[BoundSplats, ...] = ()
    """Levels of detail, the largest first: row i of each is splat i, tuned to stand without those that the level lacks."""
    ingredients: tuple[Ingredient, ...] = ()
    """Networks whose judgement shaped the splats."""
