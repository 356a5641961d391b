"""Finds a hat in a portrait: what lies above a level edge across forehead and temples, and is of other stuff than all that is below it.

Hair's own edge is no such edge: it comes down at the temples, so hair lies on both sides of any level line. Stuffs are told apart by the
Bhattacharyya distance (Bhattacharyya 1943) of their colours' normal distributions, so a black cap is found as well as a red one.
"""

from typing import NamedTuple

import cv2
import numpy as np
import scipy.ndimage
from jaxtyping import Bool, Float, Float64

from facecraft4d.toolkit.core.datatypes import Portrait
from facecraft4d.toolkit.shape_prior.parametric.colours import (
    HALF,
    Bins,
    FaceFrame,
    bins_of,
    face_frame,
    histogram,
    shrunk,
)

_HAIR_CHROMA, _GREY_CHROMA, _HAIR_HUES = (14.0, 0.35), 10.0, (23.0, 100.0)
"""Most chroma of hair in the dark and its growth with lightness (CIE Lab); from which chroma hues count; degrees of hair's hues, red to
straw."""
_CALM = 4.0
"""Pixels of the working size over which a hat is smoothed: knitting and badges belong to it."""
_ROUNDS = 3
"""In which a hat's colours are told from the pixels that have them."""
_ABOVE = 0.7
"""How likely a hat is above its edge, before colours are looked at; below it the contrary is as likely."""
_BAND = 0.08
"""Heights of the face above and below the edge that are compared: less than a forehead."""
_NOISE = 4.0
"""Units of CIE Lab by which one stuff's colours differ at least."""
_HEIGHTS, _SAGS, _ROLLS = np.arange(-0.45, 0.2, 0.015), np.arange(0, 0.19, 0.06), np.arange(-0.08, 0.09, 0.04)
"""Edges that are tried, in heights of the face: down from the forehead's top, how much lower at the temples, how much lower on one side.
Hair's edge sags by more than 0.2."""
_THIRDS = ((-1.05, -0.6), (-0.45, 0.45), (0.6, 1.05))
"""Temples and forehead, in halves of the face's width: an edge counts as the least of the three does."""
_DIFFERENT = 0.7
"""Distance of what is above from what is below, from which there is a hat. From the front 17 drawn people without one had at most 0.45;
of 12 with one 7 had 0.85 and more, and 5 had less than 0.4: their hats come farther down at the temples, or have their hair's colour."""
_BESIDE, _SPECK = 2.0, 0.01
"""Halves of the face's width within which hair below the edge counts, and its least area in squares of the face's height."""


class _Stuff(NamedTuple):
    """Colours of one stuff or of many: how many pixels, their mean and covariance."""

    pixels: Float64[np.ndarray, "*n"]
    mean: Float64[np.ndarray, "*n 3"]
    covariance: Float64[np.ndarray, "*n 3 3"]


def headwear(portrait: Portrait, hair: Bool[np.ndarray, "s s"], skin: Bool[np.ndarray, "s s"]) -> np.ndarray:
    """The pixels [s, s] of a hat, none where there is none; it may take what was taken for `hair` or `skin`."""
    picture, matte = shrunk(portrait.image), shrunk(portrait.alpha) > HALF
    label, face = (shrunk(mask) > HALF for mask in (hair, skin))
    frame = face_frame(portrait)
    above = _above_brim(picture, matte, label, frame)
    if above is None:
        strange = _strange(picture, face)
        above = label & (frame.rows < frame.top)
        if (strange & above).sum() <= HALF * above.sum():
            return np.zeros_like(hair)
        worn, grown = strange & above, label & ~strange & ~above
    else:
        worn, grown = above & (np.abs(frame.across) < _THIRDS[-1][-1]), label & ~above
    place = (label | above) & matte
    share = _share(bins_of(picture), place, above, worn, (grown, face & ~above))
    full = cv2.resize((share * place).astype(np.float32), hair.shape[::-1], interpolation=cv2.INTER_CUBIC) > HALF
    return np.asarray(scipy.ndimage.binary_fill_holes(_largest(full & (portrait.alpha > HALF))))


def _share(
    bins: Bins, place: np.ndarray, above: np.ndarray, worn: np.ndarray, others: tuple[np.ndarray, ...]
) -> np.ndarray:
    """How far each pixel of `place` is of the colours of `worn` rather than of any of the others, smoothed."""
    rest = np.max([histogram(bins, mask)[bins] for mask in others], 0)
    share, odds = worn.astype(np.float64), np.where(above, _ABOVE, 1 - _ABOVE)
    calm = scipy.ndimage.gaussian_filter(place.astype(float), _CALM) + 1e-3
    for _ in range(_ROUNDS):
        likely = histogram(bins, share)[bins]
        share = (
            scipy.ndimage.gaussian_filter(odds * likely / (odds * likely + (1 - odds) * rest) * place, _CALM)
            / calm
            * place
        )
    return np.asarray(share)


def _above_brim(
    picture: Float[np.ndarray, "w w 3"], matte: np.ndarray, hair: np.ndarray, frame: FaceFrame
) -> Bool[np.ndarray, "w w"] | None:
    """What lies above the edge that parts most; None where no level edge parts stuffs."""
    lab = cv2.cvtColor(picture, cv2.COLOR_RGB2LAB).astype(np.float64)
    u = frame.across[0]
    arc = 1 - np.sqrt(np.clip(1 - u**2, 0, 1))
    height, sag, roll = (each.reshape(-1, 1) for each in np.meshgrid(_HEIGHTS, _SAGS, _ROLLS, indexing="ij"))
    edges = frame.top + frame.height * (height + sag * arc + roll * u)
    table, band = _sums(lab, matte), _BAND * frame.height
    least = np.full(len(edges), np.inf)
    for low, high in _THIRDS:
        columns = np.flatnonzero((u > low) & (u < high))
        upper, lower = (
            _stuff(_rows_between(table, edges[:, columns] + start, columns, band)) for start in (-1 - band, 1)
        )
        enough = np.minimum(upper.pixels, lower.pixels) > 0.3 * band * len(columns)
        least = np.minimum(least, np.where(enough, _distance(upper, lower), 0))
    best = int(least.argmax())
    over = frame.rows < edges[best]
    # hair below the edge must not be of what lies above it
    rest = hair & ~over & (frame.rows < frame.mouth) & (np.abs(frame.across) < _BESIDE)
    score = least[best]
    if rest.sum() > _SPECK * frame.height**2:
        hat = matte & over & (frame.rows > edges[best] - 2 * band) & (np.abs(frame.across) < _THIRDS[-1][-1])
        score *= min(1.0, float(_distance(*(_stuff(_sums(lab, mask)[-1].sum(0)) for mask in (hat, rest)))))
    return matte & over if score > _DIFFERENT else None


def _sums(lab: Float64[np.ndarray, "w w 3"], mask: np.ndarray) -> Float64[np.ndarray, "v w 13"]:
    """Count, colours and their products, summed down the columns: row i holds what is above it."""
    squares = (lab[..., :, None] * lab[..., None, :]).reshape(*mask.shape, 9)
    values = np.concatenate([np.ones((*mask.shape, 1)), lab, squares], -1) * mask[..., None]
    return np.concatenate([np.zeros((1, *values.shape[1:])), np.cumsum(values, 0)])


def _rows_between(table: np.ndarray, first: np.ndarray, columns: np.ndarray, band: float) -> np.ndarray:
    """Sums [k, 13] over `columns` [c] from rows `first` [k, c], `band` rows long."""
    start, end = (np.clip(np.round(rows), 0, len(table) - 1).astype(int) for rows in (first, first + band))
    return np.asarray((table[end, columns] - table[start, columns]).sum(1))


def _stuff(sums: Float64[np.ndarray, "*n 13"]) -> _Stuff:
    count = np.maximum(sums[..., 0], 1e-6)
    mean = sums[..., 1:4] / count[..., None]
    square = (sums[..., 4:] / count[..., None]).reshape(*mean.shape, 3)
    return _Stuff(count, mean, square - mean[..., :, None] * mean[..., None, :] + _NOISE**2 * np.eye(3))


def _distance(one: _Stuff, other: _Stuff) -> Float64[np.ndarray, "*n"]:
    """Bhattacharyya's."""
    both, apart = (one.covariance + other.covariance) / 2, one.mean - other.mean
    nearness = (apart * np.linalg.solve(both, apart[..., None])[..., 0]).sum(-1) / 8
    sizes = (np.linalg.det(each) for each in (both, one.covariance, other.covariance))
    whole, first, second = sizes
    return np.asarray(nearness + np.log(whole / np.sqrt(first * second)) / 2)


def _strange(picture: Float[np.ndarray, "w w 3"], face: np.ndarray) -> Bool[np.ndarray, "w w"]:
    """Pixels whose colours neither hair nor this face has."""
    bins = bins_of(picture)
    light, *axes = cv2.split(cv2.cvtColor(picture, cv2.COLOR_RGB2LAB))
    chroma, hue = np.hypot(*axes), np.degrees(np.arctan2(*axes[::-1]))
    strange = (chroma > _HAIR_CHROMA[0] + _HAIR_CHROMA[1] * light) | (
        (chroma > _GREY_CHROMA) & ((hue < _HAIR_HUES[0]) | (hue > _HAIR_HUES[1]))
    )
    likely = histogram(bins, face)
    return np.asarray(strange & (likely[bins] * likely.size < 1))


def _largest(mask: np.ndarray) -> np.ndarray:
    _, parts, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8))
    return np.asarray(mask & (parts == 1 + stats[1:, cv2.CC_STAT_AREA].argmax())) if len(stats) > 1 else mask
