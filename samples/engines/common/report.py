"""What a sample says of its engine: one JSON file, the same for browsers, Blender, USD and the rest."""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

from facecraft4d.samples.engines.common.pictures import Comparison
from facecraft4d.toolkit.core.files import write_whole


@dataclass(frozen=True)
class Report:
    """One row of the table in docs/engines.md."""

    engine: str
    """Name and version."""
    file: str
    """What it read."""
    verified: str
    """How: in what, by which pictures."""
    moves: dict[str, bool]
    """Whether centre, rotation and scale of the splats move; found out by holding each back."""
    joints: bool
    """Whether the head turned."""
    psnr: dict[str, float]
    """Decibels against our renderer, by pose."""
    mean_colour_difference: float
    """The worst pose's, of 255."""
    ms_per_frame: float | None
    """Milliseconds of a frame at `splats` splats, deformation included."""
    splats: int | None
    wrong: dict[str, str] = field(default_factory=dict)
    """What is not as it should be, by pose; empty where all is well."""
    notes: str = ""

    @property
    def ok(self) -> bool:
        """Nothing is wrong."""
        return not self.wrong


def write_report(report: Report, path: Path) -> None:
    """The report as JSON: whole or not at all."""
    write_whole(path, (json.dumps(asdict(report) | {"ok": report.ok}, indent=1) + "\n").encode())


def judged(compared: dict[str, Comparison]) -> dict[str, object]:
    """The fields of a report that follow from pictures alone."""
    return {
        "psnr": {name: round(each.psnr, 2) for name, each in compared.items()},
        "mean_colour_difference": round(max(each.colour for each in compared.values()), 2),
        "wrong": {name: each.wrong for name, each in compared.items() if each.wrong},
    }
