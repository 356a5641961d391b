"""What the commands share: option parsing with one-line errors, borders for numbers, readable sizes."""

import contextlib
import io
import re
import sys
from pathlib import Path
from typing import TypeVar

import tyro

from facecraft4d import exporters
from facecraft4d.exporters.gltf.glb import MAX_ELEMENTS
from facecraft4d.toolkit.core.asset import Avatar
from facecraft4d.toolkit.core.checks import UserError
from facecraft4d.toolkit.core.text import cut, harmless

Options = TypeVar("Options")

MOST_IN_LINE = 20_000
"""Characters of a line; the options of an avatar take three thousand."""


def parse(kind: type[Options], command: str, arguments: list[str]) -> Options:
    """Parse a command's arguments into its options dataclass; UserError with tyro's reason in one line."""
    complaint = io.StringIO()
    try:
        with contextlib.redirect_stderr(complaint):
            return tyro.cli(
                kind, prog=f"facecraft4d {command}", args=arguments, config=(tyro.conf.EnumChoicesFromValues,)
            )
    except SystemExit as stop:
        if not stop.code:
            raise
        raise UserError(f"{_reason(complaint.getvalue())} (see facecraft4d {command} --help)") from stop


def _reason(boxed: str) -> str:
    """The first paragraph inside tyro's box, without the box."""
    inner = [line.strip(" │").strip() for line in boxed.splitlines() if not line.startswith(("╭", "╰"))]
    text = " ".join(inner).split("────")[0]
    return re.sub(r"\s+", " ", text).strip()


def say(*lines: object) -> None:
    """Print lines on the standard output. Texts of files may stand in them: control characters are escaped, endless lines cut."""
    for line in lines:
        print(_fit(line))


def complain(*lines: object) -> None:
    """As `say`, on the standard error, at once."""
    for line in lines:
        print(_fit(line), file=sys.stderr, flush=True)


def _fit(line: object) -> str:
    return harmless(cut(str(line), MOST_IN_LINE)).rstrip()


def load_avatar(path: Path, splats: int | None) -> Avatar:
    """The avatar in a file, or its level of detail of at most so many `splats`."""
    if splats is not None:
        check_option("splats", splats, 1, MAX_ELEMENTS)
    return level_of(exporters.load(path), splats)


def level_of(avatar: Avatar, splats: int | None) -> Avatar:
    """The avatar, or its level of detail of at most so many `splats`. UserError for a number that none can have."""
    if splats is None:
        return avatar
    check_option("splats", splats, 1, MAX_ELEMENTS)
    return avatar.level(splats)


def check_option(name: str, value: int | float, low: int | float, high: int | float) -> None:
    """UserError unless `value` is a number from `low` to `high`."""
    from facecraft4d.toolkit.config import Bounds  # all options of a build come with it; --help need not wait for them

    Bounds(low, high).check(f"--{name}", value)


def readable_bytes(count: int | float) -> str:
    """A size for people: 3.2 MiB."""
    for unit in ("bytes", "KiB", "MiB"):
        if count < 1024:
            return f"{count:.0f} {unit}" if unit == "bytes" else f"{count:.1f} {unit}"
        count /= 1024
    return f"{count:.2f} GiB"


def readable_seconds(seconds: int | float) -> str:
    """A duration for people: 3 min 20 s."""
    whole = round(seconds)
    if whole < 60:
        return f"{seconds:.1f} s"
    hours, minutes = divmod(whole // 60, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {whole % 60} s"
