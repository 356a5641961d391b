"""Pairs the outline of a posed mesh with the outline of the matte in each picture."""

from dataclasses import dataclass

import cv2
import numpy as np
import scipy.ndimage
import scipy.spatial
from jaxtyping import Bool, Float, Float64, Int, Int64

from facecraft4d.toolkit.core.datatypes import Camera
from facecraft4d.toolkit.core.geometry import project
from facecraft4d.toolkit.fitting.latent import Latent
from facecraft4d.toolkit.fitting.observation import Observation, Observations, placed
from facecraft4d.toolkit.landmarks.points import FACE_OVAL
from facecraft4d.toolkit.meshes.raster import Fragments, rasterize

OUTLINE_WEIGHT = 0.5
"""How much an outline counts beside a landmark of the same expected error: its pairs are many, and less sure."""
_MOST_PAIRS = 400
"""More pairs than this tell a fit nothing new."""
_BLUR = 2.0
"""Pixels of smoothing by which an outline's normals are told."""
_CLOTHED, _SAME_WAY = 2, 0.5
"""Pixels around clothes, and around skin, whose border belongs to them; least cosine of normals of what is the same outline."""
_AT_OVAL = 0.05
"""Heights of the face, 9 mm, from the landmarks' outline within which the mesh ends at the jaw, and beyond which the picture does not."""
_REACH = 0.07
"""Outlines further apart than this (fraction of the picture) are not the same outline."""


@dataclass(frozen=True, slots=True, eq=False)
class OutlinePull:
    """Vertices that should lie on a line in the picture: the outline's point and its normal."""

    vertices: Int64[np.ndarray, " n"]
    targets: Float64[np.ndarray, "n 2"]
    normals: Float64[np.ndarray, "n 2"]


NO_PULL = OutlinePull(np.zeros(0, np.int64), np.zeros((0, 2)), np.zeros((0, 2)))


def outline(mask: Bool[np.ndarray, "h w"]) -> tuple[np.ndarray, np.ndarray]:
    """Points [n, 2] (x, y in pixels) on the border of a mask and its outward unit normals [n, 2]; the picture's rim is no border."""
    soft = scipy.ndimage.gaussian_filter(mask.astype(np.float64), _BLUR)
    inner = mask & ~scipy.ndimage.binary_erosion(mask, border_value=1)
    rows, columns = np.nonzero(inner)
    gradient = -np.stack(np.gradient(soft)[::-1], -1)[rows, columns]
    normals = gradient / np.maximum(np.linalg.norm(gradient, axis=1, keepdims=True), 1e-9)
    return np.stack([columns, rows], -1) + 0.5 + 0.5 * normals, normals


def pair_outlines(
    observations: Observations, latent: Latent, vertices: Float[np.ndarray, "v 3"], triangles: Int[np.ndarray, "f 3"]
) -> tuple[OutlinePull, ...]:
    """One pull for each observation of the posed `vertices`.

    Where a picture shows skin without beard against the background the mesh is to end too, and nowhere is it to leave the matte.
    """
    cameras = placed(observations, latent.camera)
    return tuple(
        pair_outline(rasterize(camera, vertices, triangles), camera, vertices, triangles, each)
        for camera, each in zip(cameras, observations, strict=True)
    )


def pair_outline(
    fragments: Fragments,
    camera: Camera,
    vertices: Float[np.ndarray, "v 3"],
    triangles: Int[np.ndarray, "f 3"],
    observation: Observation,
) -> OutlinePull:
    """As `pair_outlines`, for one picture whose camera stands where `camera` does and sees `fragments`."""
    segments = observation.segments
    edge, edge_normals = outline(fragments.covered)
    border, border_normals = outline(segments.matte)
    if not len(edge) or not len(border):
        return NO_PULL
    columns, rows = _pixels(edge - edge_normals, camera)
    rim = triangles[fragments.triangle[rows, columns], fragments.barycentrics[rows, columns].argmax(-1)]
    outside = ~segments.matte[rows, columns]
    leaving, back = _match(edge, edge_normals, border, border_normals, camera.width)
    columns, rows = _pixels(border - border_normals, camera)
    clothed = scipy.ndimage.binary_dilation(segments.torso, iterations=_CLOTHED)[rows, columns]
    clothed |= _shoulders(observation, border)
    leaving, back = leaving[outside[leaving] & ~clothed[back]], back[outside[leaving] & ~clothed[back]]
    shaven = segments.skin if segments.beard is None else segments.skin & ~segments.beard
    bare = scipy.ndimage.binary_dilation(shaven, iterations=_CLOTHED)[rows, columns] & ~clothed
    short, onto = _match(border, border_normals, edge, edge_normals, camera.width)
    bare[short] &= ~_ear_for_jaw(observation, border[short], edge[onto])
    short, onto = short[bare[short]], onto[bare[short]]
    # A vertex near the outline is pulled by how far the outline itself has to go.
    source = np.concatenate([leaving, onto])
    target = np.concatenate([back, short])
    some = slice(None, None, max(1, len(source) // _MOST_PAIRS))
    source, target = source[some], target[some]
    pixels, _ = project(camera, vertices[rim[source]].astype(np.float64))
    return OutlinePull(rim[source].astype(np.int64), pixels + border[target] - edge[source], border_normals[target])


def _shoulders(observation: Observation, border: Float[np.ndarray, "n 2"]) -> Bool[np.ndarray, " n"]:
    """What lies beside and below the face: bare shoulders are no part of the head, as clothed ones are not."""
    if observation.landmarks is None:
        return np.zeros(len(border), bool)
    (left, _), (right, chin) = (f(observation.landmarks[list(FACE_OVAL)], axis=0) for f in (np.min, np.max))
    x, y = border.T
    return np.asarray((y > chin) & ((x < left) | (x > right)))


def _ear_for_jaw(
    observation: Observation, border: Float[np.ndarray, "n 2"], edge: Float[np.ndarray, "n 2"]
) -> Bool[np.ndarray, " n"]:
    """Where the mesh ends at the face's own outline, which landmarks tell, and the picture's border is farther out: at an ear's lobe."""
    if observation.landmarks is None:
        return np.zeros(len(border), bool)
    outline = np.round(observation.landmarks[list(FACE_OVAL)]).astype(np.float32)
    most = _AT_OVAL * float(np.ptp(outline[:, 1]))
    out, own = (
        np.array([-cv2.pointPolygonTest(outline, (float(x), float(y)), True) for x, y in points])
        for points in (border, edge)
    )
    return np.asarray((np.abs(own) < most) & (out > most))


def _pixels(points: Float[np.ndarray, "n 2"], camera: Camera) -> tuple[np.ndarray, np.ndarray]:
    """Columns and rows of the pixels that hold the points."""
    columns, rows = np.floor(points).astype(int).T
    return columns.clip(0, camera.width - 1), rows.clip(0, camera.height - 1)


def _match(
    points: np.ndarray, normals: np.ndarray, others: np.ndarray, other_normals: np.ndarray, width: int
) -> tuple[np.ndarray, np.ndarray]:
    """For each point the nearest of `others` that faces the same way: which points found one, and which one."""
    distance, index = scipy.spatial.cKDTree(others).query(points)
    good = (distance < _REACH * width) & ((normals * other_normals[index]).sum(-1) > _SAME_WAY)
    return np.flatnonzero(good), index[good]
