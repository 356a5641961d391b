"""The type checker of the tests: beartype, asked for a function's check when the function is called first.

Writing the checks of all functions takes a quarter of a run's start, and most runs call a small part of them.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any

from beartype import beartype


def checked(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function, checked by beartype from its first call on."""
    written: list[Callable[..., Any]] = []

    @wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        if not written:
            written.append(beartype(function))
        return written[0](*args, **kwargs)

    return call
