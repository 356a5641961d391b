"""Splits a portrait into skin, beard, hair or headwear, and clothes: the face's landmarks say where each may be, colours where it is.

Expectation and maximisation over one histogram of colours per label (Dempster, Laird and Rubin 1977): the labels' shares at a pixel are
their expectation there times how often their histogram holds its colour; the histograms are those of the pixels' shares.
"""

import cv2
import numpy as np
import scipy.ndimage
from jaxtyping import Float32

from facecraft4d.toolkit.core.datatypes import Portrait
from facecraft4d.toolkit.core.geometry import smoothstep
from facecraft4d.toolkit.fitting.observation import Segments
from facecraft4d.toolkit.landmarks.points import (
    BELOW_BROWS,
    BROW_HAIR,
    CHEEKS,
    CHIN,
    CHIN_SKIN,
    EYES_WITH_BROWS,
    FACE_OVAL,
    FACE_SIDES,
    FOREHEAD,
    LIPS_RIM,
    MOUTH,
)

_Bins = tuple[np.ndarray, np.ndarray, np.ndarray]
_SKIN, _BEARD, _HAIR, _CLOTH = range(4)
_WORKING_SIZE = 256
"""Side in pixels of the picture that is parsed: strands and pores, which cut borders into crumbs, are gone at that size."""
_ROUNDS = 6
"""Rounds of expectation and maximisation; later ones change hardly a pixel."""
_BINS = (32, 32, 32)
"""Of the histograms over L, a and b."""
_SHADES = (0.45, 0.6, 0.75, 0.9, 1.0, 1.1)
"""Light on neck, ears and temples beside that on the face."""
_FLOOR = 0.02
"""Part of every histogram that is spread over all colours: nothing is impossible."""
_SPREAD = 1.2
"""Bins over which histograms are smoothed."""
_CALM = 1.0
"""Pixels of the working size over which labels are smoothed."""
_STUBBLE, _BEARD_ODDS = 0.1, 20
"""Share of beard on the chin that shadows may feign, and by how much a chin full of beard makes one beside the jaw likelier."""
_TENTH = 0.1
"""Part of the largest piece of clothes below which a piece is none."""
_HAIR_CHROMA, _GREY_CHROMA, _HAIR_HUES = (14.0, 0.35), 10.0, (23.0, 100.0)
"""Most chroma of hair in the dark and its growth with lightness (CIE Lab); from which chroma hues count; degrees of hair's hues, red to
straw."""
_HAT_CALM = 4.0
"""Pixels of the working size over which a hat is smoothed: knitting and badges belong to it."""
_HALF = 0.5
"""Alpha, or share, from which a pixel belongs to the person, or to a label."""


def segment(portrait: Portrait) -> Segments:
    """Label the pixels of the matte (alpha above one half)."""
    size = portrait.image.shape[0]
    matte = portrait.alpha > _HALF
    points = portrait.landmarks[:, :2].astype(np.float64)
    shares = _shares(portrait, points * (_WORKING_SIZE / size))
    full = [cv2.resize(share, (size, size), interpolation=cv2.INTER_CUBIC) for share in shares]
    label = np.argmax(full, 0)
    face = polygon(points[list(BELOW_BROWS)], size)
    skin = matte & ((label == _SKIN) | (label == _BEARD) | face)
    # what shows through a fringe is hair
    skin &= _hanging_together(skin) | (np.arange(size)[:, None] > points[MOUTH, 1])
    hair = matte & ~skin & (label != _CLOTH)
    hair &= _reaching_up(hair, points[MOUTH, 1])
    cloth = _hanging_together(matte & ~skin & ~hair)
    skin = matte & ~hair & ~cloth
    return Segments(skin, hair, cloth, beard=skin & (label == _BEARD), headwear=_headwear(portrait, hair, skin, points))


def _headwear(portrait: Portrait, hair: np.ndarray, skin: np.ndarray, points: np.ndarray) -> np.ndarray:
    """The pixels of the hair that are a hat: all of its colour, where most of what lies above the forehead has neither hair's nor the face's."""
    shape = (_WORKING_SIZE, _WORKING_SIZE)
    picture = cv2.resize(portrait.image, shape, interpolation=cv2.INTER_AREA)
    label, face = (cv2.resize(m.astype(np.float32), shape, interpolation=cv2.INTER_AREA) > _HALF for m in (hair, skin))
    bins = _bins(picture)
    light, *axes = cv2.split(cv2.cvtColor(picture, cv2.COLOR_RGB2LAB))
    chroma, hue = np.hypot(*axes), np.degrees(np.arctan2(*axes[::-1]))
    strange = (chroma > _HAIR_CHROMA[0] + _HAIR_CHROMA[1] * light) | (
        (chroma > _GREY_CHROMA) & ((hue < _HAIR_HUES[0]) | (hue > _HAIR_HUES[1]))
    )
    strange &= _histogram(bins, face)[bins] * np.prod(_BINS) < 1
    above = label & (np.arange(_WORKING_SIZE)[:, None] < points[FOREHEAD, 1] * _WORKING_SIZE / len(hair))
    if (strange & above).sum() <= _HALF * above.sum():
        return np.zeros_like(hair)
    worn, grown = _histogram(bins, strange & above), _histogram(bins, label & ~strange & ~above)
    share = scipy.ndimage.gaussian_filter(worn[bins] / (worn[bins] + grown[bins]) * label, _HAT_CALM)
    share /= scipy.ndimage.gaussian_filter(label.astype(float), _HAT_CALM) + 1e-3
    full = cv2.resize(share.astype(np.float32), hair.shape[::-1], interpolation=cv2.INTER_CUBIC) > _HALF
    return np.asarray(_largest(full & hair))


def _largest(mask: np.ndarray) -> np.ndarray:
    _, parts, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8))
    return np.asarray(mask & (parts == 1 + stats[1:, cv2.CC_STAT_AREA].argmax())) if len(stats) > 1 else mask


def _shares(portrait: Portrait, points: np.ndarray) -> Float32[np.ndarray, "4 s s"]:
    """How much of each label there is at each pixel of the working size."""
    shape = (_WORKING_SIZE, _WORKING_SIZE)
    alpha = cv2.resize(portrait.alpha, shape, interpolation=cv2.INTER_AREA)
    weight = (alpha > _HALF).astype(np.float32)
    lab = _bins(cv2.resize(portrait.image, shape, interpolation=cv2.INTER_AREA))
    priors = first = _expected(points)
    histograms = _starts(portrait, points, lab, priors * weight)
    # what is no skin by its colour in the face: eyes, brows and lips
    drawn = np.zeros(shape, bool)
    for part in (*EYES_WITH_BROWS, LIPS_RIM):
        drawn |= polygon(points[list(part)], _WORKING_SIZE)
    chin = polygon(points[list(CHIN_SKIN)], _WORKING_SIZE)
    for _ in range(_ROUNDS):
        likely = np.stack([histogram[lab] for histogram in histograms])
        shares = priors * likely
        shares /= shares.sum(0) + 1e-12
        shares[:, drawn] = np.array([1, 0, 0, 0])[:, None]
        shares = np.stack([scipy.ndimage.gaussian_filter(share, _CALM) for share in shares])
        histograms = [_histogram(lab, share * weight * ~drawn) for share in shares]
        bearded = max(float(shares[_BEARD][chin].mean()) - _STUBBLE, 0)
        priors = first * np.array([1, 1 + _BEARD_ODDS * bearded, 1, 1])[:, None, None]
    return np.asarray(shares, np.float32)


def _bins(picture: np.ndarray) -> _Bins:
    """Bin of each pixel's lightness and of its two axes of colour."""
    lab = cv2.cvtColor(picture.astype(np.float32), cv2.COLOR_RGB2LAB)
    scaled = (lab - [0, -64, -64]) / [100, 128, 128] * _BINS
    index = scaled.astype(int).clip(0, np.array(_BINS) - 1)
    return index[..., 0], index[..., 1], index[..., 2]


def _histogram(bins: _Bins, weight: np.ndarray) -> np.ndarray:
    counts = np.zeros(_BINS)
    np.add.at(counts, bins, weight)
    smooth = scipy.ndimage.gaussian_filter(counts, _SPREAD)
    return np.asarray((1 - _FLOOR) * smooth / max(float(smooth.sum()), 1e-9) + _FLOOR / np.prod(_BINS))


def _starts(portrait: Portrait, points: np.ndarray, lab: _Bins, priors: np.ndarray) -> list[np.ndarray]:
    """First histograms: skin as the cheeks and the face's middle show it, under any light; the others from where nothing else is."""
    shape = (_WORKING_SIZE, _WORKING_SIZE)
    picture = cv2.resize(portrait.image, shape, interpolation=cv2.INTER_AREA)
    sure = np.zeros(shape, bool)
    for part in CHEEKS:
        sure |= polygon(points[list(part)], _WORKING_SIZE)
    skin = np.mean(
        [_histogram(_bins(picture[sure][None] * shade), np.ones((1, int(sure.sum())))) for shade in _SHADES], 0
    )
    strange = 1 / (1 + skin[lab] * np.prod(_BINS))
    brows = np.zeros(shape, bool)
    for brow in BROW_HAIR:
        brows |= polygon(points[list(brow)], _WORKING_SIZE)
    beard = _histogram(lab, brows * strange + priors[_BEARD] * strange)
    return [skin, beard, _histogram(lab, priors[_HAIR] * strange), _histogram(lab, priors[_CLOTH] * strange)]


def _expected(points: np.ndarray) -> np.ndarray:
    """Shares of the labels [4, s, s] by place alone, beside the face's outline."""
    rows, columns = np.mgrid[:_WORKING_SIZE, :_WORKING_SIZE] + 0.5
    oval = points[list(FACE_OVAL)]
    chin, top = points[CHIN], points[FOREHEAD]
    height = float(np.linalg.norm(chin - top))
    left, right = points[list(FACE_SIDES), 0]
    middle, half = (left + right) / 2, abs(right - left) / 2
    inside = signed(polygon(oval, _WORKING_SIZE)) / height
    across = np.abs(columns - middle) / half
    down = (rows - chin[1]) / height  # 0 at the chin, -1 at the top of the forehead
    within = smoothstep(0.5 + inside / 0.08)
    ear = np.exp(-(((across - 1.1) / 0.18) ** 2) - ((down + 0.5) / 0.2) ** 2)
    neck = smoothstep(0.5 + (0.95 - across) / 0.4) * smoothstep((down + 0.35) / 0.15) * smoothstep((0.75 - down) / 0.35)
    brow = smoothstep((down + 1.35) / 0.3) * smoothstep((-0.8 - down) / 0.1) * smoothstep((1 - across) / 0.3)
    skin = np.maximum.reduce([within * 0.98, 0.7 * ear, 0.6 * neck, 0.3 * brow, np.full_like(within, 0.02)])
    lower = smoothstep((down + 0.55) / 0.1) * smoothstep((0.4 - down) / 0.2) * smoothstep(0.5 + (inside + 0.1) / 0.1)
    cloth = 0.6 * smoothstep((down - 0.15 + 0.1 * across) / 0.35)
    rest = 1 - skin
    front = smoothstep((0.9 - across) / 0.3) * smoothstep(down / 0.1)
    hair = rest * (1 - cloth) * (1 - 0.9 * front)
    shares = np.stack([skin, 0.05 * lower, hair, rest - hair])
    return np.asarray(shares / shares.sum(0))


def signed(mask: np.ndarray) -> np.ndarray:
    return np.asarray(scipy.ndimage.distance_transform_edt(mask) - scipy.ndimage.distance_transform_edt(~mask))


def _reaching_up(mask: np.ndarray, row: float) -> np.ndarray:
    """The connected parts that reach above `row`: hair does, a collar does not."""
    _, parts = cv2.connectedComponents(mask.astype(np.uint8))
    above = np.unique(parts[: max(1, int(row))])
    return np.isin(parts, above[above > 0])


def _hanging_together(mask: np.ndarray) -> np.ndarray:
    """The largest connected part and those at least a tenth as large: what shadows under a chin, or gaps in a fringe, look like does not count."""
    _, parts, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8))
    areas = stats[1:, cv2.CC_STAT_AREA]
    return np.isin(parts, 1 + np.flatnonzero(areas >= _TENTH * areas.max(initial=1)))


def polygon(points: np.ndarray, size: int) -> np.ndarray:
    """Pixels [size, size] inside a polygon of (x, y) pixels."""
    mask = np.zeros((size, size), np.uint8)
    cv2.fillPoly(mask, [np.round(points - 0.5).astype(np.int32)], 1)
    return mask > 0
