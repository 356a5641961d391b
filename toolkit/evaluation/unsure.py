"""Where a head rests on priors more than on its photograph."""

import numpy as np
from jaxtyping import Bool, Float32
from scipy.spatial import cKDTree

from facecraft4d.toolkit.core.datatypes import Camera, Head, Portrait, Rig, ViewSet
from facecraft4d.toolkit.core.geometry import resized_camera, triangle_areas
from facecraft4d.toolkit.core.rigging import pose_vertices
from facecraft4d.toolkit.meshes.raster import rasterize

SIDE = 256
"""Pixels of the pictures in which triangles are looked for."""
TWIN_METRES = 0.008
"""How far from a triangle's mirror image another one is its twin."""
SOFT = (0.1, 0.9)
"""Alpha between which the matte does not say whether it is the head or the background."""


def measure(portrait: Portrait, head: Head, coarse: ViewSet) -> dict[str, float]:
    """Shares of the surface that any view shows: seen in the photograph, seen on its other side alone, seen nowhere; and of the matte."""
    rig, posed = head.rig, pose_vertices(head.rig, head.pose)
    seen = visible(rig, posed, coarse.views[0].camera)
    shown = np.any([visible(rig, posed, view.camera) for view in coarse.views], 0)
    centers, areas = rig.vertices[rig.triangles].mean(1), triangle_areas(rig.vertices[rig.triangles])
    twin = np.zeros(len(seen), bool)
    if seen.any():
        twin = cKDTree(centers[seen] * [-1, 1, 1]).query(centers)[0] < TWIN_METRES
    total = max(float(areas[shown].sum()), 1e-12)
    soft = (portrait.alpha > SOFT[0]) & (portrait.alpha < SOFT[1])
    return {
        "unseen_mirrored_share": float(areas[shown & ~seen & twin].sum()) / total,
        "unseen_completed_share": float(areas[shown & ~seen & ~twin].sum()) / total,
        "matte_unsure_share": float(soft.sum() / max((portrait.alpha > SOFT[0]).sum(), 1)),
    }


def visible(rig: Rig, posed: Float32[np.ndarray, "v 3"], camera: Camera) -> Bool[np.ndarray, " f"]:
    """Triangles that a camera sees, and those that share a corner with one."""
    fragments = rasterize(resized_camera(camera, SIDE, SIDE), posed, rig.triangles)
    corners = np.zeros(len(rig.vertices), bool)
    corners[rig.triangles[fragments.triangle[fragments.covered]]] = True
    return np.asarray(corners[rig.triangles].all(1))


def told(measured: dict[str, float]) -> str:
    """The same as a sentence."""
    mirrored, completed = measured["unseen_mirrored_share"], measured["unseen_completed_share"]
    return (
        f"unsure: of the head's surface {1 - mirrored - completed:.0%} is in the photograph, {mirrored:.0%} only on its other side, "
        f"{completed:.0%} nowhere; the matte is undecided on {measured['matte_unsure_share']:.1%} of the head"
    )
