"""How the kernels are compiled: helpers melt into their callers; kernels run on all cores and are kept on disk.

Tests wrap every function in shape checks; numba gets the function inside.
"""

from collections.abc import Callable
from inspect import unwrap
from pathlib import Path
from typing import Any, TypeVar, cast

from numba import njit

SOURCES = ("compiling", "settings", "simd", "projection", "ellipses", "harmonics", "binning", "kernels")
"""The modules of this folder that compiled code is made from, beside its own."""

BLOCK = 512
"""Splats that one thread takes at a time."""

F = TypeVar("F", bound=Callable[..., Any])


def helper(function: F) -> F:
    """Compiled into its caller. Division by zero gives infinity, as in numpy."""
    return cast(F, njit(error_model="numpy", forceinline=True)(unwrap(function)))


def _kept(dispatcher: Any) -> Any:
    """Let a kernel on disk stand only for these very sources: numba by itself looks at the kernel's own file alone."""
    index = getattr(getattr(dispatcher, "_cache", None), "_cache_file", None)
    if index is not None:
        own = Path(dispatcher.py_func.__code__.co_filename)
        sources = [own, *(Path(__file__).with_name(f"{name}.py") for name in SOURCES)]
        index._source_stamp = tuple((s.stat().st_mtime, s.stat().st_size) for s in sources)
    return dispatcher


def kernel(function: F) -> F:
    """Compiled once for each precision, kept on disk; `prange` loops run on all cores."""
    return cast(F, _kept(njit(parallel=True, cache=True, error_model="numpy")(unwrap(function))))


def serial(function: F) -> F:
    """Compiled once for each precision, kept on disk; one core."""
    return cast(F, _kept(njit(cache=True, error_model="numpy")(unwrap(function))))


def is_kept(*kernels: Any) -> bool:
    """Whether all these kernels are compiled already, in this process or on disk; the first call compiles for seconds otherwise."""

    def on_disk(dispatcher: Any) -> bool:
        index = getattr(getattr(dispatcher, "_cache", None), "_cache_file", None)
        return index is not None and bool(index._load_index())

    return all(kernel.signatures or on_disk(kernel) for kernel in kernels)
