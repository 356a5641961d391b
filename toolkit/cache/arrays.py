"""A value in one .npz: its arrays, and its JSON tree under the name "tree"."""

import json
import os
from pathlib import Path
from typing import TypeVar

import numpy as np

from facecraft4d.toolkit.cache.tree import Source, decode, encode
from facecraft4d.toolkit.core.files import whole_file
from facecraft4d.toolkit.core.untrusted.door import at_the_border
from facecraft4d.toolkit.core.untrusted.npz import read_npz

T = TypeVar("T")

MOST_RESULT_BYTES = 16 << 30
"""Of a file: the most and largest views that options allow, 72 of 2048 pixels, are 6 GB."""
MOST_TREE_BYTES = 4 << 20
"""Of the tree: those of a build have 2 to 20 KB. JSON takes up to 60 times its length in memory."""
WHAT = "a kept result"


def save(path: Path, value: object) -> None:
    """Write a dataclass (or tuple, mapping, array, number, string, StrEnum, path) to one .npz; paths become relative to its folder."""
    arrays: list[np.ndarray] = []
    tree = encode(value, arrays, lambda inner: os.path.relpath(inner, path.parent))
    named = {f"array_{index}": array for index, array in enumerate(arrays)}
    with whole_file(path) as temporary:
        np.savez(temporary, tree=np.frombuffer(json.dumps(tree).encode(), np.uint8), **named)  # type: ignore[arg-type]


def load(path: Path, kind: type[T], own: str = "") -> T:
    """Read what `save` wrote as the type `kind`; paths in it lie in the folder `own` beside the file. UserError for any other file."""
    arrays = read_npz(path, WHAT, MOST_RESULT_BYTES, MOST_RESULT_BYTES)
    with at_the_border(path, WHAT):
        text = arrays.pop("tree", np.zeros(0, np.uint8))
        source = Source(arrays, path.parent, own)
        result: T = decode(_tree(text), kind, source)
        if source.used != arrays.keys():
            raise ValueError(f"{len(arrays) - len(source.used)} arrays that its tree does not name")
        return result


def _tree(text: np.ndarray) -> object:
    if text.dtype != np.uint8 or text.ndim != 1 or len(text) > MOST_TREE_BYTES:
        raise ValueError(f"a tree of type {text.dtype}, shape {text.shape}")
    tree: object = json.loads(text.tobytes())
    return tree
