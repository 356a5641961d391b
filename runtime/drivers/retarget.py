"""Whose curve moves what: a table from a sender's expressions to an avatar's.

from,to,gain
mouthSmileLeft,mouthSmileLeft,1.3
jawOpen,flame_expr_000,2
neck,neck,0.7

A curve that is `from` somewhere moves what its rows say and nothing else; any other moves its namesake. Joints' names stand for turns.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from jaxtyping import Float

from facecraft4d.exporters.expression_sets import mixture_of
from facecraft4d.toolkit.core.arkit import JOINT_NAMES
from facecraft4d.toolkit.core.checks import UserError
from facecraft4d.toolkit.core.datatypes import Motion, Rig
from facecraft4d.toolkit.core.tables import csv_cells, csv_lines
from facecraft4d.toolkit.core.untrusted.door import read_untrusted

HEADER = ["from", "to", "gain"]
MAX_BYTES, MOST_ROWS, MOST_LETTERS, MOST_GAIN = 1 << 20, 10_000, 64, 10.0


@dataclass(frozen=True, slots=True)
class Retarget:
    """Gains by the sender's and the avatar's name of a curve."""

    gains: Mapping[tuple[str, str], float] = field(default_factory=dict)

    def matrix(self, sources: tuple[str, ...], targets: tuple[str, ...]) -> Float[np.ndarray, "m n"]:
        """How much each of the sources (columns) moves each of the targets (rows)."""
        said = {source for source, _ in self.gains}
        return np.array([
            [self.gains.get((source, target), float(source == target and source not in said)) for source in sources]
            for target in targets
        ]).reshape(len(targets), len(sources))  # fmt: skip

    def check(self, rig: Rig) -> None:
        """UserError for a row whose target the avatar lacks."""
        known = {*rig.expression_names, *rig.joint_names}
        for _, target in self.gains:
            if target not in known:
                raise UserError(f"--retarget: the avatar has no curve {target}; facecraft4d inspect lists those it has")

    def motion(self, clip: Motion, rig: Rig) -> Motion:
        """A clip on the rig. UserError for a row whose target that lacks."""
        self.check(rig)
        weights = clip.expressions @ self.matrix(clip.expression_names, rig.expression_names).T
        turns = np.einsum("mn,tnc->tmc", self.matrix(clip.joint_names, rig.joint_names), clip.joint_rotations)
        return Motion(
            clip.name, clip.fps, rig.expression_names, weights.astype(np.float32), rig.joint_names,
            turns.astype(np.float32), clip.translations,
        )  # fmt: skip


def read_retarget(path: Path) -> Retarget:
    """The table in a CSV file. UserError for what is none; a sender's names may be written as programs do (eyeBlink_L)."""
    lines = csv_lines(path.name, read_untrusted(path, "a retarget table as CSV", MAX_BYTES))
    if (found := csv_cells(path.name, next(lines, ""))) != HEADER:
        raise UserError(f"{path}: expected the first line {','.join(HEADER)}, found {','.join(found)[:80]}")
    gains: dict[tuple[str, str], float] = {}
    for number, line in enumerate(lines, 2):
        if number > MOST_ROWS:
            raise UserError(f"{path}: expected at most {MOST_ROWS:,} rows")
        source, target, gain = _row(path, number, csv_cells(path.name, line))
        gains[source, target] = gain
    if not gains:
        raise UserError(f"{path}: expected rows such as jawOpen,jawOpen,0.8, found none")
    return Retarget(gains)


def _row(path: Path, number: int, cells: list[str]) -> tuple[str, str, float]:
    try:
        source, target, text = cells
        gain = float(text)
    except ValueError:
        raise UserError(f"{path}: row {number}: expected from,to,gain such as jawOpen,jawOpen,0.8") from None
    if not abs(gain) <= MOST_GAIN or not 0 < len(target) <= MOST_LETTERS:
        raise UserError(f"{path}: row {number}: expected a name and a gain within {MOST_GAIN:g}, found {text[:20]}")
    mixture = mixture_of(source)
    name = source if source in JOINT_NAMES else next(iter(mixture)) if mixture and len(mixture) == 1 else None
    if name is None:
        raise UserError(f"{path}: row {number}: expected one of ARKit's 52 or a joint, found {source[:40]}")
    return name, target, gain
