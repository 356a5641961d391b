"""Motions: clips as CSV (the one reader and writer), by name, and laid out for a rig.

One row per frame: ``time`` in seconds, ARKit's 52 weights, then x, y, z of each joint's rotation (axis-angle, radians) and of the
head's translation (metres), all in the world frame of docs/conventions.md. A column that is missing is zero.
"""

import csv
import io
import itertools
from collections.abc import Iterator
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

import numpy as np

from facecraft4d.toolkit.core.arkit import ARKIT_NAMES, JOINT_NAMES
from facecraft4d.toolkit.core.checks import UserError
from facecraft4d.toolkit.core.datatypes import Motion, Rig
from facecraft4d.toolkit.core.ingredients import Commercial, Ingredient
from facecraft4d.toolkit.core.untrusted.door import read_untrusted

MAX_BYTES = 64 << 20
"""Larger files are refused before they are read: 64 MiB is an hour at 30 fps."""
MAX_ROWS = 1_000_000
"""An hour of a camera of 250 frames a second."""

COLUMNS = (
    "time",
    *ARKIT_NAMES,
    *(f"{joint}_{axis}" for joint in JOINT_NAMES for axis in "xyz"),
    *(f"translation_{axis}" for axis in "xyz"),
)
"""Every column, in the order in which `write_clip` writes them."""

OWN_CLIPS = Ingredient("clips", "eight driving clips", "CC0-1.0", Commercial.YES, "written for this project")
"""The clips that come with the package, all but `face_cap`, which is a recording of its own."""

GREETING = "greeting"
"""The clip that an exported file plays at once. Builds learn nothing from it: all that it does is in the others."""

MOST_WEIGHT, MOST_TURN, MOST_METRES, MOST_SECONDS = 10.0, 2 * np.pi, 100.0, 1e9
"""What a clip's numbers may be: weights, radians, metres, seconds of a clock that may have started long ago."""
FPS = (1.0, 1000.0)
"""Frames a second, from a slow webcam to a fast camera."""

UNIFORM = 0.1
"""Rows may stray from the frame grid by this part of a frame before they are interpolated onto it."""


def builtin_clips() -> tuple[str, ...]:
    """Names of the clips that come with the package, alphabetical."""
    names = (entry.name for entry in _builtin_folder().iterdir())
    return tuple(sorted(name.removesuffix(".csv") for name in names if name.endswith(".csv")))


def builtin_clip(name: str) -> Motion:
    """A clip that comes with the package, by name; raises UserError for an unknown name."""
    if name not in builtin_clips():
        raise UserError(f"no built-in clip is called {name}; there are {', '.join(builtin_clips())}")
    return read_clip(_builtin_folder() / f"{name}.csv")


def find_clip(name: str) -> Motion:
    """A clip by the name of one that comes with the package, or by the path of a CSV file."""
    if name in builtin_clips():
        return builtin_clip(name)
    if not (set(name) & set("/\\") or name.lower().endswith(".csv")):
        raise UserError(
            f"no clip is called {name}: there are {', '.join(builtin_clips())}, or give the path of a CSV file"
        )
    return read_clip(Path(name))


def on_rig(motion: Motion, rig: Rig) -> Motion:
    """The motion in the rig's order of expressions and joints, matched by name; what the rig lacks is left out, what it has beside rests."""
    frames = len(motion.expressions)
    expressions = np.zeros((frames, len(rig.expression_names)), np.float32)
    rotations = np.zeros((frames, len(rig.joint_names), 3), np.float32)
    for index, name in enumerate(rig.expression_names):
        if name in motion.expression_names:
            expressions[:, index] = motion.expressions[:, motion.expression_names.index(name)]
    for index, name in enumerate(rig.joint_names):
        if name in motion.joint_names:
            rotations[:, index] = motion.joint_rotations[:, motion.joint_names.index(name)]
    return Motion(
        motion.name, motion.fps, rig.expression_names, expressions, rig.joint_names, rotations, motion.translations
    )


def read_clip(source: str | Path | Traversable) -> Motion:
    """Read a clip; expressions in ARKit's order, joints in arkit.JOINT_NAMES' order, evenly spaced in time from its first row.

    Raises UserError for a file that is not there, too large, not text, has unknown or repeated columns, cells that are not
    finite numbers, or times that do not increase.
    """
    path = Path(source) if isinstance(source, str) else source
    header, values = _table(path.name, _data(path))
    table = np.zeros((len(values), len(COLUMNS)))
    table[:, [COLUMNS.index(name) for name in header]] = values
    fps, table = _on_frame_grid(path.name, table)
    joints = slice(1 + len(ARKIT_NAMES), len(COLUMNS) - 3)
    return Motion(
        name=path.name.removesuffix(".csv"),
        fps=fps,
        expression_names=ARKIT_NAMES,
        expressions=table[:, 1 : joints.start].astype(np.float32),
        joint_names=JOINT_NAMES,
        joint_rotations=table[:, joints].reshape(-1, len(JOINT_NAMES), 3).astype(np.float32),
        translations=table[:, joints.stop :].astype(np.float32),
    )


def write_clip(path: Path, clip: Motion) -> None:
    """Write a clip with every column, numbers to five decimals; names that are no column are a ValueError."""
    unknown = [name for name in clip.expression_names if name not in ARKIT_NAMES]
    unknown += [name for name in clip.joint_names if name not in JOINT_NAMES]
    if unknown:
        raise ValueError(f"clip must move ARKit's expressions and {', '.join(JOINT_NAMES)}, got {', '.join(unknown)}")
    table = np.zeros((len(clip.expressions), len(COLUMNS)))
    table[:, 0] = np.arange(len(table)) / clip.fps
    table[:, [COLUMNS.index(name) for name in clip.expression_names]] = clip.expressions
    for joint, name in enumerate(clip.joint_names):
        first = COLUMNS.index(f"{name}_x")
        table[:, first : first + 3] = clip.joint_rotations[:, joint]
    table[:, -3:] = clip.translations
    rows = [",".join(_short(value) for value in row) for row in table]
    path.write_text("\n".join([",".join(COLUMNS), *rows]) + "\n", encoding="ascii")


def _short(value: float) -> str:
    """Five decimals without trailing zeros or a negative zero."""
    text = f"{value:.5f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def _builtin_folder() -> Traversable:
    return files("facecraft4d.samples") / "clips"


def _data(path: Path | Traversable) -> bytes:
    """A clip's bytes, of the user's or of the package."""
    if not path.is_file():
        raise UserError(f"{path}: no such clip file; built in are {', '.join(builtin_clips())}")
    return read_untrusted(Path(str(path)), "a clip as CSV text", MAX_BYTES, "cut it into pieces")


def _table(name: str, data: bytes) -> tuple[list[str], np.ndarray]:
    """Header and numbers of a CSV file, both checked."""
    lines = _lines(name, data)
    header = [cell.strip() for cell in _cells(name, next(lines, ""))]
    unknown = [cell for cell in header if cell not in COLUMNS]
    if unknown or len(set(header)) < len(header) or "time" not in header:
        wrong = f"unknown columns {', '.join(unknown[:5])}" if unknown else "a repeated column or no time"
        raise UserError(f"{name}: {wrong} in the first line; a clip has the columns time, jawOpen, neck_x, ...")
    values = _numbers(name, lines)
    if len(values) < 2:
        raise UserError(f"{name}: expected at least two frames below the header, found {len(values)}")
    if values.shape[1] != len(header):
        raise UserError(f"{name}: row 2 has {values.shape[1]} cells where the header has {len(header)}")
    for column, numbers in zip(header, values.T, strict=True):
        _check_column(name, column, numbers)
    return header, values


def _lines(name: str, data: bytes) -> Iterator[str]:
    """The lines that are not empty, one at a time: a list of cells would take fifty times the file's size."""
    try:
        for number, line in enumerate(io.TextIOWrapper(io.BytesIO(data), "utf-8-sig")):
            if number > MAX_ROWS:
                raise UserError(f"{name}: expected at most {MAX_ROWS:,} rows, found more; cut it into pieces")
            if not line.isspace():
                yield line
    except UnicodeDecodeError:
        raise UserError(f"{name}: expected a clip as CSV text, found binary data") from None


def _cells(name: str, line: str) -> list[str]:
    try:
        return next(csv.reader([line]), [])
    except csv.Error as error:
        raise UserError(f"{name}: expected a clip as CSV text: {error}") from None


def _numbers(name: str, lines: Iterator[str]) -> np.ndarray:
    """The cells [rows, columns] below the header."""
    try:
        first = next(lines, None)
        if first is None:
            return np.zeros((0, 0))
        return np.loadtxt(itertools.chain((first,), lines), np.float64, delimiter=",", comments=None, ndmin=2)
    except ValueError as error:
        told = str(error).split("; use `usecols`")[0]
        raise UserError(
            f"{name}: every cell below the header must be a number, every row of its length: {told}"
        ) from None


def _check_column(name: str, column: str, numbers: np.ndarray) -> None:
    """UserError for what no head does: weights, turns and distances far out of their ranges, and what is no number."""
    most, unit = _limit_of(column)
    wrong = np.flatnonzero(~(np.abs(numbers) <= most))
    if len(wrong):
        found = numbers[wrong[0]]
        reason = f"expected {column} within {most:g}{unit}, found {found:g}"
        if not np.isfinite(found):
            reason = f"{column} holds a value that is not finite"
        raise UserError(f"{name}: row {int(wrong[0]) + 2}: {reason}")


def _limit_of(column: str) -> tuple[float, str]:
    """The largest size of a column's numbers, and its unit in words."""
    if column == "time":
        return MOST_SECONDS, " seconds"
    if column in ARKIT_NAMES:
        return MOST_WEIGHT, ""
    return (MOST_METRES, " metres") if column.startswith("translation") else (MOST_TURN, " radians")


def _on_frame_grid(name: str, table: np.ndarray) -> tuple[float, np.ndarray]:
    """Frames per second, and rows interpolated to even steps where the file's own are uneven."""
    time = table[:, 0] - table[0, 0]
    if not (np.diff(time) > 0).all():
        raise UserError(f"{name}: time must increase from row to row, row {int(np.argmin(np.diff(time))) + 3} does not")
    step = time[-1] / (len(time) - 1)
    if not FPS[0] <= 1 / step <= FPS[1]:
        raise UserError(
            f"{name}: expected {FPS[0]:g} to {FPS[1]:g} frames a second, found {1 / step:.3g}; the column time is in seconds"
        )
    grid = np.arange(len(time)) * step
    if np.abs(time - grid).max() > UNIFORM * step:
        table = np.stack([np.interp(grid, time, column) for column in table.T], -1)
    return round(float(1 / step), 3), table
