"""Networks that only measure, filled strictly from what a file holds."""

from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from torch import nn

from facecraft4d.toolkit.core.checks import UserError
from facecraft4d.toolkit.weights.matching import check_matching

COUNTS = "num_batches_tracked"
"""Ends the names of counts that only training reads; files of old versions of torch have none."""

Network = TypeVar("Network", bound=nn.Module)


def filled(network: Network, path: Path, what: str, arrays: Mapping[str, np.ndarray]) -> Network:
    """A network that was made on the meta device, with the arrays as its tensors, in float32 and without gradients.

    OtherArchitecture where they are not exactly its own, UserError where one is not finite; `what` says what the file should be.
    """
    wanted = network.state_dict()
    counts = {name: np.zeros((), np.int64) for name in wanted if name.endswith(COUNTS)}
    given = counts | dict(arrays)
    check_matching(f"{path}: expected {what}", network, given)
    for name, array in given.items():
        if not np.isfinite(array).all():
            raise UserError(f"{path}: expected {what}, found numbers in {name} that are not finite")
    state = {name: torch.tensor(given[name], dtype=like.dtype) for name, like in wanted.items()}
    network.load_state_dict(state, assign=True)
    return network.eval().requires_grad_(False)
