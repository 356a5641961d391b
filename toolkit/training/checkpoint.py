"""Checkpoints: the whole TrainingState in one file that is replaced atomically, begins with the sha256 of what follows, and is read without
running pickled code."""

import hashlib
import io
import os
import warnings
import zipfile
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any, BinaryIO

import torch

from facecraft4d.toolkit.core.checks import UserError
from facecraft4d.toolkit.core.files import whole_file
from facecraft4d.toolkit.core.stages import Progress
from facecraft4d.toolkit.core.untrusted.door import at_the_border, open_untrusted
from facecraft4d.toolkit.owned import discard
from facecraft4d.toolkit.training.checked import Course, check_state
from facecraft4d.toolkit.training.state import TrainingState

FILE_NAME = "checkpoint.pt"
WHAT = "a checkpoint"
MOST_BYTES = 8 << 30
"""Of a file: two million splats, the most that options allow, with the longest encoding and all levels take 5 GB."""


def save_checkpoint(folder: Path, state: TrainingState, key: str) -> None:
    """Write the state; `key` names the training it belongs to."""
    content = {field.name: getattr(state, field.name) for field in fields(state)}
    content["parameters"] = {name: tensor.detach() for name, tensor in state.parameters.items()}
    with whole_file(folder / FILE_NAME) as temporary, temporary.open("wb") as stream:
        body = _Hashed(stream)
        try:
            torch.save({"key": key, "state": content}, body)  # type: ignore[arg-type]
        except RuntimeError:
            if body.failure is not None:  # a full disk, of which torch says nothing
                raise body.failure from None
            raise
        stream.seek(0)
        stream.write(body.total.digest())


def load_checkpoint(
    folder: Path, key: str, device: str, course: Course, report: Callable[[Progress], None]
) -> TrainingState | None:
    """The state saved under that key; None where there is none, or one of another training.

    None, too, with a note to `report`, for a file that is not as it was written or no state of this course: it is removed.
    """
    path = folder / FILE_NAME
    if not os.path.lexists(path):
        return None
    try:
        return _read(path, key, device, course)
    except UserError as error:
        note = f"the checkpoint is damaged ({error}); training starts anew"
        report(Progress("training", 0, course.schedule.total, notes=(note,)))
        discard(path)
        return None


def _read(path: Path, key: str, device: str, course: Course) -> TrainingState | None:
    """UserError for a file that is not what `save_checkpoint` wrote in this course; None for one of another key."""
    if path.is_symlink():
        raise UserError(f"{path}: expected {WHAT}, found a link")
    with open_untrusted(path, WHAT, MOST_BYTES) as stream, at_the_border(path, WHAT):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of what is odd in it: it is checked below
            content = torch.load(_body(stream), map_location=device, weights_only=True)
        if not isinstance(content, dict) or content.keys() != {"key", "state"} or type(content["key"]) is not str:
            raise ValueError("no key and state")
        if content["key"] != key:
            return None
        found, names = content["state"], [field.name for field in fields(TrainingState)]
        if not isinstance(found, dict) or sorted(found, key=str) != sorted(names):
            raise ValueError("other fields than a state has")
        state = TrainingState(**found)
        check_state(state, course)
        for tensor in state.parameters.values():
            tensor.requires_grad_()
        return state


def _body(stream: BinaryIO) -> io.BytesIO:
    """What follows the hash. ValueError where it is another's, or packed: unpacked it could take any memory."""
    expected = stream.read(hashlib.sha256().digest_size)
    if hashlib.file_digest(stream, "sha256").digest() != expected:  # type: ignore[arg-type]
        raise ValueError("other content than its sha256 says")
    stream.seek(len(expected))
    body = io.BytesIO(stream.read())
    with zipfile.ZipFile(body) as archive:
        if any(member.compress_type != zipfile.ZIP_STORED for member in archive.infolist()):
            raise ValueError("packed content")
    body.seek(0)
    return body


class _Hashed:
    """A file to write to behind a place for the hash of all that is written."""

    def __init__(self, stream: BinaryIO) -> None:
        self.total = hashlib.sha256()
        self.failure: OSError | None = None
        """Why the file could not be written."""
        self._stream = stream
        stream.write(bytes(self.total.digest_size))

    def write(self, data: Any) -> int:
        """Write bytes."""
        self.total.update(data)
        try:
            return self._stream.write(data)
        except OSError as error:
            self.failure = error
            raise

    def flush(self) -> None:
        """Hand on what is buffered."""
        self._stream.flush()
