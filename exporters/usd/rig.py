"""The rig as UsdSkel knows it: a skinned mesh with sparse blend shapes, and an animation that poses it.

https://openusd.org/release/api/_usd_skel__schemas.html
Vertices are the rig's own in their order; texture coordinates are face-varying, so that no vertex is doubled at a seam.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float32

from facecraft4d.exporters.gltf.rig import shown_triangles
from facecraft4d.exporters.names import plain_names
from facecraft4d.toolkit.core.asset import Texture
from facecraft4d.toolkit.core.datatypes import Pose, Rig
from facecraft4d.toolkit.core.geometry import rotation_from_axis_angle, vertex_normals, wxyz_from_rotation
from facecraft4d.toolkit.core.rigging import joint_positions, pose_weights


@dataclass(frozen=True, slots=True, eq=False)
class Shapes:
    """Every blend shape of the mesh: the rig's expressions, then its pose correctives where there are any (FLAME's)."""

    names: tuple[str, ...]
    deltas: Float32[np.ndarray, "s v 3"]
    """Displacement at weight 1, metres."""


def shapes_of(rig: Rig) -> Shapes:
    """Expressions, and pose correctives under names of their own: their weights follow the joints, see `pose_rig`."""
    if rig.pose_deltas is None:
        return Shapes(rig.expression_names, rig.expression_deltas)
    correctives = tuple(
        f"pose_{joint}_{row}{column}" for joint in rig.joint_names[1:] for row in range(3) for column in range(3)
    )
    return Shapes(rig.expression_names + correctives, np.concatenate([rig.expression_deltas, rig.pose_deltas]))


def define_rig(stage: Any, path: str, rig: Rig, texture: Texture | None) -> Any:
    """A SkelRoot at `path` with Skeleton, Animation and Mesh below it; returns the animation. Pose it with `pose_rig`."""
    from pxr import UsdSkel

    UsdSkel.Root.Define(stage, path)
    joints = _joint_paths(rig)
    skeleton = _define_skeleton(stage, f"{path}/Skeleton", rig, joints)
    animation = UsdSkel.Animation.Define(stage, f"{path}/Animation")
    animation.CreateJointsAttr(joints)
    animation.CreateBlendShapesAttr(list(shapes_of(rig).names))
    UsdSkel.BindingAPI.Apply(skeleton.GetPrim()).CreateAnimationSourceRel().SetTargets([animation.GetPath()])
    mesh = _define_mesh(stage, f"{path}/Mesh", rig, texture)
    _bind_skin(mesh.GetPrim(), skeleton, rig)
    _define_shapes(stage, mesh.GetPrim(), rig)
    return animation


def pose_rig(animation: Any, rig: Rig, pose: Pose, time: Any) -> None:
    """Blend shapes' weights and joints' transforms of a pose at that time code, or by default."""
    from pxr import Vt

    correctives = pose_weights(pose) if rig.pose_deltas is not None else np.zeros(0, np.float32)
    rotations, translations = _local_transforms(rig, pose)
    ones = np.ones((len(rotations), 3), np.float16)
    animation.GetBlendShapeWeightsAttr().Set(Vt.FloatArray.FromNumpy(np.append(pose.expression, correctives)), time)
    animation.GetRotationsAttr().Set(Vt.QuatfArray.FromNumpy(rotations), time)
    animation.GetTranslationsAttr().Set(Vt.Vec3fArray.FromNumpy(translations), time)
    animation.GetScalesAttr().Set(Vt.Vec3hArray.FromNumpy(ones), time)


def _local_transforms(rig: Rig, pose: Pose) -> tuple[np.ndarray, np.ndarray]:
    """Rotation [j, 4] (xyzw) and translation [j, 3] of each joint relative to its parent.

    A joint whose bind position an expression moves turns about where it is then, while UsdSkel keeps the bind: the difference goes into the
    translation, so that transform x inverse bind is the rig's own.
    """
    rotations = rotation_from_axis_angle(pose.joint_rotations.astype(np.float64))
    bind, moved = rig.joint_positions.astype(np.float64), joint_positions(rig, pose).astype(np.float64)
    parents = np.asarray(rig.joint_parents)
    origins = np.where((parents < 0)[:, None], -pose.translation.astype(np.float64), bind[parents])
    translations = moved + np.einsum("jab,jb->ja", rotations, bind - moved) - origins
    xyzw = np.roll(wxyz_from_rotation(rotations), -1, 1)
    return xyzw.astype(np.float32), translations.astype(np.float32)


def _joint_paths(rig: Rig) -> list[str]:
    """Each joint with all its ancestors, as UsdSkel names them: root/neck/jaw."""
    paths: list[str] = []
    for name, parent in zip(plain_names(rig.joint_names, identifiers=True), rig.joint_parents, strict=True):
        paths.append(f"{paths[parent]}/{name}" if parent >= 0 else name)
    return paths


def _define_skeleton(stage: Any, path: str, rig: Rig, joints: list[str]) -> Any:
    from pxr import Gf, UsdSkel

    skeleton = UsdSkel.Skeleton.Define(stage, path)
    positions = rig.joint_positions.astype(np.float64)
    parents = np.asarray(rig.joint_parents)
    local = positions - np.where((parents < 0)[:, None], 0, positions[parents])
    skeleton.CreateJointsAttr(joints)
    skeleton.CreateBindTransformsAttr([Gf.Matrix4d(1).SetTranslate(Gf.Vec3d(*each)) for each in positions.tolist()])
    skeleton.CreateRestTransformsAttr([Gf.Matrix4d(1).SetTranslate(Gf.Vec3d(*each)) for each in local.tolist()])
    return skeleton


def _define_mesh(stage: Any, path: str, rig: Rig, texture: Texture | None) -> Any:
    """Points, triangles but eyewear, normals, and places in the picture (USD's origin is its bottom left)."""
    from pxr import Sdf, UsdGeom, Vt

    shown = shown_triangles(rig)
    mesh = UsdGeom.Mesh.Define(stage, path)
    mesh.CreatePointsAttr(Vt.Vec3fArray.FromNumpy(rig.vertices))
    mesh.CreateFaceVertexIndicesAttr(Vt.IntArray.FromNumpy(rig.triangles[shown].ravel()))
    mesh.CreateFaceVertexCountsAttr(Vt.IntArray.FromNumpy(np.full(int(shown.sum()), 3, np.int32)))
    mesh.CreateSubdivisionSchemeAttr("none")
    mesh.CreateNormalsAttr(Vt.Vec3fArray.FromNumpy(vertex_normals(rig.vertices, rig.triangles)))
    mesh.SetNormalsInterpolation("vertex")
    if texture is not None:
        st = np.array([0, 1], np.float32) + texture.corner_uvs[shown].reshape(-1, 2) * np.array([1, -1], np.float32)
        primvar = UsdGeom.PrimvarsAPI(mesh).CreatePrimvar("st", Sdf.ValueTypeNames.TexCoord2fArray, "faceVarying")
        primvar.Set(Vt.Vec2fArray.FromNumpy(st))
    return mesh


def _bind_skin(prim: Any, skeleton: Any, rig: Rig) -> None:
    """Joints and weights of each vertex: as many as the vertex with the most has."""
    from pxr import Gf, UsdSkel, Vt

    most = max(1, int((rig.skin_weights != 0).sum(1).max(initial=0)))
    joints = np.argsort(-rig.skin_weights, 1, kind="stable")[:, :most]
    weights = np.take_along_axis(rig.skin_weights, joints, 1)
    binding = UsdSkel.BindingAPI.Apply(prim)
    binding.CreateSkeletonRel().SetTargets([skeleton.GetPath()])
    binding.CreateGeomBindTransformAttr(Gf.Matrix4d(1))
    binding.CreateJointIndicesPrimvar(False, most).Set(Vt.IntArray.FromNumpy(joints.ravel().astype(np.int32)))
    binding.CreateJointWeightsPrimvar(False, most).Set(Vt.FloatArray.FromNumpy(weights.ravel()))


def _define_shapes(stage: Any, prim: Any, rig: Rig) -> None:
    """A blend shape below the mesh for each expression: only the vertices that it moves or turns."""
    from pxr import UsdSkel, Vt

    shapes, rest = shapes_of(rig), vertex_normals(rig.vertices, rig.triangles)
    targets = []
    for name, delta in zip(plain_names(shapes.names, identifiers=True), shapes.deltas, strict=True):
        turned = vertex_normals(rig.vertices + delta, rig.triangles) - rest
        rows = np.flatnonzero(delta.any(1) | turned.any(1))
        shape = UsdSkel.BlendShape.Define(stage, prim.GetPath().AppendChild(name))
        shape.CreateOffsetsAttr(Vt.Vec3fArray.FromNumpy(delta[rows]))
        shape.CreateNormalOffsetsAttr(Vt.Vec3fArray.FromNumpy(turned[rows]))
        shape.CreatePointIndicesAttr(Vt.IntArray.FromNumpy(rows.astype(np.int32)))
        targets.append(shape.GetPath())
    binding = UsdSkel.BindingAPI(prim)
    binding.CreateBlendShapesAttr(list(shapes.names))
    binding.CreateBlendShapeTargetsRel().SetTargets(targets)
