"""Whether each expression moves its own region and leaves the rest of the head still."""

import numpy as np
from jaxtyping import Bool, Float32
from scipy import ndimage

from facecraft4d.toolkit.core.asset import Avatar
from facecraft4d.toolkit.core.datatypes import Camera, Pose, Rig, ViewSet
from facecraft4d.toolkit.core.geometry import resized_camera
from facecraft4d.toolkit.core.rigging import in_regions, neutral_pose, pose_vertices
from facecraft4d.toolkit.evaluation.drawing import draw
from facecraft4d.toolkit.evaluation.metrics import SIZE
from facecraft4d.toolkit.meshes.raster import rasterize

MOVED_METRES = 0.0005
"""A triangle belongs to an expression's region if a corner moves by this much at weight 1."""
UNMOVED_METRES = 1e-6
"""What no vertex moves by more than, an expression does not have: the rest is rounding."""
REACH = 10
"""Pixels (of 512) by which splats may stand out of their triangle: the region is dilated by them."""
STILL_REGIONS = ("hair", "scalp", "ears", "neck", "headwear")

Measures = tuple[dict[str, float], dict[str, float], dict[str, float]]


def measure(avatar: Avatar, coarse: ViewSet) -> Measures:
    """For each expression at weight 1, the mean change in 1/255: inside its region, on the head outside of it, on hair, ears, neck outside of it."""
    camera = resized_camera(coarse.views[0].camera, SIZE, SIZE)
    rest = draw(avatar, neutral_pose(avatar.rig), camera)
    on_head, still_parts = rest.alpha > 0.5, still_pixels(avatar.rig, camera)
    moves, leaks, still = {}, {}, {}
    for index, name in enumerate(avatar.rig.expression_names):
        pose = expression_pose(avatar.rig, index)
        change = np.abs(draw(avatar, pose, camera).image - rest.image).mean(-1) * 255
        region = own_region(avatar.rig, index, camera)
        moves[name] = _mean(change, region)
        leaks[name] = _mean(change, on_head & ~region)
        still[name] = _mean(change, still_parts & on_head & ~region)
    return moves, leaks, still


def unmoved(rig: Rig) -> tuple[str, ...]:
    """Expressions that the head model has by name alone, such as a tongue's where there is none: nothing moves with them."""
    moves = np.abs(rig.expression_deltas).max((1, 2), initial=0) > UNMOVED_METRES
    return tuple(name for name, moved in zip(rig.expression_names, moves, strict=True) if not moved)


def expression_pose(rig: Rig, index: int, weight: float = 1.0) -> Pose:
    """The rig at rest but for one expression."""
    pose = neutral_pose(rig)
    pose.expression[index] = weight
    return pose


def own_region(rig: Rig, index: int, camera: Camera) -> Bool[np.ndarray, "h w"]:
    """Pixels where an expression may change the picture: its moved triangles before and after, whatever hides them, dilated."""
    moved = (np.linalg.norm(rig.expression_deltas[index], axis=-1) > MOVED_METRES)[rig.triangles].any(-1)
    covered = np.zeros((camera.height, camera.width), bool)
    for pose in (neutral_pose(rig), expression_pose(rig, index)):
        covered |= rasterize(camera, pose_vertices(rig, pose), rig.triangles[moved]).covered
    if not covered.any():
        return covered
    return np.asarray(ndimage.distance_transform_edt(~covered) <= REACH * camera.width / SIZE)


def still_pixels(rig: Rig, camera: Camera) -> Bool[np.ndarray, "h w"]:
    """Pixels that show hair, ears or neck at rest."""
    seen = rasterize(camera, rig.vertices, rig.triangles).triangle
    return np.asarray((seen >= 0) & in_regions(rig, *STILL_REGIONS, optional=True)[seen])


def _mean(change: Float32[np.ndarray, "h w"], where: Bool[np.ndarray, "h w"]) -> float:
    return round(float(change[where].mean()), 4) if where.any() else 0.0
