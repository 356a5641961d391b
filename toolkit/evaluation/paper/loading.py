"""Networks that only measure, filled strictly from what a file holds."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from facecraft4d.toolkit.weights import matching
from facecraft4d.toolkit.weights.matching import Network

COUNTS = "num_batches_tracked"
"""Ends the names of counts that only training reads; files of old versions of torch have none."""


def filled(network: Network, path: Path, what: str, arrays: Mapping[str, np.ndarray]) -> Network:
    """As `matching.filled`, without asking for counts; `what` says what the file should be."""
    counts = {name: np.zeros((), np.int64) for name in network.state_dict() if name.endswith(COUNTS)}
    return matching.filled(network, f"{path}: expected {what}", counts | dict(arrays))
