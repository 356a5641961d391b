"""The skeleton of a person around a head: VRM demands one, and a head has five joints."""

from typing import NamedTuple

import numpy as np

from facecraft4d.exporters.body import HEAD, HIP_POSITION, HUMANOID, head_joint
from facecraft4d.exporters.gltf.glb import Json
from facecraft4d.exporters.gltf.rig import joint_nodes, joint_roots
from facecraft4d.toolkit.core.datatypes import Rig

FIRST_JOINT = 1
"""Node of the rig's first joint, after the mesh; the bones of the body follow the joints."""
NECK_LENGTH = 0.05
"""Metres between neck and head where the rig says nothing."""


class Stub(NamedTuple):
    """A bone that moves nothing but is demanded."""

    parent: str
    """Another stub; empty for the topmost."""
    position: tuple[float, float, float]
    """Metres, of an adult of 1.75 m in T pose on the ground, facing +Z."""


SPINE = "spine"
BODY: dict[str, Stub] = {
    "hips": Stub("", (0.0, float(HIP_POSITION[1]), 0.0)),
    SPINE: Stub("hips", (0.0, 1.06, 0.0)),
} | {
    f"{side}{bone}": Stub(f"{side}{parent}" if parent[0].isupper() else parent, (sign * x, y, 0.0))
    for side, sign in (("left", 1), ("right", -1))
    for bone, parent, x, y in (
        ("UpperLeg", "hips", 0.09, 0.90),
        ("LowerLeg", "UpperLeg", 0.09, 0.49),
        ("Foot", "LowerLeg", 0.09, 0.08),
        ("UpperArm", SPINE, 0.18, 1.40),
        ("LowerArm", "UpperArm", 0.46, 1.40),
        ("Hand", "LowerArm", 0.71, 1.40),
    )
}
"""Every bone that VRM 1.0 requires, but the head."""
BELOW_HEAD = {bone: joint for bone, joint in HUMANOID.items() if bone != HEAD}
"""VRM's bones below the head, and our joints."""


class Skeleton(NamedTuple):
    """Nodes of joints and bones, for numbers from FIRST_JOINT on, and which node is which bone of VRM."""

    nodes: list[Json]
    bones: dict[str, int]


def skeleton(rig: Rig) -> Skeleton:
    """The standing rig's joints below a body's bones.

    Who turns VRM's head turns the head: it is our joint `neck`, the pivot of the head. VRM's neck is a bone of its own below it, so
    that apps that give the neck its share of a turn do; our root, which carries the bust, is VRM's chest. A rig of other joints is
    hung below the body as it is; its first joint is the head where none is called neck or head.
    """
    nodes = joint_nodes(rig, FIRST_JOINT)
    positions = rig.joint_positions.astype(np.float64)
    first_stub, head = FIRST_JOINT + len(nodes), head_joint(rig)
    bones = {bone: first_stub + index for index, bone in enumerate(BODY)} | {"head": FIRST_JOINT + head}
    nodes += [_stub_node(bone) for bone in BODY]
    for bone, stub in BODY.items():
        if stub.parent:
            _child_of(nodes, bones[stub.parent], bones[bone])
    spine = np.array(BODY[SPINE].position)
    for root in joint_roots(rig, FIRST_JOINT):
        _child_of(nodes, bones[SPINE], root)
        nodes[root - FIRST_JOINT]["translation"] = (positions[root - FIRST_JOINT] - spine).tolist()
    bones["neck"] = _insert_neck(nodes, rig, head, bones[SPINE])
    if (parent := rig.joint_parents[head]) >= 0:
        bones["chest"] = FIRST_JOINT + parent
    return Skeleton(nodes, bones | _own_bones(rig, head))


def _stub_node(bone: str) -> Json:
    stub = BODY[bone]
    origin = np.array(BODY[stub.parent].position if stub.parent else (0.0, 0.0, 0.0))
    return {"name": bone, "translation": (np.array(stub.position) - origin).round(6).tolist()}


def _insert_neck(nodes: list[Json], rig: Rig, head: int, spine: int) -> int:
    """Put a bone between the head's joint and what it hangs on, half-way; returns its node."""
    positions, parent = rig.joint_positions.astype(np.float64), rig.joint_parents[head]
    above = np.array(BODY[SPINE].position) if parent < 0 else positions[parent]
    place = positions[head] - (0.0, NECK_LENGTH, 0.0) if parent < 0 else (positions[head] + above) / 2
    neck, holder = FIRST_JOINT + len(nodes), spine if parent < 0 else FIRST_JOINT + parent
    held = nodes[holder - FIRST_JOINT]["children"]
    held[held.index(FIRST_JOINT + head)] = neck
    nodes.append({"name": "neck_bone", "translation": (place - above).tolist(), "children": [FIRST_JOINT + head]})
    nodes[head]["translation"] = (positions[head] - place).tolist()
    return neck


def _own_bones(rig: Rig, head: int) -> dict[str, int]:
    """VRM's bones that are joints directly below the head."""
    names = list(rig.joint_names)
    return {
        bone: FIRST_JOINT + names.index(joint)
        for bone, joint in BELOW_HEAD.items()
        if joint in names and rig.joint_parents[names.index(joint)] == head
    }


def _child_of(nodes: list[Json], parent: int, child: int) -> None:
    nodes[parent - FIRST_JOINT].setdefault("children", []).append(child)
