"""Shape and range checks for public borders: each raises a ValueError that names argument, expectation and value."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from facecraft4d.toolkit.core.text import shown


class UserError(Exception):
    """A mistake in what the user gave (a file, an option). The command line prints its one line and exits with code 2.

    Texts of a file may stand in the message: it is one line, nothing in it acts on a terminal, and it is cut where it is endless.
    """

    def __init__(self, message: object) -> None:
        super().__init__(shown(message))


def check_shape(name: str, array: Any, shape: tuple[int | str, ...], sizes: dict[str, int] | None = None) -> None:
    """Check ``array.shape``; strings in `shape` bind a size on first sight and must agree afterwards (through `sizes`)."""
    bound = {} if sizes is None else sizes
    found = tuple(array.shape)
    expected = "[" + ", ".join(str(s) for s in shape) + "]"
    if len(found) != len(shape):
        raise ValueError(f"{name} must be {expected}, got {list(found)}")
    for wanted, size in zip(shape, found, strict=True):
        if (bound.setdefault(wanted, size) if isinstance(wanted, str) else wanted) != size:
            raise ValueError(f"{name} must be {expected} with {bound}, got {list(found)}")


def check_finite(name: str, array: Any) -> None:
    """Refuse NaN and infinity by the argument's name."""
    bad = ~np.isfinite(np.asarray(array))
    if bad.any():
        raise ValueError(
            f"{name} must be finite, found {int(bad.sum())} values that are not, first at {tuple(np.argwhere(bad)[0].tolist())}"
        )


def check_all(name: str, array: Any, low: float, high: float) -> None:
    """Refuse what is outside of ``low <= value <= high``, and what is no number, by the argument's name."""
    values = np.asarray(array)
    if not values.size:
        return
    least, most = values.min(), values.max()  # NaN if any is
    if not (low <= least and most <= high):
        check_finite(name, values)
        raise ValueError(f"{name} must be between {low:g} and {high:g}, got {least:g} to {most:g}")


def check_range(name: str, value: float, low: float, high: float) -> None:
    """Check ``low <= value <= high``."""
    if not low <= value <= high:
        raise ValueError(f"{name} must be between {low} and {high}, got {value}")


def check_known(name: str, value: str, known: Mapping[str, Any] | tuple[str, ...]) -> None:
    """Check that `value` is one of the `known` names."""
    if value not in known:
        raise ValueError(f"{name} must be one of {', '.join(known)}, got {value}")
