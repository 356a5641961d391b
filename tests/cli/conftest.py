"""The folder that the tests of the command line work in."""

import json
import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image


@pytest.fixture
def place(tmp_path: Path, tiny_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with good and bad files."""
    good = tiny_path.read_bytes()
    noise = np.random.default_rng(0).integers(0, 255, (200, 200, 3), np.uint8)
    Image.fromarray(noise).save(tmp_path / "noise.png")
    Image.fromarray(np.full((300, 300, 3), 200, np.uint8)).save(tmp_path / "blank.jpg")
    jpeg = (tmp_path / "blank.jpg").read_bytes()
    length = len(good)
    files = {
        "good.glb": good,
        "empty.jpg": b"",
        "text.jpg": b"this is no picture, whatever its name says\n" * 20,
        "cut.jpg": jpeg[: len(jpeg) // 3],
        "empty.glb": b"",
        "cut.glb": good[: length // 2],
        "magic.glb": b"PLY\n" + good[4:],
        "version.glb": good[:4] + struct.pack("<I", 9) + good[8:],
        "longer.glb": good[:8] + struct.pack("<I", 2**32 - 1) + good[12:],
        "json.glb": good[:20] + b"[" * 2000 + good[2020:],
        "counts.glb": _with_count(good, 2**31),
        "negative.glb": _with_count(good, -5),
        "other.glb": _glb({"asset": {"version": "2.0"}}),
        "clip.csv": b"time,jawOpen\n0,0\n0.1,nan\n",
        "columns.csv": b"time,jawWide\n0,0\n0.1,1\n",
        "file": b"",
    }
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    (tmp_path / "folder").mkdir()
    _huge_png(tmp_path / "huge.png")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    return tmp_path


def _glb(tree: dict[str, object], rest: bytes = b"") -> bytes:
    text = json.dumps(tree).encode()
    text += b" " * (-len(text) % 4)
    chunk = struct.pack("<I4s", len(text), b"JSON") + text + rest
    return struct.pack("<4sII", b"glTF", 2, 12 + len(chunk)) + chunk


def _with_count(good: bytes, count: int) -> bytes:
    """The same file with another number of elements in its first accessor."""
    size = struct.unpack_from("<I", good, 12)[0]
    tree = json.loads(good[20 : 20 + size])
    tree["accessors"][0]["count"] = count
    return _glb(tree, good[20 + size :])


def _huge_png(path: Path) -> None:
    """A header that promises 100,000 x 100,000 pixels, and nothing behind it."""
    import zlib

    header = struct.pack(">IIBBBBB", 100_000, 100_000, 8, 2, 0, 0, 0)
    chunk = b"IHDR" + header
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + chunk + struct.pack(">I", zlib.crc32(chunk)))
