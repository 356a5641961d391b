"""Draws progress: bars on a terminal, a line now and then elsewhere."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from facecraft4d.cli_common import complain
from facecraft4d.toolkit.core.stages import UNKNOWN, Progress
from facecraft4d.toolkit.core.text import shown

Report = Callable[[Progress], None]

SECONDS_BETWEEN_LINES = 10.0
"""How often a stage speaks where there is no terminal."""
MOST_IN_MESSAGE = 200
"""Characters of a message beside a bar."""


@contextmanager
def shown_progress() -> Iterator[Report]:
    """A report function that draws on standard error while the context lasts."""
    if not sys.stderr.isatty():
        yield plain_lines()
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bars

    columns = (
        TextColumn("{task.fields[stage]:<12}", markup=False), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("{task.description}", markup=False)
    )  # fmt: skip
    with Bars(*columns, console=Console(stderr=True)) as bars:
        tasks = {}

        def draw(progress: Progress) -> None:
            if progress.notes:
                bars.console.print(
                    *notes(progress), sep="\n", markup=False, highlight=False
                )  # above the bars, where it stays
                return
            if progress.stage not in tasks:
                tasks[progress.stage] = bars.add_task("", total=progress.total or None, stage=progress.stage)
            text = describe(progress)
            bars.update(tasks[progress.stage], completed=progress.step, total=progress.total or None, description=text)

        yield draw


def plain_lines(clock: Callable[[], float] = time.monotonic) -> Report:
    """A report function that prints a stage's first and last step and, in between, a line every ten seconds."""
    last: dict[str, float] = {}

    def say(progress: Progress) -> None:
        if progress.notes:
            complain(*notes(progress))
            return
        now = clock()
        first, ended = progress.stage not in last, progress.total != UNKNOWN and progress.step >= progress.total
        if first or ended or now - last[progress.stage] >= SECONDS_BETWEEN_LINES:
            last[progress.stage] = now
            steps = f"{progress.step}/{progress.total}" if progress.total != UNKNOWN else f"{progress.step}"
            complain(f"{progress.stage:<12} {steps} {describe(progress)}")

    return say


def notes(progress: Progress) -> list[str]:
    """What the user should know at once, a line each."""
    return [f"{progress.stage:<12} note: {shown(text)}" for text in progress.notes]


def describe(progress: Progress) -> str:
    """The message and the losses of a step."""
    losses = "  ".join(f"{name} {value:.4f}" for name, value in progress.losses.items())
    return "  ".join(part for part in (shown(progress.message, MOST_IN_MESSAGE), losses) if part)
