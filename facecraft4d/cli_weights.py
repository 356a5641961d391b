"""facecraft4d weights: the pretrained files."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

import tyro

from facecraft4d.cli_common import parse, readable_bytes, say
from facecraft4d.cli_progress import shown_progress
from facecraft4d.toolkit import weights
from facecraft4d.toolkit.core.checks import UserError


class Action(StrEnum):
    """What to do with the pretrained files."""

    LIST = "list"
    FETCH = "fetch"
    PATH = "path"


@dataclass(frozen=True)
class WeightsCommand:
    """List, fetch or locate the pretrained files.

    list prints the table (licence, commercial use, sha256, where from, who needs it); fetch gets the named files, or all that the
    default options need; path prints where a file is, fetching it if need be.
    """

    action: Annotated[Action, tyro.conf.Positional]
    """list, fetch or path."""
    names: Annotated[tuple[str, ...], tyro.conf.Positional] = ()
    """Names from the list."""


def main(arguments: list[str]) -> int:
    """Run the command."""
    options = parse(WeightsCommand, "weights", arguments)
    known = tuple(row.name for row in weights.TABLE)
    for name in options.names:
        if name not in known:
            raise UserError(f"'{name}' is no pretrained file; there are {', '.join(known)}")
    if options.action is Action.LIST:
        print_table(options.names or known)
    elif options.action is Action.FETCH:
        with shown_progress() as report:
            for name in options.names or weights.default_names():
                weights.path(name, report=report)
    else:
        if not options.names:
            raise UserError(f"weights path needs a name; there are {', '.join(known)}")
        for name in options.names:
            say(weights.path(name))
    return 0


def print_table(names: tuple[str, ...]) -> None:
    """One paragraph per row."""
    for row in (row for row in weights.TABLE if row.name in names):
        state, origin = _carried(row) if isinstance(row, weights.WeightFile) else _brought(row)
        say(f"{row.name}  ({state})")
        verdict = f"{row.licence}; commercial use: {row.commercial_use}"
        for label, value in (("needed by", row.needed_by), ("licence", verdict), ("credit", row.credit), *origin):
            say(f"  {label:<11} {value}")


def _carried(row: weights.WeightFile) -> tuple[str, list[tuple[str, str]]]:
    """State and origin of a file that packages carry."""
    state = "here" if weights.is_cached(row.name) else "not fetched"
    return f"{readable_bytes(row.size)}, {state}", [
        ("from", ", ".join(f"{c.client} {c.package} {c.version}" for c in row.carriers)),
        ("sha256", row.sha256),
        ("your own", f"{row.environment_variable}=FILE"),
    ]


def _brought(row: weights.BroughtWeights) -> tuple[str, list[tuple[str, str]]]:
    """State and origin of what the user brings."""
    try:
        state = f"yours, at {weights.path(row.name)}"
    except UserError:
        state = f"yours to bring: a {row.kind}"
    return state, [
        *(("expected", f"{pattern}: {words}") for pattern, words in row.expected),
        ("ask for it", row.ask),
        ("your own", row.pointers),
    ]
