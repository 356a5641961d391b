"""Which pixels of the photograph show skin, hair and clothes, well enough to go on from them."""

import numpy as np
import scipy.ndimage
from jaxtyping import Bool, Float32

from facecraft4d.toolkit.core.geometry import LUMA, smoothstep
from facecraft4d.toolkit.landmarks.points import MOUTH
from facecraft4d.toolkit.shape_prior.parametric.assembly import HAIR, SKIN, TORSO
from facecraft4d.toolkit.shape_prior.parametric.paint.appearance import eye_mask
from facecraft4d.toolkit.shape_prior.parametric.paint.texels import ReferenceView, Visibility, sample_picture

USUAL, _LEAST_SPREAD = 3.0, 0.04
"""Robust standard deviations of brightness within which a part's pixels are plain, and the least one."""
_LIT, _PALER = 0.65, 0.06
"""Part of the skin's brightness from which a pixel passes for skin; how much paler than skin (a channel as a share of the brightest one)
still passes for it: grey hair is as bright, but paler."""
_MOSTLY = 0.3
"""Where more of a part than this passes for skin, the part itself looks like that."""
_LEAST_BRIGHT = 0.05
"""Brightness below which a colour's tint says nothing."""
_CLEAR_PIXELS = 1.5
"""Distance in pixels, per 512, from the matte's border from which a pixel's colour is the person's own."""
_TIPS, _DOWN = 10, np.array([[False], [True], [True]])
"""Pixels, per 512, below a beard that belong to its ends or its shade; what dilates a mask downwards."""
_OVER = (0.6, 0.8)
"""Cosines between normal and line of sight over which a surface begins to take whatever the photograph shows there."""


BEARD, HAT = 3, 4
"""What skin, and hair, may be covered with, beside the parts SKIN, HAIR and TORSO."""
COVERS = {SKIN: BEARD, HAIR: HAT}


def segment_of(photo: ReferenceView, stuff: int) -> Bool[np.ndarray, "h w"]:
    """The stuff's pixels."""
    segments, none = photo.segments, photo.segments.skin & False
    beard = none if segments.beard is None else segments.beard
    hat = none if segments.headwear is None else segments.headwear
    return np.asarray({SKIN: segments.skin, HAIR: segments.hair, TORSO: segments.torso, BEARD: beard, HAT: hat}[stuff])


def beard_or_shade(photo: ReferenceView) -> Bool[np.ndarray, "h w"]:
    """The beard's pixels, and those below it that its thin ends and its shade darken."""
    beard = segment_of(photo, BEARD)
    return np.asarray(scipy.ndimage.binary_dilation(beard, _DOWN, max(1, _TIPS * len(beard) // 512)))


def bare_below(photo: ReferenceView) -> Bool[np.ndarray, "h w"]:
    """What lies below the mouth and is no beard."""
    below = np.arange(len(photo.image))[:, None] > photo.portrait.landmarks[MOUTH, 1]
    return np.asarray(below & ~segment_of(photo, BEARD))


def usable(photo: ReferenceView, part: int) -> Bool[np.ndarray, "h w"]:
    """Pixels whose colours may be carried on to where nobody saw the part; those of the skin if the photograph shows none of it."""
    mask = segment_of(photo, part) & (photo.rim > _CLEAR_PIXELS * len(photo.image) / 512)
    if part in COVERS:
        mask &= ~segment_of(photo, COVERS[part])
    if part == SKIN:
        return np.asarray(mask & ~beard_or_shade(photo) & ~scipy.ndimage.binary_dilation(eye_mask(photo.portrait)))
    if part == BEARD:
        return np.asarray(mask)
    like = scipy.ndimage.binary_opening(_like_skin(photo)) & mask
    mask = mask & ~like if like.sum() < _MOSTLY * mask.sum() else mask
    return np.asarray(mask) if mask.any() else usable(photo, SKIN)


def plain(photo: ReferenceView, part: int, usual: float = USUAL) -> Bool[np.ndarray, "h w"]:
    """The part's usable pixels without what stands out: a beard and brows on skin, an emblem on a hat."""
    mask, brightness = usable(photo, part), photo.image @ LUMA
    if not mask.any():
        return mask
    off = np.abs(brightness - np.median(brightness[mask]))
    spread = max(1.48 * float(np.median(off[mask])), _LEAST_SPREAD)
    return np.asarray(mask & ~scipy.ndimage.binary_dilation(mask & (off > usual * spread)))


def seen_as(photo: ReferenceView, part: int, own: Visibility) -> Float32[np.ndarray, " n"]:
    """How far what the photograph shows at surface points is the part that they belong to.

    Where a surface faces the camera all that lies over it counts (a fringe on the forehead); where it turns away, what lies beside it
    does not.
    """
    # where a garment leaves the shoulders bare, its sheet shows them
    mask = segment_of(photo, part) | (photo.segments.skin & (part == TORSO))
    soft = scipy.ndimage.gaussian_filter(mask.astype(np.float32)[..., None], (1, 1, 0))
    mine = sample_picture(soft, own.pixels)[:, 0].clip(0, 1)
    over = smoothstep((own.facing - _OVER[0]) / (_OVER[1] - _OVER[0]))
    return np.asarray(np.maximum(mine, over), np.float32)


def _like_skin(photo: ReferenceView) -> Bool[np.ndarray, "h w"]:
    """Pixels as bright as skin and not paler."""
    image, shown = photo.image, photo.segments.skin
    skin = np.median(image[shown], 0) if shown.any() else np.ones(3, np.float32)
    tint = image / image.max(-1, keepdims=True).clip(_LEAST_BRIGHT) - skin / max(float(skin.max()), _LEAST_BRIGHT)
    return np.asarray((image @ LUMA > _LIT * (skin @ LUMA)) & (tint.max(-1) < _PALER))
