"""Parts of a personalised head by region and motion: what blinks, what shows the skin's colour."""

import numpy as np
from jaxtyping import Float32

from facecraft4d.toolkit.core.datatypes import Mesh, Rig
from facecraft4d.toolkit.core.geometry import area_vectors, normalized
from facecraft4d.toolkit.core.rigging import in_regions, vertices_in_regions
from facecraft4d.toolkit.meshes.raster import sample_texture

FRONT = 0.5
"""Cosine between a triangle's normal and the way the face looks, above which its skin tells the light."""

BLINK_STILL, BLINK_FAR = 0.0005, 0.0015
"""Metres: skin that a blink moves by less than the first is not part of it, by more than the second it is."""


def blinking(rig: Rig) -> Float32[np.ndarray, " v"]:
    """1 on the lids and on skin that blinking moves far, 0 where it hardly moves."""
    blinks = [index for index, name in enumerate(rig.expression_names) if name.startswith("eyeBlink")]
    lids = vertices_in_regions(rig, "eyelids", optional=True)
    if not lids.any() or not blinks:
        return lids.astype(np.float32)
    moved = np.linalg.norm(rig.expression_deltas[blinks], axis=-1).max(0)
    eyeless = np.clip((moved - BLINK_STILL) / (BLINK_FAR - BLINK_STILL), 0, 1)
    return np.asarray(np.maximum(eyeless, lids), np.float32)


def skin_samples(rig: Rig, mesh: Mesh) -> Float32[np.ndarray, "n 3"]:
    """The texture at the triangles of the face's front; empty for a head without skin."""
    normals = normalized(area_vectors(rig.vertices[rig.triangles]))
    front = in_regions(rig, "skin", optional=True) & (normals[:, 2] > FRONT)
    return sample_texture(mesh.texture, mesh.corner_uvs[front].mean(1))
