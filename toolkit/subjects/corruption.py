"""What is wrong with generated views, as numbers: another colour in each, smooth warps, fine detail drawn anew, expressions out of step.

View 0 stands for the photograph and stays as it is.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float32

from facecraft4d.toolkit.core.datatypes import View

CELLS = 7
"""A warp's random displacements are this many across a picture."""
FRAME_SHARE = 0.3
"""How much of a view's warp changes from frame to frame."""


@dataclass(frozen=True, slots=True)
class Corruption:
    """How strong each kind is; 0 switches it off."""

    color: float = 1.0
    """1: gains of about 6 %, tints of about 4 %, gammas of about 10 %, anew for each view."""
    warp: float = 1.0
    """1: displacements whose largest is 1 to 3 pixels of 256, anew for each view and a little for each frame."""
    detail: float = 1.0
    """Share of fine texture that is drawn anew for each view."""
    timing: float = 1.0
    """1: a frame shows the moment up to a tenth of a second before or after its own."""


@dataclass(frozen=True, slots=True, eq=False)
class Distortion:
    """What happens to all pictures of one view."""

    gain: Float32[np.ndarray, "3"]
    gamma: float
    field: Float32[np.ndarray, "c c 2"]
    """Coarse displacements in pixels of a 256-pixel picture."""
    seed: int


def distortions(corruption: Corruption, views: int, seed: int) -> tuple[Distortion, ...]:
    """One for each view; that of view 0 changes nothing."""
    none = Distortion(np.ones(3, np.float32), 1.0, np.zeros((CELLS, CELLS, 2), np.float32), 0)
    return (none, *(_draw(corruption, np.random.default_rng((seed, view)), view) for view in range(1, views)))


def _draw(corruption: Corruption, rng: np.random.Generator, view: int) -> Distortion:
    gain = 1 + corruption.color * (0.06 * rng.uniform(-1.5, 1.5) + 0.04 * rng.uniform(-1.5, 1.5, 3))
    gamma = float(np.exp(corruption.color * 0.1 * rng.uniform(-1.5, 1.5)))
    field = _field(rng) * rng.uniform(1, 3) * corruption.warp
    return Distortion(gain.astype(np.float32), gamma, field.astype(np.float32), view)


def _field(rng: np.random.Generator) -> np.ndarray:
    """Coarse displacements whose largest is 1."""
    field = rng.normal(size=(CELLS, CELLS, 2))
    return np.asarray(field / np.linalg.norm(field, axis=-1).max(), np.float64)


def distorted(view: View, distortion: Distortion, frame: int = -1) -> View:
    """The view as a generator would have drawn it; `frame` changes the warp a little."""
    if not distortion.seed:
        return view
    inside = view.mask[..., None]
    straight = np.clip((view.image - (1 - inside)) / np.maximum(inside, 1e-3), 0, 1)
    image = np.clip(straight**distortion.gamma * distortion.gain, 0, 1) * inside + (1 - inside)
    values = np.concatenate([image, inside], -1).astype(np.float32)
    field = displacement(distortion, frame, view.mask.shape[0])
    if not field.any():
        return View(view.camera, image.astype(np.float32), view.mask, view.depth)
    columns, rows = np.meshgrid(*(np.arange(n, dtype=np.float32) for n in view.mask.shape[::-1]))
    place = (columns + field[..., 0], rows + field[..., 1])
    border = (1.0, 1.0, 1.0, 0.0)
    moved = cv2.remap(values, *place, cv2.INTER_CUBIC, borderMode=cv2.BORDER_CONSTANT, borderValue=border)
    moved = np.asarray(np.clip(moved, 0, 1), np.float32)
    depth = np.asarray(cv2.remap(view.depth, *place, cv2.INTER_NEAREST), np.float32)
    return View(view.camera, moved[..., :3], moved[..., 3], np.where(moved[..., 3] > 0, depth, 0))


def displacement(distortion: Distortion, frame: int, size: int) -> Float32[np.ndarray, "s s 2"]:
    """Pixels by which each pixel looks elsewhere."""
    field = distortion.field
    if frame >= 0:
        largest = np.linalg.norm(field, axis=-1).max()
        field = field + FRAME_SHARE * largest * _field(np.random.default_rng((distortion.seed, frame)))
    return np.asarray(cv2.resize(field.astype(np.float32), (size, size), interpolation=cv2.INTER_CUBIC) * (size / 256))
