"""Whether the photograph shows glasses, and where: closed lines around both eyes that differ from what is on either side of them.

Brows, lashes, make-up and dark rings are lines too, but none goes all the way round, and alike around both eyes.
"""

from dataclasses import dataclass

import cv2
import numpy as np
import scipy.ndimage
from jaxtyping import Float, Float32, Int64

from facecraft4d.toolkit.core.datatypes import Camera, Portrait
from facecraft4d.toolkit.core.geometry import project
from facecraft4d.toolkit.landmarks.points import BROW_HAIR
from facecraft4d.toolkit.shape_prior.parametric.segment import polygon

ANGLES = 48
"""Points around a rim."""
NEAREST, FARTHEST, STEP = 0.011, 0.036, 0.0004
"""Metres from the middle of the eyeball, in the plane of the glasses, between which a rim may run, and the steps in which it is looked for."""
WIDTHS = (0.0016, 0.0026, 0.004)
"""Metres to either side of a line at which the picture must differ from it: rims of wire up to rims of horn."""
SMALLEST = np.array([0.0175, 0.0125])
"""Half the width and half the height of the smallest rims, metres: inside are the eye and its folds."""
NOSE = 0.003
"""Metres from the face's middle within which no rim runs."""
ALIKE = 0.0012
"""Metres by which the rims of both eyes may differ in their distance from the eyes."""
CLEAR = 1.0
"""Difference in sRGB of a line from both sides that counts half: larger ones hardly count more."""
BROW = 0.35
"""What a line counts in the hair of a brow, where there is always one."""
OWN, ANY_COLOR = 0.25, 0.4
"""Distance in sRGB from the colour of the rim's lower half that counts 1/e, and what a line of any other colour counts."""
STEEP, STEEPEST = 0.012, 3
"""What a step outwards or inwards between neighbouring points costs, in sRGB, and the most steps."""
LEAST, LEAST_QUARTER = 0.055, 0.08
"""Difference in sRGB that a tenth, and a quarter, of a rim's points may lie below. Of bare faces at most 0.035 and 0.055 are known."""
SHARP = 0.85
"""Part of its width in the picture, which is blurred, that a rim has."""
HALF_WIDTHS = (0.0007, 0.0035)
"""Metres: half the width of a rim at least and at most."""


@dataclass(frozen=True, slots=True, eq=False)
class Rims:
    """Two rims in a plane before the eyes."""

    centers: Float[np.ndarray, "2 3"]
    """Left and right: the middle of each eye in the plane, metres."""
    inner: Float[np.ndarray, "2 a"]
    """Metres from there to the rim's inner border, by angle from +x (for the right eye from -x) towards +y."""
    outer: Float[np.ndarray, "2 a"]
    colors: Float32[np.ndarray, "2 a 3"]

    def points(self, radii: Float[np.ndarray, "2 a"]) -> Float[np.ndarray, "2 a 3"]:
        """Points of the plane at these distances from the middles, metres."""
        turn = np.arange(ANGLES) * 2 * np.pi / ANGLES
        around = np.stack([np.cos(turn), np.sin(turn), np.zeros(ANGLES)], -1)
        sides = np.array([[[1.0, 1.0, 1.0]], [[-1.0, 1.0, 1.0]]])
        return np.asarray(self.centers[:, None] + radii[..., None] * around * sides)


def find_rims(portrait: Portrait, camera: Camera, centers: Float[np.ndarray, "2 3"]) -> Rims | None:
    """The rims around `centers` (left, right; metres, in the plane of the glasses, world), None where there are no glasses."""
    margin = round(max(*WIDTHS, HALF_WIDTHS[1]) / STEP) + 1
    radii = NEAREST + STEP * np.arange(-margin, round((FARTHEST - NEAREST) / STEP) + margin)
    brows = sum(
        polygon(portrait.landmarks[list(hair), :2].astype(np.float64), len(portrait.image)) for hair in BROW_HAIR
    )
    picture = np.dstack([portrait.image, np.where(brows, BROW, 1)]).astype(np.float32)
    unrolled = [_unrolled(picture, camera, center, side, radii) for center, side in zip(centers, (1, -1), strict=True)]
    pictures, weights = [each[..., :3] for each in unrolled], [each[..., 3] for each in unrolled]
    found = [
        np.where(_possible(center, radii), line_strength(picture), 0)
        for picture, center in zip(pictures, centers, strict=True)
    ]
    looked = np.s_[:, margin:-margin]
    path = closed_path(_common(found, weights)[looked])
    strength = _both(found)[looked][np.arange(ANGLES), path]
    if np.quantile(strength, 0.1) < LEAST or np.quantile(strength, 0.25) < LEAST_QUARTER:
        return None
    inner, outer, colors = zip(
        *(
            _borders(picture, radii, margin + _refined((_calm(each) * weight)[looked], path))
            for picture, each, weight in zip(pictures, found, weights, strict=True)
        ),
        strict=True,
    )
    return Rims(np.asarray(centers), np.stack(inner), np.stack(outer), np.stack(colors).astype(np.float32))


def _calm(strength: np.ndarray) -> np.ndarray:
    return np.asarray(strength / (1 + strength / CLEAR))


def _both(found: list[np.ndarray]) -> np.ndarray:
    near = 2 * round(ALIKE / STEP) + 1
    return np.asarray(np.minimum(*(scipy.ndimage.maximum_filter1d(each, near, axis=1) for each in found)))


def _common(found: list[np.ndarray], weights: list[np.ndarray]) -> np.ndarray:
    """Strength of what is there on both sides."""
    return _both([_calm(each) * weight for each, weight in zip(found, weights, strict=True)])


def line_strength(picture: Float32[np.ndarray, "a r 3"]) -> Float[np.ndarray, "a r"]:
    """How far a line along the rows differs in sRGB from both of its sides, the less different one counting."""
    best = np.zeros(picture.shape[:2])
    for width in WIDTHS:
        away = round(width / STEP)
        core = scipy.ndimage.uniform_filter1d(picture, max(1, away // 2), axis=1)
        inside, outside = core - np.roll(core, away, 1), core - np.roll(core, -away, 1)
        lesser = np.minimum(np.linalg.norm(inside, axis=-1), np.linalg.norm(outside, axis=-1))
        best = np.maximum(best, lesser * ((inside * outside).sum(-1) > 0))
    return best


def closed_path(strength: Float[np.ndarray, "a r"]) -> Int64[np.ndarray, " a"]:
    """The column of each row on the strongest closed line through all rows (dynamic programming, three times round)."""
    rows, columns = strength.shape
    steps = np.arange(-STEEPEST, STEEPEST + 1)
    total, came = strength[0].copy(), np.zeros((3 * rows, columns), np.int64)
    for row in range(1, 3 * rows):
        padded = np.pad(total, STEEPEST, constant_values=-np.inf)
        options = np.stack([padded[STEEPEST + s : STEEPEST + s + columns] - STEEP * abs(s) for s in steps])
        chosen = options.argmax(0)
        total = strength[row % rows] + options[chosen, np.arange(columns)]
        came[row] = np.arange(columns) + steps[chosen]
    path = [int(total.argmax())]
    for row in range(3 * rows - 1, 0, -1):
        path.append(int(came[row, path[-1]]))
    return np.array(path[::-1])[rows : 2 * rows]


def _unrolled(
    image: Float32[np.ndarray, "h w c"], camera: Camera, center: np.ndarray, side: int, radii: np.ndarray
) -> Float32[np.ndarray, "a r c"]:
    """The picture around an eye: a row for each angle, a column for each radius."""
    turn = np.arange(ANGLES)[:, None] * 2 * np.pi / ANGLES
    points = np.stack(np.broadcast_arrays(side * radii * np.cos(turn), radii * np.sin(turn), 0.0), -1) + center
    pixels = (project(camera, points.reshape(-1, 3))[0] - 0.5).astype(np.float32).reshape(*points.shape[:2], 2)
    return np.asarray(
        cv2.remap(image, pixels[..., 0], pixels[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    )


def _possible(center: np.ndarray, radii: np.ndarray) -> np.ndarray:
    """Where a rim may run: around the eye, beside the nose."""
    turn = np.arange(ANGLES)[:, None] * 2 * np.pi / ANGLES
    around = np.hypot(np.cos(turn) / SMALLEST[0], np.sin(turn) / SMALLEST[1]) * radii > 1
    return np.asarray(around & (abs(center[0]) + radii * np.cos(turn) > NOSE))


def _refined(strength: np.ndarray, path: Int64[np.ndarray, " a"]) -> Int64[np.ndarray, " a"]:
    """The path of one eye, near the one that both have."""
    near = np.abs(np.arange(strength.shape[1]) - path[:, None]) <= round(ALIKE / STEP)
    return closed_path(np.where(near, strength, -CLEAR))


def _borders(
    picture: Float32[np.ndarray, "a r 3"], radii: np.ndarray, path: Int64[np.ndarray, " a"]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Where the colour of a line is half that of what is beside it, inwards and outwards, smooth around; and its colour."""
    row, least, most = np.arange(ANGLES), round(HALF_WIDTHS[0] / STEP), round(HALF_WIDTHS[1] / STEP)
    color = picture[row, path]
    widths = []
    for outwards in (-1, 1):
        reach = np.linalg.norm(
            picture[row[:, None], path[:, None] + outwards * np.arange(most + 1)] - color[:, None], axis=-1
        )
        width = (reach > reach.max(1, keepdims=True) / 2).argmax(1).clip(least, most)
        width = scipy.ndimage.median_filter(width.astype(float), 7, mode="wrap")
        widths.append(STEP * scipy.ndimage.gaussian_filter1d(width, 1.0, mode="wrap"))
    middle = scipy.ndimage.gaussian_filter1d(radii[path], 0.7, mode="wrap")
    return (
        middle - SHARP * widths[0],
        middle + SHARP * widths[1],
        scipy.ndimage.median_filter(color, (5, 1), mode="wrap"),
    )
