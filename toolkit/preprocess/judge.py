"""Tell from the face's pixels what is no usable photograph of a person: a negative, a drawing, a face without light, a covered face.

Measured on an upright crop of fixed scale, so that the size of the photograph does not matter. Limits are read off the distributions
that benchmarks/bench_photographs.py prints; docs/results.md has the counts.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Bool, Float, Float32, UInt8

from facecraft4d.toolkit.core.checks import UserError
from facecraft4d.toolkit.core.geometry import LUMA
from facecraft4d.toolkit.landmarks.points import BROW_HAIR, CHEEKS, EYES_WITH_BROWS, FACE_OVAL, IRIS_RIMS, LIPS_RIM
from facecraft4d.toolkit.preprocess import align
from facecraft4d.toolkit.preprocess.detect import Face

Image = Float32[np.ndarray, "s s"]
Mask = Bool[np.ndarray, "s s"]
_CENTER, _METRES, _SIZE = np.array([0.0, 0.0]), 0.3, 320
"""The crop that is judged (head plane, metres; pixels): the whole face, an iris 12 pixels wide."""
_OTHER_HUE, _LEAST_HUE, _SMOOTH = 0.75, 18.0, 2.0
"""How far from the skin's chroma (CIE a and b, of a picture smoothed by so many pixels) something else lies: in parts of that chroma, and in
units. Blush, beards and weak coloured light stay within both."""
_EDGE = 9
"""Pixels across which cloth begins: its edge, smoothed; coloured light comes in over more of them."""
_WHITE = 0.95
"""sRGB value of all three channels from which a pixel is burnt out: no more is said of its tone."""

_NEGATIVE_CONTRAST = -0.15
"""`Looks.contrast` below which a picture is a negative."""
_NO_LIGHT = 0.04
"""`Looks.light` below which ten tones of 256 are left."""
BLACK = 0.1
"""`brightness` of a picture below which it is no wonder that no face is found."""
_DIM, _BURNT = 0.2, 0.3
"""Where `Looks.light` (3 % of white's light) and `burnt` become worth a note."""
_DRAWN = 0.3
"""`Looks.grain` below which a picture is drawn, painted or modelled; that of 112 photographs of faces is 0.31 and more."""
_COVERED = 0.18
"""`Looks.covered` from which something else than skin is seen: of 112 photographs one cut out along the jaw reaches 0.16; a scarf up to the nose has 0.22."""
_HIDDEN_EYE = 0.34
"""`Looks.duller_eye` below which one eye is not seen: with the light from one side it is 0.36 and more."""


@dataclass(frozen=True, slots=True)
class Looks:
    """What a face's pixels say."""

    contrast: float
    """How much darker irises and brows are than the cheeks, in the face's range of tones; a negative turns the sign."""
    light: float
    """The face's bright parts (95th percentile), sRGB in [0, 1]."""
    burnt: float
    """Share of the face that is white."""
    grain: float
    """Median over mean of how much the tone changes from pixel to pixel: a photograph's skin changes everywhere, a drawing at its lines."""
    covered: float
    """Share of the face, without eyes and lips, whose hue is not the skin's."""
    duller_eye: float
    """Spread of tones around the eye that shows less, over that of the other."""


def measured(rgb: UInt8[np.ndarray, "h w 3"], face: Face) -> Looks:
    """Measure the face, `face.found.landmarks` in pixels of the photograph."""
    matrix = align.crop_from_photo(face, _CENTER, _METRES, _SIZE)
    image = align.warp(rgb, matrix, _SIZE)
    covered = align.coverage(rgb.shape[:2], matrix, _SIZE) > 0.99
    points = face.found.landmarks[:, :2] @ matrix[:2, :2].T + matrix[:2, 2]
    region = _filled(points, (FACE_OVAL,)) & covered
    luma = image @ LUMA
    slope = np.hypot(cv2.Sobel(luma, -1, 1, 0, scale=1 / 8), cv2.Sobel(luma, -1, 0, 1, scale=1 / 8))
    inner = cv2.erode(region.astype(np.uint8), np.ones((9, 9), np.uint8)) > 0
    dark, bright = np.percentile(luma[region], (5, 95))
    tones = max(float(bright - dark), 1 / 255)
    features = [float(luma[_filled(points, parts)].mean()) for parts in (IRIS_RIMS, BROW_HAIR)]
    cheeks = float(luma[_filled(points, CHEEKS)].mean())
    white = image.min(-1) > _WHITE
    near_white = cv2.dilate(white.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    skin = inner & ~_filled(points, (*EYES_WITH_BROWS, LIPS_RIM))
    eyes = [float(luma[_filled(points, (eye,)) & covered].std()) for eye in EYES_WITH_BROWS]
    return Looks(
        contrast=(cheeks - float(np.mean(features))) / tones,
        light=float(bright),
        burnt=float(white[region].mean()),
        grain=_evenness(slope[inner & ~near_white]),
        covered=_of_other_hue(image, skin),
        duller_eye=min(eyes) / max(*eyes, 1 / 255),
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
            looks.grain < _DRAWN and looks.light >= _DIM,
            "this looks like a drawing, a painting or a figure: made for photographs, the avatar keeps that look as well as it can",
        ),
        (
            looks.covered > _COVERED,
            f"something of another colour covers {looks.covered:.0%} of the face: the avatar wears it, and what is below is guessed",
        ),
        (
            looks.duller_eye < _HIDDEN_EYE,
            "one eye is hardly seen (hair, a patch or deep shade): the avatar shows it as the photo does",
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


def _evenness(slopes: Float32[np.ndarray, " n"]) -> float:
    """Median over mean, 1 where nothing changes."""
    return float(np.median(slopes) / max(float(slopes.mean()), 1e-6)) if slopes.any() else 1.0


def _of_other_hue(image: Float32[np.ndarray, "s s 3"], skin: Mask) -> float:
    """Share of the skin whose chroma (CIE a and b, smoothed) lies far from the median's, if it is set off by an edge: coloured light is not, cloth is."""
    chroma = cv2.cvtColor(cv2.GaussianBlur(image, (0, 0), _SMOOTH), cv2.COLOR_RGB2LAB)[..., 1:]
    if not skin.any():
        return 0.0
    usual = np.median(chroma[skin], 0)
    limit = max(_LEAST_HUE, _OTHER_HUE * float(np.linalg.norm(usual)))
    distance = np.linalg.norm(chroma - usual, axis=2)
    other = ((distance > limit) & skin).astype(np.uint8)
    near = np.ones((_EDGE, _EDGE), np.uint8)
    edge = (cv2.dilate(other, near) > cv2.erode(other, near)) & (cv2.erode(skin.astype(np.uint8), near) > 0)
    step = cv2.dilate(distance, near) - cv2.erode(distance, near)
    return float(other[skin].mean()) if edge.any() and np.median(step[edge]) > limit else 0.0


def _filled(points: Float[np.ndarray, "478 2"], parts: tuple[tuple[int, ...], ...]) -> Mask:
    """The pixels within the polygons of these landmarks."""
    mask = np.zeros((_SIZE, _SIZE), np.uint8)
    for part in parts:
        cv2.fillPoly(mask, [np.round(points[list(part)] * 16).astype(np.int32)], 1, shift=4)
    return mask > 0
