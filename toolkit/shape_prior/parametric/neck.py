"""The head alone, cut at the base of its neck: for bodies that others bring."""

from dataclasses import replace

import numpy as np
from jaxtyping import Bool, Float32, Int32, Int64
from scipy.ndimage import distance_transform_edt

from facecraft4d.toolkit.config import Bust
from facecraft4d.toolkit.core.datatypes import Camera, Mesh, Portrait, Rig
from facecraft4d.toolkit.core.geometry import smoothstep
from facecraft4d.toolkit.face_model.model import FaceModel
from facecraft4d.toolkit.fitting.observation import Segments
from facecraft4d.toolkit.landmarks.points import CHIN
from facecraft4d.toolkit.meshes.graph import boundary_loop, parts
from facecraft4d.toolkit.meshes.raster import draw_mesh

_STILL = 0.03
"""Metres above the ring over which the neck's motion fades out: the ring itself does not move."""
_SAMPLES = 2
"""Along each side of a pixel of the outline at which a portrait is cut."""
_HALF = 0.5
"""Alpha from which a pixel belongs to the person."""


def cut_at_ring(model: FaceModel, rig: Rig) -> tuple[Rig, Float32[np.ndarray, "f 3 2"], Int64[np.ndarray, " v"]]:
    """The rig of a model down to its neck's ring, with texture coordinates and mirror vertices of what remains.

    Vertices keep their order. The ring is the longest open edge; it stays with the root. ValueError for a model that knows no ring.
    """
    gone = _below(model)
    kept = ~gone[model.triangles].any(1)
    place = np.cumsum(~gone) - 1
    ring = rig.vertices[_ring(model)]
    away = np.sqrt(((rig.vertices[:, None] - ring) ** 2).sum(-1).min(1))
    moving = smoothstep(away / _STILL)[:, None]
    weights = rig.skin_weights * moving + (1 - moving) * np.eye(len(rig.joint_names))[0]
    cut = replace(
        rig,
        vertices=rig.vertices[~gone],
        triangles=place[rig.triangles[kept]].astype(np.int32),
        triangle_regions=rig.triangle_regions[kept],
        expression_deltas=rig.expression_deltas[:, ~gone],
        skin_weights=weights[~gone].astype(np.float32),
        pose_deltas=None if rig.pose_deltas is None else rig.pose_deltas[:, ~gone],
    )
    return cut, model.corner_uvs[kept], place[model.mirror_vertices[~gone]].astype(np.int64)


def above_ring(model: FaceModel) -> Bool[np.ndarray, " v"]:
    """The vertices that `cut_at_ring` keeps."""
    return np.asarray(~_below(model))


def ring_in_file(model: FaceModel) -> Int64[np.ndarray, " n"]:
    """The ring's vertices, in order, in the rig that `cut_at_ring` gives."""
    return np.asarray((np.cumsum(~_below(model)) - 1)[_ring(model)], np.int64)


def within_mesh(
    portrait: Portrait, segments: Segments, posed: Mesh, camera: Camera, bust: Bust
) -> tuple[Portrait, Segments]:
    """What a portrait shows of the head: of clothes, and below the chin, what lies within the drawn mesh; hair hangs over shoulders as it is."""
    drawn = draw_mesh(posed, camera, _SAMPLES).alpha
    nearest = tuple(distance_transform_edt(~segments.matte, return_distances=False, return_indices=True))
    cut = segments.torso[nearest] | (np.arange(len(drawn))[:, None] > portrait.landmarks[CHIN, 1])
    if bust is Bust.SHOULDERS:
        cut &= ~segments.hair[nearest]
    alpha = np.where(cut, np.minimum(portrait.alpha, drawn), portrait.alpha).astype(np.float32)
    share = (alpha / np.maximum(portrait.alpha, 1e-6))[..., None]
    shown = np.where(share < 1, 1 - share * (1 - portrait.image), portrait.image)  # to the bit where nothing is cut
    inside = alpha > _HALF
    beard, headwear = (None if each is None else each & inside for each in (segments.beard, segments.headwear))
    left = Segments(segments.skin & inside, segments.hair & inside, segments.torso & inside, beard, headwear)
    return replace(portrait, image=shown, alpha=alpha), left


def _below(model: FaceModel) -> Bool[np.ndarray, " v"]:
    """The vertices below the ring: those that hang together with the model's open edge when it is taken out."""
    ring = np.zeros(len(model.vertices), bool)
    ring[_ring(model)] = True
    part = parts(model.triangles[~ring[model.triangles].any(1)], len(model.vertices))
    edge = boundary_loop(model.triangles)
    return np.asarray(np.isin(part, np.unique(part[edge])) & ~ring)


def _ring(model: FaceModel) -> Int32[np.ndarray, " n"]:
    if model.neck_ring is None:
        raise ValueError("model must know the ring around its neck, got neck_ring=None")
    return model.neck_ring
