"""The order of splats as a stamp: files that index splats by number say which order they mean."""

import hashlib
import re
from dataclasses import dataclass

import numpy as np

from facecraft4d.toolkit.core.datatypes import BoundSplats


@dataclass(frozen=True, slots=True)
class SplatOrder:
    """Which splats, in which order."""

    count: int
    sha256: str
    """Of each splat's triangle (int32) and local mean (3 float32), little-endian, splat after splat."""

    def __str__(self) -> str:
        return f"{self.count} splats, sha256 {self.sha256}"


def splat_order(splats: BoundSplats) -> SplatOrder:
    """The stamp of these splats; two sets of equal stamp may index each other's rows."""
    rows = np.empty(len(splats.means), [("triangle", "<i4"), ("mean", "<f4", 3)])
    rows["triangle"], rows["mean"] = splats.triangles, splats.means
    return SplatOrder(len(rows), hashlib.sha256(rows.tobytes()).hexdigest())


def order_from_text(text: str) -> SplatOrder | None:
    """The stamp that `str` wrote; None for any other text."""
    found = re.fullmatch(r"(\d{1,9}) splats, sha256 ([0-9a-f]{64})", text, re.ASCII)
    return SplatOrder(int(found[1]), found[2]) if found else None
