"""What every stage is given and says: its context, its progress."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

UNKNOWN = 0
"""Total of steps whose number nobody knows before the last."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a stage is; the command line draws it."""

    stage: str
    step: int
    total: int
    message: str = ""
    losses: Mapping[str, float] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    """What the user should know at once, a line each; a report with notes says nothing else."""


Report = Callable[[Progress], None]
"""Takes what a stage says of its progress."""


def silent(progress: Progress) -> None:
    """The `Report` of who does not listen."""


@dataclass(frozen=True, slots=True)
class StageContext:
    """What every stage is given beside its inputs and options: the last argument of each `run`."""

    seed: int
    """Every random choice follows from it."""
    device: str
    """Where tensors live: cpu or cuda. It decides how fast a result comes, not which."""
    folder: Path
    """The stage's own: pictures that belong to its result, or checkpoints of an interrupted run."""
    report: Report
