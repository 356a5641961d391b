"""SPZ files read back, versions 2 to 4, ours and others': hostile until checked. No more is unpacked than the header's count of splats needs."""

import io
import struct
import zlib
from dataclasses import dataclass
from typing import Any

import numpy as np

from facecraft4d.exporters.gltf.glb import MAX_ELEMENTS
from facecraft4d.exporters.stills.splat_file import SplatFile, check_splats
from facecraft4d.exporters.stills.spz import (
    HAS_RECORDS,
    HEADER,
    MAGIC,
    NOTES_RECORD,
    RECORD,
    STREAM_SIZES,
    STREAM_TABLE,
)
from facecraft4d.exporters.stills.spz_packing import POSITION_BITS, STREAM_WIDTHS, unpack
from facecraft4d.toolkit.core.checks import check_range
from facecraft4d.toolkit.core.untrusted.door import Budget, at_the_border, fill

EXPECTED = "splats as SPZ"
GZIP_MAGIC = b"\x1f\x8b"
EXTRA_FIELD, FILE_NAME, COMMENT = 4, 8, 16
"""Flags of gzip: what stands between its header and its data, in this order (RFC 1952)."""
GZIP_HEADER_BYTES, GZIP_FLAGS_AT = 10, 3
MAX_COMMENT_BYTES = 64 << 10
MAX_RECORD_BYTES = 1 << 20
"""Of all vendors' records, which follow the splats (version 3) or the header (version 4)."""
REST_WIDTHS = (0, 9, 24, 45, 72)
"""Bytes a splat of the colours' coefficients beyond the constant ones, by degree."""
MAX_WINDOW_BYTES = 32 << 20
"""That a Zstandard stream may want to look back: level 19 wants 8 MiB."""
SPLAT_BYTES = 56
"""Of a splat that is unpacked: 14 floats."""


@dataclass(frozen=True, slots=True)
class SpzHeader:
    """What the header says, checked."""

    version: int
    count: int
    sh_degree: int
    bits: int
    flags: int
    streams: int
    """Of version 4."""

    @property
    def sizes(self) -> tuple[int, ...]:
        """Bytes of each stream, the coefficients beyond the constant ones last."""
        return tuple(self.count * width for width in (*STREAM_WIDTHS[self.version], REST_WIDTHS[self.sh_degree]))


def read_spz(data: bytes, name: str) -> SplatFile:
    """The splats in an SPZ file, whatever wrote it, in the file's own frame; `name` stands in the messages. Raises UserError for any other file."""
    with at_the_border(name, EXPECTED):
        budget = Budget(len(data))
        if data.startswith(GZIP_MAGIC):
            header, streams = _read_gzip(data, budget)
            notes = _comment(data)
        else:
            header, streams = _read_streams(data, budget)
            notes = _record(data, header)
        budget.spend(header.count * SPLAT_BYTES, f"{header.count:,} splats")
        splats = unpack(streams, header.version, header.bits)
        check_splats(splats)
        return SplatFile(splats, notes, header.sh_degree)


def _read_header(data: bytes, versions: tuple[int, ...]) -> SpzHeader:
    if len(data) < HEADER.size or not data.startswith(MAGIC):
        raise ValueError("no header of SPZ")
    _, version, count, degree, bits, flags, streams = HEADER.unpack_from(data)
    if version not in versions:
        raise ValueError(f"version {version} where {' and '.join(map(str, versions))} are read")
    check_range("number of splats", float(count), 1.0, float(MAX_ELEMENTS))
    check_range("degree of the colours", float(degree), 0.0, float(len(REST_WIDTHS) - 1))
    check_range("fractional bits", float(bits), 0.0, float(POSITION_BITS - 1))
    return SpzHeader(version, count, degree, bits, flags, streams)


def _read_gzip(data: bytes, budget: Budget) -> tuple[SpzHeader, tuple[np.ndarray, ...]]:
    """Versions 2 and 3: one gzip stream, to its end, where its checksum is compared."""
    unpacker = zlib.decompressobj(16 + zlib.MAX_WBITS)
    header = _read_header(unpacker.decompress(data, HEADER.size), (2, 3))
    budget.spend(sum(header.sizes), f"{header.count:,} splats")
    body = unpacker.decompress(unpacker.unconsumed_tail, sum(header.sizes))
    rest = unpacker.decompress(unpacker.unconsumed_tail, MAX_RECORD_BYTES)
    if len(body) < sum(header.sizes) or not unpacker.eof or unpacker.unused_data:
        raise ValueError(f"{header.count:,} splats of {sum(header.sizes):,} bytes in a stream that ends elsewhere")
    if rest and not header.flags & HAS_RECORDS:
        raise ValueError(f"{len(rest):,} bytes after the splats that no flag announces")
    bounds = np.cumsum((0, *header.sizes))
    flat = np.frombuffer(body, np.uint8)
    return header, tuple(flat[bounds[index] : bounds[index + 1]] for index in range(len(STREAM_WIDTHS[header.version])))


def _comment(data: bytes) -> tuple[str, ...]:
    """The lines of a sound gzip stream's comment."""
    flags, start = data[GZIP_FLAGS_AT], GZIP_HEADER_BYTES
    if flags & EXTRA_FIELD:
        start += 2 + struct.unpack_from("<H", data, start)[0]
    if flags & FILE_NAME:
        start = data.index(b"\0", start) + 1
    if not flags & COMMENT:
        return ()
    return tuple(data[start : data.index(b"\0", start)][:MAX_COMMENT_BYTES].decode("latin-1").split("\n"))


def _record(data: bytes, header: SpzHeader) -> tuple[str, ...]:
    """The lines of our record among those before the table of streams. ValueError where they do not end there."""
    place, end = HEADER.size + STREAM_TABLE.size, STREAM_TABLE.unpack_from(data, HEADER.size)[0]
    if not header.flags & HAS_RECORDS:
        return ()
    if end - place > MAX_RECORD_BYTES:
        raise ValueError(f"{end - place:,} bytes of records")
    notes: tuple[str, ...] = ()
    while place < end:
        kind, length = RECORD.unpack_from(data, place)
        place += RECORD.size + length
        if place > end:
            raise ValueError("a record that ends behind all of them")
        if kind == NOTES_RECORD:
            notes = tuple(data[place - length : place].decode("ascii", "backslashreplace").split("\n"))
    return notes


def _read_streams(data: bytes, budget: Budget) -> tuple[SpzHeader, tuple[np.ndarray, ...]]:
    """Version 4: a table of Zstandard streams, of which those without bytes are left out."""
    header = _read_header(data, (4,))
    sizes = [size for size in header.sizes if size]
    start = STREAM_TABLE.unpack_from(data, HEADER.size)[0]
    end = start + len(sizes) * STREAM_SIZES.size
    if header.streams != len(sizes) or not HEADER.size + STREAM_TABLE.size <= start <= end <= len(data):
        raise ValueError(f"{header.streams} streams with a table at byte {start} where {len(sizes)} are needed")
    budget.spend(sum(sizes), f"{header.count:,} splats")
    found = []
    for index, size in enumerate(sizes):
        packed, whole = STREAM_SIZES.unpack_from(data, start + index * STREAM_SIZES.size)
        if whole != size or packed > len(data) - end:
            raise ValueError(f"a stream of {packed:,} bytes that unpacks to {whole:,}, where {size:,} are needed")
        found.append(_unzstandard(data[end : end + packed], size))
        end += packed
    return header, tuple(found[: len(STREAM_WIDTHS[header.version])])


def _unzstandard(packed: bytes, size: int) -> np.ndarray:
    """The bytes of one stream. ValueError unless it has exactly so many."""
    import zstandard

    stream: Any = zstandard.ZstdDecompressor(max_window_size=MAX_WINDOW_BYTES).stream_reader(io.BytesIO(packed))
    found = np.empty(size, np.uint8)
    fill(found, stream)
    if stream.read(1):
        raise ValueError(f"a stream that unpacks to more than {size:,} bytes")
    return found
