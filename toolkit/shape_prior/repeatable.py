"""Equal inputs give equal results: torch adds gradients of gathered values in the order threads finish, unless told not to."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def repeatable() -> Iterator[None]:
    """Within it torch uses algorithms whose result does not depend on timing; the caller's setting comes back afterwards."""
    before = torch.are_deterministic_algorithms_enabled()
    torch.use_deterministic_algorithms(True)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before)
