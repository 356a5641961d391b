"""Splits a portrait into skin, hair or headwear, and clothes: landmarks seed colour models, a graph cut draws the borders."""

import cv2
import numpy as np
from jaxtyping import Float32

from facecraft4d.toolkit.core.datatypes import Portrait
from facecraft4d.toolkit.fitting.observation import Segments
from facecraft4d.toolkit.landmarks.points import (
    BELOW_BROWS,
    CHIN,
    EAR_LOBES,
    EYES_WITH_BROWS,
    FACE_OVAL,
    FOREHEAD,
    JAW_CORNERS,
    LIPS_RIM,
    MOUTH,
)

# Every number below was told from the two sample portraits and the synthetic subjects.
_WORKING_SIZE = 256
"""Side in pixels of the picture that is cut: strands and pores, which cut borders into crumbs, are gone at that size."""
_CUTS = 4
"""Rounds of the graph cut; later ones change hardly a pixel."""
_SKIN_WIDE, _SKIN_HIGH = 1.28, 1.12
"""Parts of the face's outline, from its middle, across and down, within which ears and forehead may be skin."""
_LIKELY, _BESIDE, _CERTAIN = 0.96, 1.03, 0.85
"""Parts of the face's outline within which a pixel is probably skin, beyond which it is none beside the jaw, and of the outline below
the brows within which it surely is."""
_NECK_DEPTH, _NECK_END = 0.5, 0.55
"""Heights of the face below the jaw's corners that the neck's seed reaches, and below the chin at which all skin counts as clothes."""
_PAINTED_OVER = 1.25
"""Part of the rim of an eye with its brow, or of the lips, whose colours are not skin's."""
_HALF = 0.5
"""Alpha from which a pixel belongs to the person."""
_LEAST_SAMPLE = 50
"""Pixels from which hair, or clothes, tell their colour."""
_LEAST_SPREAD, _LIKE_HAIR = 0.03, 1.6
"""The least standard deviation of a colour channel that counts, and how many of them a pixel of hair may be off the median."""
_SPECKS = 5
"""Side in pixels of the specks of that colour that are no strands."""
_TOUCHING = 0.05
"""Strands below the jaw hang together with hair at most this far above it, as a fraction of the picture."""


def segment(portrait: Portrait) -> Segments:
    """Label the pixels of the matte (alpha above one half)."""
    size = portrait.image.shape[0]
    matte = portrait.alpha > _HALF
    points = portrait.landmarks[:, :2].astype(np.float64)
    skin = _resized(_cut_skin(portrait, points), size) & matte
    skin |= polygon(points[list(BELOW_BROWS)], size) & matte
    chin, height = points[CHIN], np.linalg.norm(points[CHIN] - points[FOREHEAD])
    rows = np.arange(size)[:, None] + 0.5
    neck_end = chin[1] + _NECK_END * height
    skin &= rows < neck_end
    other = matte & ~skin
    jaw = 0.5 * (chin[1] + points[MOUTH, 1])
    hair = _reaching_up(other & (rows < jaw), points[MOUTH, 1])
    hair |= _hanging_hair(portrait, other, hair, jaw, neck_end)
    return Segments(skin, hair, matte & ~skin & ~hair)


def _cut_skin(portrait: Portrait, points: Float32[np.ndarray, "n 2"] | np.ndarray) -> np.ndarray:
    """Skin at the working size: a two-class graph cut seeded by the face below the brows."""
    scale = _WORKING_SIZE / portrait.image.shape[0]
    scaled = points * scale
    height = np.linalg.norm(scaled[CHIN] - scaled[FOREHEAD])
    labels = np.full((_WORKING_SIZE, _WORKING_SIZE), cv2.GC_BGD, np.uint8)
    centre = scaled[list(FACE_OVAL)].mean(0)
    oval = scaled[list(FACE_OVAL)]
    labels[polygon(centre + (oval - centre) * (_SKIN_WIDE, _SKIN_HIGH), _WORKING_SIZE)] = cv2.GC_PR_BGD
    left, right = (scaled[i] for i in JAW_CORNERS)
    down = np.array([0.0, _NECK_DEPTH * height])
    labels[polygon(np.stack([left, right, right + down, left + down]), _WORKING_SIZE)] = cv2.GC_PR_FGD
    labels[polygon(centre + (oval - centre) * _LIKELY, _WORKING_SIZE)] = cv2.GC_PR_FGD
    # Shoulders may be bare as far as the neck's end, and what lies far below is none of them: it tells the clothes' colours.
    chin_row = scaled[CHIN, 1]
    labels[int(chin_row) : int(chin_row + _NECK_END * height)][
        labels[int(chin_row) : int(chin_row + _NECK_END * height)] == cv2.GC_BGD
    ] = cv2.GC_PR_BGD
    # Beside the jaw, below the ears, skin ends at the face's outline: what lies outside is hair.
    lobe = scaled[list(EAR_LOBES), 1].mean()
    beside = ~polygon(centre + (oval - centre) * _BESIDE, _WORKING_SIZE)
    rows, columns = np.mgrid[:_WORKING_SIZE, :_WORKING_SIZE] + 0.5
    beside &= (rows > lobe) & (rows < chin_row) & ((columns < left[0]) | (columns > right[0]) | (rows < min(left[1], right[1])))
    labels[beside] = cv2.GC_BGD
    seed = scaled[list(BELOW_BROWS)]
    labels[polygon(seed.mean(0) + (seed - seed.mean(0)) * _CERTAIN, _WORKING_SIZE)] = cv2.GC_FGD
    alpha = cv2.resize(portrait.alpha, (_WORKING_SIZE, _WORKING_SIZE), interpolation=cv2.INTER_AREA)
    labels[alpha < _HALF] = cv2.GC_BGD
    lab = _plain_lab(portrait, scaled)
    cv2.setRNGSeed(0)
    models = np.zeros((1, 65)), np.zeros((1, 65))
    cv2.grabCut(lab, labels, (0, 0, 1, 1), *models, _CUTS, cv2.GC_INIT_WITH_MASK)
    skin = np.isin(labels, (cv2.GC_FGD, cv2.GC_PR_FGD)).astype(np.uint8)
    opened = cv2.morphologyEx(skin, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    count, parts = cv2.connectedComponents(opened)
    main = parts[int(centre[1]), int(centre[0])]
    return np.asarray((parts == main) if main > 0 and count > 1 else opened > 0)


def _plain_lab(portrait: Portrait, points: np.ndarray) -> np.ndarray:
    """The picture at the working size in 8 bit Lab, eyes, brows and mouth painted over: their colours are not skin's."""
    picture = cv2.resize(portrait.image, (_WORKING_SIZE, _WORKING_SIZE), interpolation=cv2.INTER_AREA)
    lab = np.asarray(cv2.cvtColor(picture, cv2.COLOR_RGB2LAB), np.float32)
    lab = lab * np.array([2.55, 1, 1], np.float32) + np.array([0, 128, 128], np.float32)
    seed = points[list(BELOW_BROWS)]
    skin = np.median(lab[polygon(seed.mean(0) + (seed - seed.mean(0)) * _CERTAIN, _WORKING_SIZE)], 0)
    for part in (*EYES_WITH_BROWS, LIPS_RIM):
        corners = points[list(part)]
        lab[polygon(corners.mean(0) + (corners - corners.mean(0)) * _PAINTED_OVER, _WORKING_SIZE)] = skin
    return np.asarray(lab.clip(0, 255).astype(np.uint8))


def _reaching_up(mask: np.ndarray, row: float) -> np.ndarray:
    """The connected parts that reach above `row`: hair does, a collar does not."""
    _, parts = cv2.connectedComponents(mask.astype(np.uint8))
    above = np.unique(parts[: max(1, int(row))])
    return np.isin(parts, above[above > 0])


def _hanging_hair(portrait: Portrait, other: np.ndarray, hair: np.ndarray, start: float, end: float) -> np.ndarray:
    """Pixels below the chin that hang together with the hair above and have its colour."""
    size = other.shape[0]
    rows = np.arange(size)[:, None] + 0.5
    sample = portrait.image[hair]
    if len(sample) < _LEAST_SAMPLE:
        return np.zeros_like(other)
    clothes = portrait.image[other & (rows > end)]
    mean, spread = np.median(sample, 0), sample.std(0) + _LEAST_SPREAD
    near_hair = (np.abs(portrait.image - mean) / spread).max(-1) < _LIKE_HAIR
    if len(clothes) >= _LEAST_SAMPLE:
        away = (np.abs(portrait.image - np.median(clothes, 0)) / (clothes.std(0) + _LEAST_SPREAD)).max(-1)
        near_hair &= away > (np.abs(portrait.image - mean) / spread).max(-1)
    candidate = (
        cv2.morphologyEx((other & near_hair).astype(np.uint8), cv2.MORPH_OPEN, np.ones((_SPECKS, _SPECKS), np.uint8))
        > 0
    )
    _, parts = cv2.connectedComponents((hair | candidate).astype(np.uint8))
    touching = np.unique(parts[hair & (rows > start - _TOUCHING * size)])
    return candidate & np.isin(parts, touching[touching > 0]) & (rows >= start)


def polygon(points: np.ndarray, size: int) -> np.ndarray:
    """Pixels [size, size] inside a polygon of (x, y) pixels."""
    mask = np.zeros((size, size), np.uint8)
    cv2.fillPoly(mask, [np.round(points - 0.5).astype(np.int32)], 1)
    return mask > 0


def _resized(mask: np.ndarray, size: int) -> np.ndarray:
    return cv2.resize(mask.astype(np.float32), (size, size), interpolation=cv2.INTER_CUBIC) > 0.5
