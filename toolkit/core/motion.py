"""Motions: clips as CSV (the one reader and writer), by name, and laid out for a rig.

One row per frame: ``time`` in seconds, ARKit's 52 weights, then x, y, z of each joint's rotation (axis-angle, radians) and of the
head's translation (metres), all in the world frame of docs/conventions.md. A column that is missing is zero.
"""

from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

import numpy as np

from facecraft4d.toolkit.core.arkit import ARKIT_NAMES, JOINT_NAMES
from facecraft4d.toolkit.core.checks import UserError
from facecraft4d.toolkit.core.datatypes import Motion, Rig
from facecraft4d.toolkit.core.ingredients import Commercial, Ingredient
from facecraft4d.toolkit.core.tables import check_column, csv_cells, csv_lines, csv_numbers, on_frame_grid
from facecraft4d.toolkit.core.untrusted.door import read_untrusted

MAX_BYTES = 64 << 20
"""Larger files are refused before they are read: 64 MiB is an hour at 30 fps."""

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


def builtin_clips() -> tuple[str, ...]:
    """Names of the clips that come with the package, alphabetical."""
    names = (entry.name for entry in _builtin_folder().iterdir())
    return tuple(sorted(name.removesuffix(".csv") for name in names if name.endswith(".csv")))


def builtin_clip(name: str) -> Motion:
    """A clip that comes with the package, by name; raises UserError for an unknown name."""
    if name not in builtin_clips():
        raise UserError(f"no built-in clip is called {name}; there are {', '.join(builtin_clips())}")
    return read_clip(_builtin_folder() / f"{name}.csv")


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


def named_rig() -> Rig:
    """A rig without a body: ARKit's expressions and our joints, for poses that no head has yet."""
    none, still = np.zeros((0, 3), np.float32), np.zeros((len(JOINT_NAMES), 3), np.float32)
    return Rig(
        none, none.astype(np.int32), np.zeros(0, np.uint8), (), ARKIT_NAMES, np.zeros((len(ARKIT_NAMES), 0, 3), np.float32),
        JOINT_NAMES, (-1, 0, 1, 1, 1), still, np.zeros((0, len(JOINT_NAMES)), np.float32),
    )  # fmt: skip


def read_clip(source: str | Path | Traversable) -> Motion:
    """Read a clip; expressions in ARKit's order, joints in arkit.JOINT_NAMES' order, evenly spaced in time from its first row.

    Raises UserError for a file that is not there, too large, not text, has unknown or repeated columns, cells that are not
    finite numbers, or times that do not increase.
    """
    path = Path(source) if isinstance(source, str) else source
    return parse_clip(path.name, _data(path))


def parse_clip(name: str, data: bytes) -> Motion:
    """A clip from the bytes of a CSV file of that name, as `read_clip`."""
    header, values = _table(name, data)
    table = np.zeros((len(values), len(COLUMNS)))
    table[:, [COLUMNS.index(column) for column in header]] = values
    fps, table = on_frame_grid(name, table[:, 0], table)
    joints = slice(1 + len(ARKIT_NAMES), len(COLUMNS) - 3)
    return Motion(
        name=name.removesuffix(".csv"),
        fps=fps,
        expression_names=ARKIT_NAMES,
        expressions=table[:, 1 : joints.start].astype(np.float32),
        joint_names=JOINT_NAMES,
        joint_rotations=table[:, joints].reshape(-1, len(JOINT_NAMES), 3).astype(np.float32),
        translations=table[:, joints.stop :].astype(np.float32),
    )


def write_clip(path: Path, clip: Motion) -> None:
    """Write `written_clip`."""
    path.write_bytes(written_clip(clip))


def written_clip(clip: Motion) -> bytes:
    """A clip as CSV with every column, numbers to five decimals; names that are no column are a ValueError."""
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
    return ("\n".join([",".join(COLUMNS), *rows]) + "\n").encode("ascii")


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
    lines = csv_lines(name, data)
    header = csv_cells(name, next(lines, ""))
    unknown = [cell for cell in header if cell not in COLUMNS]
    if unknown or len(set(header)) < len(header) or "time" not in header:
        wrong = f"unknown columns {', '.join(unknown[:5])}" if unknown else "a repeated column or no time"
        raise UserError(f"{name}: {wrong} in the first line; a clip has the columns time, jawOpen, neck_x, ...")
    values = csv_numbers(name, lines, len(header))
    for column, numbers in zip(header, values.T, strict=True):
        check_column(name, column, numbers, *_limit_of(column))
    return header, values


def _limit_of(column: str) -> tuple[float, str]:
    """The largest size of a column's numbers, and its unit in words: beyond it no head goes."""
    if column == "time":
        return MOST_SECONDS, " seconds"
    if column in ARKIT_NAMES:
        return MOST_WEIGHT, ""
    return (MOST_METRES, " metres") if column.startswith("translation") else (MOST_TURN, " radians")
