"""Tell from the face's pixels what is no usable photograph of a person: a negative, a drawing, a face without light.

Measured on an upright crop of fixed scale, so that the size of the photograph does not matter. Limits are read off the distributions
that benchmarks/bench_photographs.py prints; docs/results.md has the counts.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Bool, Float, Float32, UInt8

from facecraft4d.toolkit.core.checks import UserError
from facecraft4d.toolkit.core.geometry import LUMA
from facecraft4d.toolkit.landmarks.points import BROW_HAIR, CHEEKS, FACE_OVAL, IRIS_RIMS
from facecraft4d.toolkit.preprocess import align
from facecraft4d.toolkit.preprocess.detect import Face

Image = Float32[np.ndarray, "s s"]
Mask = Bool[np.ndarray, "s s"]
_CENTER, _METRES, _SIZE = np.array([0.0, 0.0]), 0.3, 320
"""The crop that is judged (head plane, metres; pixels): the whole face, an iris 12 pixels wide."""
_FLAT_STEP = 0.003
"""From pixel to pixel, of the face's range of tones: skin under any light changes more, one fill of paint does not."""
_WHITE = 0.95
"""sRGB value of all three channels from which a pixel is burnt out: no more is said of its tone."""

_NEGATIVE_CONTRAST = -0.15
"""`Looks.contrast` below which a picture is a negative."""
_NO_LIGHT = 0.04
"""`Looks.light` below which ten tones of 256 are left."""
BLACK = 0.1
"""`brightness` of a picture below which it is no wonder that no face is found."""
_DIM, _BURNT, _DRAWN = 0.2, 0.3, 0.36
"""Where `Looks.light` (3 % of white's light), `burnt` and `flat` become worth a note; no photograph's `flat` passes 0.34."""


@dataclass(frozen=True, slots=True)
class Looks:
    """What a face's pixels say."""

    contrast: float
    """How much darker irises and brows are than the cheeks, in the face's range of tones; a negative turns the sign."""
    light: float
    """The face's bright parts (95th percentile), sRGB in [0, 1]."""
    burnt: float
    """Share of the face that is white."""
    flat: float
    """Share of the face that has one tone from pixel to pixel and is not white."""


def measured(rgb: UInt8[np.ndarray, "h w 3"], face: Face) -> Looks:
    """Measure the face, `face.found.landmarks` in pixels of the photograph."""
    matrix = align.crop_from_photo(face, _CENTER, _METRES, _SIZE)
    image = align.warp(rgb, matrix, _SIZE)
    covered = align.coverage(rgb.shape[:2], matrix, _SIZE) > 0.99
    points = face.found.landmarks[:, :2] @ matrix[:2, :2].T + matrix[:2, 2]
    region = _filled(points, (FACE_OVAL,)) & covered
    luma = image @ LUMA
    dark, bright = np.percentile(luma[region], (5, 95))
    tones = max(float(bright - dark), 1 / 255)
    features = [float(luma[_filled(points, parts)].mean()) for parts in (IRIS_RIMS, BROW_HAIR)]
    cheeks = float(luma[_filled(points, CHEEKS)].mean())
    white = image.min(-1) > _WHITE
    return Looks(
        contrast=(cheeks - float(np.mean(features))) / tones,
        light=float(bright),
        burnt=float(white[region].mean()),
        flat=_flat_share(luma, region, white, _FLAT_STEP * tones),
    )


def judged(name: str, looks: Looks) -> tuple[str, ...]:
    """Notes on a photograph that will hardly give a likeness. UserError for a negative and for a face without light: nothing can come of them."""
    if looks.contrast < _NEGATIVE_CONTRAST:
        raise negative(name)
    if looks.light < _NO_LIGHT:
        raise darkness(name, looks.light)
    rules = (
        (looks.light < _DIM, "the face is very dark, and so will the avatar be: a photo in more light does better"),
        (
            looks.burnt > _BURNT,
            f"{looks.burnt:.0%} of the face is plain white, burnt out or drawn: a photo in softer light does better",
        ),
        (
            looks.flat > _DRAWN and looks.light >= _DIM,
            "this looks like a drawing: the avatar is made for photographs and will look odd",
        ),
    )
    return tuple(text for holds, text in rules if holds)


def darkness(name: str, light: float) -> UserError:
    """The refusal of a picture without light; `light` are its bright parts, sRGB in [0, 1]."""
    return UserError(
        f"{name}: expected a face in light, found one almost black (its bright parts are {light * 255:.0f} of 255); "
        "take one in more light"
    )


def brightness(rgb: UInt8[np.ndarray, "h w 3"]) -> float:
    """The bright parts of a whole picture (99th percentile), sRGB in [0, 1]."""
    return float(np.percentile(rgb, 99)) / 255


def negative(name: str) -> UserError:
    """The refusal of a negative."""
    return UserError(
        f"{name}: expected a photograph, found a negative (eyes and brows lighter than the skin); invert it to a positive first"
    )


def _flat_share(luma: Image, region: Mask, white: Mask, step: float) -> float:
    """Share of the region, away from its border, where the tone changes by less than `step` from pixel to pixel and is not burnt out."""
    slope = np.hypot(cv2.Sobel(luma, -1, 1, 0, scale=1 / 8), cv2.Sobel(luma, -1, 0, 1, scale=1 / 8))
    inner = cv2.erode(region.astype(np.uint8), np.ones((9, 9), np.uint8)) > 0
    near_white = cv2.dilate(white.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    return float(((slope < step) & ~near_white)[inner].mean())


def _filled(points: Float[np.ndarray, "478 2"], parts: tuple[tuple[int, ...], ...]) -> Mask:
    """The pixels within the polygons of these landmarks."""
    mask = np.zeros((_SIZE, _SIZE), np.uint8)
    for part in parts:
        cv2.fillPoly(mask, [np.round(points[list(part)] * 16).astype(np.int32)], 1, shift=4)
    return mask > 0
