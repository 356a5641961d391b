"""Colours of hair and clothes all around: the photograph where it sees them, and its own patches, row by row, where it does not.

A sheet's chart is a grid of heights and azimuths, so what lies at one height lies in one row: a hat's band or a collar goes on along
its row in the colours that it has at the silhouette, and takes its grain from the photograph near that height.
"""

from dataclasses import dataclass, replace

import cv2
import numpy as np
import scipy.ndimage
from jaxtyping import Bool, Float32

from facecraft4d.toolkit.core.geometry import camera_center
from facecraft4d.toolkit.shape_prior.parametric.paint.quilting import Canvas, Swatch, quilt
from facecraft4d.toolkit.shape_prior.parametric.paint.synthesis import continued_around
from facecraft4d.toolkit.shape_prior.parametric.paint.texels import (
    ReferenceView,
    Texels,
    Visibility,
    label_blur,
    sample_picture,
)

_SIZES, _SIZES_PER = (88, 60, 40, 26, 16, 10), 1024
"""Sides of the patches, per so many texels of the texture."""
_FINE, _COARSE = 0.006, 0.02
"""Width of the smoothing that guides the choice of patches, as a fraction of the picture or texture, with a design and without."""
_SHADE, _MOST_SHADE = 0.01, 0.06
"""Width of the smoothing at which patches follow the guide, and the most that they are lightened or darkened to do so."""
_CALM = (8.0, 1e3)
"""Times the median contrast up to which patches are used, without a design and with one: its borders have much."""
_OUTER = 0.5
"""What lies nearer to the middle than this part of the half width is the front of a design (an emblem, a tie), and comes once."""
_HEIGHT_COST = (0.03, 0.4)
"""Cost of taking a patch from the other end of the sheet, without a design and with one."""
_KNOWN, _SLIVER = 0.6, 3
"""Trust from which a texel is known; half the width in texels of the slivers that are not."""
_CLEAR = 2
"""Texels within the known ones from which colours are carried on: at the very border they are mixed."""
_NARROWEST, _LEAST_STEP = 0.95, 0.1
"""Quantile of the steps in the picture from texel to texel that tells how the chart's texels are wide where it faces the camera, and the
least such step in pixels."""
_FULL = 0.99
"""Share of a stretched pixel that must be usable."""
_RIM = 0.006
"""How far within the outline, as a fraction of the picture, a sheet is looked at to go on behind."""


@dataclass(frozen=True, slots=True, eq=False)
class Stuff:
    """What a sheet is made of."""

    usable: Bool[np.ndarray, "h w"]
    """The photograph's pixels that show it; some do."""
    upright: bool
    """The azimuth runs down the rows of its chart."""
    patterned: bool
    """It carries a design, as a cap or a collar does."""


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """What the photograph shows of a sheet's texels."""

    visibility: Visibility
    colors: Float32[np.ndarray, "n 3"]
    trust: Float32[np.ndarray, " n"]


@dataclass(frozen=True, slots=True, eq=False)
class _Chart:
    """The texels of a sheet as an array, from the top down and around the head."""

    at: tuple[np.ndarray, np.ndarray]
    shape: tuple[int, int]

    def laid(self, values: np.ndarray) -> np.ndarray:
        """Values [n, ...] as an array [h, w, ...], 0 where there is no texel."""
        array = np.zeros((*self.shape, *values.shape[1:]), values.dtype)
        array[self.at] = values
        return array


def continued(
    photo: ReferenceView, stuff: Stuff, piece: Texels, seen: Seen, rng: np.random.Generator
) -> Float32[np.ndarray, "n 3"]:
    """The texels' colours: those seen where trusted, patches of the stuff elsewhere."""
    usable, patterned = stuff.usable, stuff.patterned
    chart = _chart(piece, stuff.upright)
    wanted = chart.laid(np.ones(len(seen.trust), bool))
    # Slivers are where a sheet's edge grazes something else.
    known = scipy.ndimage.binary_opening(chart.laid(seen.trust) > _KNOWN, iterations=_SLIVER)
    picture, pixels = chart.laid(seen.colors), chart.laid(seen.visibility.pixels)
    width = _FINE if patterned else _COARSE
    low = label_blur(photo.image, usable, width * len(photo.image))
    middle = _front(photo, chart.shape[1])
    heights = _heights(pixels, wanted, middle)
    smooth = chart_blur(picture, known, width * piece.size)
    clear = scipy.ndimage.binary_erosion(known, iterations=_CLEAR)
    guide = continued_around(*_with_silhouette(smooth, clear, low, usable, heights, middle), middle)
    if not patterned:
        guide = np.where(known[..., None], guide, chart_blur(guide, np.ones_like(known), width * piece.size))
    sizes = tuple(2 * round(side * piece.size / (2 * _SIZES_PER)) for side in _SIZES)
    canvas = Canvas(picture, known, wanted, guide)
    sample = _sample(photo.image, low, _outer(usable) if patterned else usable, pixels, wanted, heights)
    if not patterned:
        # Shades of one stuff: patches from anywhere serve, once their own shade is taken off.
        canvas = Canvas(picture - smooth, known, wanted, np.zeros_like(guide))
        sample = replace(
            sample,
            picture=sample.picture - sample.low,
            low=np.zeros_like(sample.low),
            height_cost=_HEIGHT_COST[False],
        )
    filled = quilt(canvas, sample, tuple(side for side in sizes if side >= 4), _CALM[patterned], rng)
    if not patterned:
        filled = filled + guide
    shade = chart_blur(guide, wanted, _SHADE * piece.size) - chart_blur(filled, wanted, _SHADE * piece.size)
    shade = shade.clip(-_MOST_SHADE, _MOST_SHADE) * ~known[..., None]
    return np.asarray((filled + shade)[chart.at].clip(0, 1), np.float32)


def chart_blur(values: np.ndarray, mask: Bool[np.ndarray, "h w"], sigma: float) -> Float32[np.ndarray, "h w 3"]:
    """Gaussian blur within `mask` that goes around the columns."""
    pad = min(int(3 * sigma) + 1, mask.shape[1])
    wide = np.pad(values, ((0, 0), (pad, pad), (0, 0)), mode="wrap")
    return label_blur(wide, np.pad(mask, ((0, 0), (pad, pad)), mode="wrap"), sigma)[:, pad:-pad]


def _chart(piece: Texels, upright: bool) -> _Chart:
    down, across = (piece.columns, piece.rows) if upright else (piece.rows, piece.columns)
    at = (down - down.min(), across - across.min())
    return _Chart(at, (int(at[0].max()) + 1, int(at[1].max()) + 1))


def _front(photo: ReferenceView, columns: int) -> int:
    """The chart's column that faces the camera."""
    center = camera_center(photo.camera)
    return round((float(np.arctan2(center[0], center[2])) / (2 * np.pi) + 0.5) * columns) % columns


def _heights(pixels: np.ndarray, wanted: np.ndarray, middle: int) -> Float32[np.ndarray, " h"]:
    """The picture's row at which each row of the chart is seen in profile; falls never."""
    columns = wanted.shape[1]
    turn = np.abs(np.sin((np.arange(columns) - middle) * 2 * np.pi / columns))
    column = np.where(wanted, turn, -1).argmax(1)
    rows = np.arange(len(wanted))
    some = wanted.any(1)
    heights = np.interp(rows, rows[some], pixels[rows, column, 1][some])
    return np.maximum.accumulate(heights).astype(np.float32)


def _with_silhouette(
    guide: np.ndarray, fixed: np.ndarray, low: np.ndarray, usable: np.ndarray, heights: np.ndarray, middle: int
) -> tuple[np.ndarray, np.ndarray]:
    """The guide, also fixed where the chart turns away from the camera: by what is usable nearest to the outline."""
    guide, fixed, (size, columns) = guide.copy(), fixed.copy(), (len(usable), guide.shape[1])
    rows = np.floor(heights).astype(int)
    inside = (rows >= 0) & (rows < size)
    lines = usable[rows.clip(0, size - 1)] & inside[:, None]
    axis = round(float(np.nonzero(usable)[1].mean()))
    for half, side in ((np.s_[axis:], 1), (np.s_[:axis], -1)):
        found = lines[:, half][:, ::-side]
        at = found.argmax(1) + round(_RIM * size)
        x = (size - 1 - at) if side > 0 else at
        column = (middle + side * columns // 4) % columns
        some = found.any(1) & usable[rows.clip(0, size - 1), x.clip(0, size - 1)]
        guide[some, column] = low[rows[some], x[some]]
        fixed[:, column] = some
    return guide, fixed


def _sample(
    image: np.ndarray, low: np.ndarray, usable: np.ndarray, pixels: np.ndarray, wanted: np.ndarray, heights: np.ndarray
) -> Swatch:
    """The photograph, stretched so that its pixels are as large as the chart's texels."""
    down = len(heights) / max(float(heights[-1] - heights[0]), 1.0)
    steps = np.abs(np.diff(pixels[..., 0], axis=1))[wanted[:, 1:] & wanted[:, :-1]]
    across = 1 / max(float(np.quantile(steps, _NARROWEST)), _LEAST_STEP)
    size = (round(image.shape[1] * across), round(image.shape[0] * down))
    picture, smooth = (cv2.resize(a, size, interpolation=cv2.INTER_CUBIC).clip(0, 1) for a in (image, low))
    mask = cv2.resize(usable.astype(np.float32), size, interpolation=cv2.INTER_LINEAR) > _FULL
    at = np.interp((np.arange(size[1]) + 0.5) / down, heights, np.arange(len(heights))).astype(np.float32)
    return Swatch(picture, smooth, mask, at, _HEIGHT_COST[True])


def _outer(usable: Bool[np.ndarray, "h w"]) -> Bool[np.ndarray, "h w"]:
    """Usable pixels towards the outline; all of them if none lies there."""
    columns = np.arange(usable.shape[1])
    first, last = usable.argmax(1), usable.shape[1] - 1 - usable[:, ::-1].argmax(1)
    off = np.abs(columns - ((first + last) / 2)[:, None]) / np.maximum((last - first) / 2, 1)[:, None]
    outer = usable & (off > _OUTER)
    return np.asarray(outer if outer.any() else usable)


def seen_or_mirrored(
    photo: ReferenceView, usable: np.ndarray, both: tuple[Visibility, Visibility], grazing: tuple[float, float]
) -> Seen:
    """Each texel as the photograph shows it, or as it shows the texel on the other side, if that is trusted more."""
    label = usable.astype(np.float32)[..., None]
    trusts = [s.trust(grazing) * sample_picture(label, s.pixels)[:, 0].clip(0, 1) for s in both]
    own, mirrored = (sample_picture(photo.image, s.pixels) for s in both)
    use_own = trusts[0] >= np.minimum(trusts[1], _KNOWN)
    colors = np.where(use_own[:, None], own, mirrored)
    return Seen(both[0], colors, np.where(use_own, trusts[0], trusts[1]).astype(np.float32))
