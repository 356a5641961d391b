"""An avatar.glb in Blender: head, shape keys and armature as the importer makes them, and splats that follow them.

Tried with Blender 5.0.1: blender --python import_avatar.py -- avatar.glb
"""

import sys
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import bmesh
import bpy
import numpy as np
from mathutils import Matrix, Vector

sys.path.insert(0, str(Path(__file__).resolve().parent))

from glb_binding import Glb, read_glb, rig_corners, with_eyewear
from splat_nodes import splat_material, splat_nodes

BLENDER_FROM_GLTF = Matrix(((1, 0, 0), (0, 0, -1), (0, 1, 0)))
"""Blender's z is up, glTF's y: the importer turns every vertex so."""
WIDEST = 10.0
"""Weights of expressions that are let through: Blender's own limits are 0 and 1."""


@dataclass(frozen=True)
class Head:
    """What was imported."""

    rig: Any
    """The textured mesh: an object with a shape key for each expression, moved by the armature."""
    armature: Any
    splats: Any
    """An object that draws them by geometry nodes."""


def import_avatar(path: Path) -> Head:
    """Read the file into the open scene; the mesh is hidden from renders, the splats are shown. `show` changes that."""
    glb, before = read_glb(path), set(bpy.data.objects)
    with TemporaryDirectory() as folder:
        copy = Path(folder) / path.name
        copy.write_bytes(with_eyewear(glb).to_bytes())
        bpy.ops.import_scene.gltf(filepath=str(copy), disable_bone_shape=True)
    new = {each.name.split(".")[0]: each for each in bpy.data.objects if each not in before}
    head = Head(new["HeadRig"], new["HeadRig"].find_armature(), new["HeadSplats"])
    for layer in bpy.context.view_layer.layer_collection.children:
        if head.splats.name in layer.collection.objects:  # glTF's second scene: the importer leaves it out of the view
            layer.exclude = False
    for key in head.rig.data.shape_keys.key_blocks[1:]:
        key.slider_min, key.slider_max = -WIDEST, WIDEST
    _bind(glb, head)
    _hide_eyewear(head.rig.data)
    show(head, splats=True)
    return head


def show(head: Head, splats: bool) -> None:
    """The splats alone or the mesh alone: one would hide the other."""
    for shown, each in ((splats, head.splats), (not splats, head.rig)):
        each.hide_render = not shown
        each.hide_viewport = not shown and each is head.splats  # the nodes read the mesh, which has to be evaluated


def pose(head: Head, expressions: dict[str, float], joints: dict[str, list[float]], translation: list[float]) -> None:
    """Set weights of expressions and turns of joints (axis-angle, radians, glTF's axes); whatever is not named is at rest."""
    for owner in (head.rig.data.shape_keys, head.armature):
        owner.animation_data_clear()
    for key in head.rig.data.shape_keys.key_blocks[1:]:
        key.value = expressions.get(key.name, 0.0)
    for bone in head.armature.pose.bones:
        rest = bone.bone.matrix_local.to_3x3()
        axis = BLENDER_FROM_GLTF @ Vector(joints.get(bone.name, (0.0, 0.0, 0.0)))
        turn = Matrix.Rotation(axis.length, 3, axis) if axis.length else Matrix.Identity(3)
        bone.rotation_mode = "QUATERNION"
        bone.rotation_quaternion = (rest.inverted() @ turn @ rest).to_quaternion()
        moved = BLENDER_FROM_GLTF @ Vector(translation) if bone.parent is None else Vector()
        bone.location = rest.inverted() @ moved


def _hide_eyewear(mesh: Any) -> None:
    """Its triangles go, its vertices stay: they carry splats."""
    edited = bmesh.new()
    edited.from_mesh(mesh)
    faces = [face for face in edited.faces if mesh.materials[face.material_index].name.startswith("Eyewear")]
    bmesh.ops.delete(edited, geom=faces, context="FACES_ONLY")
    edited.to_mesh(mesh)
    edited.free()


def _bind(glb: Glb, head: Head) -> None:
    """The file's binding as attributes that nodes read, and the nodes."""
    mesh = head.splats.data
    means, rotations, scales, colours = (_rows(mesh, f"_BIND_{each}") for each in range(4))
    corners = rig_corners(glb)[means[:, 3].astype(int)]
    for index in range(3):
        _write(mesh, f"corner_{index}", "INT", "value", corners[:, index])
    _write(mesh, "mean", "FLOAT_VECTOR", "vector", means[:, :3])
    _write(mesh, "rotation", "QUATERNION", "value", rotations / np.linalg.norm(rotations, axis=1, keepdims=True))
    _write(mesh, "sigma", "FLOAT_VECTOR", "vector", np.exp(scales[:, :3]))
    _write(mesh, "opacity", "FLOAT", "value", 1 / (1 + np.exp(-scales[:, 3])))
    _write(mesh, "color", "FLOAT_VECTOR", "vector", colours[:, :3])
    modifier = head.splats.modifiers.new("Splats", "NODES")
    modifier.node_group = splat_nodes(head.rig, splat_material())


def _rows(mesh: Any, name: str) -> np.ndarray:
    """A custom attribute of the file [n, 4]; the importer keeps them as colours."""
    rows = np.empty(4 * len(mesh.vertices), np.float32)
    mesh.attributes[name].data.foreach_get("color", rows)
    return rows.reshape(-1, 4)


def _write(mesh: Any, name: str, kind: str, field: str, values: np.ndarray) -> None:
    kinds = np.int32 if kind == "INT" else np.float32
    mesh.attributes.new(name, kind, "POINT").data.foreach_set(field, np.ascontiguousarray(values, kinds).ravel())


if __name__ == "__main__":
    import_avatar(Path(sys.argv[-1]))
