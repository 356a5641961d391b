"""Equal inputs give equal results: torch adds gradients of gathered values in the order threads finish, unless told not to."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch


@contextmanager
def repeatable() -> Iterator[None]:
    """Within it torch sums in a fixed order on the CPU; every setting that it found comes back afterwards, so it may be nested.

    It is not for work on CUDA: there many operations have no fixed order and would raise, and the rasteriser sums with atomics anyway.
    """
    memory: Any = torch.utils.deterministic
    enabled, warns = torch.are_deterministic_algorithms_enabled(), torch.is_deterministic_algorithms_warn_only_enabled()
    fills = memory.fill_uninitialized_memory
    torch.use_deterministic_algorithms(True)
    memory.fill_uninitialized_memory = False  # for finding bugs; costs time
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(enabled, warn_only=warns)
        memory.fill_uninitialized_memory = fills
