"""What is in an avatar, as data; the command line prints it."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from facecraft4d.exporters import load
from facecraft4d.toolkit.core.asset import Avatar, Provenance
from facecraft4d.toolkit.core.ingredients import Commercial


@dataclass(frozen=True, slots=True)
class AvatarSummary:
    """Counts, names and provenance of an avatar file."""

    file_bytes: int
    splats: int
    level_splats: tuple[int, ...]
    """Splats of each level of detail."""
    carrying_triangles: int
    """Triangles with at least one splat."""
    vertices: int
    triangles: int
    region_triangles: dict[str, int]
    """Triangles of each region."""
    extent: tuple[float, float, float]
    """Width, height and depth of the rig at rest, metres."""
    expressions: tuple[str, ...]
    joints: tuple[str, ...]
    provenance: Provenance
    licences: tuple[str, ...]
    """Every licence that is in it, alphabetical."""
    verdict: Commercial
    """Whether the avatar may be used commercially."""
    reason: str
    """Why, with the names of the ingredients that decide it."""


def summarize(path: Path) -> AvatarSummary:
    """Read an avatar file and say what is in it. Raises UserError if it is none."""
    return summarize_avatar(load(path), path.stat().st_size)


def summarize_avatar(avatar: Avatar, file_bytes: int) -> AvatarSummary:
    """What is in the avatar, whose file has that many bytes."""
    rig, provenance = avatar.rig, avatar.provenance
    counts = np.bincount(rig.triangle_regions, minlength=len(rig.region_names))
    width, height, depth = np.ptp(rig.vertices, axis=0).tolist()
    return AvatarSummary(
        file_bytes=file_bytes,
        splats=len(avatar.splats.means),
        level_splats=tuple(len(level.means) for level in avatar.levels),
        carrying_triangles=len(np.unique(avatar.splats.triangles)),
        vertices=len(rig.vertices),
        triangles=len(rig.triangles),
        region_triangles=dict(zip(rig.region_names, counts.tolist(), strict=True)),
        extent=(width, height, depth),
        expressions=rig.expression_names,
        joints=rig.joint_names,
        provenance=provenance,
        licences=tuple(sorted({ingredient.licence for ingredient in provenance.ingredients})),
        verdict=provenance.verdict,
        reason=provenance.reason,
    )
