"""The tables of docs/engines.md, from the samples' reports."""

from collections.abc import Mapping, Sequence
from typing import Any

Reports = Mapping[str, Mapping[str, Any]]

HEADER = ("engine", "file", "moves", "joints", "colour off by", "PSNR", "ms a frame", "verified in", "how")
PARTS = ("centre", "rotation", "scale")


def main_table(reports: Reports) -> str:
    """A row for each engine."""
    return _table(HEADER, [_row(report) for report in reports.values()])


def _row(report: Mapping[str, Any]) -> list[str]:
    psnr, moves = report["psnr"], report["moves"]
    splats, time = report.get("splats"), report.get("ms_per_frame")
    return [
        report["engine"],
        f"`{report['file']}`",
        ", ".join(part for part in PARTS if moves.get(part)) or "the mesh",
        "yes" if report["joints"] else "no",
        f"{report['mean_colour_difference']:.1f}/255" if psnr else "",
        _range([each for each in psnr.values()]) if psnr else "",
        f"{time:.0f}" + (f" ({splats:,} splats)" if splats else "") if time else "",
        report["verified"],
        report.get("notes", "") + "".join(f"; {pose}: {reason}" for pose, reason in report.get("wrong", {}).items()),
    ]


def _range(values: Sequence[float]) -> str:
    low, high = min(values), max(values)
    return f"{low:.1f} to {high:.1f} dB"


def frames_table(reports: Reports) -> str:
    """Which file without a rig stands upright in which engine."""
    labels = list(dict.fromkeys(label for report in reports.values() for label in report.get("stills", {})))
    rows = [
        [report["engine"], *(_stands(report["stills"].get(label)) for label in labels)]
        for report in reports.values()
        if report.get("stills")
    ]
    return _table(("engine", *labels), rows)


def _stands(upright: bool | None) -> str:
    return "" if upright is None else "upright" if upright else "**not upright**"


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def replaced(document: str, name: str, table: str) -> str:
    """The document with what stands between its comments `<!-- name -->` and `<!-- /name -->` replaced. ValueError where they are not there."""
    begin, end = f"<!-- {name} -->\n", f"<!-- /{name} -->"
    if begin not in document or end not in document:
        raise ValueError(f"document must have {begin.strip()} and {end.strip()}")
    before, rest = document.split(begin, 1)
    return before + begin + table + "\n" + end + rest.split(end, 1)[1]
