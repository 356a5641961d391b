"""How far splats moved by deltas are from where their triangles carry them."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from jaxtyping import Float64

from facecraft4d.exporters.splat_deltas import INVERSE
from facecraft4d.toolkit.core.datatypes import BoundSplats, Pose, Rig, Splats
from facecraft4d.toolkit.core.geometry import axis_angle_from_wxyz, multiply_wxyz
from facecraft4d.toolkit.core.motion import builtin_clip, builtin_clips, on_rig
from facecraft4d.toolkit.core.rigging import neutral_pose, place_splats, pose_vertices

FRAMES = 6
"""Of each clip that comes with the package, evenly spaced, that errors are measured in."""
STILL = 1e-6
"""Metres: splats that move less are not counted."""

Json = dict[str, object]
Player = Callable[[Pose], Splats]
"""The splats in a pose, as a reader of the export has them."""


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


def measured(rig: Rig, splats: BoundSplats, player: Player, poses: Iterator[Pose]) -> Json:
    """Mean, 99th percentile and maximum over all moved splats of all poses."""
    rest = place_splats(splats, rig.vertices, rig)
    parts = [errors(player(pose), place_splats(splats, pose_vertices(rig, pose), rig), rest) for pose in poses]
    found: Json = {"poses": len(parts)}
    for name, values in zip(Errors._fields, map(np.concatenate, zip(*parts, strict=True)), strict=True):
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
