"""Values to a JSON tree with arrays beside it and back. What comes back is checked against the annotations: a file decides no type.

A tree holds plain values as they are, tuples as lists, and one-entry objects for the rest: {"array": index}, {"fields": {...}},
{"mapping": {...}}, {"path": text}.
"""

import math
import os
import types
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from enum import EnumType
from functools import cache
from pathlib import Path
from typing import Any, Union, get_args, get_origin, get_type_hints

import numpy as np
from jaxtyping import AbstractArray, jaxtyped

from facecraft4d.toolkit.core.text import shown

LARGEST_INTEGER = 2**63 - 1
"""Of either sign: what a file of 64-bit numbers could hold; no count or size of ours is near it."""


@dataclass(frozen=True, slots=True)
class Source:
    """What a tree refers to."""

    arrays: Mapping[str, np.ndarray]
    folder: Path
    """Paths are relative to it."""
    own: str
    """The folder in it that paths stay in; "" for itself."""
    used: set[str] = field(default_factory=set)
    """Arrays that were taken."""


def encode(value: Any, arrays: list[np.ndarray], name_of: Callable[[Path], str]) -> Any:
    """The JSON tree of a value; arrays go to `arrays` and leave their index. ValueError for what it cannot hold."""
    if isinstance(value, np.ndarray):
        if value.dtype.hasobject:
            raise ValueError(f"arrays must hold plain numbers, got dtype {value.dtype}")
        arrays.append(value)
        return {"array": len(arrays) - 1}
    if is_dataclass(value) and not isinstance(value, type):
        return {"fields": {f.name: encode(getattr(value, f.name), arrays, name_of) for f in fields(value)}}
    if isinstance(value, Mapping):
        return {"mapping": {str(key): encode(item, arrays, name_of) for key, item in value.items()}}
    if isinstance(value, tuple | list):
        return [encode(item, arrays, name_of) for item in value]
    if isinstance(value, Path):
        return {"path": name_of(value)}
    if isinstance(value, np.generic):
        return value.item()
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise ValueError(f"values must be dataclasses, arrays, mappings, tuples, paths or plain values, got {type(value)}")


def decode(tree: Any, kind: Any, source: Source, where: str = "result") -> Any:
    """The value of type `kind` that `encode` made a tree of. ValueError names the place in it, what was expected and what was found."""
    if get_origin(kind) in (Union, types.UnionType):
        if tree is None and type(None) in get_args(kind):
            return None
        kind = without_none(kind)
    if is_dataclass(kind):
        return _dataclass(tree, kind, source, where)
    if isinstance(kind, EnumType):
        return _word(tree, kind, where)
    if kind in PLAIN:
        return _plain(tree, kind, where)
    if kind is Path:
        return _path(tree, source, where)
    if get_origin(kind) is tuple:
        return _tuple(tree, kind, source, where)
    if _is_array(kind):
        return _array(tree, kind, source, where)
    item = get_args(kind)[1]  # a mapping: there are no other annotations
    content = _tagged(tree, "mapping", dict, where)
    return {name: decode(value, item, source, f"{where}[{shown(name, 60)}]") for name, value in content.items()}


def without_none(kind: Any) -> Any:
    """The X of ``X | None``."""
    if get_origin(kind) in (Union, types.UnionType):
        return next(inner for inner in get_args(kind) if inner is not type(None))
    return kind


PLAIN: dict[Any, tuple[type, ...]] = {bool: (bool,), int: (int,), float: (float, int), str: (str,)}
"""Types of plain values by annotation. A whole number may stand for a float, as in Python; a truth value is no number."""


def _plain(tree: Any, kind: Any, where: str) -> Any:
    if type(tree) not in PLAIN[kind] or (kind in (int, float) and not _in_range(tree)):
        raise _expected(kind.__name__, tree, where)
    return tree


def _in_range(number: int | float) -> bool:
    return abs(number) <= LARGEST_INTEGER if isinstance(number, int) else math.isfinite(number)


def _word(tree: Any, kind: EnumType, where: str) -> Any:
    known = [each.value for each in kind]  # type: ignore[var-annotated]
    if type(tree) is not str or tree not in known:
        raise _expected(" or ".join(map(str, known)), tree, where)
    return kind(tree)


def _tagged(tree: Any, tag: str, kind: type, where: str) -> Any:
    """What stands under the only entry `tag` of an object."""
    if not isinstance(tree, dict) or list(tree) != [tag] or type(tree[tag]) is not kind:
        raise _expected(tag, tree, where)
    return tree[tag]


def _dataclass(tree: Any, kind: Any, source: Source, where: str) -> Any:
    content, hints = _tagged(tree, "fields", dict, where), _hints(kind)
    if content.keys() != hints.keys():
        raise _expected(f"the fields {', '.join(hints)}", ", ".join(content), where)
    values = {name: decode(content[name], hint, source, f"{where}.{name}") for name, hint in hints.items()}
    with jaxtyped("context"):  # sizes of one name are equal within a dataclass
        for name, value in values.items():
            if isinstance(value, np.ndarray) and not isinstance(value, without_none(hints[name])):
                raise _expected(f"{hints[name]} that fits the other fields", value.shape, f"{where}.{name}")
    return kind(**values)


@cache
def _hints(kind: Any) -> dict[str, Any]:
    hints = get_type_hints(kind)
    return {each.name: hints[each.name] for each in fields(kind)}


def _tuple(tree: Any, kind: Any, source: Source, where: str) -> tuple[Any, ...]:
    inner = get_args(kind)
    if not isinstance(tree, list):
        raise _expected("a list", tree, where)
    kinds = (inner[0],) * len(tree) if Ellipsis in inner else inner
    if len(kinds) != len(tree):
        raise _expected(f"{len(kinds)} items", len(tree), where)
    pairs = zip(tree, kinds, strict=True)
    return tuple(decode(item, each, source, f"{where}[{index}]") for index, (item, each) in enumerate(pairs))


def _is_array(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, AbstractArray | np.ndarray)


def _array(tree: Any, kind: Any, source: Source, where: str) -> np.ndarray:
    name = f"array_{_tagged(tree, 'array', int, where)}"
    if name not in source.arrays or name in source.used:
        raise _expected("an array of its own", name, where)
    source.used.add(name)
    found = source.arrays[name]
    if not isinstance(found, kind):
        raise _expected(str(kind), f"{found.dtype} {found.shape}", where)
    return source.arrays[name]


def _path(tree: Any, source: Source, where: str) -> Path:
    """A path in the result's own folder, no part of it a link."""
    text = _tagged(tree, "path", str, where)
    relative, home = Path(text), source.folder / source.own
    found = source.folder / relative
    if "\0" in text or relative.is_absolute() or ".." in relative.parts or not found.is_relative_to(home):
        raise _expected(f"a path in {source.own or 'its folder'}", text, where)
    between = (found, *found.parents)[: len(relative.parts)]
    if any(os.path.islink(each) for each in between):
        raise _expected("a path without links", text, where)
    return found


def _expected(what: str, found: Any, where: str) -> ValueError:
    return ValueError(f"{shown(where, 200)}: expected {what}, found {shown(repr(found), 60)}")
