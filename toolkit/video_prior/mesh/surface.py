"""What the head's surface is made of: layers that hide each other, and how colour spreads along the skin."""

from dataclasses import dataclass

import numpy as np
import scipy.sparse
import scipy.spatial
from jaxtyping import Bool, Float32, Int32, Int64, UInt8

from facecraft4d.toolkit.core.asset import GLASSES
from facecraft4d.toolkit.core.datatypes import Head, Rig
from facecraft4d.toolkit.core.rigging import vertices_in_regions
from facecraft4d.toolkit.face_model.lids import blink_share, upper_edges
from facecraft4d.toolkit.face_model.mouth import crowns
from facecraft4d.toolkit.face_model.parts import blinking, skin_samples
from facecraft4d.toolkit.meshes.graph import adjacency

SKIN = 0
"""The layer of everything that is not named below: skin, lips, lids, ears, scalp, hair, neck."""

LAYERS = ("skin", "eyes", "eye_sockets", "teeth", "tongue", "mouth_interior", GLASSES)
"""Surfaces behind one another. A pixel of one must not be taken for a nearby pixel of another."""

MOUTH_LAYERS = ("teeth", "tongue", "mouth_interior")

LIT_SKIN = 80
"""Percentile of the skin's brightness that is well lit, but no highlight."""

WHITE_OVER_SKIN, WHITE_LIMITS = 1.3, (0.55, 0.95)
"""Brightness of white over that of well lit skin, kept within limits for dark skin and dark pictures."""

USUAL_SKIN, TINT = np.array([1.27, 0.95, 0.78]), 0.08
"""Red, green, blue of skin in neutral light over their mean, and how far the light's tint may go."""

RIM_REACH, RIM_FADE = 0.006, 0.0015
"""Metres around the lips' inner border (at rest) that a fit often lays over teeth or shadow, and over which that ends."""


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
    upper_edges: tuple[Int64[np.ndarray, " _"], ...]
    """The edges of the upper lids, where lashes are."""
    blink: Float32[np.ndarray, " v"]
    """Share in a blink, see lids.blink_share."""
    rim: Float32[np.ndarray, " v"]
    """1 on what blinks and on the lips near their inner border, falling to 0 on the rest: pixels there may belong to something else."""
    rest: Float32[np.ndarray, "v 3"]
    """The vertices at rest, metres."""
    crown: Float32[np.ndarray, " v"]
    """On teeth, how far a vertex lies from the row's cutting edge, metres; 0 elsewhere."""
    white: Float32[np.ndarray, "3"]
    """What something white and well lit would show, by the skin's colour."""
    neighbours: scipy.sparse.csr_array
    """Adjacency of the skin layer's vertices [v, v]."""


def surface_of(head: Head) -> Surface:
    """Sort a head's triangles into layers by the names of their regions."""
    rig = head.rig
    layer_of_region = [LAYERS.index(name) if name in LAYERS else SKIN for name in rig.region_names]
    layers = np.array(layer_of_region, np.uint8)[rig.triangle_regions]

    def of(*names: str) -> Bool[np.ndarray, " v"]:
        return vertices_in_regions(rig, *names, optional=True)

    skin = of(*(name for name in rig.region_names if name not in LAYERS[1:]))
    lips, lids = of("lips"), of("eyelids")
    return Surface(
        triangles=rig.triangles,
        corner_uvs=head.mesh.corner_uvs,
        texture=head.mesh.texture,
        layers=layers,
        skin_vertices=skin & ~of(*LAYERS[1:]),
        lips=lips,
        lids=lids,
        upper_edges=upper_edges(rig),
        blink=blink_share(rig),
        rim=np.maximum(_lip_rim(rig, lips, of("mouth_interior")), blinking(rig)),
        rest=rig.vertices,
        crown=crowns(rig),
        white=white_by_skin(skin_samples(head.rig, head.mesh)),
        neighbours=adjacency(rig.triangles[layers == SKIN], len(rig.vertices)),
    )


def white_by_skin(skin: Float32[np.ndarray, "n 3"]) -> Float32[np.ndarray, "3"]:
    """White under the picture's light: a little brighter than the brighter skin, half as tinted as skin is beside usual skin."""
    if not len(skin):
        return np.ones(3, np.float32)
    level = np.clip(WHITE_OVER_SKIN * np.percentile(skin.mean(1), LIT_SKIN), *WHITE_LIMITS)
    usual = np.median(skin, 0)
    tint = np.clip(np.sqrt(usual / max(float(usual.mean()), 1e-3) / USUAL_SKIN), 1 - TINT, 1 + TINT)
    return np.asarray(np.minimum(level * tint, 1), np.float32)


def _lip_rim(rig: Rig, lips: Bool[np.ndarray, " v"], inside: Bool[np.ndarray, " v"]) -> Float32[np.ndarray, " v"]:
    rim = np.zeros(len(rig.vertices), np.float32)
    border = lips & inside
    if border.any():
        distance = scipy.spatial.cKDTree(rig.vertices[border]).query(rig.vertices[lips])[0]
        rim[lips] = np.clip((RIM_REACH + RIM_FADE - distance) / RIM_FADE, 0, 1)
    return rim


def vertex_texture_corners(surface: Surface) -> tuple[Int32[np.ndarray, " n"], Float32[np.ndarray, "n 2"]]:
    """One corner of each vertex that has a triangle: the vertices and their texture coordinates."""
    vertices, first = np.unique(surface.triangles.ravel(), return_index=True)
    return vertices.astype(np.int32), surface.corner_uvs.reshape(-1, 2)[first]
