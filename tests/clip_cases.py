"""A clip that holds the jaw still."""

import numpy as np

from facecraft4d.toolkit.core.arkit import ARKIT_NAMES
from facecraft4d.toolkit.core.datatypes import Motion

JAW = ARKIT_NAMES.index("jawOpen")


def constant(name: str, jaw: float) -> Motion:
    """A second of an open jaw."""
    weights = np.zeros((10, 52), np.float32)
    weights[:, JAW] = jaw
    return Motion(
        name, 10.0, ARKIT_NAMES, weights, ("neck",), np.zeros((10, 1, 3), np.float32), np.zeros((10, 3), np.float32)
    )
