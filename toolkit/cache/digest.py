"""sha256 of values and of the folders they name."""

import hashlib
import json
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from facecraft4d.toolkit.cache.tree import encode
from facecraft4d.toolkit.core.files import PARTIAL
from facecraft4d.toolkit.owned import is_litter


def digest_of(*parts: Any) -> str:
    """sha256 of anything `save` can hold; dataclasses count by their fields, arrays by type, shape and bytes, paths by `files_in` them, name and
    bytes."""
    return digest_with({}, *parts)


def digest_with(known: dict[int, bytes], *parts: Any) -> str:
    """As `digest_of`; hashes of arrays are taken from `known`, by id(), or added to it. Whoever holds it holds the arrays, unchanged."""
    arrays: list[np.ndarray] = []
    folders: list[Path] = []
    tree = json.dumps(encode(parts, arrays, lambda path: collect(path, folders)), sort_keys=True)
    total = hashlib.sha256(tree.encode())
    pieces: list[Callable[[], bytes]] = [partial(_remembered, known, array) for array in arrays]
    pieces += [partial(_of_file, name, path) for folder in folders for name, path in files_in(folder)]
    with ThreadPoolExecutor(os.cpu_count()) as pool:  # hashing lets go of the interpreter
        for piece in pool.map(lambda work: work(), pieces):
            total.update(piece)
    return total.hexdigest()


def _remembered(known: dict[int, bytes], array: np.ndarray) -> bytes:
    if id(array) not in known:
        known[id(array)] = _of_array(array)
    return known[id(array)]


def collect(path: Path, folders: list[Path]) -> str:
    """Note a path; all paths have one name in the tree, so a result that moved has an equal digest."""
    folders.append(path)
    return "path"


def files_in(folder: Path) -> Iterator[tuple[str, Path]]:
    """Name relative to the folder (with "/") and path of each file in it, in the order of names; of a file that file, named ".".

    Links, pipes, what an operating system strews and what is half-written do not count.
    """
    if folder.is_file():
        yield ".", folder
        return
    found = (
        Path(place, name)
        for place, _, names in os.walk(folder)
        for name in names
        if not is_litter(name) and not PARTIAL.fullmatch(name)
    )
    for path in sorted(path for path in found if path.is_file() and not path.is_symlink()):
        yield path.relative_to(folder).as_posix(), path


def _of_array(array: np.ndarray) -> bytes:
    piece = hashlib.sha256(f"{array.dtype.str}{array.shape}".encode())
    piece.update(np.ascontiguousarray(array).data)
    return piece.digest()


def _of_file(name: str, path: Path) -> bytes:
    piece = hashlib.sha256(name.encode(errors="surrogateescape") + b"\0")
    with path.open("rb") as stream:
        hashlib.file_digest(stream, lambda: piece)
    return piece.digest()
