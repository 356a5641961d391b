"""What heads of hair have in common: where hair ends and how far it stands off, given what a photograph shows of it.

Learned from drawn people (benchmarks/people/learn_hair.py), alike on both sides: a mean and the principal directions in which people differ.
What is not seen is the mean of that Gaussian given what is.
"""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import scipy.ndimage
from jaxtyping import Float, Float64

from facecraft4d.toolkit.core.untrusted.npz import read_npz

FILE = Path(__file__).parent / "hair_prior.npz"
_MOST_BYTES = 1 << 20
STEP, LOWEST = 5.0, -60.0
"""Degrees between the directions from the middle of the ears in which people are compared, and the lowest: below the nape."""
REACH = 0.03
"""Metres from hair's edge beyond which it does not matter how far within hair, or within skin, a point is."""
FIELDS = ("edge", "thickness")
"""Metres within the hair's edge on the skin, negative outside; metres that its outer surface stands off the skin."""
NOISE = {"edge": 0.02, "thickness": 0.006}
"""Metres by which one look at the photograph errs: edges more than the picture does, since the fitted head's sides lie millimetres off, which one
glancing look turns into centimetres; trusted to 6 mm they let a nape sink by 20."""
_ALIKE = 0.015
"""Metres over which errors go together: looks nearer to each other than this tell one thing."""


@dataclass(frozen=True, slots=True, eq=False)
class HairPrior:
    """One of `FIELDS` over a shell's rays, metres."""

    mean: Float64[np.ndarray, "r c"]
    modes: Float64[np.ndarray, "k r c"]
    """Its principal directions, each as long as its standard deviation."""
    noise: float

    def given(self, values: Float[np.ndarray, "r c"], looks: Float[np.ndarray, "r c"]) -> Float64[np.ndarray, "r c"]:
        """What is to be expected where `values` are seen: `looks` is how many independent ones each place is worth, 0 where unseen."""
        modes = self.modes.reshape(len(self.modes), -1)
        weights = (looks / self.noise**2).ravel()
        off = np.where(looks > 0, values - self.mean, 0).ravel()
        precision = np.eye(len(modes)) + (modes * weights) @ modes.T
        scores = np.linalg.solve(precision, modes @ (weights * off))
        return np.asarray(self.mean + np.tensordot(scores, self.modes, 1))


def looks(points: Float[np.ndarray, "r c 3"]) -> Float64[np.ndarray, "r c"]:
    """How many independent looks the cell around each point of a sheet is worth."""
    across = np.linalg.norm(np.roll(points, -1, 1) - points, axis=-1)
    down = np.linalg.norm(np.gradient(points, axis=0), axis=-1)
    return np.asarray(np.minimum(across * down / _ALIKE**2, 1))


def hair_prior(
    field: str, ears: Float64[np.ndarray, "m 3"], top: float, points: Float[np.ndarray, "r c 3"]
) -> HairPrior:
    """One of `FIELDS` at points of a head with these ears, whose scalp ends at the height `top`."""
    learned = _learned()
    middle, unit = frame(ears, top)
    x, y, z = np.moveaxis(points - middle, -1, 0)
    rows = (90 - np.degrees(np.arctan2(y, np.hypot(x, z)))) / STEP
    columns = np.degrees(np.arctan2(np.abs(x), z)) / STEP
    first = FIELDS.index(field)
    mean, *modes = (
        unit * scipy.ndimage.map_coordinates(each.astype(np.float64), [rows, columns], order=1, mode="nearest")
        for each in learned[first]
    )
    return HairPrior(mean, np.stack(modes), NOISE[field])


def frame(ears: Float[np.ndarray, "m 3"], top: float) -> tuple[Float64[np.ndarray, "3"], float]:
    """The point between the ears from which directions are counted, and the scalp's height above it, in which lengths are."""
    middle = np.array([0.0, ears[:, 1].mean(), ears[:, 2].mean()])
    return middle, top - float(middle[1])


@cache
def _learned() -> Float[np.ndarray, "f k e a"]:
    """Mean and principal directions of each field by elevation (from the top down) and azimuth (from the face), in units of `frame`."""
    return np.asarray(read_npz(FILE, "prior of hair", _MOST_BYTES)["fields"])
