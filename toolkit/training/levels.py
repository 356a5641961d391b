"""Levels of detail: the rows are put in order once, so that every prefix covers the head, then trained so that every prefix is a head."""

import math

import torch
from jaxtyping import Float32, Int64
from torch import Tensor
from torch.nn.functional import one_hot

from facecraft4d.toolkit.asset import LEVEL_WIDENING
from facecraft4d.toolkit.training.gaussians import SPLAT_NAMES, Parameters


def level_order(
    contributions: Float32[Tensor, " n"], points: Float32[Tensor, "n 3"], cell: float
) -> Int64[Tensor, " n"]:
    """Rows in the order of levels: cells of space take turns by what they contribute, each hands out its largest first.

    The turns are those of Sainte-Lague's apportionment: every prefix holds of each cell its share of all contributions, to a splat.
    `points` are neutral means in metres, `cell` is the side of a cell. Ties keep the order of rows.
    """
    _, cells = torch.unique((points / cell).floor().long(), dim=0, return_inverse=True)
    order = torch.argsort(-contributions, stable=True)
    order = order[torch.argsort(cells[order], stable=True)]
    sizes = torch.bincount(cells)
    turn = torch.arange(len(order), device=order.device) - (sizes.cumsum(0) - sizes)[cells[order]]
    weight = torch.zeros(len(sizes), dtype=torch.float64, device=order.device).index_add_(
        0, cells, contributions.double()
    )
    return order[torch.argsort(-weight[cells[order]] / (2 * turn + 1), stable=True)]


def prefix(parameters: Parameters, count: int) -> Parameters:
    """The first `count` splats, widened as Avatar.level widens them (its torch twin); gradients flow back into `parameters`."""
    total = len(parameters["log_scales"])
    if count >= total:
        return parameters
    first = {name: tensor[:count] if name in SPLAT_NAMES else tensor for name, tensor in parameters.items()}
    thinnest = one_hot(first["log_scales"].detach().argmin(1), 3)
    first["log_scales"] = first["log_scales"] + (1 - thinnest) * (LEVEL_WIDENING * math.log(total / count))
    return first
