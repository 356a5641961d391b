"""Texture coordinates for a head without: the CC0 head's islands carried over, charts of their own for the rest; nothing lies on anything else."""

import cv2
import numpy as np
from jaxtyping import Bool, Float32, Float64, Int

from facecraft4d.toolkit.core.geometry import area_vectors, normalized, vertex_normals
from facecraft4d.toolkit.core.rigging import in_regions
from facecraft4d.toolkit.face_model.adopted.registration import SHELLS, Registered
from facecraft4d.toolkit.face_model.adopted.surface import places_on
from facecraft4d.toolkit.face_model.embedding import closest_on_triangles, nearest_triangles
from facecraft4d.toolkit.face_model.model import FaceModel
from facecraft4d.toolkit.face_model.regions import TEXEL_DENSITY
from facecraft4d.toolkit.face_model.uv_atlas import islands, pack_islands
from facecraft4d.toolkit.meshes.graph import parts

SIDE = 2048
"""Pixels along a side of the picture in which charts are looked at for overlaps."""
SAMPLES = np.array([(1, 1, 1), (4, 1, 1), (1, 4, 1), (1, 1, 4)]) / np.array([[3], [6], [6], [6]])
"""Places on a triangle at which it must be seen."""
SLIVER = 0.05
"""Least area of a triangle in a chart, as a part of what it would have were the chart as large everywhere."""
STRETCHED = 2.5
"""Times a triangle may be longer in an island than there is usual."""
CORNER = 0.15
"""Side of the corner for what a file with its own coordinates lacked."""
EYE_BACK = 0.02
"""Density of the eyes' hidden halves beside that of the halves in front."""


def charts(model: FaceModel, bare: FaceModel, on: Registered) -> Float32[np.ndarray, "f 3 2"]:
    """Texture coordinates of all triangles of `model`, whose first are those of `bare`, origin at the top left."""
    vertices = model.vertices.astype(np.float64)
    triangles = model.triangles.astype(np.int64)
    skin = np.zeros(len(triangles), bool)
    skin[: len(bare.triangles)] = in_regions(bare, "skin")
    uvs = np.zeros((len(triangles), 3, 2))
    flat = np.zeros(len(triangles), bool)
    uvs[skin], flat[skin] = _carried(vertices, triangles[skin], on)
    labels = np.where(flat, 0, -1)
    uvs[~flat], labels[~flat] = _projected(vertices, triangles[~flat], _facing(model)[~flat])
    uvs[..., 0] += 10.0 * labels[:, None]  # islands are told apart by their corners
    density = TEXEL_DENSITY[model.triangle_regions] * np.where(_facing(model) == 7, EYE_BACK, 1)
    return pack_islands(triangles, uvs, vertices, density)


def beside(own: Float32[np.ndarray, "f 3 2"], model: FaceModel) -> Float32[np.ndarray, "g 3 2"]:
    """The file's own coordinates made a little smaller, and charts of what was put behind its triangles in the corner that gets free."""
    added = model.triangles[len(own) :].astype(np.int64)
    uvs, labels = _projected(model.vertices.astype(np.float64), added, _facing(model)[len(own) :])
    uvs[..., 0] += 10.0 * labels[:, None]
    packed = pack_islands(added, uvs, model.vertices.astype(np.float64), np.ones(len(added)))
    return np.asarray(np.concatenate([own * (1 - CORNER), 1 - CORNER + packed * CORNER]), np.float32)


def _carried(
    vertices: Float64[np.ndarray, "v 3"], triangles: Int[np.ndarray, "f 3"], on: Registered
) -> tuple[Float64[np.ndarray, "f 3 2"], Bool[np.ndarray, " f"]]:
    """The CC0 head's texture coordinates of skin, continued at its islands' borders, and which triangles lie well in them."""
    outer = ~in_regions(on.head, *SHELLS)
    theirs = on.head.corner_uvs[outer].astype(np.float64) * [1, -1]
    island = islands(theirs)
    corners = vertices[triangles]
    normals = normalized(area_vectors(corners))
    home = island[places_on(corners.mean(1), normals, on.vertices, on.skin).triangles]
    uvs, flat = np.zeros((*triangles.shape, 2)), np.zeros(len(triangles), bool)
    for number in np.unique(home):
        inside = np.flatnonzero(home == number)
        used, compact = np.unique(triangles[inside], return_inverse=True)
        around = vertex_normals(vertices, triangles)[used].astype(np.float64)
        members = np.flatnonzero(island == number)
        found = places_on(vertices[used], around, on.vertices, on.skin[members])
        chosen = members[found.triangles]
        shares = _continued(vertices[used], on.vertices[on.skin[chosen]])
        placed = np.einsum("nc,ncx->nx", shares, theirs[chosen])
        uvs[inside] = _on_one_side(
            placed[compact.reshape(-1, 3)], corners[inside], theirs[members], on.vertices[on.skin[members]]
        )
        flat[inside] = lying_flat(uvs[inside], corners[inside])
        uvs[inside] += [10.0 * number, 20.0]
    return uvs, flat


def _on_one_side(
    uvs: Float64[np.ndarray, "f 3 2"],
    corners: Float64[np.ndarray, "f 3 3"],
    theirs: Float64[np.ndarray, "m 3 2"],
    surface: Float64[np.ndarray, "m 3 3"],
) -> Float64[np.ndarray, "f 3 2"]:
    """A triangle drawn out over a seam of the island has its corners continued from the side that its middle is on."""
    size = np.median(_span(theirs) / np.maximum(_span(surface), 1e-9))
    whole = uvs.copy()
    torn = np.flatnonzero(_span(uvs) > STRETCHED * size * _span(corners))
    homes = theirs[nearest_triangles(corners[torn].mean(1), surface)[0]].mean(1)
    for index, home in zip(torn, homes, strict=True):
        near = np.flatnonzero(
            np.linalg.norm(theirs.mean(1) - home, axis=1) < 2 * size * _span(corners[index]) + _span(theirs)
        )
        for corner, point in enumerate(corners[index]):
            best = near[closest_on_triangles(point, surface[near])[1].argmin()]
            whole[index, corner] = _continued(point[None], surface[[best]])[0] @ theirs[best]
    return whole


def _span(corners: Float64[np.ndarray, "*f 3 d"]) -> Float64[np.ndarray, "*f"]:
    """The longest side of each triangle."""
    return np.asarray(np.linalg.norm(corners - np.roll(corners, 1, -2), axis=-1).max(-1))


def _continued(points: Float64[np.ndarray, "n 3"], corners: Float64[np.ndarray, "n 3 3"]) -> Float64[np.ndarray, "n 3"]:
    """Barycentrics in the plane of each triangle, also outside of it, as far as once its size."""
    first, second = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    edges = np.stack([first, second], 1)
    seen = np.einsum("nij,nj->ni", edges, points - corners[:, 0])
    inner = np.linalg.solve(edges @ np.swapaxes(edges, 1, 2) + 1e-18 * np.eye(2), seen[..., None])[..., 0]
    inner = np.clip(inner, -1, 2)
    return np.concatenate([1 - inner.sum(1, keepdims=True), inner], 1)


def _facing(model: FaceModel) -> Int[np.ndarray, " f"]:
    """The axis that each triangle faces, 0 to 5; of eyes the half, 6 in front and 7 behind."""
    corners = model.vertices[model.triangles].astype(np.float64)
    axes = np.concatenate([np.eye(3), -np.eye(3)])
    behind = corners[..., 2].mean(1) < (model.joint_regressor @ model.vertices)[3:, 2].mean()
    facing = np.argmax(normalized(area_vectors(corners)) @ axes.T, axis=1)
    return np.asarray(np.where(in_regions(model, "eyes"), 6 + behind, facing), np.int64)


def _projected(
    vertices: Float64[np.ndarray, "v 3"], triangles: Int[np.ndarray, "f 3"], facing: Int[np.ndarray, " f"]
) -> tuple[Float64[np.ndarray, "f 3 2"], Int[np.ndarray, " f"]]:
    """Coordinates and numbers (from 1) of charts: connected triangles that face alike, seen from before; else each for itself."""
    corners = vertices[triangles]
    normals = normalized(area_vectors(corners))
    uvs, labels = np.zeros((*triangles.shape, 2)), np.zeros(len(triangles), np.int64)
    number = 1
    for side in np.unique(facing):
        members = np.flatnonzero(facing == side)
        joined = parts(triangles[members], len(vertices))[triangles[members][:, 0]]
        for part in np.unique(joined):
            inside = members[joined == part]
            uvs[inside] = _seen_along(corners[inside], normals[inside].sum(0))
            good = lying_flat(uvs[inside], corners[inside])
            labels[inside] = number
            for alone in inside[~good]:
                number += 1
                uvs[alone] = _seen_along(corners[[alone]], normals[alone])[0]
                labels[alone] = number
            number += 1
    return uvs, labels


def _seen_along(
    corners: Float64[np.ndarray, "f 3 3"], normal: Float64[np.ndarray, "3"]
) -> Float64[np.ndarray, "f 3 2"]:
    """Coordinates in metres in the plane across `normal`."""
    axis = normal / np.linalg.norm(normal)
    right = np.cross(np.eye(3)[np.abs(axis).argmin()], axis)
    right /= np.linalg.norm(right)
    return np.stack([corners @ right, corners @ np.cross(axis, right)], -1)


def lying_flat(uvs: Float64[np.ndarray, "f 3 2"], corners: Float64[np.ndarray, "f 3 3"]) -> Bool[np.ndarray, " f"]:
    """Which triangles of a chart are neither turned over nor far too small nor below another one."""
    first, second = uvs[:, 1] - uvs[:, 0], uvs[:, 2] - uvs[:, 0]
    area = first[:, 0] * second[:, 1] - first[:, 1] * second[:, 0]
    surface = 2 * np.linalg.norm(area_vectors(corners), axis=-1)
    good = area > SLIVER * surface * np.abs(area).sum() / max(surface.sum(), 1e-12)
    low = uvs.min((0, 1))
    pixels = (uvs - low) / max(np.ptp(uvs, axis=(0, 1)).max(), 1e-12) * (SIDE - 3) + 1
    while True:
        drawn = _drawn(pixels, good)
        at = np.einsum("sc,fcx->fsx", SAMPLES, pixels).astype(np.int64)
        seen = drawn[at[..., 1], at[..., 0]]
        covered = good & ((seen != np.arange(len(uvs))[:, None]).sum(1) > 1) & (area * (SIDE / np.ptp(uvs)) ** 2 > 16)
        if not covered.any():
            return np.asarray(good)
        good &= ~covered


def _drawn(pixels: Float64[np.ndarray, "f 3 2"], good: Bool[np.ndarray, " f"]) -> Int[np.ndarray, "h w"]:
    """The number of the triangle that each pixel shows."""
    picture = np.full((SIDE, SIDE), -1, np.int32)
    fixed = np.round((pixels - 0.5) * 16).astype(np.int32)
    for index in np.flatnonzero(good):
        cv2.fillConvexPoly(picture, fixed[index], int(index), cv2.LINE_8, 4)
    return picture
