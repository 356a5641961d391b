"""Reads the tensors of networks' checkpoints that a user brings, as torch or as safetensors write them, told by content."""

import os
from pathlib import Path

import numpy as np

from facecraft4d.toolkit.core.untrusted.door import at_the_border, open_untrusted
from facecraft4d.toolkit.core.untrusted.safetensors import read_safetensors, read_safetensors_header
from facecraft4d.toolkit.core.untrusted.torch_legacy import BEGINNING, read_torch_legacy
from facecraft4d.toolkit.core.untrusted.torch_zip import read_torch_zip

BEGINNINGS = (
    (b"<", "a web page; download the file itself"),
    (b"version https://git-lfs", "a pointer of Git LFS; run `git lfs pull` where it comes from"),
    (b"\x80", "a bare pickle, which is none of torch's checkpoints"),
)
"""What comes in a checkpoint's place, by its first bytes."""
PICKLED = "a checkpoint of torch, which is a pickle; save it as safetensors"


def read_tensors(path: Path, what: str, most_bytes: int) -> dict[str, np.ndarray]:
    """Every tensor of the file by its name, as writable arrays; a torch file's dicts within dicts have names joined by dots, and what is no tensor
    is left out. UserError that names the file, `what` was expected and what was found; nothing of a file is run, and no more memory is taken than
    `most_bytes`."""
    with open_untrusted(path, what, most_bytes) as stream, at_the_border(path, what):
        head, size = stream.read(32), os.fstat(stream.fileno()).st_size
        stream.seek(0)
        if head.startswith(b"PK\3\4"):
            return read_torch_zip(stream, size, most_bytes)
        if head.startswith(BEGINNING):
            return read_torch_legacy(stream, size, most_bytes)
        if head[8:9] == b"{":
            return read_safetensors(stream, size, most_bytes)
        raise ValueError(kind_of(head))


def read_shapes(path: Path, what: str, most_bytes: int) -> dict[str, np.ndarray]:
    """Every tensor of a .safetensors by its name, with its type and shape but full of zeros and without memory: the numbers are not read.

    UserError as `read_tensors`; torch's own files are refused, whatever they are called.
    """
    with open_untrusted(path, what, most_bytes) as stream, at_the_border(path, what):
        head, size = stream.read(32), os.fstat(stream.fileno()).st_size
        stream.seek(0)
        if head[8:9] != b"{":
            raise ValueError(PICKLED if head.startswith((b"PK\3\4", BEGINNING)) else kind_of(head))
        return read_safetensors_header(stream, size)


def kind_of(head: bytes) -> str:
    """What a file is that is no checkpoint, in words, by its first bytes."""
    found = (what for beginning, what in BEGINNINGS if head.lstrip().startswith(beginning))
    return next(found, "an empty file" if not head else "a file of another kind")
