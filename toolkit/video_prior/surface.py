"""What the head's surface is made of: layers that hide each other, and how colour spreads along the skin."""

from dataclasses import dataclass

import numpy as np
import scipy.sparse
import scipy.sparse.linalg
from jaxtyping import Bool, Float, Float32, Int32, UInt8

from facecraft4d.toolkit.datatypes import Head, Rig

SKIN = 0
"""The layer of everything that is not named below: skin, lips, lids, ears, scalp, hair, neck."""

LAYERS = ("skin", "eyes", "eye_sockets", "teeth", "tongue", "mouth_interior")
"""Surfaces behind one another. A pixel of one must not be taken for a nearby pixel of another."""

MOUTH_LAYERS = ("teeth", "tongue", "mouth_interior")

ANCHORING = 1e-3
"""Weight of the texture's own colour in the diffusion; it only matters where nothing of a part is seen."""


@dataclass(frozen=True, slots=True, eq=False)
class Surface:
    """The head's mesh by layers."""

    triangles: Int32[np.ndarray, "f 3"]
    corner_uvs: Float32[np.ndarray, "f 3 2"]
    texture: Float32[np.ndarray, "th tw 3"]
    layers: UInt8[np.ndarray, " f"]
    """Index into `LAYERS`."""
    skin_vertices: Bool[np.ndarray, " v"]
    """Vertices of the skin layer that no other layer shares."""
    lips: Bool[np.ndarray, " v"]
    lids: Bool[np.ndarray, " v"]
    lashes: Bool[np.ndarray, " v"]
    """The edges of the lids, where the skin turns into the eye sockets."""
    neighbours: scipy.sparse.csr_matrix
    """Adjacency of the skin layer's vertices [v, v]."""


def surface_of(head: Head) -> Surface:
    """Sort a head's triangles into layers by the names of their regions."""
    rig = head.rig
    layer_of_region = [LAYERS.index(name) if name in LAYERS else SKIN for name in rig.region_names]
    layers = np.array(layer_of_region, np.uint8)[rig.triangle_regions]
    skin = _members(rig, layers == SKIN)
    lips, lids = (
        _members(rig, np.array([name == part for name in rig.region_names])[rig.triangle_regions])
        for part in ("lips", "eyelids")
    )
    return Surface(
        triangles=rig.triangles,
        corner_uvs=head.mesh.corner_uvs,
        texture=head.mesh.texture,
        layers=layers,
        skin_vertices=skin & ~_members(rig, layers != SKIN),
        lips=lips,
        lids=lids,
        lashes=skin & _members(rig, layers == LAYERS.index("eye_sockets")),
        neighbours=_adjacency(rig.triangles[layers == SKIN], len(rig.vertices)),
    )


def diffuse(
    surface: Surface,
    colors: Float[np.ndarray, "v 3"],
    known: Bool[np.ndarray, " v"],
    guess: Float[np.ndarray, "v 3"],
) -> Float32[np.ndarray, "v 3"]:
    """Colours of the whole skin layer: `colors` where known, elsewhere as even as possible between them (a harmonic function).

    `guess` is the answer for parts without any known vertex.
    """
    degrees = np.asarray(surface.neighbours.sum(1)).ravel()
    laplacian = scipy.sparse.diags(degrees + ANCHORING) - surface.neighbours
    unknown = np.flatnonzero(~known)
    boundary = surface.neighbours[unknown][:, np.flatnonzero(known)] @ colors[known]
    solve = scipy.sparse.linalg.factorized(laplacian[unknown][:, unknown].tocsc())
    result = np.array(colors, np.float32)
    right = boundary + ANCHORING * guess[unknown]
    result[unknown] = np.stack([solve(np.ascontiguousarray(column, np.float64)) for column in right.T], -1)
    return result


def vertex_texture_corners(surface: Surface) -> tuple[Int32[np.ndarray, " n"], Float32[np.ndarray, "n 2"]]:
    """One corner of each vertex that has a triangle: the vertices and their texture coordinates."""
    vertices, first = np.unique(surface.triangles.ravel(), return_index=True)
    return vertices.astype(np.int32), surface.corner_uvs.reshape(-1, 2)[first]


def grown(surface: Surface, vertices: Bool[np.ndarray, " v"]) -> Bool[np.ndarray, " v"]:
    """The vertices and their neighbours in the skin layer."""
    return np.asarray(vertices | (surface.neighbours @ vertices.astype(np.float32) > 0))


def _members(rig: Rig, triangles: Bool[np.ndarray, " f"]) -> Bool[np.ndarray, " v"]:
    member = np.zeros(len(rig.vertices), bool)
    member[rig.triangles[triangles]] = True
    return member


def _adjacency(triangles: Int32[np.ndarray, "f 3"], count: int) -> scipy.sparse.csr_matrix:
    first, second = np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]]).T
    ones = np.ones(2 * len(first))
    both = scipy.sparse.csr_matrix((ones, (np.r_[first, second], np.r_[second, first])), shape=(count, count))
    both.data[:] = 1
    return both
