"""facecraft4d inspect: what is in an avatar."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from facecraft4d.cli_common import parse, readable_bytes, say
from facecraft4d.exporters import SPLAT_READERS, load_splats
from facecraft4d.runtime import AvatarSummary, summarize


@dataclass(frozen=True)
class InspectCommand:
    """Say what is in an avatar: whether it may be used commercially and why, splats, rig, expressions, joints, size, provenance, licences."""

    avatar: Annotated[Path, tyro.conf.Positional]
    """An avatar.glb, or a file of splats (.ply, .spz)."""


def main(arguments: list[str]) -> int:
    """Run the command."""
    options = parse(InspectCommand, "inspect", arguments)
    path = options.avatar
    for name, value in splat_rows(path) if path.suffix.lower() in SPLAT_READERS else rows(summarize(path)):
        say(f"{name:<13} {value}")
    return 0


def splat_rows(path: Path) -> list[tuple[str, str]]:
    """Names and values of a file of splats, for people; what it says of itself comes last, as it stands in it."""
    found, count = load_splats(path), path.stat().st_size
    lowest, highest = found.splats.means.min(0), found.splats.means.max(0)
    return [
        ("bytes", f"{count:,} ({readable_bytes(count)})"),
        ("splats", f"{len(found.splats.means):,}, spherical harmonics of degree {found.sh_degree}"),
        ("extent", " x ".join(f"{low:.3f} to {high:.3f}" for low, high in zip(lowest, highest, strict=True))),
        ("order", f"as stamped: {found.order}" if found.order else "no stamp, or one of another number of splats"),
        *[("note", each) for each in found.notes],
    ]


def rows(summary: AvatarSummary) -> list[tuple[str, str]]:
    """Names and values, for people; the verdict comes first."""
    made, size = summary.provenance, " x ".join(f"{1000 * side:.0f}" for side in summary.extent)
    found = [
        ("verdict", f"commercial use: {summary.verdict}; {summary.reason}"),
        ("bytes", f"{summary.file_bytes:,} ({readable_bytes(summary.file_bytes)})"),
        ("splats", f"{summary.splats:,} on {summary.carrying_triangles:,} of {summary.triangles:,} triangles"),
        ("levels", ", ".join(f"{count:,}" for count in summary.level_splats) or "none"),
        ("rig", f"{summary.vertices:,} vertices, {size} mm"),
        ("regions", ", ".join(f"{name} {count:,}" for name, count in summary.region_triangles.items())),
        ("expressions", f"{len(summary.expressions)}: {', '.join(summary.expressions)}"),
        ("joints", ", ".join(summary.joints)),
        ("seed", str(made.seed)),
        ("versions", ", ".join(f"{name} {value}" for name, value in made.versions.items())),
        ("options", ", ".join(f"{name}={value}" for name, value in made.options.items())),
        ("metrics", ", ".join(f"{name} {value:.4g}" for name, value in made.metrics.items())),
    ]
    for item in made.ingredients:
        cleared = f"commercial use: {item.commercial_use}"
        found.append(
            ("ingredient", f"{item.name}: {item.role}; {item.licence}; {cleared}; {item.source}; {item.sha256}")
        )
    return [*found, ("licences", ", ".join(summary.licences))]
