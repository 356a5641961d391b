"""facecraft4d weights: the pretrained files."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

import tyro

from facecraft4d.cli_common import parse, readable_bytes
from facecraft4d.cli_progress import shown_progress
from facecraft4d.toolkit import weights
from facecraft4d.toolkit.core.checks import UserError


class Action(StrEnum):
    """What to do with the pretrained files."""

    LIST = "list"
    FETCH = "fetch"
    PATH = "path"


@dataclass(frozen=True)
class Options:
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
    options = parse(Options, "weights", arguments)
    known = tuple(row.name for row in weights.TABLE)
    for name in options.names:
        if name not in known:
            raise UserError(f"'{name}' is no pretrained file; there are {', '.join(known)}")
    if options.action is Action.LIST:
        print_table(options.names or known)
    elif options.action is Action.FETCH:
        with shown_progress() as report:
            for name in options.names or default_names():
                weights.path(name, report=report)
    else:
        if not options.names:
            raise UserError(f"weights path needs a name; there are {', '.join(known)}")
        for name in options.names:
            print(weights.path(name))
    return 0


def default_names() -> tuple[str, ...]:
    """Everything but what an option must ask for: files in doubt are never fetched unasked."""
    return tuple(row.name for row in weights.TABLE if row.commercial_use)


def print_table(names: tuple[str, ...]) -> None:
    """One paragraph per file."""
    for row in (row for row in weights.TABLE if row.name in names):
        state = "here" if weights.cached_path(row.name).exists() else "not fetched"
        verdict = "yes" if row.commercial_use else "no, or in doubt"
        print(f"{row.name}  ({readable_bytes(row.size)}, {state})")
        print(f"  needed by   {row.needed_by}")
        print(f"  licence     {row.licence}; commercial use: {verdict}")
        print(f"  credit      {row.credit}")
        print(f"  from        {', '.join(f'{c.client} {c.package} {c.version}' for c in row.carriers)}")
        print(f"  sha256      {row.sha256}")
        print(f"  your own    {row.environment_variable}=FILE")
