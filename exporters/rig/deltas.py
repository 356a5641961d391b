"""Sets of changes in 16 bits: what stands in deltas.bin, and what a reader makes of it."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import UInt32

from facecraft4d.exporters.options import DeltaType
from facecraft4d.exporters.splat_deltas import SplatChanges

KINDS = ("means", "rotations", "log_scales")
"""What a row holds, in this order."""
COLUMNS = (3, 3, 1)
VALUES = sum(COLUMNS)
MOST_INT16 = 32767
STORED = {DeltaType.HALF: np.dtype("<f2"), DeltaType.INT16: np.dtype("<i2")}
FAINTEST = (2e-6, 2e-4, 2e-4)
"""Metres, radians, logarithm: a row that changes nothing by as much as this is left out. A hundredth of a degree, two in ten thousand."""


@dataclass(frozen=True, slots=True, eq=False)
class PackedSet:
    """One set of changes as it is written."""

    rows: UInt32[np.ndarray, " n"]
    """Splats, ascending."""
    values: np.ndarray
    """[n, 7] half or int16: displacement, axis-angle, log scale."""
    scales: tuple[float, float, float]
    """What values of each kind are multiplied by: metres, radians, logarithms."""

    def to_bytes(self) -> bytes:
        """Rows, then values, padded to whole numbers of 32 bits."""
        data = self.rows.astype("<u4").tobytes() + self.values.tobytes()
        return data + bytes(-len(data) % 4)


def pack(changes: SplatChanges, delta_type: DeltaType) -> PackedSet:
    """Rounded to the nearest; int16 with a scale of its own for each kind."""
    rows, *kinds = changes
    kinds = [kind.astype(np.float64).reshape(len(rows), width) for kind, width in zip(kinds, COLUMNS, strict=True)]
    kept = np.zeros(len(rows), bool)
    for kind, least in zip(kinds, FAINTEST, strict=True):
        kept |= np.abs(kind).max(1) >= least
    kinds = [kind[kept] for kind in kinds]
    scales = tuple(_scale(kind, delta_type) for kind in kinds)
    values = np.concatenate([kind / scale for kind, scale in zip(kinds, scales, strict=True)], 1)
    if delta_type is DeltaType.INT16:
        values = np.round(values)
    return PackedSet(rows[kept].astype(np.uint32), values.astype(STORED[delta_type]), scales)  # type: ignore[arg-type]


def _scale(kind: np.ndarray, delta_type: DeltaType) -> float:
    """So that the largest is the largest integer; halves stand for themselves."""
    if delta_type is DeltaType.HALF:
        return 1.0
    return float(np.abs(kind).max(initial=0)) / MOST_INT16 or 1.0


def unpack(packed: PackedSet) -> SplatChanges:
    """As a reader has them."""
    values = packed.values.astype(np.float32) * np.repeat(np.array(packed.scales, np.float32), COLUMNS)
    return SplatChanges(packed.rows.astype(np.int32), values[:, :3], values[:, 3:6], values[:, 6])
