"""The arrays that the compute passes of Unity and Godot 4 take, from an avatar.glb, as one file of raw numbers and one that lists them.

    python samples/engines/deform_buffers.py my_head/avatar.glb my_head/buffers

writes buffers.bin and buffers.json. docs/embedding.md, "Buffers", says what each holds.
"""

import json
import sys
from pathlib import Path

import numpy as np

from facecraft4d.exporters import load
from facecraft4d.exporters.order import splat_order
from facecraft4d.runtime.gl.packing import bound_rows, vertex_deltas
from facecraft4d.toolkit.core.asset import Avatar
from facecraft4d.toolkit.core.datatypes import BoundSplats, Rig
from facecraft4d.toolkit.core.files import place_all, scratch_folder

INFLUENCES = 4
"""Joints that may hold a vertex; smaller weights than the four largest are left out and the rest scaled to a sum of 1."""


def deform_buffers(rig: Rig, splats: BoundSplats) -> dict[str, np.ndarray]:
    """Every array that stays the same from pose to pose, by its name in the passes, little-endian 32 bit numbers."""
    starts, deltas = vertex_deltas(rig)
    moved = (
        np.zeros((len(rig.expression_names), len(rig.joint_names), 3)) if rig.joint_deltas is None else rig.joint_deltas
    )
    joints, weights = influences(rig)
    bare = np.pad(rig.vertices, ((0, 0), (0, 1)))
    found = {
        "bind_joints": np.concatenate([rig.joint_positions.ravel(), moved.ravel()]).astype("<f4"),
        "parents": np.array(rig.joint_parents, "<i4"),
        "mesh": np.stack([bare, joints, weights], 1).astype("<f4"),
        "starts": starts,
        "deltas": deltas,
        "triangles": rig.triangles.astype("<u4").ravel(),
        "bound": bound_rows(splats),
        "colors": splats.colors.astype("<f4"),
    }
    return found


def influences(rig: Rig) -> tuple[np.ndarray, np.ndarray]:
    """Joints and weights [v, 4] of the largest weights, zeros where there are fewer joints."""
    joints = np.argsort(-rig.skin_weights, axis=1, kind="stable")[:, :INFLUENCES]
    weights = np.take_along_axis(rig.skin_weights, joints, 1)
    padding = ((0, 0), (0, INFLUENCES - joints.shape[1]))
    return np.pad(joints, padding), np.pad(weights / weights.sum(1, keepdims=True), padding)


def write_buffers(avatar: Avatar, path: Path) -> None:
    """Write path.bin and path.json, both or none."""
    buffers, order = deform_buffers(avatar.rig, avatar.splats), splat_order(avatar.splats)
    listed, offset = {}, 0
    for name, array in buffers.items():
        listed[name] = {"offset": offset, "bytes": array.nbytes}
        offset += array.nbytes
    head = {
        "expressions": list(avatar.rig.expression_names),
        "joints": list(avatar.rig.joint_names),
        "vertices": len(avatar.rig.vertices),
        "coefficients": len(avatar.rig.expression_names) + 9 * (len(avatar.rig.joint_names) - 1),
        "order": {"count": order.count, "sha256": order.sha256},
        "buffers": listed,
    }
    names = [f"{path.name}.json", f"{path.name}.bin"]
    with scratch_folder(path) as scratch:
        (scratch / names[0]).write_text(json.dumps(head, ensure_ascii=False, indent=1), encoding="utf-8")
        (scratch / names[1]).write_bytes(b"".join(array.tobytes() for array in buffers.values()))
        place_all(scratch, names, path.parent)


if __name__ == "__main__":
    write_buffers(load(Path(sys.argv[1])), Path(sys.argv[2]))
