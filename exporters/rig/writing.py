"""The export rig: splats that move without triangles, for engine programmers. Every key and byte is described in docs/formats/rig.md.

rig.json says all in words and numbers; splats.bin has the splats at rest, deltas.bin what expressions and joints do to them.
"""

import json
from collections.abc import Iterator
from dataclasses import asdict, replace
from functools import partial
from typing import Any

import numpy as np

from facecraft4d.exporters.gltf.writing import MAX_JOINTS
from facecraft4d.exporters.options import ExportOptions
from facecraft4d.exporters.order import splat_order
from facecraft4d.exporters.rig.deltas import COLUMNS, KINDS, PackedSet, pack, unpack
from facecraft4d.exporters.rig.error import clip_poses, measured, sample_of, single_expressions, single_turns
from facecraft4d.exporters.rig.play import blend, hang_on_joints
from facecraft4d.exporters.rig.stitching import WHOLE, splat_skin, stitching
from facecraft4d.exporters.rights import rights_of
from facecraft4d.exporters.splat_deltas import SplatChanges, splat_changes
from facecraft4d.toolkit.core.asset import Avatar, check_avatar
from facecraft4d.toolkit.core.checks import check_range
from facecraft4d.toolkit.core.datatypes import Pose, Rig, Splats
from facecraft4d.toolkit.core.rigging import joint_transforms, neutral_pose, place_splats, pose_vertices, pose_weights

VERSION = 1
ANGLE = 0.2
"""Radians: a joint axis' deltas are the slope between a turn by as much to either side; a wide turn of the jaw."""
TYPES = {"f4": "float32", "u4": "uint32", "u2": "uint16", "u1": "uint8"}

BINDING = (
    "A splat lies on a triangle of the rig's mesh and moves, turns and grows with it. An expression's deltas are what its triangle does to it at "
    "weight 1: a displacement of its mean (metres, world), a rotation that multiplies its own from the left (axis-angle, radians, world) and the natural "
    "logarithm of a factor of its three standard deviations. Opacity and colour stay. Splats that are not listed do not change."
)
BLENDING = (
    "With weight w of each expression: mean = rest mean + sum of w * displacement; rotation = quaternion(sum of w * axis-angle) * rest rotation; "
    "standard deviations = rest * exp(sum of w * logarithm).",
    "Correctives, where there are any, are sets like expressions; their coefficients are the entries, row-major, of (rotation - identity) of each joint after the first.",
    "Then joints: transform[j] = parent's transform * turn about the joint's position (plus the sum of w * its expression_deltas), the first joint's parent being "
    "the translation of the head; mean = (sum of joint weight * transform) * mean; rotation = normalised sum of joint weight * quaternion(transform), "
    "signs as the first's, * rotation.",
    "Or, for small turns in an engine without joints: joint_axes are sets like expressions, their coefficients the axis-angle's x, y, z in radians.",
    "Splats are drawn from back to front, premultiplied, in sRGB as displayed.",
)

Json = dict[str, Any]


class Blob:
    """Arrays one after another in a file, and where each is."""

    def __init__(self) -> None:
        self._data = bytearray()

    def add(self, data: bytes) -> int:
        """Append, at a multiple of 4; returns the offset."""
        self._data += bytes(-len(self._data) % 4)
        self._data += data
        return len(self._data) - len(data)

    def array(self, array: np.ndarray) -> Json:
        """Append an array [n] or [n, width]; returns its description."""
        little = array.astype(array.dtype.newbyteorder("<"))
        offset = self.add(little.tobytes())
        return {
            "offset": offset,
            "count": len(array),
            "components": array[0].size,
            "type": TYPES[little.dtype.str[1:]],
        }

    def to_bytes(self) -> bytes:
        return bytes(self._data)


class Sets:
    """Every set of changes, as it is written and as it is read."""

    def __init__(self, avatar: Avatar, options: ExportOptions) -> None:
        rig = avatar.rig
        self.expressions = len(rig.expression_names)
        self.correctives = 0 if rig.pose_deltas is None else len(rig.pose_deltas)
        self.packed: list[PackedSet] = []
        self.read: list[SplatChanges] = []
        for changes in all_changes(avatar):
            self.packed.append(pack(changes, options.rig.delta_type))
            self.read.append(unpack(self.packed[-1]))

    def coefficients(self, pose: Pose, axes: bool) -> dict[int, float]:
        """Of a pose, those that are not 0; `axes` turns joints by deltas."""
        parts = [pose.expression]
        if self.correctives:
            parts.append(pose_weights(pose))
        if axes:
            parts.append(pose.joint_rotations.ravel())
        values = np.concatenate(parts)
        return {int(index): float(values[index]) for index in np.flatnonzero(values)}


def all_changes(avatar: Avatar) -> Iterator[SplatChanges]:
    """Of expressions, pose correctives and joint axes, in this order."""
    rig, splats = avatar.rig, avatar.splats
    for delta in (*rig.expression_deltas, *(() if rig.pose_deltas is None else rig.pose_deltas)):
        yield splat_changes(rig, splats, rig.vertices, rig.vertices + delta)
    bare = replace(rig, pose_deltas=None)  # correctives are sets of their own
    for row in np.eye(3 * len(rig.joint_names), dtype=np.float32):
        before, after = (
            pose_vertices(bare, replace(neutral_pose(rig), joint_rotations=np.float32(angle) * row.reshape(-1, 3)))
            for angle in (-ANGLE, ANGLE)
        )
        rows, *kinds = splat_changes(rig, splats, before, after)
        yield SplatChanges(rows, *(np.asarray(kind / (2 * ANGLE), np.float32) for kind in kinds))


def export_rig(avatar: Avatar, options: ExportOptions) -> Iterator[tuple[str, bytes]]:
    """The three files one by one. Raises ValueError for an unsound avatar."""
    check_avatar(avatar)
    rig, splats = avatar.rig, avatar.splats
    check_range("number of joints", float(len(rig.joint_names)), 1.0, float(MAX_JOINTS))
    check_range("number of splats", float(len(splats.means)), 1.0, float(np.iinfo(np.uint32).max))
    sets, still, moving = Sets(avatar, options), Blob(), Blob()
    document = _head(avatar, options) | {
        "splats": {"file": "splats.bin", "count": len(splats.means), "arrays": _rest(still, avatar)},
        "skin": {"file": "splats.bin", "whole": WHOLE, **_arrays(still, splat_skin(rig, splats))},
        "stitching": {
            "file": "splats.bin",
            "mesh": "HeadRig",
            "primitive": 0,
            **_arrays(still, stitching(rig, splats)),
        },
        "joints": _joints(rig),
        "deltas": {
            "file": "deltas.bin",
            "type": options.rig.delta_type.value,
            "row": dict(zip(KINDS, COLUMNS, strict=True)),
        },
        **_sets(moving, rig, sets),
        "error": _error(avatar, sets),
    }
    yield "rig.json", json.dumps(document, ensure_ascii=False, allow_nan=False, indent=1).encode()
    yield "splats.bin", still.to_bytes()
    yield "deltas.bin", moving.to_bytes()


def _head(avatar: Avatar, options: ExportOptions) -> Json:
    """What the file is, in words."""
    order = splat_order(avatar.splats)
    return {
        "format": "facecraft4d rig",
        "version": VERSION,
        "rights": asdict(rights_of(avatar.provenance, options)),
        "provenance": asdict(avatar.provenance),
        "axes": "right-handed, +Y up, the face looks along +Z, the subject's left is +X; origin between the ears",
        "units": {"length": "metre", "angle": "radian", "weight": "1 is the whole expression; not clamped"},
        "quaternions": "wxyz",
        "color_space": "sRGB as displayed (Rec. 709), blended as displayed",
        "byte_order": "little-endian",
        "order": {**asdict(order), "of": "the same order as GLB, PLY and SPZ of this avatar"},
        "binding": BINDING,
        "blending": list(BLENDING),
    }


def _rest(blob: Blob, avatar: Avatar) -> Json:
    rest = place_splats(avatar.splats, avatar.rig.vertices, avatar.rig)
    names = ("means", "rotations_wxyz", "scales", "opacities", "colors")
    return {name: blob.array(getattr(rest, name)) for name in names}


def _arrays(blob: Blob, parts: Any) -> Json:
    """The fields of a named tuple."""
    return {name: blob.array(part) for name, part in parts._asdict().items()}


def _joints(rig: Rig) -> list[Json]:
    found: list[Json] = []
    for index, (name, parent) in enumerate(zip(rig.joint_names, rig.joint_parents, strict=True)):
        joint: Json = {"name": name, "parent": parent, "position": rig.joint_positions[index].tolist()}
        if rig.joint_deltas is not None:
            joint["expression_deltas"] = rig.joint_deltas[:, index].tolist()
        found.append(joint)
    return found


def _sets(blob: Blob, rig: Rig, sets: Sets) -> Json:
    """Where each set is, sorted into the three kinds."""
    listed = [
        {
            "offset": blob.add(each.to_bytes()),
            "count": len(each.rows),
            "scale": dict(zip(KINDS, each.scales, strict=True)),
        }
        for each in sets.packed
    ]
    first, second = sets.expressions, sets.expressions + sets.correctives
    axes = [{"joint": name, "axis": axis, "angle": ANGLE} for name in rig.joint_names for axis in "xyz"]
    return {
        "expressions": [{"name": name} | each for name, each in zip(rig.expression_names, listed[:first], strict=True)],
        "correctives": listed[first:second],
        "joint_axes": [axis | each for axis, each in zip(axes, listed[second:], strict=True)],
    }


def _error(avatar: Avatar, sets: Sets) -> Json:
    """Against the exact deformation, of the numbers as they are written."""
    sample = sample_of(avatar.rig, avatar.splats)
    rig, splats = sample.rig, sample.splats
    rest, skin = place_splats(splats, rig.vertices, rig), splat_skin(rig, splats)
    changes = [sample.of(each) for each in sets.read]

    def by_joints(pose: Pose) -> Splats:
        moved = blend(rest, changes, sets.coefficients(pose, axes=False))
        moves = pose.joint_rotations.any() or pose.translation.any()
        return hang_on_joints(moved, skin, joint_transforms(rig, pose)) if moves else moved

    def by_axes(pose: Pose) -> Splats:
        return blend(rest, changes, sets.coefficients(pose, axes=True))

    measure = partial(measured, sample, rest)
    return {
        "of": f"{len(rest.means)} splats, those that a pose moves, against the exact deformation",
        "expressions_at_0.5": measure(by_joints, single_expressions(rig, 0.5)),
        "expressions_at_1": measure(by_joints, single_expressions(rig, 1.0)),
        "clips_without_joints": measure(by_joints, clip_poses(rig, joints=False)),
        "clips": measure(by_joints, clip_poses(rig, joints=True)),
        "joints_at_0.2_radians": measure(by_joints, single_turns(rig, ANGLE)),
        "joint_axes_at_0.2_radians": measure(by_axes, single_turns(rig, ANGLE)),
    }
