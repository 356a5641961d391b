"""What a program holds on a head by name, whatever its sources of poses say."""

from collections.abc import Iterator, MutableMapping, Sequence

import numpy as np

from facecraft4d.toolkit.core.checks import UserError


class Held(MutableMapping[str, float | Sequence[float]]):
    """Values by name: `held["jawOpen"] = 0.4` holds one, `del held["jawOpen"]` lets go, `clear()` lets go of all."""

    def __init__(self, what: str, names: Sequence[str], size: int) -> None:
        """Of `what` (for complaints) with these names, `size` numbers each."""
        self._what, self._size = what, size
        self._rows = {name: row for row, name in enumerate(names)}
        self._values: dict[str, np.ndarray] = {}

    def __setitem__(self, name: str, value: float | Sequence[float]) -> None:
        """UserError for a name that is none, ValueError for anything but `size` finite numbers."""
        if name not in self._rows:
            near = [known for known in self._rows if name.lower()[:4] in known.lower()]
            names = ", ".join(near or [*list(self._rows)[:6], "..."])
            raise UserError(f"this avatar has no {self._what} {name}; it has {names}")
        numbers = np.asarray(value, np.float32).reshape(-1)
        if numbers.shape != (self._size,) or not np.isfinite(numbers).all():
            raise ValueError(f"{self._what} {name} must be {self._size} finite numbers, got {value}")
        self._values[name] = numbers

    def __getitem__(self, name: str) -> float | Sequence[float]:
        numbers = self._values[name].tolist()
        return float(numbers[0]) if self._size == 1 else tuple(numbers)

    def __delitem__(self, name: str) -> None:
        del self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def over(self, values: np.ndarray) -> np.ndarray:
        """The array of all names' values with what is held in its place; the array itself where nothing is."""
        if not self._values:
            return values
        changed = values.copy()
        for name, numbers in self._values.items():
            changed[self._rows[name]] = numbers if self._size > 1 else numbers[0]
        return changed
