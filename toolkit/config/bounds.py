"""The lowest and highest value of an option, written beside its field: ``views: Annotated[int, Bounds(8, 72)] = 24``."""

from collections.abc import Iterator
from dataclasses import dataclass, fields, is_dataclass
from typing import Any, get_type_hints

from facecraft4d.toolkit.core.checks import UserError


@dataclass(frozen=True, slots=True)
class Bounds:
    """An option's lowest and highest value; both may be taken."""

    low: int | float
    high: int | float

    def check(self, option: str, value: int | float) -> None:
        """UserError that names the option unless the value is a number within the bounds."""
        if not self.low <= value <= self.high:  # neither is NaN
            raise UserError(f"{option} must be between {_told(self.low)} and {_told(self.high)}, got {_told(value)}")


SHARE = Bounds(0, 1)
"""A share of something."""


def check_bounds(config: Any) -> None:
    """UserError for the first field of a config, groups within it included, that lies outside of the bounds beside it."""
    for path, value, bounds in bounded_fields(config):
        if value is not None:
            bounds.check(option_name(path), value)


def bounded_fields(config: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any, Bounds]]:
    """Path, value and bounds of each field that has bounds, groups within the config included."""
    hints = get_type_hints(type(config), include_extras=True)
    for each in fields(config):
        value, here = getattr(config, each.name), (*path, each.name)
        if is_dataclass(value):
            yield from bounded_fields(value, here)
        for note in getattr(hints[each.name], "__metadata__", ()):
            if isinstance(note, Bounds):
                yield here, value, note


def option_name(path: tuple[str, ...]) -> str:
    """What the command line calls a field: --training.rates.log-scales."""
    return f"--{'.'.join(path)}".replace("_", "-")


def _told(value: int | float) -> str:
    return f"{value:.10g}" if isinstance(value, float) else str(value)
