"""The KHR_character family: what a file's morph targets and joints mean, for runtimes that know no names of ours.

A draft of Khronos and the VRM Consortium (https://github.com/KhronosGroup/glTF/pull/2512, as of September 2026), so none of it is required
of a reader. KHR_character_expression_joint is not written: no expression turns a joint, the jaw and the gaze are morph targets too.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from facecraft4d.exporters.body import HUMANOID
from facecraft4d.exporters.expression_sets import VISEMES, VRM_PRESETS, Mixture
from facecraft4d.exporters.gltf.glb import GlbWriter, Json
from facecraft4d.toolkit.core.datatypes import Rig

CHARACTER = "KHR_character"
EXPRESSION = f"{CHARACTER}_expression"
MORPH_TARGET = f"{EXPRESSION}_morphtarget"
MAPPING = f"{EXPRESSION}_mapping"
SKELETON = f"{CHARACTER}_skeleton_mapping"
POINTER = "KHR_animation_pointer"

SETS: Mapping[str, Mapping[str, Mixture]] = {"vrm": VRM_PRESETS, "oculusVisemes": VISEMES}
"""Vocabularies that the mapping speaks, under names of our choice: the draft registers none."""


def add_character(writer: GlbWriter, rig: Rig, root: int, morphed: Sequence[int], first_joint: int) -> None:
    """Write the family into the document, after its animations, with one more of two keys for each expression.

    `root` is the node above all that belongs to the character, `morphed` the nodes that have the rig's expressions as morph targets.
    """
    document = writer.document
    joints = {name: {"node": first_joint + j, "name": name} for j, name in enumerate(rig.joint_names)}
    bones = {bone: joints[name] for bone, name in HUMANOID.items() if name in joints}
    found: Json = {CHARACTER: {"rootNode": root}}
    if bones:
        found[SKELETON] = {"skeletalRigMappings": {"vrmHumanoid": bones}}
    if rig.expression_names:
        animations = document.setdefault("animations", [])
        first = len(animations)
        animations += _expression_animations(writer, rig.expression_names, morphed)
        channels = {MORPH_TARGET: {"channels": list(range(len(morphed)))}}
        found[EXPRESSION] = {
            "expressions": [
                {"expression": name, "animation": first + k, "extensions": channels}
                for k, name in enumerate(rig.expression_names)
            ]
        }
        document["extensionsUsed"] += [MORPH_TARGET, POINTER]
        if sets := _mappings(rig.expression_names):
            found[MAPPING] = {"expressionSetMappings": sets}
    document["extensionsUsed"] += list(found)
    document.setdefault("extensions", {}).update(found)


def _expression_animations(writer: GlbWriter, names: Sequence[str], morphed: Sequence[int]) -> list[Json]:
    """From rest at 0 to the whole expression at 1 second; all share one accessor of times and one of weights.

    By KHR_animation_pointer, since core glTF animates all weights of a node or none.
    """
    ends = np.array([0, 1], np.float32)
    times, weights = (writer.accessor(ends, "SCALAR", target=None, bounds=True) for _ in range(2))
    sampler = {"input": times, "output": weights, "interpolation": "LINEAR"}
    return [
        {
            "name": name,
            "samplers": [sampler],
            "channels": [{"sampler": 0, "target": _pointer(f"/nodes/{node}/weights/{k}")} for node in morphed],
        }
        for k, name in enumerate(names)
    ]


def _pointer(pointer: str) -> Json:
    return {"path": "pointer", "extensions": {POINTER: {"pointer": pointer}}}


def _mappings(names: Sequence[str]) -> Json:
    """Of each set what the avatar's expressions can show; what is the head at rest, or wants others, is left out."""
    found = {}
    for vocabulary, entries in SETS.items():
        shown = {
            target: [{"source": source, "weight": weight} for source, weight in mixture.items()]
            for target, mixture in entries.items()
            if mixture and set(mixture) <= set(names)
        }
        if shown:
            found[vocabulary] = shown
    return found
