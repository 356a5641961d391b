"""Whether a checkpoint of the user's is of the network that it is read for: names, shapes and sorts of numbers, strictly; and the network filled with it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import torch
from torch import nn

from facecraft4d.toolkit.core.checks import UserError

Network = TypeVar("Network", bound=nn.Module)

SHOWN = 3
"""Differences of a kind that a message names."""


@dataclass(frozen=True, slots=True)
class Differences:
    """What a checkpoint has otherwise than its network."""

    missing: tuple[str, ...]
    unexpected: tuple[str, ...]
    shapes: tuple[str, ...]
    """`NAME (2, 3) for (2, 4)`; another sort of numbers counts as a shape."""

    @property
    def lines(self) -> tuple[str, ...]:
        """Every difference, a line each."""
        kinds = (("missing", self.missing), ("unexpected", self.unexpected), ("shape", self.shapes))
        return tuple(f"{kind}: {each}" for kind, found in kinds for each in found)

    def __str__(self) -> str:
        kinds = (("missing", self.missing), ("unexpected", self.unexpected), ("of another shape", self.shapes))
        return "; ".join(f"{len(found)} {kind} ({', '.join(found[:SHOWN])})" for kind, found in kinds if found)


class OtherArchitecture(UserError):
    """A checkpoint of another network: its line has the first differences, `differences` all of them."""

    def __init__(self, expected: str, differences: Differences) -> None:
        """`expected`: the line's beginning, which names the file and what it should be."""
        super().__init__(f"{expected}, found {differences}")
        self.differences = differences


def check_matching(expected: str, network: nn.Module, arrays: Mapping[str, np.ndarray]) -> None:
    """OtherArchitecture unless the arrays are exactly the network's tensors; floats of any size are floats."""
    wanted = network.state_dict()
    shapes = tuple(
        f"{name} {_sort(array.dtype.kind)}{array.shape} for {_sort('f' if like.is_floating_point() else 'i')}{tuple(like.shape)}"
        for name, like in wanted.items()
        if (array := arrays.get(name)) is not None
        and (array.shape != tuple(like.shape) or (array.dtype.kind == "f") != like.is_floating_point())
    )
    missing, unexpected = (
        tuple(name for name in one if name not in other) for one, other in ((wanted, arrays), (arrays, wanted))
    )
    if missing or unexpected or shapes:
        raise OtherArchitecture(expected, Differences(missing, unexpected, shapes))


def filled(network: Network, expected: str, arrays: Mapping[str, np.ndarray]) -> Network:
    """A network that was made on the meta device, with the arrays as its tensors, in its own types and without gradients.

    `expected`: the beginning of a refusal, which names the file and what it should be. OtherArchitecture where the arrays are not exactly the
    network's own, UserError where one is not finite.
    """
    check_matching(expected, network, arrays)
    for name, array in arrays.items():
        if not np.isfinite(array).all():
            raise UserError(f"{expected}, found numbers in {name} that are not finite")
    state = {name: torch.tensor(arrays[name], dtype=like.dtype) for name, like in network.state_dict().items()}
    network.load_state_dict(state, assign=True)
    return network.eval().requires_grad_(False)


def _sort(kind: str) -> str:
    return "" if kind == "f" else "whole numbers "
