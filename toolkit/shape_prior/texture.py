"""Paints the assembled head: the photograph where it sees, its mirror image, and completion where nobody saw.

Every colour is a smooth base plus detail. The base is diffused over the mesh itself, so no seam of the atlas shows; detail comes
from the photograph, from its mirror image, or from quilted patches.
"""

from dataclasses import dataclass

import numpy as np
import scipy.ndimage
from jaxtyping import Bool, Float32

from facecraft4d.toolkit.geometry import LUMA, camera_center, normalized
from facecraft4d.toolkit.shape_prior.appearance import SPECIAL_REGIONS, eye_mask, paint_inside
from facecraft4d.toolkit.shape_prior.assembly import HAIR, SKIN, TORSO, Assembly
from facecraft4d.toolkit.shape_prior.segment import FACE_OVAL, JAW_CORNERS, polygon
from facecraft4d.toolkit.shape_prior.synthesis import diffuse, quilt
from facecraft4d.toolkit.shape_prior.texels import (
    GRAZING_SHELL,
    GRAZING_SKIN,
    Photograph,
    Sight,
    Texels,
    label_blur,
    posed_normals,
    sample_picture,
    sight,
    texels,
)

_BASE_SIGMA = {SKIN: 0.014, HAIR: 0.03, TORSO: 0.025}
"""Width of the blur that parts base from detail, as a fraction of the picture."""
_GRAZING = {SKIN: GRAZING_SKIN, HAIR: GRAZING_SHELL, TORSO: GRAZING_SHELL}
_MIRROR_WEIGHT = 0.15
_DARK = 0.6
"""Skin darker than this part of its median is not used to complete."""
_HAIR_OVER_SKIN = 0.6
"""Skin that turns away more than this (cosine) does not take the colour of hair or shadow beside it."""
_PATTERNED = 0.22
"""A part whose brightness varies more than this (standard deviation) carries a design, as a cap does: it is not repeated."""
_PATTERN_SIGMA = 0.005
"""Width of the base's blur for such a part."""
_LIKE_SKIN = 0.16
"""Largest difference of a channel from the skin's median that passes for skin."""
_SKIN_DETAIL = 0.5
"""How much of the skin's detail is carried on where nobody saw it."""
_USUAL = 4.0
"""Detail beyond this many times its median size is cut off where it is used to complete."""
_PATCH = {SKIN: 0.03, HAIR: 0.07, TORSO: 0.05}
"""Side of a quilted patch as a fraction of the texture."""


def paint(assembly: Assembly, photo: Photograph, size: int, rng: np.random.Generator) -> Float32[np.ndarray, "s s 3"]:
    """The texture of the whole head, `size` texels square, sRGB; texels that no triangle owns repeat their neighbours."""
    table = texels(assembly, size)
    layers = [_paint_part(assembly, photo, table, part, rng) for part in (SKIN, HAIR, TORSO)]
    parts = assembly.triangle_parts[table.triangles]
    colors = np.choose(parts[:, None], layers)
    texture, owned = np.zeros((size, size, 3), np.float32), np.zeros((size, size), bool)
    texture[table.rows, table.columns], owned[table.rows, table.columns] = colors, True
    nearest = scipy.ndimage.distance_transform_edt(~owned, return_distances=False, return_indices=True)
    return np.asarray(texture[tuple(nearest)].clip(0, 1), np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class _Sources:
    """What the photograph's label says about one part."""

    base: Float32[np.ndarray, "h w 3"]
    detail: Float32[np.ndarray, "h w 3"]
    label: Float32[np.ndarray, "h w"]
    """1 where pixels show this part and lie clear of the matte's border."""


def _sources(photo: Photograph, part: int) -> _Sources:
    image, mask = photo.image, _typical(photo, part)
    clear = scipy.ndimage.binary_erosion(mask, iterations=1).astype(np.float32)
    if not mask.any() or float((image[mask] @ LUMA).std()) > _PATTERNED:
        base = label_blur(image, mask, _PATTERN_SIGMA * image.shape[0])
        return _Sources(base, np.zeros_like(base), clear)
    base = label_blur(image, mask, _BASE_SIGMA[part] * image.shape[0])
    detail = np.where(mask[..., None], image - base, 0)
    # What stands out (an emblem, a highlight) must not be spread: limit detail to what is usual here.
    usual = _USUAL * np.median(np.abs(detail[mask]))
    share = _SKIN_DETAIL if part == SKIN else 1.0
    return _Sources(base, (share * detail.clip(-usual, usual)).astype(np.float32), clear)


def _typical(photo: Photograph, part: int) -> Bool[np.ndarray, "h w"]:
    """Pixels whose colours may be carried on to where nobody saw the part."""
    segments, image = photo.segments, photo.image
    mask = (segments.skin, segments.hair, segments.torso)[part] & (photo.rim > 1.5)
    if part == SKIN and mask.any():
        # Eyes, frames of glasses and shadows are not what skin looks like.
        mask &= ~scipy.ndimage.binary_dilation(eye_mask(photo.portrait), iterations=1) & ~_dark(photo)
    if part == HAIR and segments.skin.any():
        # Ears and cheeks that were taken for hair.
        like_skin = np.abs(image - np.median(image[segments.skin], 0)).max(-1) < _LIKE_SKIN
        mask = mask & ~like_skin if (mask & like_skin).sum() < 0.3 * mask.sum() else mask
    return np.asarray(mask)


def _dark(photo: Photograph) -> Bool[np.ndarray, "h w"]:
    """Pixels much darker than the skin."""
    brightness = photo.image @ LUMA
    skin = brightness[photo.segments.skin]
    return np.asarray(brightness < _DARK * np.median(skin)) if len(skin) else np.zeros(brightness.shape, bool)


def _paint_part(
    assembly: Assembly, photo: Photograph, table: Texels, part: int, rng: np.random.Generator
) -> Float32[np.ndarray, "n 3"]:
    """Colours of all texels as if they belonged to one part (only those that do are used)."""
    sources = _sources(photo, part)
    mine = assembly.triangle_parts[table.triangles] == part
    colors = np.zeros((len(mine), 3), np.float32)
    if not mine.any():
        return colors
    piece = Texels(table.rows[mine], table.columns[mine], table.triangles[mine], table.barycentrics[mine], table.size)
    own, mirrored = _sights(assembly, photo, piece)
    label = sample_picture(sources.label[..., None], own.pixels)[:, 0].clip(0, 1)
    label_mirrored = sample_picture(sources.label[..., None], mirrored.pixels)[:, 0].clip(0, 1)
    base = piece.spread(_vertex_base(assembly, photo, sources, part), assembly.rig.triangles)
    seen = _trust(assembly, photo, piece, own, part)
    reflected = mirrored.trust(_GRAZING[part]) * label_mirrored * (1 - seen)
    detail = sample_picture(sources.detail, mirrored.pixels) * reflected[:, None]
    detail = detail + (1 - reflected)[:, None] * _quilted(piece, sources, own, seen * label, rng, _turn(photo, part))
    filled = base + detail
    if part == SKIN:
        inside = paint_inside(assembly, piece, photo.portrait)
        filled = filled * (1 - inside.covers[:, None]) + inside.colors * inside.covers[:, None]
    picture = sample_picture(photo.image, own.pixels)
    colors[mine] = seen[:, None] * picture + (1 - seen)[:, None] * filled
    return colors


def _sights(assembly: Assembly, photo: Photograph, piece: Texels) -> tuple[Sight, Sight]:
    """Of the texels themselves and of their mirror points."""
    normals, faces = posed_normals(assembly), assembly.rig.triangles
    both = []
    for triangles in (faces, assembly.mirror[faces]):
        points = piece.spread(assembly.posed, triangles).astype(np.float32)
        both.append(sight(photo, points, normalized(piece.spread(normals, triangles)).astype(np.float32)))
    return both[0], both[1]


def _trust(assembly: Assembly, photo: Photograph, piece: Texels, own: Sight, part: int) -> Float32[np.ndarray, " n"]:
    """How far the photograph's own colour counts; on eyeballs only inside the open eye."""
    regions = assembly.rig.triangle_regions[piece.triangles]
    opening = scipy.ndimage.gaussian_filter(eye_mask(photo.portrait).astype(np.float32), 0.7)[..., None]
    open_ = np.clip(sample_picture(opening, own.pixels)[:, 0] * 2 - 1, 0, 1)
    trust = own.trust(_GRAZING[part])
    if part == SKIN:
        face = polygon(photo.portrait.landmarks[list(FACE_OVAL), :2], len(photo.image))
        # The shadow below the chin is real.
        right, left = photo.portrait.landmarks[list(JAW_CORNERS), 0].astype(int).clip(0)
        face[:, right:left] = True
        other = (photo.segments.hair | (_dark(photo) & ~face)).astype(np.float32)
        hair = sample_picture(other[..., None], own.pixels)[:, 0].clip(0, 1)
        trust = trust * (1 - hair * (own.facing < _HAIR_OVER_SKIN))
    eyes = regions == assembly.rig.region_names.index("eyes")
    return np.where(eyes, open_ * (own.facing > 0), trust).astype(np.float32)


def _vertex_base(assembly: Assembly, photo: Photograph, sources: _Sources, part: int) -> Float32[np.ndarray, "v 3"]:
    """The smooth base colour of every vertex."""
    rig, normals = assembly.rig, posed_normals(assembly)
    special = [rig.region_names.index(name) for name in SPECIAL_REGIONS]
    plain = np.isin(np.arange(len(rig.vertices)), rig.triangles[~np.isin(rig.triangle_regions, special)])
    weights, colors = np.zeros(len(rig.vertices)), np.zeros((len(rig.vertices), 3))
    for order, importance in ((np.arange(len(weights)), 1.0), (assembly.mirror, _MIRROR_WEIGHT)):
        seen = sight(photo, assembly.posed[order], normals[order])
        label = sample_picture(sources.label[..., None], seen.pixels)[:, 0].clip(0, 1)
        weight = importance * seen.trust(_GRAZING[part]) * label * plain * (assembly.vertex_parts == part)
        take = weight > weights
        colors[take] = sample_picture(sources.base, seen.pixels)[take]
        weights = np.where(take, weight, weights)
    return diffuse(rig.vertices, rig.triangles, colors, weights)


@dataclass(frozen=True, slots=True)
class _Turn:
    """How a part's chart is laid out."""

    upright: bool
    """The azimuth runs down the rows."""
    reflect_about: float | None
    """The camera's azimuth in turns, if the back may repeat the front."""
    patch: float


def _turn(photo: Photograph, part: int) -> _Turn:
    center = camera_center(photo.camera)
    return _Turn(
        part == TORSO, float(np.arctan2(center[0], center[2]) / (2 * np.pi)) if part == HAIR else None, _PATCH[part]
    )


def _quilted(
    piece: Texels,
    sources: _Sources,
    own: Sight,
    known: Float32[np.ndarray, " n"],
    rng: np.random.Generator,
    turn: _Turn,
) -> Float32[np.ndarray, "n 3"]:
    """Detail for the whole chart: the back of the hair repeats its front where that was seen; the rest is quilted."""
    down, across = (piece.columns, piece.rows) if turn.upright else (piece.rows, piece.columns)
    at = (down - down.min(), across - across.min())
    shape = (int(at[0].max()) + 1, int(at[1].max()) + 1)
    detail = np.zeros((*shape, 3), np.float32)
    detail[at] = sample_picture(sources.detail, own.pixels)
    sure, wanted = np.zeros(shape, bool), np.zeros(shape, bool)
    sure[at], wanted[at] = known > 0.6, True
    if turn.reflect_about is not None:
        twin = np.round((1.5 + 2 * turn.reflect_about) * shape[1] - np.arange(shape[1])).astype(int) % shape[1]
        repeated = sure[:, twin] & ~sure
        detail = np.where(repeated[..., None], detail[:, twin], detail)
        sure = sure | repeated
    return np.asarray(quilt(detail, sure, wanted, 2 * int(turn.patch * piece.size / 2), rng)[at])
