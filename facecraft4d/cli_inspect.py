"""facecraft4d inspect: what is in an avatar."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import tyro

from facecraft4d import exporters
from facecraft4d.cli_common import parse, readable_bytes
from facecraft4d.toolkit.asset import Avatar


@dataclass(frozen=True)
class Options:
    """Say what is in an avatar: splats, rig, expressions, joints, size, provenance, licences."""

    avatar: Annotated[Path, tyro.conf.Positional]
    """An avatar.glb."""


def main(arguments: list[str]) -> int:
    """Run the command."""
    options = parse(Options, "inspect", arguments)
    avatar = exporters.load(options.avatar)
    print(f"{options.avatar}  {readable_bytes(options.avatar.stat().st_size)}")
    for name, value in summary(avatar):
        print(f"{name:<14} {value}")
    return 0


def summary(avatar: Avatar) -> list[tuple[str, str]]:
    """Names and values, for people."""
    rig, splats, made = avatar.rig, avatar.splats, avatar.provenance
    size = rig.vertices.max(0) - rig.vertices.min(0)
    rows = [
        (
            "splats",
            f"{len(splats.means):,} on {len(np.unique(splats.triangles)):,} of {len(rig.triangles):,} triangles",
        ),
        ("rig", f"{len(rig.vertices):,} vertices, {size[0]:.3f} x {size[1]:.3f} x {size[2]:.3f} m"),
        ("regions", ", ".join(rig.region_names)),
        ("expressions", f"{len(rig.expression_names)}: {', '.join(rig.expression_names)}"),
        ("joints", ", ".join(rig.joint_names)),
        ("seed", str(made.seed)),
        ("versions", ", ".join(f"{name} {value}" for name, value in made.versions.items())),
        ("options", ", ".join(f"{name}={value}" for name, value in made.options.items())),
        ("metrics", ", ".join(f"{name} {value:.4g}" for name, value in made.metrics.items())),
    ]
    for item in made.ingredients:
        verdict = "commercial use" if item.commercial_use else "NOT for commercial use, or in doubt"
        rows.append(("ingredient", f"{item.name}: {item.role}; {item.licence}; {verdict}; {item.source}"))
    rows.append(
        ("verdict", "commercial use of every ingredient" if made.commercial_use else "not all may be used commercially")
    )
    return rows
