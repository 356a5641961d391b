"""Paints the assembled head: the photograph where it sees, its mirror image, and completion where nobody saw.

Skin is a smooth base plus detail. The base is diffused over the mesh itself, so no seam of the atlas shows; detail comes from the
photograph, from its mirror image, or from quilted patches. Hair and clothes are continued in whole patches (sheets.py).
"""

from dataclasses import dataclass

import numpy as np
import scipy.ndimage
from jaxtyping import Bool, Float32

from facecraft4d.toolkit.core.geometry import LUMA, normalized
from facecraft4d.toolkit.core.rigging import in_regions
from facecraft4d.toolkit.landmarks.points import BROWS, CHIN, FACE_OVAL, JAW_CORNERS
from facecraft4d.toolkit.shape_prior.parametric.assembly import HAIR, SKIN, TORSO, Assembly
from facecraft4d.toolkit.shape_prior.parametric.paint.appearance import SPECIAL_REGIONS, eye_mask, paint_inside
from facecraft4d.toolkit.shape_prior.parametric.paint.quilting import Canvas, Swatch, quilt
from facecraft4d.toolkit.shape_prior.parametric.paint.sheets import Stuff, continued, seen_or_mirrored
from facecraft4d.toolkit.shape_prior.parametric.paint.synthesis import diffuse
from facecraft4d.toolkit.shape_prior.parametric.paint.texels import (
    GRAZING_SHELL,
    GRAZING_SKIN,
    ReferenceView,
    Texels,
    Visibility,
    label_blur,
    posed_normals,
    sample_picture,
    texels,
    visibility,
)
from facecraft4d.toolkit.shape_prior.parametric.segment import polygon

_BASE_SIGMA = 0.014
"""Width of the blur that parts the skin's base from its detail, as a fraction of the picture."""
_GRAZING = {SKIN: GRAZING_SKIN, HAIR: GRAZING_SHELL, TORSO: GRAZING_SHELL}
_MIRROR_WEIGHT = 0.15
"""Trust in what the photograph shows of the other side, beside its own: it decides only where the own side is hardly seen."""
_DARK = 0.6
"""Skin darker than this part of its median is not used to complete."""
_FACE_INNER = 0.93
"""Part of the face's outline, from its middle, inside which what is dark belongs to the face."""
_HAIR_OVER_SKIN = 0.7
"""Skin that turns away more than this (cosine) does not take the colour of hair or shadow beside it."""
_LIT, _PALER = 0.65, 0.06
"""Part of the skin's brightness from which a pixel passes for skin. How much paler than skin (a channel as a share of the brightest one) still passes for skin: grey hair is as bright, but paler."""
_SKIN_DETAIL = 0.5
"""How much of the skin's detail is carried on where nobody saw it."""
_USUAL = 4.0
"""Detail beyond this many times its median size is cut off where it is used to complete."""
_PATTERNED = 0.22
"""Stuff whose brightness varies more than this (standard deviation) carries a design."""
_SKIN_PATCH, _SKIN_CALM = 0.03, 1.5
"""Side of a patch of skin as a fraction of the texture; times the median contrast up to which patches are used."""
_CLEAR_PIXELS = 1.5
"""Distance in pixels from the matte's border from which a pixel's colour is the person's own."""
_MOSTLY_HIGHLIGHT = 0.3
"""Where more of the hair than this passes for skin, the hair itself is that bright."""
_LEAST_BRIGHT = 0.05
"""Brightness below which a colour's tint says nothing."""
_KNOWN = 0.6
"""Trust from which a texel's detail is known."""
_EYE_EDGE = 0.7
"""Pixels of smoothing of the open eye's border."""
_INSIDE, _OPAQUE = 0.003, 0.8
"""Distance from the matte's border, as a fraction of the picture, and alpha from which hair and clothes are sampled."""


def paint(
    assembly: Assembly, photo: ReferenceView, size: int, rng: np.random.Generator
) -> Float32[np.ndarray, "s s 3"]:
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
    """What the photograph says about skin."""

    base: Float32[np.ndarray, "h w 3"]
    detail: Float32[np.ndarray, "h w 3"]
    label: Float32[np.ndarray, "h w"]
    """1 where pixels show skin and lie clear of the matte's border."""


def _sources(photo: ReferenceView) -> _Sources:
    image, mask = photo.image, _typical(photo, SKIN)
    clear = scipy.ndimage.binary_erosion(mask, iterations=1).astype(np.float32)
    base = label_blur(image, mask, _BASE_SIGMA * image.shape[0])
    detail = np.where(mask[..., None], image - base, 0)
    # What stands out (a mole, a highlight) must not be spread: limit detail to what is usual here.
    usual = _USUAL * np.median(np.abs(detail[mask])) if mask.any() else 0.0
    return _Sources(base, (_SKIN_DETAIL * detail.clip(-usual, usual)).astype(np.float32), clear)


def _usable(photo: ReferenceView, part: int) -> Bool[np.ndarray, "h w"]:
    """Typical pixels of a part well inside it; those of the skin if the photograph shows nothing of the part."""
    typical = _typical(photo, part)
    inner = typical & (photo.rim > _INSIDE * len(photo.image)) & (photo.portrait.alpha > _OPAQUE)
    for mask in (inner, typical):
        if mask.any():
            return np.asarray(mask)
    return _typical(photo, SKIN)


def _typical(photo: ReferenceView, part: int) -> Bool[np.ndarray, "h w"]:
    """Pixels whose colours may be carried on to where nobody saw the part."""
    segments = photo.segments
    mask = (segments.skin, segments.hair, segments.torso)[part] & (photo.rim > _CLEAR_PIXELS)
    if part == SKIN and mask.any():
        # Eyes, frames of glasses and shadows are not what skin looks like.
        mask &= ~scipy.ndimage.binary_dilation(eye_mask(photo.portrait), iterations=1) & ~_dark(photo)
    if part == HAIR and segments.skin.any():
        # Ears and cheeks that were taken for hair; above the brows what is as bright as skin is a highlight.
        like_skin = scipy.ndimage.binary_opening(_like_skin(photo))
        like_skin[: _brow_row(photo)] = False
        mask = mask & ~like_skin if (mask & like_skin).sum() < _MOSTLY_HIGHLIGHT * mask.sum() else mask
    return np.asarray(mask)


def _like_skin(photo: ReferenceView) -> Bool[np.ndarray, "h w"]:
    """Pixels as bright as skin and not paler."""
    image, skin = photo.image, np.median(photo.image[photo.segments.skin], 0)
    tint = image / image.max(-1, keepdims=True).clip(_LEAST_BRIGHT) - skin / max(float(skin.max()), _LEAST_BRIGHT)
    return np.asarray((image @ LUMA > _LIT * (skin @ LUMA)) & (tint.max(-1) < _PALER))


def _patterned(photo: ReferenceView, usable: Bool[np.ndarray, "h w"]) -> bool:
    """Whether what is not bare skin carries a design, as a cap or a collar does."""
    stuff = photo.image[usable & ~_like_skin(photo)] @ LUMA
    return len(stuff) > 0 and float(stuff.std()) > _PATTERNED


def _brow_row(photo: ReferenceView) -> int:
    """The picture's row of the higher brow."""
    return max(0, int(photo.portrait.landmarks[list(BROWS), 1].min()))


def _dark(photo: ReferenceView) -> Bool[np.ndarray, "h w"]:
    """Pixels much darker than the skin."""
    brightness = photo.image @ LUMA
    skin = brightness[photo.segments.skin]
    return np.asarray(brightness < _DARK * np.median(skin)) if len(skin) else np.zeros(brightness.shape, bool)


def _paint_part(
    assembly: Assembly, photo: ReferenceView, table: Texels, part: int, rng: np.random.Generator
) -> Float32[np.ndarray, "n 3"]:
    """Colours of all texels as if they belonged to one part (only those that do are used)."""
    mine = assembly.triangle_parts[table.triangles] == part
    colors = np.zeros((len(mine), 3), np.float32)
    if not mine.any():
        return colors
    piece = Texels(table.rows[mine], table.columns[mine], table.triangles[mine], table.barycentrics[mine], table.size)
    both = _visibilities(assembly, photo, piece)
    seen = _trust(assembly, photo, piece, both[0], part)
    usable = _usable(photo, part)
    if part == SKIN or not usable.any():
        filled = _skin(assembly, photo, piece, both, seen, rng)
    else:
        sheet = seen_or_mirrored(photo, usable, both, _GRAZING[part])
        stuff = Stuff(usable, part == TORSO, _patterned(photo, usable))
        filled = continued(photo, stuff, piece, sheet, rng)
    picture = sample_picture(photo.image, both[0].pixels)
    colors[mine] = seen[:, None] * picture + (1 - seen)[:, None] * filled
    return colors


def _skin(
    assembly: Assembly,
    photo: ReferenceView,
    piece: Texels,
    both: tuple[Visibility, Visibility],
    seen: Float32[np.ndarray, " n"],
    rng: np.random.Generator,
) -> Float32[np.ndarray, "n 3"]:
    """Skin as it goes on where nobody saw it, and what lies inside eyes and mouth."""
    sources, (own, mirrored) = _sources(photo), both
    label, label_mirrored = (sample_picture(sources.label[..., None], s.pixels)[:, 0].clip(0, 1) for s in both)
    base = piece.spread(_vertex_base(assembly, photo, sources), assembly.rig.triangles)
    reflected = (mirrored.trust(_GRAZING[SKIN]) * label_mirrored * (1 - seen))[:, None]
    detail = sample_picture(sources.detail, mirrored.pixels) * reflected
    detail = detail + (1 - reflected) * _quilted(piece, sources, own, seen * label, rng)
    inside = paint_inside(assembly, piece, photo.portrait)
    covers = inside.covers[:, None]
    return np.asarray((base + detail) * (1 - covers) + inside.colors * covers, np.float32)


def _quilted(
    piece: Texels, sources: _Sources, own: Visibility, known: Float32[np.ndarray, " n"], rng: np.random.Generator
) -> Float32[np.ndarray, "n 3"]:
    """The skin's detail for its whole chart."""
    at = (piece.rows - piece.rows.min(), piece.columns - piece.columns.min())
    shape = (int(at[0].max()) + 1, int(at[1].max()) + 1)
    detail, flat = np.zeros((*shape, 3), np.float32), np.zeros((*shape, 3), np.float32)
    sure, wanted = np.zeros(shape, bool), np.zeros(shape, bool)
    detail[at], sure[at], wanted[at] = sample_picture(sources.detail, own.pixels), known > _KNOWN, True
    rows = np.zeros(len(sources.detail), np.float32)
    sample = Swatch(sources.detail, np.zeros_like(sources.detail), sources.label > 0.5, rows, 0.0)
    size = 2 * round(_SKIN_PATCH * piece.size / 2)
    return np.asarray(quilt(Canvas(detail, sure, wanted, flat), sample, (size, size // 2), _SKIN_CALM, rng)[at])


def _visibilities(assembly: Assembly, photo: ReferenceView, piece: Texels) -> tuple[Visibility, Visibility]:
    """Of the texels themselves and of their mirror points."""
    normals, faces = posed_normals(assembly), assembly.rig.triangles
    both = []
    for triangles in (faces, assembly.mirror[faces]):
        points = piece.spread(assembly.posed, triangles).astype(np.float32)
        both.append(visibility(photo, points, normalized(piece.spread(normals, triangles)).astype(np.float32)))
    return both[0], both[1]


def _trust(
    assembly: Assembly, photo: ReferenceView, piece: Texels, own: Visibility, part: int
) -> Float32[np.ndarray, " n"]:
    """How far the photograph's own colour counts; on eyeballs only inside the open eye."""
    opening = scipy.ndimage.gaussian_filter(eye_mask(photo.portrait).astype(np.float32), _EYE_EDGE)[..., None]
    open_ = np.clip(sample_picture(opening, own.pixels)[:, 0] * 2 - 1, 0, 1)
    trust: Float32[np.ndarray, " n"] = own.trust(_GRAZING[part])
    if part == SKIN:
        oval = photo.portrait.landmarks[list(FACE_OVAL), :2]
        face = polygon(oval.mean(0) + _FACE_INNER * (oval - oval.mean(0)), len(photo.image))
        # The shadow below the chin is real.
        right, left = photo.portrait.landmarks[list(JAW_CORNERS), 0].astype(int).clip(0)
        low = int(photo.portrait.landmarks[[*JAW_CORNERS, CHIN, CHIN], 1].mean())
        face[max(0, low) :, right:left] = True
        other = photo.segments.hair | (_dark(photo) & ~face)
        # Below the brows hair and shadow beside the face lie on no skin at all; above, a fringe lies on the forehead.
        beside = scipy.ndimage.binary_dilation(other & ~face) & (np.arange(len(other)) > _brow_row(photo))[:, None]
        masks = np.stack([other, beside], -1).astype(np.float32)
        hair, besides = sample_picture(masks, own.pixels).clip(0, 1).T
        trust = trust * (1 - hair * (own.facing < _HAIR_OVER_SKIN)) * (1 - besides)
    else:
        # Where a sheet's edge turns away over the face's pixels, it is not skin.
        mask = scipy.ndimage.binary_dilation(photo.segments.hair if part == HAIR else photo.segments.torso)
        mine = sample_picture(mask.astype(np.float32)[..., None], own.pixels)[:, 0].clip(0, 1)
        trust = trust * np.where(own.facing < _HAIR_OVER_SKIN, mine, 1)
    eyes = in_regions(assembly.rig, "eyes", optional=True)[piece.triangles]
    return np.where(eyes, open_ * (own.facing > 0), trust).astype(np.float32)


def _vertex_base(assembly: Assembly, photo: ReferenceView, sources: _Sources) -> Float32[np.ndarray, "v 3"]:
    """The smooth base colour of every vertex."""
    rig, normals = assembly.rig, posed_normals(assembly)
    plain = np.zeros(len(rig.vertices), bool)
    plain[rig.triangles[~in_regions(rig, *SPECIAL_REGIONS, optional=True)]] = True
    weights, colors = np.zeros(len(rig.vertices)), np.zeros((len(rig.vertices), 3))
    for order, importance in ((np.arange(len(weights)), 1.0), (assembly.mirror, _MIRROR_WEIGHT)):
        seen = visibility(photo, assembly.posed[order], normals[order])
        label = sample_picture(sources.label[..., None], seen.pixels)[:, 0].clip(0, 1)
        weight = importance * seen.trust(_GRAZING[SKIN]) * label * plain * (assembly.vertex_parts == SKIN)
        take = weight > weights
        colors[take] = sample_picture(sources.base, seen.pixels)[take]
        weights = np.where(take, weight, weights)
    return diffuse(rig.vertices, rig.triangles, colors, weights)
