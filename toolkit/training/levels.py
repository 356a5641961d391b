"""Levels of detail: the rows are put in order once, so that every prefix covers the head, then trained so that every prefix is a head."""

import torch
from jaxtyping import Float32, Int64
from torch import Tensor

from facecraft4d.toolkit.config import LevelsConfig
from facecraft4d.toolkit.training.gaussians import SPLAT_NAMES, Parameters
from facecraft4d.toolkit.training.schedule import LEVELS, Schedule


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


def enlarge(parameters: Parameters, config: LevelsConfig) -> None:
    """Widen splats in the order of levels, but not thicken them, as far as their level needs to cover what all splats cover.

    Where n splats cover the head, k must be sqrt(n / k) times as wide. They sink by a share of what they grow, so that those of larger
    levels lie over them.
    """
    log_scales, count = parameters["log_scales"], len(parameters["log_scales"])
    sizes = torch.tensor(sorted([1.0, *LEVELS]), dtype=torch.float64) * count
    level = torch.searchsorted(sizes, torch.arange(count, dtype=torch.float64) + 0.5)
    growth = (config.grow * (count / sizes[level]).sqrt()).clamp_min(1).to(log_scales)
    thin = torch.nn.functional.one_hot(log_scales.argmin(1), 3).bool()
    parameters["means"][:, 1] -= config.sink * (growth - 1) * log_scales.exp().amax(1)
    log_scales += torch.where(thin, 0.0, growth.log()[:, None])


def largest_sigma(schedule: Schedule, step: int, count: int) -> Float32[Tensor, "n 1"]:
    """What `scale_free` is multiplied by for each of `count` splats: more than 1 where there are fewer splats than triangles.

    Each then has more than its triangle to cover; in the order of levels, those of the small levels have most.
    """
    ranks = torch.full((count,), float(count))
    if schedule.leveled(step):
        ranks = torch.arange(1.0, count + 1).clamp_min(min(LEVELS) * count)
    return (schedule.triangles / ranks).sqrt().clamp_min(1)[:, None]


def prefix(parameters: Parameters, count: int) -> Parameters:
    """The first `count` splats; gradients flow back into `parameters`."""
    return {name: tensor[:count] if name in SPLAT_NAMES else tensor for name, tensor in parameters.items()}
