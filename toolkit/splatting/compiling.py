"""How the kernels are compiled: helpers melt into their callers; kernels run on all cores and are kept on disk.

Tests wrap every function in shape checks; numba gets the function inside.
"""

from collections.abc import Callable
from inspect import unwrap
from typing import Any, TypeVar, cast

from numba import njit

F = TypeVar("F", bound=Callable[..., Any])


def helper(function: F) -> F:
    """Compiled into its caller. Division by zero gives infinity, as in numpy."""
    return cast(F, njit(error_model="numpy", forceinline=True)(unwrap(function)))


def kernel(function: F) -> F:
    """Compiled once for each precision, kept on disk; `prange` loops run on all cores."""
    return cast(F, njit(parallel=True, cache=True, error_model="numpy")(unwrap(function)))


def serial(function: F) -> F:
    """Compiled once for each precision, kept on disk; one core."""
    return cast(F, njit(cache=True, error_model="numpy")(unwrap(function)))
