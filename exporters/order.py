"""The order of splats as a stamp: files that index splats by number say which order they mean."""

import hashlib
from dataclasses import dataclass

import numpy as np

from facecraft4d.toolkit.core.datatypes import BoundSplats


@dataclass(frozen=True, slots=True)
class SplatOrder:
    """Which splats, in which order."""

    count: int
    sha256: str
    """Of each splat's triangle (int32) and local mean (3 float32), little-endian, splat after splat."""


def splat_order(splats: BoundSplats) -> SplatOrder:
    """The stamp of these splats; two sets of equal stamp may index each other's rows."""
    rows = np.empty(len(splats.means), [("triangle", "<i4"), ("mean", "<f4", 3)])
    rows["triangle"], rows["mean"] = splats.triangles, splats.means
    return SplatOrder(len(rows), hashlib.sha256(rows.tobytes()).hexdigest())
