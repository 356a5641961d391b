"""Splits a portrait into skin, beard, hair or headwear, and clothes: the face's landmarks say where each may be, colours where it is.

Expectation and maximisation over one histogram of colours per label (Dempster, Laird and Rubin 1977): the labels' shares at a pixel are
their expectation there times how often their histogram holds its colour; the histograms are those of the pixels' shares.
"""

import cv2
import numpy as np
import scipy.ndimage
from jaxtyping import Float32, Float64

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
    FOREHEAD,
    LIPS_RIM,
    MOUTH,
)
from facecraft4d.toolkit.shape_prior.parametric.colours import (
    HALF,
    WORKING_SIZE,
    Bins,
    FaceFrame,
    bins_of,
    face_frame,
    histogram,
    shrunk,
)
from facecraft4d.toolkit.shape_prior.parametric.hats import headwear

_SKIN, _BEARD, _HAIR, _CLOTH = range(4)
_ROUNDS = 6
"""Rounds of expectation and maximisation; later ones change hardly a pixel."""
_SHADES = (0.45, 0.6, 0.75, 0.9, 1.0, 1.1)
"""Light on neck, ears and temples beside that on the face."""
_CALM = 1.0
"""Pixels of the working size over which labels are smoothed."""
_STUBBLE, _BEARD_ODDS = 0.1, 20
"""Share of beard on the chin that shadows may feign, and by how much a chin full of beard makes one beside the jaw likelier."""
_TINT = 0.04
"""Distance between the shares of red, green and blue of hair and of a hat up to which one is the other in the shade."""
_TENTH = 0.1
"""Part of the largest piece of clothes below which a piece is none."""
_CRUMB = 0.02
"""Heights of the face, 4 mm: thinner parts of hair that hang together with no other are shade at an ear's rim, or a fringe of the matte. Thinner
parts of skin are such a fringe too: a face is drawn to the matte where that ends with skin, and one pixel among hair pulled ears out by centimetres."""

# Where each label is expected: ramps (middle, width) and shares. Heights are of the face, 0 at its chin and -1 at the top of the
# forehead; widths are halves of the face's, from its middle. Told from drawn people with truth.
_RIM = 0.08
"""Heights over which the landmarks' outline is uncertain."""
_EAR_ACROSS, _EAR_DOWN = (1.1, 0.18), (-0.5, 0.2)
"""Ears: beside the face, eyes to nose; a bump's middle and width."""
_NECK_SIDE, _NECK_TOP, _NECK_END = (0.95, 0.4), (-0.275, 0.15), (0.575, 0.35)
"""Necks are as wide as the face, begin behind the jaw and end in a collar."""
_BROW_TOP, _BROW_END, _BROW_SIDE = (-1.2, 0.3), (-0.85, 0.1), (0.85, 0.3)
"""Foreheads go on above the outline, by up to a third of the face."""
_SKIN_SHARES = {"face": 0.98, "ear": 0.7, "neck": 0.6, "forehead": 0.3, "else": 0.02}
"""Of skin: ears and necks may be covered, a hairline may be low, and skin may be anywhere."""
_BEARD_TOP, _BEARD_END, _BEARD_RIM, _BEARD_SHARE = (-0.5, 0.1), (0.3, 0.2), (-0.1, 0.1), 0.05
"""Beards: from the cheeks to below the chin, by a tenth beyond the outline; few people have one. Where a chin is full of beard it may hang as far
below the outline as below the chin."""
_CLOTH_TOP, _CLOTH_SLOPE, _CLOTH_SHARE = (0.325, 0.35), 0.1, 0.6
"""Clothes: from below the chin, higher by the slope for each half width aside, beside long hair."""
_THROAT_SIDE, _THROAT_TOP, _THROAT_HAIR = (0.75, 0.3), (0.05, 0.1), 0.1
"""In front of the throat hardly any hair hangs: what is left of its share there."""


def segment(portrait: Portrait) -> Segments:
    """Label the pixels of the matte (alpha above one half)."""
    size = portrait.image.shape[0]
    matte = portrait.alpha > HALF
    points = portrait.landmarks[:, :2].astype(np.float64)
    full = [cv2.resize(share, (size, size), interpolation=cv2.INTER_CUBIC) for share in _shares(portrait)]
    label = np.argmax(full, 0)
    face = polygon(points[list(BELOW_BROWS)], size)
    skin = matte & ((label == _SKIN) | (label == _BEARD) | face)
    # what shows through a fringe is hair
    skin &= _hanging_together(skin) | (np.arange(size)[:, None] > points[MOUTH, 1])
    hair = matte & ~skin & (label != _CLOTH)
    hair &= _reaching_up(hair, points[MOUTH, 1])
    cloth = _hanging_together(matte & ~skin & ~hair)
    hat = headwear(portrait, hair, matte & ~hair & ~cloth)
    crumb = _CRUMB * float(np.linalg.norm(points[CHIN] - points[FOREHEAD]))
    crumbs = _thin(hair & ~hat, crumb)
    hat = _nearest_of(hat, crumbs, matte)
    hair = (hair & ~crumbs) | hat
    hat = hair if _in_its_shade(portrait.image, hat, hair & ~hat, points[MOUTH, 1]) else hat
    cloth &= ~hair
    specks = _thin(matte & ~hair & ~cloth, crumb)
    hair, cloth = (_nearest_of(mask, specks, matte) for mask in (hair, cloth))
    skin = matte & ~hair & ~cloth
    return Segments(skin, hair, cloth, beard=skin & (label == _BEARD), headwear=hat)


def _shares(portrait: Portrait) -> Float32[np.ndarray, "4 w w"]:
    """How much of each label there is at each pixel of the working size."""
    frame, picture = face_frame(portrait), shrunk(portrait.image)
    weight = (shrunk(portrait.alpha) > HALF).astype(np.float32)
    bins = bins_of(picture)
    inside = signed(polygon(frame.points[list(FACE_OVAL)], WORKING_SIZE)) / frame.height
    priors = first = _expected(frame, inside)
    hanging = _beard(frame, inside + np.maximum(frame.down, 0))
    histograms = _starts(picture, frame.points, bins, priors * weight)
    # what is no skin by its colour in the face: eyes, brows and lips
    drawn = _inside(frame.points, (*EYES_WITH_BROWS, LIPS_RIM))
    chin = _inside(frame.points, (CHIN_SKIN,))
    for _ in range(_ROUNDS):
        shares = priors * np.stack([each[bins] for each in histograms])
        shares /= shares.sum(0) + 1e-12
        shares[:, drawn] = np.array([1, 0, 0, 0])[:, None]
        shares = np.stack([scipy.ndimage.gaussian_filter(share, _CALM) for share in shares])
        # what skin's colours are seen of above the forehead, or within a wide collar, is skin before it is hair or cloth
        own = np.sqrt(_strange(histograms[_SKIN], bins))
        counted = weight * ~drawn * np.stack([np.ones_like(own), np.ones_like(own), own, own])
        histograms = [histogram(bins, count) for count in shares * counted]
        bearded = max(float(shares[_BEARD][chin].mean()) - _STUBBLE, 0)
        priors = first.copy()
        priors[_BEARD] += _BEARD_ODDS * bearded * np.maximum(first[_BEARD], hanging)
    return np.asarray(shares, np.float32)


def _starts(picture: np.ndarray, points: np.ndarray, bins: Bins, priors: np.ndarray) -> list[np.ndarray]:
    """First histograms: skin as the cheeks and the face's middle show it, under any light; the others from where nothing else is."""
    sure = picture[_inside(points, CHEEKS)][None]
    skin = np.mean([histogram(bins_of(sure * shade), np.ones(sure.shape[:2])) for shade in _SHADES], 0)
    strange = _strange(skin, bins)
    beard = histogram(bins, (_inside(points, BROW_HAIR) + priors[_BEARD]) * strange)
    return [skin, beard, histogram(bins, priors[_HAIR] * strange), histogram(bins, priors[_CLOTH] * strange)]


def _strange(skin: Float64[np.ndarray, "32 32 32"], bins: Bins) -> Float64[np.ndarray, "w w"]:
    """How little each pixel has a colour of the skin's histogram: 1 not at all, a half where that has as much of it as of any."""
    return np.asarray(1 / (1 + skin[bins] * skin.size))


def _inside(points: np.ndarray, outlines: tuple[tuple[int, ...], ...]) -> np.ndarray:
    """Pixels of the working size within any of the outlines, each given by landmarks."""
    return np.asarray(np.any([polygon(points[list(part)], WORKING_SIZE) for part in outlines], 0))


def _expected(frame: FaceFrame, inside: Float64[np.ndarray, "w w"]) -> Float32[np.ndarray, "4 w w"]:
    """Shares of the labels by place alone; `inside`: heights of the face by which pixels lie within its outline, negative beyond it."""
    across, down = np.abs(frame.across), frame.down
    ear = np.exp(-(((across - _EAR_ACROSS[0]) / _EAR_ACROSS[1]) ** 2) - ((down - _EAR_DOWN[0]) / _EAR_DOWN[1]) ** 2)
    places = {
        "face": _over(inside, (0.0, _RIM)),
        "ear": ear,
        "neck": (1 - _over(across, _NECK_SIDE)) * _over(down, _NECK_TOP) * (1 - _over(down, _NECK_END)),
        "forehead": _over(down, _BROW_TOP) * (1 - _over(down, _BROW_END)) * (1 - _over(across, _BROW_SIDE)),
        "else": np.ones_like(inside),
    }
    skin = np.maximum.reduce([_SKIN_SHARES[name] * place for name, place in places.items()])
    beard = _beard(frame, inside)
    cloth = _CLOTH_SHARE * _over(down + _CLOTH_SLOPE * across, _CLOTH_TOP)
    throat = (1 - _over(across, _THROAT_SIDE)) * _over(down, _THROAT_TOP)
    hair = (1 - skin) * (1 - cloth) * (1 - (1 - _THROAT_HAIR) * throat)
    shares = np.stack([skin, beard, hair, 1 - skin - hair])
    return np.asarray(shares / shares.sum(0), np.float32)


def _beard(frame: FaceFrame, inside: np.ndarray) -> np.ndarray:
    """The share of a beard by height, and by how far `inside` the outline it grows."""
    heights = _over(frame.down, _BEARD_TOP) * (1 - _over(frame.down, _BEARD_END))
    return np.asarray(_BEARD_SHARE * heights * _over(inside, _BEARD_RIM))


def _over(values: np.ndarray, ramp: tuple[float, float]) -> np.ndarray:
    """0 below, 1 above, smooth over the width of a ramp (middle, width)."""
    return np.asarray(smoothstep(0.5 + (values - ramp[0]) / ramp[1]))


def signed(mask: np.ndarray) -> np.ndarray:
    return np.asarray(scipy.ndimage.distance_transform_edt(mask) - scipy.ndimage.distance_transform_edt(~mask))


def _reaching_up(mask: np.ndarray, row: float) -> np.ndarray:
    """The connected parts that reach above `row`: hair does, a collar does not."""
    _, parts = cv2.connectedComponents(mask.astype(np.uint8))
    above = np.unique(parts[: max(1, int(row))])
    return np.isin(parts, above[above > 0])


def _in_its_shade(image: np.ndarray, hat: np.ndarray, hair: np.ndarray, mouth: float) -> bool:
    """Whether what looks like hair below a hat is the hat's own lower edge: it has the hat's tint, and none hangs below the mouth."""
    if not hat.any() or not hair.any() or hair[int(mouth) :].any():
        return False
    tints = [np.median(image[mask], 0) for mask in (hat, hair)]
    one, other = (tint / max(float(tint.sum()), 1e-3) for tint in tints)
    return float(np.linalg.norm(one - other)) < _TINT


def _thin(mask: np.ndarray, radius: float) -> np.ndarray:
    """The connected parts in which no disc of `radius` pixels has room."""
    _, parts = cv2.connectedComponents(mask.astype(np.uint8))
    return np.asarray(mask & ~np.isin(parts, np.unique(parts[scipy.ndimage.distance_transform_edt(mask) > radius])))


def _nearest_of(mask: np.ndarray, doubtful: np.ndarray, matte: np.ndarray) -> np.ndarray:
    """The mask, with doubtful pixels as the nearest of the matte that is none."""
    nearest = scipy.ndimage.distance_transform_edt(doubtful | ~matte, return_distances=False, return_indices=True)
    return np.asarray(np.where(doubtful, mask[tuple(nearest)], mask))


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
