"""Who is in front: a person mask, refined at the hair by closed-form matting, and cut to head, hair, neck and shoulders."""

from functools import lru_cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import scipy.sparse
from jaxtyping import Bool, Float, Float32

from facecraft4d.toolkit import weights
from facecraft4d.toolkit.config import Matting
from facecraft4d.toolkit.core.checks import UserError
from facecraft4d.toolkit.core.geometry import smoothstep
from facecraft4d.toolkit.landmarks import LiteNetwork
from facecraft4d.toolkit.landmarks.points import FACE_OVAL
from facecraft4d.toolkit.preprocess.align import Extent, bust_edge, hanging_end

_SURE, _ERODED = 0.9, 0.01
"""The mask is trusted beyond this probability, and this share of the side away from its edge."""
_PERSON, _PRIOR_WEIGHT, _KNOWN_WEIGHT = 0.45, 0.003, 100.0
"""Elsewhere it pulls weakly to whichever side of this probability it lies on."""
_LEVELS = (0.06, 0.88)
"""Alphas that become 0 and 1: smears of the matting vanish, solid things are solid."""
_VOTERS = (0.62, 0.7, 0.78, 0.88)
"""The selfie network looks at these central shares of the crop, and at their mirror images: alone it often errs at a patterned background."""
_NECK_HALF_WIDTH, _NECK_FADE = 0.045, 0.012
"""Metres: what lies below the ears and beside this column is kept only if it hangs from the head; half the width of the column's soft edge."""
_EDGE_FADE = 0.0008
"""Metres: half the width of the bust's edge, a pixel of the usual crop."""
_SHOULDERS, _SLOPE = 0.055, 0.3
"""Metres below the ears at which clothes may begin beside the neck's column, and what they fall by per metre aside, at least: a collar
stands up to the jaw, a shoulder slopes more steeply. Whoever stands behind rises above that."""
_TRACE, _CLEAR = 0.05, 0.01
"""Alpha above which parts of the head hang together, and up to which a pixel is clear, whatever hangs above it."""
_FACE_INNER = 0.9
"""Part of the face's outline, from its middle, that is surely foreground."""
_LOOSE_FROM = 0.02
"""Below this height (metres under the ears) only neck and what hangs from the head is kept."""
_SPREAD = 0.15
"""How much hanging hair may widen, sideways per downwards."""
_REACH = Extent(-0.27, 0.27, -0.38)
"""Beyond these metres from the ears nothing belongs to the head."""

Plane = tuple[Float[np.ndarray, "s s"], Float[np.ndarray, "s s"]]


def person_probability(
    image: Float32[np.ndarray, "s s 3"], covered: Bool[np.ndarray, "s s"], matting: Matting
) -> Float32[np.ndarray, "s s"]:
    """How sure a network is that a pixel shows the person; `image` shows head and shoulders.

    Where it is not `covered` by the photograph the answer goes on from the border, like the image.
    """
    return _resized(_isnet(image), image.shape[:2]) if matting is Matting.ISNET else _selfie(image, covered)


def refine(
    image: Float32[np.ndarray, "s s 3"], probability: Float32[np.ndarray, "s s"], face: Bool[np.ndarray, "s s"]
) -> Float32[np.ndarray, "s s"]:
    """Alpha by closed-form matting (Levin et al. 2008, with the mask as a weak prior where it is not sure); `face` is foreground."""
    import pymatting  # loads its compiled code for a second

    radius = max(1, round(_ERODED * image.shape[0]))
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
    background, front = (
        cv2.erode(sure.astype(np.uint8), disc) > 0 for sure in (probability < 1 - _SURE, probability > _SURE)
    )
    front |= face
    known = (background | front).ravel()
    weight = np.where(known, _KNOWN_WEIGHT, _PRIOR_WEIGHT * 2 * np.abs(probability.ravel() - _PERSON))
    target = np.where(known, front.ravel(), probability.ravel() > _PERSON)
    matrix = pymatting.cf_laplacian(image.astype(np.float64), epsilon=1e-6) + scipy.sparse.diags(weight)
    preconditioner = pymatting.ichol(matrix, discard_threshold=1e-4)
    alpha = pymatting.cg(matrix, weight * target, M=preconditioner, rtol=1e-7).reshape(probability.shape)
    low, high = _LEVELS
    return np.asarray(np.clip((alpha - low) / (high - low), 0, 1), np.float32)


def keep_head(
    alpha: Float32[np.ndarray, "s s"], plane: Plane, face: Bool[np.ndarray, "s s"]
) -> Float32[np.ndarray, "s s"]:
    """Leave out other people, shoulders and clothes: what hangs together with the face, in the neck's column or under the hair."""
    x, y = plane
    above_end = _ramp(hanging_end(x) - y, _EDGE_FADE)
    neck = _ramp(_NECK_HALF_WIDTH - np.abs(x), _NECK_FADE)
    head = alpha * above_end * np.maximum(neck, _hanging(alpha, y))
    head *= (x > _REACH.left) & (x < _REACH.right) & (y > _REACH.top)
    return np.where(_connected(head > _TRACE, face), head, 0).astype(np.float32)


def keep_bust(
    alpha: Float32[np.ndarray, "s s"], plane: Plane, face: Bool[np.ndarray, "s s"]
) -> Float32[np.ndarray, "s s"]:
    """The head with neck and shoulders down to the bust's edge."""
    x, y = plane
    aside = np.maximum(np.abs(x) - _NECK_HALF_WIDTH, 0)
    below = _ramp(y - _SHOULDERS - _SLOPE * aside, _EDGE_FADE) * _ramp(bust_edge(x) - y, _EDGE_FADE)
    bust = np.maximum(keep_head(alpha, plane, face), alpha * below)
    return np.where(_connected(bust > _TRACE, face), bust, 0).astype(np.float32)


def extent(head: Float32[np.ndarray, "s s"], plane: Plane) -> Extent:
    """Metres that the head covers."""
    x, y = (axis[head > 0.5] for axis in plane)
    return Extent(float(x.min(initial=0)), float(x.max(initial=0)), float(y.min(initial=0)))


def face_region(landmarks: Float[np.ndarray, "n d"], size: int) -> Bool[np.ndarray, "s s"]:
    """The inside of the face's outline, a little shrunk."""
    oval = landmarks[list(FACE_OVAL), :2].astype(np.float64)
    oval = oval.mean(0) + _FACE_INNER * (oval - oval.mean(0))
    mask = np.zeros((size, size), np.uint8)
    cv2.fillPoly(mask, [np.rint((oval - 0.5) * 16).astype(np.int32)], 1, shift=4)
    return mask > 0


def foreground(image: Float32[np.ndarray, "s s 3"], alpha: Float32[np.ndarray, "s s"]) -> Float32[np.ndarray, "s s 3"]:
    """Colours free of the background's (multi-level estimation, Germer et al. 2020)."""
    import pymatting

    colors = pymatting.estimate_foreground_ml(image.astype(np.float64), alpha.astype(np.float64))
    return np.asarray(np.clip(colors, 0, 1), np.float32)


def _ramp(distance: Float[np.ndarray, "s s"], width: float) -> Float[np.ndarray, "s s"]:
    """Smooth step from 0 at -width to 1 at +width."""
    return smoothstep(distance / (2 * width) + 0.5)


def _hanging(alpha: Float32[np.ndarray, "s s"], y: Float[np.ndarray, "s s"]) -> Float32[np.ndarray, "s s"]:
    """Share of each pixel that is held from above: going down, it is no more than its best neighbour in the row above within the spread.

    Hair that hangs passes; shoulders and collars, with background above them, do not.
    """
    held = alpha.copy()
    start = max(1, int(np.searchsorted(y[:, 0], _LOOSE_FROM)))
    for row in range(start, len(held)):
        above = held[row - 1]
        wider = above + _SPREAD * np.maximum(np.maximum(np.roll(above, 1), np.roll(above, -1)) - above, 0)
        held[row] = np.minimum(alpha[row], wider)
    share = np.where(alpha > _CLEAR, held / np.maximum(alpha, _CLEAR), 1)
    return np.asarray(np.clip(share, 0, 1), np.float32)


def _connected(mask: Bool[np.ndarray, "s s"], seed: Bool[np.ndarray, "s s"]) -> Bool[np.ndarray, "s s"]:
    """The parts of `mask` that touch `seed`."""
    _, labels = cv2.connectedComponents(mask.astype(np.uint8))
    return np.asarray(mask & np.isin(labels, np.unique(labels[mask & seed])))


def _selfie(image: Float32[np.ndarray, "s s 3"], covered: Bool[np.ndarray, "s s"]) -> Float32[np.ndarray, "s s"]:
    """Mean vote of the selfie network (256 pixels wide) over centred crops, without what lies beyond the photograph, and their mirror images."""
    size = image.shape[0]
    total, votes = np.zeros((size, size), np.float32), np.zeros((size, size), np.float32)
    shares = (covered.mean(axis) for axis in (1, 0))
    rows, columns = (np.flatnonzero(share > 0.5 * share.max()) for share in shares)
    for share in _VOTERS:
        margin = round(size * (1 - share) / 2)
        (top, bottom), (left, right) = (
            (max(int(r[0]), margin), min(int(r[-1]) + 1, size - margin)) for r in (rows, columns)
        )
        inner = np.s_[top:bottom, left:right]
        small = cv2.resize(image[inner], (256, 256), interpolation=cv2.INTER_AREA)
        plain, mirrored = (
            _selfie_network()(np.ascontiguousarray(s)[None])[0].reshape(256, 256) for s in (small, small[:, ::-1])
        )
        total[inner] += _resized((plain + mirrored[:, ::-1]) / 2, (bottom - top, right - left))
        votes[inner] += 1
    seen = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    around = [(int(r[0]), size - int(r[-1]) - 1) for r in (rows, columns)]
    return np.pad((total / np.maximum(votes, 1))[seen], around, mode="edge")


def _resized(probability: Float32[np.ndarray, "n n"], shape: tuple[int, int]) -> Float32[np.ndarray, "h w"]:
    return np.clip(cv2.resize(probability, shape[::-1], interpolation=cv2.INTER_CUBIC), 0, 1)


@lru_cache(maxsize=1)
def _selfie_network() -> LiteNetwork:
    return LiteNetwork(weights.path("selfie_segmentation").read_bytes())


def _isnet(image: Float32[np.ndarray, "s s 3"]) -> Float32[np.ndarray, "1024 1024"]:
    """ISNet (Qin et al. 2022) at its own 1024 pixels; the strongest answer becomes 1, the weakest 0."""
    session = _isnet_session(weights.path("isnet"))
    batch = cv2.resize(image, (1024, 1024), interpolation=cv2.INTER_LINEAR).transpose(2, 0, 1)[None] * np.float32(255)
    source = session.get_inputs()[0]
    kind = np.float16 if "16" in source.type else np.float32
    answer = (
        session.run(None, {source.name: ((batch - 128) / 256).astype(kind)})[0].astype(np.float32).reshape(1024, 1024)
    )
    return np.asarray((answer - answer.min()) / max(float(np.ptp(answer)), 1e-8))


@lru_cache(maxsize=1)
def _isnet_session(path: Path) -> Any:
    try:
        import onnxruntime
    except ImportError as error:
        raise UserError(
            "--matting isnet: expected the package onnxruntime, found none; install facecraft4d[isnet] or use --matting selfie"
        ) from error
    return onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
