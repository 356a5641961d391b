"""The squares that LivePortrait's networks see of a picture: upright faces, framed by landmarks (LivePortrait's own framing, no detector).

Places are (x, y) in pixels, y down; a picture spans from 0 to its size.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

SOURCE_SIZE = 512
"""Pixels a side of a source's crop; F and M see it halved."""
SHORTEST = 1e-3
"""Pixels from the eyes to the mouth below which a face has no direction, and counts as upright."""
WIDTH_ADDED = 1e-6
"""To the width in a ratio: a face of no width has no gap either."""
EYES_68, MOUTH_68 = (36, 39, 42, 45), (48, 54)
"""Corners of the eyes and of the mouth among iBUG's 68 landmarks (landmarks.points.IBUG_68)."""
LIPS, LIP_CORNERS = (0, 17), (61, 291)
"""The outer edges of the upper and the lower lip, and the corners of the mouth, among MediaPipe's 478 landmarks."""


@dataclass(frozen=True)
class Framing:
    """How much of a picture is seen around a face."""

    scale: float
    """The square's side, in longer sides of the box around the landmarks, upright with the face."""
    rise: float
    """How far its middle is above that of the box, in its own sides."""


SOURCE = Framing(2.3, 0.125)
DRIVING = Framing(2.2, 0.1)


def eyes_and_mouth(points: Float[np.ndarray, "68 2"]) -> tuple[Float[np.ndarray, "2"], Float[np.ndarray, "2"]]:
    """The middle of the eyes and that of the mouth."""
    return points[list(EYES_68)].mean(axis=0), points[list(MOUTH_68)].mean(axis=0)


def crop_from_picture(
    points: Float[np.ndarray, "n 2"], eyes: Float[np.ndarray, "2"], mouth: Float[np.ndarray, "2"],
    framing: Framing, size: int = SOURCE_SIZE, upright: bool = True,
) -> Float[np.ndarray, "3 3"]:  # fmt: skip
    """The similarity that maps a picture's places to those of a crop of `size` pixels in which the face fills what the framing says.

    `upright` turns the face so that its mouth is below its eyes; without it the square has the same middle and size and is not turned.
    """
    down = _direction(mouth - eyes)
    axes = np.array([[down[1], -down[0]], down])
    middle, side = _square(points, axes, framing)
    turn = axes if upright else np.eye(2)
    matrix = np.eye(3)
    matrix[:2, :2] = turn * (size / side)
    matrix[:2, 2] = size / 2 - matrix[:2, :2] @ middle
    return matrix


def _direction(way: Float[np.ndarray, "2"]) -> Float[np.ndarray, "2"]:
    length = np.linalg.norm(way)
    return way / length if length > SHORTEST else np.array([0.0, 1.0])


def _square(
    points: Float[np.ndarray, "n 2"], axes: Float[np.ndarray, "2 2"], framing: Framing
) -> tuple[Float[np.ndarray, "2"], float]:
    """Middle and side of the square, whose sides have the directions of `axes` (rows: right and down)."""
    along = points @ axes.T
    least, most = along.min(axis=0), along.max(axis=0)
    side = framing.scale * float((most - least).max())
    middle = (least + most) / 2 - np.array([0.0, framing.rise * side])
    return middle @ axes, side


def opening(points: Float[np.ndarray, "n 2"], gap: tuple[int, int], width: tuple[int, int]) -> float:
    """How open an eye or a mouth is: the gap between two landmarks in widths between two others."""
    first, second = (float(np.linalg.norm(points[a] - points[b])) for a, b in (gap, width))
    return first / (second + WIDTH_ADDED)


def lip_ratio(places: Float[np.ndarray, "478 3"], rest: Float[np.ndarray, "478 3"]) -> float:
    """How open a head's mouth is, by its landmarks in the world and where they are at rest: how much farther apart the lips' outer edges are, in
    widths of the mouth.

    Their inner edges lie on each other at rest, where no drawing shows which lip a landmark is of.
    """
    apart, at_rest = (float(np.linalg.norm(each[LIPS[0]] - each[LIPS[1]])) for each in (places, rest))
    width = float(np.linalg.norm(places[LIP_CORNERS[0]] - places[LIP_CORNERS[1]]))
    return max(0.0, apart - at_rest) / (width + WIDTH_ADDED)
