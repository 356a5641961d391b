"""What fills the places that a view does not show: colours of skin, lips and lids spread from where it surely shows them."""

from dataclasses import replace

import cv2
import numpy as np
from jaxtyping import Bool, Float, Float32

from facecraft4d.toolkit.core.asset import GLASSES
from facecraft4d.toolkit.core.datatypes import View
from facecraft4d.toolkit.core.geometry import camera_center, normalized, vertex_normals
from facecraft4d.toolkit.meshes.graph import grown, harmonic_fill
from facecraft4d.toolkit.meshes.raster import Fragments, interpolate, sample_texture
from facecraft4d.toolkit.video_prior.mesh.mouth import TEETH, lip_shadow, mouth_gain
from facecraft4d.toolkit.video_prior.mesh.source import (
    FINE,
    SAME_SURFACE,
    STEP_REACH,
    Source,
    bare_source,
    edges,
    grown_by,
    layer_image,
)
from facecraft4d.toolkit.video_prior.mesh.surface import LAYERS, SKIN, Surface, vertex_texture_corners

WORN = LAYERS.index(GLASSES)

FACING = 0.15
"""Cosine towards the camera from which a vertex's colour is trusted."""

CLEAN = 0.012
"""Radius in image heights around a trusted vertex that shows nothing but skin."""

LIDS_REACH = 0.04
"""Metres around a lid from which its colour is taken."""

FACE_REACH, ODD_LIDS = 0.08, 1.0
"""Metres around a lid in which most of what is seen is skin, whatever brows there are, and how strict the measure by it is."""

ODD = 2.5
"""Colours of lips that differ from their median by more than this many median deviations are left out."""

SOLID = 0.99
"""Alpha up to which a pixel shows something of what is behind the head."""

GAIN_LIMITS, LEAST_TEXTURE = (0.4, 1.6), 0.02
"""How much brighter or darker than the texture a view may be, and the texture's least brightness for that comparison."""

CLEAN_LIPS = 0.002
"""The same radius for vertices of the lips, which are narrow."""

STRANGE_ON_LIPS, STRANGE_ON_LIDS = (0.10, 0.22), (0.25, 0.45)
"""Distances in colour from a rim's own fill: below the first a pixel is of the rim, above the second of something else."""


GUESS_WEIGHT = 1e-3
"""Weight of the texture's own colour where colours spread; it only matters where nothing of a part is seen."""


def source_of(view: View, vertices: Float32[np.ndarray, "v 3"], surface: Surface, size: int) -> Source:
    """Prepare a view [any size] for a set of `size` pixels; `vertices` are those of the view's own pose."""
    source = bare_source(view, vertices, surface, size)
    known = trusted(source, vertices, surface)
    height, width = source.rgba.shape[:2]
    relative = source.pixels / np.array([width, height], np.float32)
    smooth = cv2.GaussianBlur(source.rgba[..., :3], (0, 0), 0.5 * CLEAN * height)
    finer = cv2.GaussianBlur(source.rgba[..., :3], (0, 0), CLEAN_LIPS * height)
    shown = np.where(surface.lips[:, None], sample_texture(finer, relative), sample_texture(smooth, relative))
    textured = np.full_like(vertices, 0.5)
    owners, uvs = vertex_texture_corners(surface)
    textured[owners] = sample_texture(surface.texture, uvs)
    ratios = np.clip(shown / np.maximum(textured, LEAST_TEXTURE), *GAIN_LIMITS)
    usual = np.median(ratios[known], 0) if known.any() else np.ones(3)
    plain = known & ~odd_beside_lids(shown, known, vertices, surface) & ~odd_on_lips(shown, known, surface)
    colors = np.clip(harmonic_fill(surface.neighbours, shown, plain, textured * usual, GUESS_WEIGHT), 0, 1)
    source = replace(source, skin_colors=colors, gain=np.asarray(usual, np.float32))
    row, column = np.nonzero(layer_image(source.triangle, surface) == TEETH)
    gain = mouth_gain(source.rgba[row // FINE, column // FINE, :3], surface.white * source.gain)
    strange = strangeness(source, surface)
    light = lip_shadow(source.camera, surface, Fragments(source.triangle, source.barycentrics, source.depth))
    source = replace(source, mouth_gain=gain, strange=strange, mouth_light=light)
    return source


def strangeness(source: Source, surface: Surface) -> Float32[np.ndarray, "fh fw"]:
    """How far the pixels of rims (lids, inner lips) are from the colour that fills them, 0 to 1."""
    strange = np.zeros_like(source.depth)
    row, column = np.nonzero((source.triangle >= 0) & (surface.rim[surface.triangles].max(1) > 0)[source.triangle])
    picked = Fragments(*(part[row, column][None] for part in (source.triangle, source.barycentrics, source.depth)))
    values = np.column_stack([source.skin_colors, surface.rim]).astype(np.float32)
    own, rim = np.split(interpolate(picked, values[surface.triangles])[0], (3,), 1)
    low, high = np.where(
        surface.lips[surface.triangles].any(1)[picked.triangle[0], None], STRANGE_ON_LIPS, STRANGE_ON_LIDS
    ).T
    distance = np.linalg.norm(source.rgba[row // FINE, column // FINE, :3] - own, axis=-1)
    strange[row, column] = rim[:, 0] * np.clip((distance - low) / (high - low), 0, 1)
    return np.asarray(cv2.GaussianBlur(cv2.dilate(strange, np.ones((3, 3))), (0, 0), 0.5 * FINE), np.float32)


def odd_on_lips(
    shown: Float[np.ndarray, "v 3"], known: Bool[np.ndarray, " v"], surface: Surface
) -> Bool[np.ndarray, " v"]:
    """Known vertices of the lips whose colour is not that of most lips: teeth or shadow that the fit took for lip."""
    odd, lips = np.zeros(len(known), bool), known & surface.lips
    if lips.any():
        deviation = np.linalg.norm(shown - np.median(shown[lips], 0), axis=1)
        odd = lips & (deviation > ODD * np.median(deviation[lips]))
    return odd


def odd_beside_lids(
    shown: Float[np.ndarray, "v 3"],
    known: Bool[np.ndarray, " v"],
    vertices: Float32[np.ndarray, "v 3"],
    surface: Surface,
) -> Bool[np.ndarray, " v"]:
    """Known vertices around the lids whose colour is not that of most of the face below and beside: brows, strands of hair."""
    odd = np.zeros(len(vertices), bool)
    for side in (vertices[:, 0] > 0, vertices[:, 0] <= 0):
        lid = surface.lids & side
        if not lid.any():
            continue
        distance = np.linalg.norm(vertices - vertices[lid].mean(0), axis=1)
        face = known & (distance < FACE_REACH) & ~surface.lips
        if face.any():
            deviation = np.linalg.norm(shown - np.median(shown[face], 0), axis=1)
            odd |= known & (distance < LIDS_REACH) & (deviation > ODD_LIDS * np.median(deviation[face]))
    return odd


def trusted(source: Source, vertices: Float32[np.ndarray, "v 3"], surface: Surface) -> Bool[np.ndarray, " v"]:
    """Skin vertices that the view surely shows: they face it, nothing but skin is near them (on lips, closely), and so for their neighbours."""
    height, width = source.depth.shape
    column, row = (
        np.clip((source.pixels[:, i] * FINE).astype(int), 0, side - 1) for i, side in ((0, width), (1, height))
    )
    layer = layer_image(source.triangle, surface)
    clear = cv2.resize(
        (source.rgba[..., 3] <= SOLID).astype(np.uint8), (width, height), interpolation=cv2.INTER_NEAREST
    )
    other = (layer != SKIN) | (clear > 0)
    worn = layer == WORN
    foreign = grown_by(other & ~worn, CLEAN) | grown_by(edges(np.where(worn, SKIN, layer), source.depth), STEP_REACH)
    foreign |= grown_by(worn, STEP_REACH)
    close = grown_by(other, CLEAN_LIPS)[row, column]
    towards = normalized(camera_center(source.camera) - vertices)
    faces = (vertex_normals(vertices, surface.triangles) * towards).sum(-1) > FACING
    near = np.abs(source.points[:, 2] - source.depth[row, column]) < SAME_SURFACE
    shown = surface.skin_vertices & faces & near & ~np.where(surface.lips, close, foreign[row, column])
    return np.asarray(shown & ~grown(surface.neighbours, surface.skin_vertices & ~(faces & near) & ~surface.lips))
