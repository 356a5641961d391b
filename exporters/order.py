"""The order of splats as a stamp: files that index splats by number say which order they mean."""

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from facecraft4d.toolkit.core.datatypes import BoundSplats

ORDER = "order"
"""Name of the note that holds a stamp."""


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


def order_in(notes: Iterable[str]) -> SplatOrder | None:
    """The stamp among the notes of a file of splats (notes.py); None where there is none."""
    for each in notes:
        if found := re.fullmatch(rf"{ORDER}: (\d{{1,9}}) splats, sha256 ([0-9a-f]{{64}})", each, re.ASCII):
            return SplatOrder(int(found[1]), found[2])
    return None
