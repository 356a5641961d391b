"""Tables of numbers as CSV text, checked cell by cell, and rows laid out evenly in time: what clips of every program are read with."""

import csv
import io
import itertools
from collections.abc import Iterable, Iterator

import numpy as np
from jaxtyping import Float

from facecraft4d.toolkit.core.checks import UserError

MAX_ROWS = 1_000_000
"""An hour of a camera of 250 frames a second."""
FPS = (1.0, 1000.0)
"""Frames a second, from a slow webcam to a fast camera."""
UNIFORM = 0.1
"""Rows may stray from the frame grid by this part of a frame before they are interpolated onto it."""


def csv_lines(name: str, data: bytes) -> Iterator[str]:
    """The lines that are not empty, one at a time: a list of cells would take fifty times the file's size. UserError for what is no text."""
    try:
        for number, line in enumerate(io.TextIOWrapper(io.BytesIO(data), "utf-8-sig")):
            if number > MAX_ROWS:
                raise UserError(f"{name}: expected at most {MAX_ROWS:,} rows, found more; cut it into pieces")
            if not line.isspace():
                yield line
    except UnicodeDecodeError:
        raise UserError(f"{name}: expected a clip as CSV text, found binary data") from None


def csv_cells(name: str, line: str) -> list[str]:
    """The cells of a line without the blanks around them."""
    try:
        return [cell.strip() for cell in next(csv.reader([line]), [])]
    except csv.Error as error:
        raise UserError(f"{name}: expected a clip as CSV text: {error}") from None


def csv_numbers(name: str, lines: Iterable[str], columns: int) -> Float[np.ndarray, "r c"]:
    """The cells below a header of so many columns. UserError for fewer than two rows, and for what is no number."""
    values = _numbers(name, iter(lines))
    if len(values) < 2:
        raise UserError(f"{name}: expected at least two frames below the header, found {len(values)}")
    if values.shape[1] != columns:
        raise UserError(f"{name}: row 2 has {values.shape[1]} cells where the header has {columns}")
    return values


def check_column(name: str, column: str, numbers: np.ndarray, most: float, unit: str) -> None:
    """UserError for numbers beyond `most` (a unit's name behind it, or nothing), and for what is no number."""
    wrong = np.flatnonzero(~(np.abs(numbers) <= most))
    if len(wrong):
        found = numbers[wrong[0]]
        reason = f"expected {column} within {most:g}{unit}, found {found:g}"
        if not np.isfinite(found):
            reason = f"{column} holds a value that is not finite"
        raise UserError(f"{name}: row {int(wrong[0]) + 2}: {reason}")


def on_frame_grid(
    name: str, time: Float[np.ndarray, " r"], values: Float[np.ndarray, "r c"]
) -> tuple[float, np.ndarray]:
    """Frames per second, and rows at even steps from the first `time` (seconds), interpolated where the file's own are uneven."""
    if not (np.diff(time) > 0).all():
        raise UserError(f"{name}: time must increase from row to row, row {int(np.argmin(np.diff(time))) + 3} does not")
    time = time - time[0]
    step = time[-1] / (len(time) - 1)
    if not FPS[0] <= 1 / step <= FPS[1]:
        raise UserError(
            f"{name}: expected {FPS[0]:g} to {FPS[1]:g} frames a second, found {1 / step:.3g}; the column time is in seconds"
        )
    grid = np.arange(len(time)) * step
    if np.abs(time - grid).max() > UNIFORM * step:
        values = np.stack([np.interp(grid, time, column) for column in values.T], -1)
    return round(float(1 / step), 3), values


def _numbers(name: str, lines: Iterator[str]) -> np.ndarray:
    """The cells [rows, columns]."""
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
