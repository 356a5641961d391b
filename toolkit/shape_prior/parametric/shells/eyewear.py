"""Triangles of their own for what stands before skin that blinks, glasses above all: skin moves below them, they keep still.

Without them the splats that show a rim would have to ride on the lids, and to show skin as soon as these close.
"""

import numpy as np
from jaxtyping import Bool, Float32, Int

from facecraft4d.toolkit.core.asset import EYEWEAR
from facecraft4d.toolkit.core.datatypes import Mesh, Rig
from facecraft4d.toolkit.core.geometry import triangle_areas, vertex_normals
from facecraft4d.toolkit.core.rigging import in_regions, with_part
from facecraft4d.toolkit.face_model.parts import CLEARANCE, blinks_beyond_lashes, skin_samples
from facecraft4d.toolkit.meshes.raster import sample_texture
from facecraft4d.toolkit.shape_prior.parametric.shells.constants import STRANGE, WORN


def with_eyewear(rig: Rig, mesh: Mesh, posed: Float32[np.ndarray, "v 3"]) -> tuple[Rig, Mesh]:
    """The rig and its mesh with copies of the triangles before which something stands, a little off the skin, in region "eyewear".

    The copies lie where the photograph shows them (`posed`), turn with the head and know no expression. Without glasses, nothing changes.
    """
    worn = covered_by_glasses(rig, mesh)
    return with_copies(rig, mesh, posed, np.flatnonzero(worn)) if worn.any() else (rig, mesh)


def with_copies(
    rig: Rig, mesh: Mesh, posed: Float32[np.ndarray, "v 3"], worn: Int[np.ndarray, " n"]
) -> tuple[Rig, Mesh]:
    """The same with copies of these triangles."""
    used, corners = np.unique(rig.triangles[worn], return_inverse=True)
    normals = vertex_normals(posed, rig.triangles[np.isin(rig.triangles, used).any(1)])
    vertices = (posed + CLEARANCE * normals)[used].astype(np.float32)
    extended = with_part(rig, vertices, corners.reshape(-1, 3), EYEWEAR, "neck")
    corner_uvs = np.concatenate([mesh.corner_uvs, mesh.corner_uvs[worn]])
    return extended, Mesh(extended.vertices, extended.triangles, corner_uvs, mesh.texture)


def covered_by_glasses(rig: Rig, mesh: Mesh) -> Bool[np.ndarray, " f"]:
    """Triangles that blink, beyond the lashes, and look strange, on the sides (left, right) where much of this skin does."""
    center = rig.vertices[rig.triangles].mean(1)
    blinks = blinks_beyond_lashes(rig) & in_regions(rig, "skin")
    areas = triangle_areas(rig.vertices[rig.triangles])
    strange = blinks & (strangeness(rig, mesh) > STRANGE)
    worn = np.zeros(len(strange), bool)
    for side in (center[:, 0] > 0, center[:, 0] <= 0):
        if areas[strange & side].sum() > WORN * areas[blinks & side].sum():
            worn |= strange & side
    return worn


def strangeness(rig: Rig, mesh: Mesh) -> Float32[np.ndarray, " f"]:
    """Distance in sRGB of each triangle's colour (its corners and middle, whichever is strangest) from the face's median."""
    skin = np.median(skin_samples(rig, mesh), 0)
    places = np.concatenate([mesh.corner_uvs, mesh.corner_uvs.mean(1, keepdims=True)], 1)
    colors = sample_texture(mesh.texture, places.reshape(-1, 2)).reshape(*places.shape[:2], 3)
    return np.asarray(np.linalg.norm(colors - skin, axis=-1).max(1), np.float32)
