"""Least squares whose unknowns stay within bounds."""

import numpy as np
import scipy.linalg
from jaxtyping import Float64

_ROUNDS = 8
"""How often unknowns at their bounds are told anew."""


def bounded_step(
    normal: Float64[np.ndarray, "n n"],
    right: Float64[np.ndarray, " n"],
    low: Float64[np.ndarray, " n"],
    high: Float64[np.ndarray, " n"],
) -> Float64[np.ndarray, " n"]:
    """The x in [low, high] with normal x = right in all that are not held at a bound (an active set; normal is positive definite).

    Those beyond a bound are set to it, the others are solved for anew; who would rather leave its bound again may.
    """
    step = np.zeros(len(right))
    held = np.zeros(len(right), bool)
    for _ in range(_ROUNDS):
        free = ~held
        step[free] = scipy.linalg.solve(
            normal[np.ix_(free, free)], right[free] - normal[np.ix_(free, held)] @ step[held], assume_a="pos"
        )
        beyond = free & ((step < low) | (step > high))
        step = np.clip(step, low, high)
        pull = right - normal @ step
        inward = held & (((step <= low) & (pull > 0)) | ((step >= high) & (pull < 0)))
        if not beyond.any() and not inward.any():
            break
        held = (held | beyond) & ~inward
    return step
