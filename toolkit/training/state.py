"""Everything that changes while training runs: parameters, Adam's moments, densification counters, loss curves."""

import math
from dataclasses import dataclass, field

import torch
from jaxtyping import Float32, Int64
from torch import Tensor

from facecraft4d.toolkit.config import RESET_OPACITY, LearningRates
from facecraft4d.toolkit.training.gaussians import SPLAT_NAMES, Parameters

BETA1, BETA2, EPSILON = 0.9, 0.999, 1e-15
"""Adam's constants as 3D Gaussian splatting sets them."""

HIDDEN = 0.05
"""Rows whose gradients are smaller than this share of the whole parameter's root mean square move more slowly. Adam alone moves hidden
splats (tongue, lids) at full rate by what leaks through those before them: when they are shown at last they have any colour."""

RATE_OF = {
    "means": "means", "rotations_wxyz": "rotations", "log_scales": "log_scales", "opacity_logits": "opacities",
    "colors": "colors", "gaussian_embeddings": "gaussian_embeddings",
}  # fmt: skip
"""Field of LearningRates for each parameter; all others belong to the network."""


@dataclass(slots=True)
class TrainingState:
    """A training in progress."""

    parameters: Parameters
    triangles: Int64[Tensor, " n"]
    gradient_sum: Float32[Tensor, " n"]
    gradient_count: Float32[Tensor, " n"]
    step: int = 0
    """Steps done."""
    first_moments: Parameters = field(default_factory=dict)
    second_moments: Parameters = field(default_factory=dict)
    updates: dict[str, int] = field(default_factory=dict)
    """Adam steps that each parameter has had."""
    larger: list[Parameters] = field(default_factory=list)
    """Splats and their `triangles` of the levels before this one, the whole first; row i of each is the same splat."""
    curve_steps: list[int] = field(default_factory=list)
    curves: dict[str, list[float]] = field(default_factory=dict)

    @classmethod
    def begin(cls, parameters: Parameters, triangles: Int64[Tensor, " n"]) -> "TrainingState":
        """A state before the first step."""
        zeros = torch.zeros(len(triangles), device=triangles.device)
        return cls(parameters, triangles, zeros, zeros.clone())

    def descend(self, rates: LearningRates, factor: float) -> None:
        """One Adam step (Kingma and Ba 2015) on every parameter that has a gradient; clears the gradients."""
        speeds, gradients = {}, []
        for name, parameter in self.parameters.items():
            speed = factor * getattr(rates, RATE_OF.get(name, "coin"))
            gradient, parameter.grad = parameter.grad, None
            if gradient is not None and speed != 0:
                speeds[name] = speed
                gradients.append(gradient)
        if speeds:
            self._move(speeds, gradients)

    @torch.no_grad()
    def _move(self, speeds: dict[str, float], gradients: list[Tensor]) -> None:
        """Move the parameters of `speeds`, all in one call of each operation: on a GPU that is one kernel for all of them.

        torch's own fused Adam knows no `HIDDEN`. On the processor the numbers are those of one parameter after the other.
        """
        parameters = [self.parameters[name] for name in speeds]
        first, second = (
            [moments.setdefault(name, torch.zeros_like(self.parameters[name])) for name in speeds]
            for moments in (self.first_moments, self.second_moments)
        )
        self.updates |= {name: self.updates.get(name, 0) + 1 for name in speeds}
        counts = [self.updates[name] for name in speeds]
        torch._foreach_lerp_(first, gradients, 1 - BETA1)
        torch._foreach_mul_(second, BETA2)
        torch._foreach_addcmul_(second, gradients, gradients, 1 - BETA2)
        spread = torch._foreach_div(second, [1 - BETA2**count for count in counts])
        torch._foreach_add_(spread, [HIDDEN**2 * each.mean() for each in spread])
        torch._foreach_sqrt_(spread)
        torch._foreach_add_(spread, EPSILON)
        strides = [-speed / (1 - BETA1**count) for speed, count in zip(speeds.values(), counts, strict=True)]
        torch._foreach_addcdiv_(parameters, first, spread, strides)

    def replace_rows(self, rows: Int64[Tensor, " m"], kept: int) -> None:
        """Make splat i a copy of splat rows[i]. The first `kept` rows keep Adam's moments, the rest start afresh; counters restart."""
        for group in (self.parameters, self.first_moments, self.second_moments):
            for name in [name for name in SPLAT_NAMES if name in group]:
                group[name] = group[name].detach()[rows]
                if group is self.parameters:
                    group[name].requires_grad_()
                else:
                    group[name][kept:] = 0
        self.triangles = self.triangles[rows]
        self.gradient_sum = torch.zeros(len(rows), device=rows.device)
        self.gradient_count = self.gradient_sum.clone()

    def reset_opacities(self) -> None:
        """Make every splat at most 1 % opaque (Kerbl et al. 2023, section 5.2), its moments zero."""
        name = "opacity_logits"
        with torch.no_grad():
            self.parameters[name].clamp_(max=math.log(RESET_OPACITY / (1 - RESET_OPACITY)))
            for moments in (self.first_moments, self.second_moments):
                moments[name].zero_()

    def record(self, losses: dict[str, float]) -> None:
        """Append a point to the loss curves; a term that was not in use becomes NaN."""
        for name in sorted(losses.keys() - self.curves.keys()):
            self.curves[name] = [math.nan] * len(self.curve_steps)
        self.curve_steps.append(self.step)
        for name, curve in self.curves.items():
            curve.append(losses.get(name, math.nan))
