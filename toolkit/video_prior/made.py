"""The pictures that a killed run left: which inputs they are of, and which of them are whole.

Frames reach the disk when the system likes: waiting for each of thousands would take longer than drawing them. So a list of their hashes
grows beside them, a line for each that was written, and only what the list has the hash of is taken up again.
"""

import hashlib
import re
from pathlib import Path
from threading import Lock

from facecraft4d.toolkit.core.checks import UserError
from facecraft4d.toolkit.core.files import write_whole
from facecraft4d.toolkit.core.untrusted.door import read_untrusted
from facecraft4d.toolkit.owned import discard

FILE_NAME = "frames.sha256"
"""A line that names what the pictures are made of; a line "hash name" for each."""
MOST_LIST_BYTES, MOST_FRAME_BYTES = 64 << 20, 256 << 20
"""Bytes: 71 views of 1500 frames take 10 MB of lines; a frame of 2048 pixels without any compression takes 17 MB."""
LINE = re.compile(r"([0-9a-f]{64}) (view_[0-9]+/frame_[0-9]+\.png)")


class Made:
    """The pictures in a folder, with the list of them."""

    def __init__(self, folder: Path, stamp: str) -> None:
        """Take up the pictures in `folder` that were made of what `stamp` names; all others are thrown away."""
        self.folder, self.stamp = folder, stamp
        folder.mkdir(parents=True, exist_ok=True)
        self._lock, self._hashes = Lock(), self._listed()
        for view in folder.glob("view_*"):
            plain = view.is_dir() and not view.is_symlink()
            for path in [path for path in view.iterdir() if self._name(path) not in self._hashes] if plain else [view]:
                discard(path)
        self._write()

    def has(self, path: Path) -> bool:
        """Whether this picture is there as it was written. What is there else in its place is removed."""
        expected = self._hashes.get(self._name(path))
        if expected is None or path.is_symlink() or _hash(path) != expected:
            discard(path)
            return False
        return True

    def add(self, path: Path, data: bytes) -> None:
        """Write a picture; threads may write different ones at the same time."""
        write_whole(path, data, durable=False)
        found = hashlib.sha256(data).hexdigest()
        with self._lock:
            self._hashes[self._name(path)] = found
            with (self.folder / FILE_NAME).open("a", encoding="ascii") as file:
                file.write(f"{found} {self._name(path)}\n")

    def close(self) -> None:
        """Write the list in order: it is part of the folder, and equal folders have equal lists."""
        self._write()

    def _name(self, path: Path) -> str:
        return path.relative_to(self.folder).as_posix()

    def _listed(self) -> dict[str, str]:
        """Hashes by name; none where there is no list, or one of other inputs. A line that is none, as a kill leaves it, is passed over."""
        try:
            first, *rest = (
                read_untrusted(self.folder / FILE_NAME, "a list of frames", MOST_LIST_BYTES).decode("ascii").split("\n")
            )
        except (UserError, UnicodeDecodeError):
            return {}
        found = [LINE.fullmatch(line) for line in rest]
        return {match[2]: match[1] for match in found if match} if first == self.stamp else {}

    def _write(self) -> None:
        file = self.folder / FILE_NAME
        if file.is_dir() and not file.is_symlink():
            discard(file)
        lines = [self.stamp, *(f"{found} {name}" for name, found in sorted(self._hashes.items()))]
        write_whole(file, "".join(f"{line}\n" for line in lines).encode("ascii"))


def _hash(path: Path) -> str | None:
    """The sha256 of a picture, None where there is no file that could be one."""
    try:
        return hashlib.sha256(read_untrusted(path, "a frame", MOST_FRAME_BYTES)).hexdigest()
    except UserError:
        return None
