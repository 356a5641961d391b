"""Files of splats: sound ones of ours and of others, ways to damage them inside of their containers, and what is done with those that are read."""

import gzip
import io
import struct
import unicodedata
from functools import cache
from pathlib import Path

import numpy as np
import zstandard
from fuzz.mutations import Random, damaged
from places import DATA, TINY

from facecraft4d.cli_inspect import splat_rows
from facecraft4d.exporters.gltf.reading import read_gltf
from facecraft4d.exporters.options import ExportOptions, Frame
from facecraft4d.exporters.stills.frames import placed
from facecraft4d.exporters.stills.gaussian_avatars_reading import read_flame_parameters, read_gaussian_avatar
from facecraft4d.exporters.stills.notes import notes_of
from facecraft4d.exporters.stills.ply import world_ply
from facecraft4d.exporters.stills.ply_reading import TYPES
from facecraft4d.exporters.stills.spz import HEADER, MAGIC, STREAM_SIZES, STREAM_TABLE, spz_bytes
from facecraft4d.toolkit.core.datatypes import Splats
from facecraft4d.toolkit.core.rigging import neutral_pose
from facecraft4d.toolkit.core.text import ACTING, harmless

FEW = 40
SPECIAL = np.array([0, 1e-30, 1, -1, 5, -30, 99, 1e4, 1e30, np.nan, np.inf], np.float32)
HEADER_LINES = (
    "element vertex 40",
    "element vertex 16777216",
    "element face 3",
    "property list uchar int a",
    "property",
    "comment \x1b[2J",
    "obj_info x",
)
"""What may stand in a header, and does not fit."""
PARAMETERS = "flame_param.npz"


@cache
def _splats() -> tuple[Splats, tuple[str, ...]]:
    avatar = read_gltf(TINY.read_bytes(), "tiny").level(FEW)
    return placed(avatar, neutral_pose(avatar.rig)), notes_of(avatar, ExportOptions())


@cache
def plys() -> list[bytes]:
    """Ours in both frames, and one with spherical harmonics of degree 3 and a binding."""
    ours = [world_ply(*_splats(), frame) for frame in Frame]
    return [*ours, (DATA / "gaussianavatars_sample.ply").read_bytes()]


@cache
def spzs() -> list[bytes]:
    """Versions 2, 3 and 4; version 2 with spherical harmonics of degree 1."""
    old = HEADER.pack(MAGIC, 2, FEW, 1, 12, 0, 0) + bytes(range(40, 180)) * FEW
    return [
        gzip.compress(old[: HEADER.size + FEW * 28], mtime=0),
        *(spz_bytes(*_splats(), version, 18) for version in (3, 4)),
    ]


@cache
def parameters() -> list[bytes]:
    """Two frames of FLAME with few vertices."""
    widths = {"rotation": 3, "neck_pose": 3, "jaw_pose": 3, "eyes_pose": 6, "translation": 3, "expr": 10}
    arrays = {name: np.zeros((2, width), np.float32) for name, width in widths.items()}
    arrays |= {
        "shape": np.zeros(30, np.float32),
        "static_offset": np.zeros((1, 9, 3)),
        "dynamic_offset": np.zeros((2, 9, 3)),
    }
    found = []
    for save in (np.savez, np.savez_compressed):
        buffer = io.BytesIO()
        save(buffer, **arrays)
        found.append(buffer.getvalue())
    return found


def changed_ply(data: bytes, random: Random) -> bytes:
    """Bytes anywhere, lines of the header, or numbers of the rows."""
    choice = random.random()
    if choice < 0.3:
        return damaged(data, random)
    header, rows = data.split(b"end_header\n", 1)
    if choice < 0.7:
        return _changed_lines(header, random) + b"end_header\n" + rows
    values = np.frombuffer(rows, "<f4").copy()
    places = random.integers(len(values), size=random.integers(1, 20))
    values[places] = random.choice(SPECIAL, len(places))
    return header + b"end_header\n" + values.tobytes()


def _changed_lines(header: bytes, random: Random) -> bytes:
    lines = header.decode("ascii").splitlines()
    for _ in range(random.integers(1, 4)):
        place, words = int(random.integers(len(lines))), lines[random.integers(len(lines))].split()
        kind = list(TYPES)[random.integers(len(TYPES))]
        swapped = " ".join([words[0], kind, *words[2:]])
        lines[place : place + int(random.integers(2))] = [
            (*HEADER_LINES, swapped, lines[place])[random.integers(len(HEADER_LINES) + 2)]
        ]
    return "".join(f"{line}\n" for line in lines).encode()


def changed_spz(data: bytes, random: Random) -> bytes:
    """Bytes of the file, or of what is packed in it, packed again."""
    if random.random() < 0.3:
        return damaged(data, random)
    if data.startswith(MAGIC):
        return _changed_streams(data, random)
    whole = gzip.decompress(data)
    cut = HEADER.size if random.random() < 0.7 else len(whole)
    return gzip.compress(damaged(whole[:cut], random) + whole[cut:], mtime=0)


def _changed_streams(data: bytes, random: Random) -> bytes:
    """Version 4 with one stream damaged before it is packed, or with a damaged header or table."""
    start = STREAM_TABLE.unpack_from(data, HEADER.size)[0]
    count, place = 5, start + 5 * STREAM_SIZES.size
    if random.random() < 0.5:
        return damaged(data[:place], random) + data[place:]
    bodies, chosen = [], random.integers(count)
    for index in range(count):
        size, _ = STREAM_SIZES.unpack_from(data, start + index * STREAM_SIZES.size)
        body = zstandard.ZstdDecompressor().decompress(data[place : place + size])
        bodies.append(damaged(body, random) if index == chosen else body)
        place += size
    packed = [zstandard.ZstdCompressor().compress(body) for body in bodies]
    honest = random.random() < 0.5
    sizes = [
        len(body) if honest else int(struct.unpack_from("<Q", data, start + 16 * index + 8)[0])
        for index, body in enumerate(bodies)
    ]
    table = b"".join(STREAM_SIZES.pack(len(each), size) for each, size in zip(packed, sizes, strict=True))
    return data[:start] + table + b"".join(packed)


def show(path: Path) -> None:
    """Read and describe a file of splats; every number is finite, every text harmless once it is shown."""
    for _, text in splat_rows(path):
        assert not any(unicodedata.category(letter) in ACTING for letter in harmless(text))


def carry(path: Path) -> None:
    """Read a head of GaussianAvatars with sound parameters beside it."""
    (path.parent / PARAMETERS).write_bytes(parameters()[0])
    head = read_gaussian_avatar(path)
    assert np.isfinite(head.splats.means).all() and (head.splats.triangles >= 0).all()


def pose(path: Path) -> None:
    """Read FLAME's parameters."""
    found = read_flame_parameters(path)
    assert np.isfinite(found.expr).all() and len(found.expr) == len(found.jaw_pose)
