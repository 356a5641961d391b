"""Stages' results in their folders: made once, recalled whole or not at all, one that is damaged set aside."""

import json
import math
import os
import shutil
import stat
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, TypeVar

from facecraft4d.toolkit.cache.arrays import load, save
from facecraft4d.toolkit.cache.digest import collect, digest_with
from facecraft4d.toolkit.cache.tree import LARGEST_INTEGER, encode
from facecraft4d.toolkit.core.checks import UserError
from facecraft4d.toolkit.core.files import write_whole
from facecraft4d.toolkit.core.stages import Progress, Report, silent
from facecraft4d.toolkit.core.untrusted.door import at_the_border, read_untrusted
from facecraft4d.toolkit.memory import device_peak, peak_memory, restart_device_peak
from facecraft4d.toolkit.owned import (
    FACTS,
    KEY_DIGITS,
    MARKER,
    OWN,
    RESULT,
    complete,
    discard,
    is_own_result,
    mark,
    remove_result,
)

T = TypeVar("T")

FORMAT = 3
"""Version of this layout; part of every key."""
DAMAGED = ".damaged"
"""Ends the name of the folder that a damaged result is set aside as."""
MOST_FACTS_BYTES = 1 << 16
"""Of stage.json: it has some hundred."""
FACT_NAMES = ("digest", "seconds", "peak_bytes", "device_peak_bytes", "inputs")
"""What stage.json says."""
ENTRIES = {RESULT: stat.S_ISREG, FACTS: stat.S_ISREG, MARKER: stat.S_ISREG, OWN: stat.S_ISDIR}
"""What a result's folder holds, each as a plain file or folder."""


@dataclass(frozen=True, slots=True)
class Stored(Generic[T]):
    """A stage's result and what is known of it."""

    result: T
    digest: str
    """sha256 of the result's content: array bytes, JSON tree, files in the folders it names."""
    seconds: float
    peak_bytes: int
    """The process's largest resident size when the stage ended."""
    cached: bool
    """True if it was read rather than computed."""
    device_peak_bytes: int = 0
    """The most that the stage's tensors took on a GPU; 0 where it used none."""
    inputs: tuple[str, ...] = ()
    """Digests of what it was made of, in the order of the stage's arguments."""
    hashes: dict[int, bytes] = field(default_factory=dict)
    """Of the result's arrays by their id(), so that a part of it is not hashed again."""


def part_of(whole: Stored[Any], part: T) -> Stored[T]:
    """A part of a stage's result as an input of other stages: they depend on it alone."""
    return Stored(part, digest_with(whole.hashes, part), 0.0, 0, cached=True)


def stage(
    folder: Path,
    name: str,
    key: str,
    kind: type[T],
    compute: Callable[[Path], T],
    inputs: tuple[str, ...] = (),
    report: Report = silent,
) -> Stored[T]:
    """The stage's stored result under this key, or what `compute(its own folder)` gives; results under other keys are removed.

    A stored result that is not what was stored is set aside, with a note to `report`, and made anew. `inputs` are kept with a new one.
    Raises UserError where its folder cannot be used.
    """
    home = folder / name / key[:KEY_DIGITS]
    stored = _sound(home, kind, inputs, report) or _made(home, compute, inputs)
    _tidy(home, stored.result)
    return stored


def recall(home: Path, kind: type[T]) -> Stored[T]:
    """The result in its folder ``<stage>/<key>``, exactly as it was stored. UserError names what is damaged; nothing is changed."""
    _refuse_odd(home)
    facts = _facts(home / FACTS)
    result = load(home / RESULT, kind, OWN)
    with at_the_border(home, "files that can be read"):
        hashes: dict[int, bytes] = {}
        found = digest_with(hashes, result)
    if found != facts["digest"]:
        raise UserError(f"{home}: expected what {FACTS} has the sha256 of, found other content")
    seconds, inputs = float(facts["seconds"]), tuple(facts["inputs"])
    peaks = {name: facts[name] for name in ("peak_bytes", "device_peak_bytes")}
    return Stored(result, found, seconds, **peaks, cached=True, inputs=inputs, hashes=hashes)


def found(folder: Path, name: str, kind: type[T]) -> Stored[T] | None:
    """The stage's complete result in a build's folder of stages, or None. Raises UserError if it is damaged, or one of several."""
    homes = complete(folder / name)
    if len(homes) > 1:
        raise UserError(f"{folder / name}: expected one result, found {len(homes)}: its build was stopped; build again")
    try:
        return recall(homes[0], kind) if homes else None
    except UserError as error:
        raise UserError(
            f"{homes[0]}: the kept result is damaged ({error}); build again, and this stage alone is made anew"
        ) from error


def kept(folder: Path, name: str, kind: type[T]) -> T | None:
    """As `found`, the result alone."""
    stored = found(folder, name, kind)
    return None if stored is None else stored.result


def _sound(home: Path, kind: type[T], inputs: tuple[str, ...], report: Report) -> Stored[T] | None:
    """The stored result, or None where there is none or it was damaged, and is set aside."""
    if home.is_symlink() or (home.exists() and not home.is_dir()):
        raise UserError(f"{home}: expected a folder of facecraft4d, found something else; move it")
    if not home.exists():
        return None
    try:
        _refuse_odd(home)
        stored = recall(home, kind) if (home / FACTS).exists() else None
        if stored and stored.inputs != inputs:
            raise UserError(f"{home / FACTS}: expected the inputs that its key is made of, found others")
        return stored
    except UserError as error:
        set_aside(home)
        note = f"the kept result is damaged ({error}); it is set aside and made anew"
        report(Progress(home.parent.name, 0, 1, notes=(note,)))
        return None


def _made(home: Path, compute: Callable[[Path], T], inputs: tuple[str, ...]) -> Stored[T]:
    own = home / OWN
    try:
        own.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"{own}: cannot be made ({error.strerror or error}); move what is in its way") from error
    mark(home)
    restart_device_peak()
    started = time.perf_counter()
    result = compute(own)
    seconds = round(time.perf_counter() - started, 2)
    peaks = {"peak_bytes": peak_memory(), "device_peak_bytes": device_peak()}
    save(home / RESULT, result)
    hashes: dict[int, bytes] = {}
    digest = digest_with(hashes, result)
    stored = Stored(result, digest, seconds, **peaks, cached=False, inputs=inputs, hashes=hashes)
    facts = {"digest": stored.digest, "seconds": seconds, **peaks, "inputs": inputs}
    write_whole(home / FACTS, json.dumps(facts).encode())
    return stored


def set_aside(home: Path) -> None:
    """Give a result's folder another name, in place of one that was set aside before: the next build makes it anew.

    One renaming is all that counts: killed before it, the result is found damaged again, killed after it, it is gone. UserError where
    something else has that name.
    """
    aside = home.with_name(home.name + DAMAGED)
    if is_own_result(aside):
        remove_result(aside)
    with suppress(OSError):
        aside.rmdir()  # a removal that was killed left it empty
    if os.path.lexists(aside):
        raise UserError(
            f"{aside}: expected nothing here, to set aside a damaged result, found what is not ours; move it"
        )
    mark(home)
    try:
        home.rename(aside)
    except OSError as error:
        raise UserError(f"{home}: is damaged and cannot be set aside ({error.strerror or error}); move it") from error


def _refuse_odd(home: Path) -> None:
    """UserError where something in a result's folder is a link, a pipe, or a folder in place of a file."""
    for name, is_right in ENTRIES.items():
        with at_the_border(home / name, "a file that can be looked at"), suppress(FileNotFoundError):
            if not is_right((home / name).lstat().st_mode):
                raise UserError(
                    f"{home / name}: expected a plain {'folder' if name == OWN else 'file'}, found something else"
                )


def _facts(path: Path) -> dict[str, Any]:
    """stage.json, its types and ranges checked."""
    what = "the facts of a kept result"
    with at_the_border(path, what):
        facts = json.loads(read_untrusted(path, what, MOST_FACTS_BYTES))
        if not isinstance(facts, dict) or facts.keys() != set(FACT_NAMES):
            raise ValueError(f"no {', '.join(FACT_NAMES)} alone")  # an earlier version knows no inputs
        inputs, seconds = facts["inputs"], facts["seconds"]
        if not isinstance(inputs, list) or not all(map(_is_digest, [facts["digest"], *inputs])):
            raise ValueError("digests that are none")
        if type(seconds) not in (int, float) or not (seconds >= 0 and math.isfinite(seconds)):
            raise ValueError(f"{seconds} seconds")
        for peak in (facts["peak_bytes"], facts["device_peak_bytes"]):
            if type(peak) is not int or not 0 <= peak <= LARGEST_INTEGER:
                raise ValueError(f"a peak of {peak} bytes")
        return facts


def _is_digest(value: Any) -> bool:
    return isinstance(value, str) and len(value) == 64 and not set(value) - set("0123456789abcdef")


def _keep_only(own: Path, named: list[Path]) -> None:
    """Remove what is neither a named path, nor within one, nor on the way to one."""
    if not named:
        shutil.rmtree(own, ignore_errors=True)
    elif own not in named:
        for each in list(own.iterdir()):
            if all(each != path and each not in path.parents for path in named):
                with suppress(OSError):  # what cannot be removed is removed another time
                    discard(each)


def _tidy(home: Path, result: Any) -> None:
    """Remove the stage's results under other keys, and of its own folder what the result does not name: that served a killed run. What is not
    ours stays; so does, until the key changes, a damaged result under this one."""
    folders: list[Path] = []
    encode(result, [], lambda path: collect(path, folders))
    _keep_only(home / OWN, folders)
    for other in home.parent.iterdir():
        if other.name not in (home.name, home.name + DAMAGED) and is_own_result(other):
            with suppress(OSError):  # what cannot be removed is removed another time
                remove_result(other)
