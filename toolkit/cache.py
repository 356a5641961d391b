"""Keeps stage results on disk: frozen dataclasses of arrays to one .npz and back, exactly, without pickle.

A result lies in ``<folder>/<stage>/<key>/``: ``result.npz`` (arrays plus a JSON tree under the name "tree"), ``stage.json`` (its digest,
seconds, peak memory) and ``files/``, the stage's own folder: pictures that belong to the result, or checkpoints that serve an
interrupted run. ``stage.json`` is written last, so a folder that has one is complete. The key is the hash of all that decides the result.
What we made carries a marker, and nothing without one is ever deleted: a user's folder may be called build, too.
"""

import hashlib
import json
import os
import shutil
import sys
import time
import types
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, is_dataclass
from enum import EnumType
from pathlib import Path
from typing import Any, Generic, TypeVar, Union, get_args, get_origin, get_type_hints

import numpy as np

from facecraft4d.toolkit.core.checks import UserError
from facecraft4d.toolkit.core.files import whole_file, write_whole
from facecraft4d.toolkit.owned import KEY_DIGITS, is_ours, mark, remove_result

T = TypeVar("T")

FORMAT = 1
"""Version of this layout; part of every key."""


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


def digest_of(*parts: Any) -> str:
    """sha256 of anything `save` can hold; folders count by the names and bytes of their files, dataclasses by their fields."""
    arrays: list[np.ndarray] = []
    folders: list[Path] = []
    tree = json.dumps(_encode(parts, arrays, lambda path: _collect(path, folders)), sort_keys=True)
    total = hashlib.sha256(tree.encode())
    for array in arrays:
        total.update(f"{array.dtype.str}{array.shape}".encode())
        total.update(np.ascontiguousarray(array).data)
    for folder in folders:
        for file in sorted(folder.rglob("*")) if folder.is_dir() else [folder]:
            if file.is_file():
                total.update(str(file.relative_to(folder)).encode())
                with file.open("rb") as stream:
                    hashlib.file_digest(stream, lambda: total)
    return total.hexdigest()


def save(path: Path, value: Any) -> None:
    """Write a dataclass (or tuple, mapping, array, number, string, StrEnum, path) to one .npz; paths become relative to its folder."""
    arrays: list[np.ndarray] = []
    tree = _encode(value, arrays, lambda inner: os.path.relpath(inner, path.parent))
    named = {f"array_{index}": array for index, array in enumerate(arrays)}
    with whole_file(path) as temporary:
        np.savez(temporary, tree=np.frombuffer(json.dumps(tree).encode(), np.uint8), **named)  # type: ignore[arg-type]


def load(path: Path, kind: type[T]) -> T:
    """Read what `save` wrote as the type `kind`; raises ValueError or OSError for a file that is not one."""
    try:
        with np.load(path, allow_pickle=False) as archive:
            tree = json.loads(archive["tree"].tobytes())
            result: T = _decode(tree, kind, archive, path.parent)
    except (zipfile.BadZipFile, EOFError, KeyError) as error:
        raise ValueError(f"{path}: damaged ({error})") from error
    return result


def stage(folder: Path, name: str, key: str, kind: type[T], compute: Callable[[Path], T]) -> Stored[T]:
    """The stage's stored result under this key, or what `compute(its own folder)` gives; results under other keys are removed.

    Raises UserError if a stored result cannot be read.
    """
    home = folder / name / key[:KEY_DIGITS]
    if (home / "stage.json").exists():
        return _recall(home, kind)
    files = home / "files"
    files.mkdir(parents=True, exist_ok=True)
    mark(home)
    started = time.perf_counter()
    result = compute(files)
    seconds = round(time.perf_counter() - started, 2)
    save(home / "result.npz", result)
    stored = Stored(result, digest_of(result), seconds, peak_memory(), cached=False)
    facts = {"digest": stored.digest, "seconds": stored.seconds, "peak_bytes": stored.peak_bytes}
    write_whole(home / "stage.json", json.dumps(facts).encode())
    _tidy(home, result)
    return stored


def kept(folder: Path, name: str, kind: type[T]) -> T | None:
    """The stage's complete result in a build's folder of stages, or None. Raises UserError if it cannot be read."""
    homes = sorted((folder / name).glob("*/stage.json"))
    return _recall(homes[0].parent, kind).result if homes else None


def peak_memory() -> int:
    """The largest resident size of this process so far, bytes; 0 where Python cannot tell (Windows)."""
    try:
        import resource
    except ImportError:
        return 0
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def _recall(home: Path, kind: type[T]) -> Stored[T]:
    try:
        facts = json.loads((home / "stage.json").read_bytes())
        result = load(home / "result.npz", kind)
        return Stored(result, str(facts["digest"]), float(facts["seconds"]), int(facts["peak_bytes"]), cached=True)
    except (ValueError, OSError, KeyError, TypeError) as error:
        raise UserError(f"{home}: the stored result cannot be read ({error}); build again with --fresh") from error


def _tidy(home: Path, result: Any) -> None:
    """Remove the stage's results under other keys, and its own folder unless the result names it. What is not ours stays."""
    folders: list[Path] = []
    _encode(result, [], lambda path: _collect(path, folders))
    if not folders:
        shutil.rmtree(home / "files")
    for other in home.parent.iterdir():
        if other != home and is_ours(other):
            remove_result(other)


def _collect(path: Path, folders: list[Path]) -> str:
    folders.append(path)
    return "path"


def _encode(value: Any, arrays: list[np.ndarray], name_of: Callable[[Path], str]) -> Any:
    """The JSON tree of a value; arrays go to `arrays` and leave their index."""
    if isinstance(value, np.ndarray):
        if value.dtype.hasobject:
            raise ValueError(f"arrays must hold plain numbers, got dtype {value.dtype}")
        arrays.append(value)
        return {"array": len(arrays) - 1}
    if is_dataclass(value) and not isinstance(value, type):
        return {"fields": {f.name: _encode(getattr(value, f.name), arrays, name_of) for f in fields(value)}}
    if isinstance(value, Mapping):
        return {"mapping": {str(key): _encode(item, arrays, name_of) for key, item in value.items()}}
    if isinstance(value, tuple | list):
        return [_encode(item, arrays, name_of) for item in value]
    if isinstance(value, Path):
        return {"path": name_of(value)}
    if isinstance(value, np.generic):
        return value.item()
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise ValueError(f"values must be dataclasses, arrays, mappings, tuples, paths or plain values, got {type(value)}")


def _decode(tree: Any, kind: Any, archive: Mapping[str, np.ndarray], folder: Path) -> Any:
    """The inverse of `_encode`; the types of dataclasses come from annotations, never from the file."""
    if isinstance(tree, list):
        return tuple(_decode(item, _element(kind, index), archive, folder) for index, item in enumerate(tree))
    if not isinstance(tree, dict):
        enum = _without_none(kind)
        return enum(tree) if isinstance(enum, EnumType) and tree is not None else tree
    (tag, content), *_ = tree.items()
    if tag == "array":
        return archive[f"array_{content}"]
    if tag == "path":
        return Path(os.path.normpath(folder / content))
    if tag == "mapping":
        value = (get_args(kind) or (str, Any))[1]
        return {key: _decode(item, value, archive, folder) for key, item in content.items()}
    chosen = _dataclass_in(kind)
    hints = get_type_hints(chosen)
    return chosen(**{name: _decode(item, hints[name], archive, folder) for name, item in content.items()})


def _element(kind: Any, index: int) -> Any:
    """The annotation of item `index` of a tuple type."""
    inner = get_args(_without_none(kind))
    return inner[index] if len(inner) > index and Ellipsis not in inner else (inner or (Any,))[0]


def _without_none(kind: Any) -> Any:
    """The X of ``X | None``."""
    if get_origin(kind) in (Union, types.UnionType):
        return next(inner for inner in get_args(kind) if inner is not type(None))
    return kind


def _dataclass_in(kind: Any) -> Any:
    chosen = _without_none(kind)
    if not is_dataclass(chosen):
        raise ValueError(f"the file holds a dataclass where {kind} is expected")
    return chosen
