"""How far splats moved by deltas are from where their triangles carry them."""

from collections.abc import Callable, Iterator
from dataclasses import fields, replace
from typing import NamedTuple

import numpy as np
from jaxtyping import Float64, Int64

from facecraft4d.exporters.splat_deltas import INVERSE, SplatChanges
from facecraft4d.toolkit.core.datatypes import BoundSplats, Pose, Rig, Splats
from facecraft4d.toolkit.core.geometry import axis_angle_from_wxyz, multiply_wxyz
from facecraft4d.toolkit.core.motion import builtin_clip, builtin_clips, on_rig
from facecraft4d.toolkit.core.rigging import neutral_pose, place_splats, pose_vertices

FRAMES = 6
"""Of each clip that comes with the package, evenly spaced, that errors are measured in."""
MOST_SPLATS = 4096
"""That errors are measured on, evenly spaced in their order: a head of 100 000 takes a minute else."""
STILL = 1e-6
"""Metres: splats that move less are not counted."""

Json = dict[str, object]
Player = Callable[[Pose], Splats]
"""The splats in a pose, as a reader of the export has them."""


class Sample(NamedTuple):
    """Some of an avatar's splats with what carries them."""

    rows: Int64[np.ndarray, " n"]
    """Which they are, ascending."""
    rig: Rig
    splats: BoundSplats

    def of(self, changes: SplatChanges) -> SplatChanges:
        """What becomes of these."""
        kept = np.isin(changes.rows, self.rows)
        rows, *kinds = (each[kept] for each in changes)
        return SplatChanges(np.searchsorted(self.rows, rows).astype(np.int32), *kinds)


def sample_of(rig: Rig, splats: BoundSplats) -> Sample:
    """At most `MOST_SPLATS`, and only their triangles and vertices."""
    count = len(splats.means)
    rows = np.arange(count) if count <= MOST_SPLATS else np.linspace(0, count - 1, MOST_SPLATS).astype(np.int64)
    some = BoundSplats(*(getattr(splats, each.name)[rows] for each in fields(splats)))
    faces, of_splat = np.unique(some.triangles, return_inverse=True)
    vertices, corners = np.unique(rig.triangles[faces], return_inverse=True)
    small = replace(
        rig,
        vertices=rig.vertices[vertices],
        triangles=corners.reshape(-1, 3).astype(np.int32),
        triangle_regions=rig.triangle_regions[faces],
        expression_deltas=rig.expression_deltas[:, vertices],
        skin_weights=rig.skin_weights[vertices],
        pose_deltas=None if rig.pose_deltas is None else rig.pose_deltas[:, vertices],
    )
    return Sample(rows, small, replace(some, triangles=of_splat.astype(np.int32)))


class Errors(NamedTuple):
    """Of the splats that a pose moves."""

    position_mm: Float64[np.ndarray, " n"]
    rotation_degrees: Float64[np.ndarray, " n"]
    scale_percent: Float64[np.ndarray, " n"]


def errors(found: Splats, exact: Splats, rest: Splats) -> Errors:
    """Of the splats that are not where they rest."""
    moved = (np.abs(exact.means - rest.means) > STILL).any(1)
    a, b = (each.rotations_wxyz[moved].astype(np.float64) for each in (found, exact))
    turn = axis_angle_from_wxyz(multiply_wxyz(a, b * INVERSE))
    return Errors(
        1000 * np.linalg.norm(found.means[moved] - exact.means[moved].astype(np.float64), axis=1),
        np.degrees(np.linalg.norm(turn, axis=1)),
        100 * np.abs(found.scales[moved].astype(np.float64) / exact.scales[moved] - 1).max(1),
    )


def measured(sample: Sample, rest: Splats, player: Player, poses: Iterator[Pose]) -> Json:
    """Mean, 99th percentile and maximum over all moved splats of all poses."""
    _, rig, splats = sample
    parts = [errors(player(pose), place_splats(splats, pose_vertices(rig, pose), rig), rest) for pose in poses]
    found: Json = {"poses": len(parts)}
    for name in Errors._fields:
        values = np.concatenate([np.zeros(0), *(getattr(part, name) for part in parts)])
        summary = (values.mean(), np.percentile(values, 99), values.max()) if len(values) else (0.0, 0.0, 0.0)
        found[name] = dict(zip(("mean", "p99", "max"), (float(f"{each:.3g}") for each in summary), strict=True))
    return found


def single_expressions(rig: Rig, weight: float) -> Iterator[Pose]:
    """Each expression alone."""
    rest = neutral_pose(rig)
    for row in np.eye(len(rig.expression_names), dtype=np.float32):
        yield replace(rest, expression=np.float32(weight) * row)


def single_turns(rig: Rig, angle: float) -> Iterator[Pose]:
    """Each joint about each axis of the world alone, radians."""
    rest = neutral_pose(rig)
    for row in np.eye(rest.joint_rotations.size, dtype=np.float32):
        yield replace(rest, joint_rotations=np.float32(angle) * row.reshape(-1, 3))


def clip_poses(rig: Rig, joints: bool) -> Iterator[Pose]:
    """Frames of the clips that come with the package, with or without what their joints do."""
    for name in builtin_clips():
        motion = on_rig(builtin_clip(name), rig)
        for frame in np.linspace(0, len(motion.expressions) - 1, FRAMES).astype(int):
            pose = motion.pose(int(frame))
            yield pose if joints else replace(neutral_pose(rig), expression=pose.expression)
