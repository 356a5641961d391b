"""Adam over named tensors, that can be stopped and taken up where it was."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float32
from torch import Tensor

from facecraft4d.toolkit import cache
from facecraft4d.toolkit.core.checks import UserError

BETAS = (0.9, 0.999)

Arrays = Mapping[str, Float32[np.ndarray, "..."]]
Tell = Callable[[int, str, dict[str, float]], None]
"""Hears of a step that was done, what is going on, and its losses."""


@dataclass(frozen=True, slots=True)
class Course:
    """What a descent is run with, whatever it looks for."""

    seed: int
    """Of all its chance."""
    folder: Path
    """Holds what a killed run goes on from."""
    tell: Tell
    say: Callable[[str], None]
    """Hears what the user should know."""


@dataclass(frozen=True, slots=True, eq=False)
class Stopped:
    """A descent on disk."""

    values: Arrays
    first_moments: Arrays
    """Of the tensors that have had a step."""
    second_moments: Arrays
    steps: Mapping[str, int]
    """Adam's own count for each of these."""
    losses: Mapping[str, Float32[np.ndarray, " s"]]
    """One row for each step that was done."""


class Descent:
    """Minimises a loss by its tensors."""

    def __init__(self, tensors: Mapping[str, Tensor]) -> None:
        """The tensors, which are moved in place, must ask for gradients."""
        self.tensors = dict(tensors)
        self.losses: dict[str, list[float]] = {}
        groups = [{"params": [each], "lr": 0.0} for each in self.tensors.values()]
        self._adam = torch.optim.Adam(groups, betas=BETAS, foreach=False)

    @property
    def step(self) -> int:
        """Steps that were done."""
        return max(map(len, self.losses.values()), default=0)

    def descend(self, terms: Mapping[str, Tensor], rates: Mapping[str, float]) -> dict[str, float]:
        """One step down the sum of the terms, each tensor at its rate; those without a rate stay. Returns the terms' values.

        FloatingPointError where a term is no finite number: nothing is moved then.
        """
        values = {name: float(term.detach()) for name, term in terms.items()}
        for name, value in values.items():
            if not math.isfinite(value):
                raise FloatingPointError(f"{name} is {value} at step {self.step}")
        self._adam.zero_grad(set_to_none=True)
        torch.stack(list(terms.values())).sum().backward()  # type: ignore[no-untyped-call]
        for (name, tensor), group in zip(self.tensors.items(), self._adam.param_groups, strict=True):
            group["lr"] = rates.get(name, 0.0)
            if name not in rates:
                tensor.grad = None
        self._adam.step()
        for name, value in values.items():
            self.losses.setdefault(name, []).append(value)
        return values

    def save(self, path: Path) -> None:
        """Write all that the next step depends on, whole or not at all."""
        states = {name: self._adam.state[each] for name, each in self.tensors.items() if self._adam.state[each]}
        stopped = Stopped(
            {name: _array(each) for name, each in self.tensors.items()},
            {name: _array(state["exp_avg"]) for name, state in states.items()},
            {name: _array(state["exp_avg_sq"]) for name, state in states.items()},
            {name: int(state["step"]) for name, state in states.items()},
            {name: np.array(losses, np.float32) for name, losses in self.losses.items()},
        )
        cache.save(path, stopped)

    def take_up(self, path: Path) -> None:
        """Go on from what `save` wrote of a descent with the same tensors. UserError for any other file: nothing is changed then."""
        stopped = cache.load(path, Stopped)
        moved, shapes = stopped.steps.keys(), {name: tuple(each.shape) for name, each in self.tensors.items()}
        moments = {name: shape for name, shape in shapes.items() if name in moved}
        groups = ((stopped.values, shapes), (stopped.first_moments, moments), (stopped.second_moments, moments))
        if any({name: each.shape for name, each in group.items()} != expected for group, expected in groups):
            raise UserError(f"{path}: expected a descent of {len(shapes)} tensors, found one of others")
        with torch.no_grad():
            for name, tensor in self.tensors.items():
                tensor.copy_(torch.from_numpy(stopped.values[name]))
                if name in moved:
                    self._adam.state[tensor] = {
                        "step": torch.tensor(float(stopped.steps[name])),
                        "exp_avg": torch.from_numpy(stopped.first_moments[name]).to(tensor.device),
                        "exp_avg_sq": torch.from_numpy(stopped.second_moments[name]).to(tensor.device),
                    }
        self.losses = {name: losses.tolist() for name, losses in stopped.losses.items()}

    def go_on(self, path: Path, say: Callable[[str], None]) -> None:
        """Take up what lies there, if anything does; where it is damaged the descent begins anew, and `say` is told so."""
        if not path.exists():
            return
        try:
            self.take_up(path)
        except UserError as error:
            say(f"what was kept of the inversion is damaged ({error}); it begins anew")


def _array(tensor: Tensor) -> Float32[np.ndarray, "..."]:
    return np.array(tensor.detach().cpu().numpy(), np.float32)
