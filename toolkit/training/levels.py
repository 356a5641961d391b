"""Levels of detail: the rows are put in order, so that every prefix covers the head; the first half goes on alone, and so again."""

import math

import torch
from jaxtyping import Float32, Int64
from torch import Tensor
from torch.nn.functional import one_hot

from facecraft4d.toolkit.core.asset import LEVEL_WIDENING
from facecraft4d.toolkit.training.gaussians import SPLAT_NAMES
from facecraft4d.toolkit.training.state import TrainingState


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


def reorder(state: TrainingState, order: Int64[Tensor, " n"]) -> None:
    """Put the splats of the present level, and the same ones of all larger levels, in this order."""
    for level in state.larger:
        for name, rows in level.items():
            level[name] = torch.cat([rows[order], rows[len(order) :]])
    state.replace_rows(order, len(order))


def halve(state: TrainingState) -> None:
    """Put the splats aside as they are and go on with the first half, widened as Avatar.level widens it; Adam starts anew."""
    splats = {name: state.parameters[name].detach().clone() for name in SPLAT_NAMES} | {"triangles": state.triangles}
    state.larger.append(splats)
    count = max(len(state.triangles) // 2, 1)
    state.replace_rows(torch.arange(count, device=state.triangles.device), 0)
    with torch.no_grad():
        log_scales = state.parameters["log_scales"]
        thinnest = one_hot(log_scales.argmin(1), 3)
        log_scales += (1 - thinnest) * (LEVEL_WIDENING * math.log(len(splats["triangles"]) / count))
    state.updates.clear()
