"""What hair and clothes have in common: a closed sheet on a grid of rays, drawn into the matte."""

from dataclasses import dataclass

import numpy as np
import scipy.ndimage
from jaxtyping import Float, Float64, Int, Int32

from facecraft4d.toolkit.core.datatypes import Camera
from facecraft4d.toolkit.core.geometry import camera_center, project
from facecraft4d.toolkit.fitting.observation import Segments
from facecraft4d.toolkit.shape_prior.parametric.shells.constants import (
    FULL,
    LEAST_REACH,
    LOCK_THICKNESS,
    MATTE_BLUR,
    WALK,
    WALK_STEP,
)
from facecraft4d.toolkit.shape_prior.parametric.shells.grid import (
    ShellGrid,
    picture_values,
)


@dataclass(frozen=True, slots=True, eq=False)
class Shell:
    """A sheet; its texture chart is the grid itself."""

    grid: ShellGrid
    vertices: Float64[np.ndarray, "v 3"]
    triangles: Int32[np.ndarray, "f 3"]
    present: Float64[np.ndarray, "r c"]
    """Above one half where the sheet is outside the skin."""
    crown: bool
    """Whether the sheet is closed above (hair, open below inside the neck) or below (clothes, open above)."""
    worn: Float64[np.ndarray, "r c"]
    """How far hair is none but headwear, 0..1."""


@dataclass(frozen=True, slots=True, eq=False)
class FittedHead:
    """What the sheets are made from."""

    camera: Camera
    segments: Segments
    vertices: Float[np.ndarray, "v 3"]
    """The posed skin."""
    triangles: Int[np.ndarray, "f 3"]
    """Skin without ears, eyes and mouth."""
    scalp: Float64[np.ndarray, "n 3"]
    """Points of the model's scalp."""
    scalp_triangles: Int[np.ndarray, "g 3"]
    ears: Float64[np.ndarray, "m 3"]
    """Points of both ears."""

    @property
    def camera_azimuth(self) -> float:
        """Radians about +Y."""
        center = camera_center(self.camera)
        return float(np.arctan2(center[0], center[2]))


def wrap(angles: np.ndarray) -> np.ndarray:
    return np.asarray((angles + np.pi) % (2 * np.pi) - np.pi)


def height_at(camera: Camera, row: float, depth: float) -> float:
    """World height of a picture row at a camera depth in the middle of the picture."""
    seen = np.array([0.0, (row - camera.cy) / camera.fy * depth, depth])
    matrix = camera.camera_from_world
    return float((matrix[:3, :3].T @ (seen - matrix[:3, 3]))[1])


def world_steps(fitted: FittedHead, point: Float[np.ndarray, "3"]) -> tuple[float, float]:
    """Metres across and down that a pixel covers at the depth of a world point."""
    depth = float(project(fitted.camera, np.asarray(point, np.float64)[None])[1][0])
    return depth / fitted.camera.fx, depth / fitted.camera.fy


def side_reach(
    fitted: FittedHead, grid: ShellGrid, skin: np.ndarray, facing: np.ndarray, side: int, mask: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Where the mask reaches beyond `skin` along the rays across the line of sight [r], and where the person's own skin, an ear or the jaw,
    would hide it [r]."""
    column = int(np.abs(wrap(facing - side * np.pi / 2)).argmin())
    start = skin[:, column]
    ladder = start[:, None] + WALK
    points = grid.origins[:, column, None] + ladder[..., None] * grid.directions[:, column, None]
    pixels, _ = project(fitted.camera, points)
    size = fitted.camera.width
    inside = ((pixels >= 0) & (pixels < (size, fitted.camera.height))).all(-1)
    masked, before = (
        (picture_values(fitted.camera, each, points) > 0.5) & inside for each in (mask, fitted.segments.skin)
    )
    reach = np.where(masked, WALK, 0).max(1)
    # what the skin stands before tells nothing, what is neither is a gap
    gaps = (~masked & ~before & (WALK <= reach[:, None])).sum(1) * WALK_STEP
    full = gaps < (1 - FULL) * reach
    hidden = before[:, WALK <= LOCK_THICKNESS].mean(1) > FULL
    return (reach > LEAST_REACH) & full, hidden


def softened(mask: np.ndarray, matte: np.ndarray) -> np.ndarray:
    """A mask with smooth borders inside the matte; outside the matte the nearest value within goes on."""
    nearest = scipy.ndimage.distance_transform_edt(~matte, return_distances=False, return_indices=True)
    return np.asarray(scipy.ndimage.gaussian_filter(mask[tuple(nearest)].astype(np.float32), MATTE_BLUR * len(mask)))
