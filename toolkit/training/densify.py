"""Clone, split and prune under a hard budget; children inherit the triangle of their parent (GaussianAvatars, section 3.3).

After 3D Gaussian splatting (Kerbl et al. 2023), with changes for a fixed budget and short schedules: rounds take the splats of largest
mean gradient until the budget of the round is full; sizes and offsets of a split are local, so they hold in every pose; a clone shares
its parent's coverage (Bulo et al. 2024); rounds go on at the cap with splats that show least; opacity is reset where asked only, since
coverage is supervised by the matte.
"""

import numpy as np
import torch
from jaxtyping import Bool, Float32, Int64
from torch import Tensor

from facecraft4d.toolkit.config import DensifyConfig
from facecraft4d.toolkit.training.frames import TriangleFrames
from facecraft4d.toolkit.training.gaussians import Parameters
from facecraft4d.toolkit.training.state import TrainingState

SPLIT_SHRINK = 1.6


def observe(state: TrainingState, gradient: Float32[Tensor, "n 2"], radii: Tensor, size: torch.Size) -> None:
    """Add a step's gradient of the projected centres, in half images (`size` is height, width), for the splats it shows."""
    visible = (radii > 0).all(-1)
    in_halves = torch.stack([gradient[:, 0] * (size[1] / 2), gradient[:, 1] * (size[0] / 2)], 1)
    state.gradient_sum += in_halves.norm(dim=1) * visible
    state.gradient_count += visible


def best_of_each(values: Float32[Tensor, " n"], triangles: Int64[Tensor, " n"]) -> Int64[Tensor, " k"]:
    """The splat of largest value on every triangle that has one."""
    by_value = torch.argsort(-values, stable=True)
    order = by_value[torch.argsort(triangles[by_value], stable=True)]
    first = torch.ones_like(order, dtype=torch.bool)
    first[1:] = triangles[order[1:]] != triangles[order[:-1]]
    return order[first]


def survivors(opacities: Float32[Tensor, " n"], triangles: Int64[Tensor, " n"], threshold: float) -> Bool[Tensor, " n"]:
    """Splats that stay: those opaque enough, and the most opaque one of every triangle."""
    keep = opacities >= threshold
    keep[best_of_each(opacities, triangles)] = True
    return keep


def refine(
    state: TrainingState,
    rest: TriangleFrames,
    config: DensifyConfig,
    budget: int,
    rng: np.random.Generator,
    worth: Float32[Tensor, " n"] | None = None,
) -> None:
    """One round: prune, then clone or split the splats of largest gradient while the budget lasts.

    Where that is less than the share `recycle` of the budget, splats of least `worth` make room, down to the last one of a triangle.
    """
    parameters, triangles = state.parameters, state.triangles
    with torch.no_grad():
        keep = survivors(parameters["opacity_logits"].sigmoid(), triangles, config.prune_opacity)
        gradient = torch.where(keep, state.gradient_sum / state.gradient_count.clamp_min(1), 0)
        room = max(budget - int(keep.sum()), 0)
        chosen = _largest(gradient, config.gradient, max(room, round(config.recycle * budget)))
        if worth is not None and len(chosen) > room:
            gone = _spare(keep, worth, triangles, chosen)[: len(chosen) - room]
            keep[gone] = False
            room += len(gone)
        chosen = _largest(gradient, config.gradient, room)
        sigma = (rest.scales[triangles, None] * parameters["log_scales"].exp()).amax(1)
        split = chosen[sigma[chosen] > config.split_sigma]
        cloned = chosen[sigma[chosen] <= config.split_sigma]
        keep[split] = False
        kept = keep.nonzero()[:, 0]
        state.replace_rows(torch.cat([kept, cloned, split, split]), len(kept))
        position = torch.cumsum(keep, 0) - 1
        twins = torch.cat([position[cloned], torch.arange(len(kept), len(kept) + len(cloned), device=kept.device)])
        _share_coverage(state.parameters, twins)
        _spread(state.parameters, len(kept) + len(cloned), len(split), rng)


def _spare(
    keep: Bool[Tensor, " n"], worth: Float32[Tensor, " n"], triangles: Int64[Tensor, " n"], wanted: Int64[Tensor, " k"]
) -> Int64[Tensor, " m"]:
    """Splats that may make room, least worth first: neither `wanted` nor the worthiest one of a triangle."""
    spare = keep.clone()
    spare[best_of_each(torch.where(keep, worth, -1), triangles)] = False
    spare[wanted] = False
    return torch.argsort(torch.where(spare, worth, torch.inf), stable=True)[: int(spare.sum())]


def _largest(gradient: Float32[Tensor, " n"], threshold: float, room: int) -> Int64[Tensor, " k"]:
    """Indices of the largest gradients above the threshold, at most `room`, in rising order."""
    order = torch.argsort(-gradient, stable=True)[: max(room, 0)]
    return order[gradient[order] > threshold].sort().values


def _share_coverage(parameters: Parameters, twins: Int64[Tensor, " k"]) -> None:
    """Two splats at one place cover what one did: 1 - (1 - new)^2 = old."""
    logits = parameters["opacity_logits"]
    opacity = 1 - (1 - logits[twins].sigmoid()).clamp_min(1e-6).sqrt()
    logits[twins] = torch.logit(opacity, 1e-6)


def _spread(parameters: Parameters, start: int, count: int, rng: np.random.Generator) -> None:
    """Move the two children of each split to opposite sides, drawn from the parent's own Gaussian, and shrink them (local units)."""
    first = slice(start, start + count)
    second = slice(start + count, start + 2 * count)
    draw = torch.from_numpy(rng.normal(size=(count, 3)).astype(np.float32)).to(parameters["means"])
    along = parameters["log_scales"][first].exp() * draw
    w, x, y, z = torch.nn.functional.normalize(parameters["rotations_wxyz"][first], dim=1)[:, :, None].unbind(1)
    axis = torch.cat([x, y, z], 1)
    twist = 2 * torch.linalg.cross(axis, along)
    offset = along + w * twist + torch.linalg.cross(axis, twist)
    parameters["means"][first] += offset
    parameters["means"][second] -= offset
    for child in (first, second):
        parameters["log_scales"][child] -= float(np.log(SPLIT_SHRINK))
