"""Splats as SPZ, a quarter of a PLY: one pose, or a sequence of files. Equal splats give equal bytes.

Specification: https://github.com/nianticlabs/spz; gzip: RFC 1952; Zstandard: RFC 8878. Every byte is described in docs/formats/spz.md.
"""

import struct
import zlib
from collections.abc import Iterable, Iterator

from facecraft4d.exporters.format import File
from facecraft4d.exporters.options import ExportOptions
from facecraft4d.exporters.stills.frames import lost_in_stills, still_files
from facecraft4d.exporters.stills.notes import note
from facecraft4d.exporters.stills.spz_packing import pack
from facecraft4d.toolkit.core.asset import Avatar
from facecraft4d.toolkit.core.checks import check_known
from facecraft4d.toolkit.core.datatypes import Splats

MAGIC = b"NGSP"
HEADER = struct.Struct("<4sIIBBBB")
"""Magic, version, splats, degree of the colours, fractional bits, flags; the last is 0 to version 3, then the number of streams."""
STREAM_TABLE = struct.Struct("<I12x")
"""Version 4 goes on with where its table of streams begins."""
STREAM_SIZES = struct.Struct("<QQ")
"""A row of that table: bytes packed and unpacked."""
RECORD = struct.Struct("<II")
"""Kind and bytes of a vendor's record, which stands before the table; who does not know its kind skips it."""
NOTES_RECORD = 0xFC4D0001
"""Kind of ours, with the number that we chose as vendor above: the notes, one a line."""
HAS_RECORDS = 2
"""Flag of SPZ."""

GZIP_HEADER = bytes([0x1F, 0x8B, zlib.DEFLATED, 0x10, 0, 0, 0, 0, 2, 255])
"""RFC 1952: a comment follows; no clock time; packed as small as can be; no operating system."""
DEFLATE_LEVEL, DEFLATE_MEMORY = 9, 9
ZSTANDARD_LEVEL = 19
"""The highest that takes no more memory to unpack than the file's own size."""
FRAME = "+Y up, the face looks along +Z, the subject's left is +X (RUB); metres; colours sRGB as displayed"


def spz_files(avatar: Avatar, name: str, options: ExportOptions) -> Iterator[File]:
    """The avatar as SPZ. Raises as `still_files`; UserError too where splats lie too far for the fractional bits."""
    version, bits = options.spz.spz_version, options.spz.spz_bits
    return still_files(avatar, name, options, lambda splats, notes: spz_bytes(splats, notes, version, bits))


def lost_in_spz(avatar: Avatar, options: ExportOptions) -> str:
    """What of the avatar is not in the files."""
    millimetres = 1e3 * 2.0**-options.spz.spz_bits / 2
    rounded = f"positions to {millimetres:.2g} mm, scales to 3 %, opacities to 0.2 %, colours to 0.004 and within -0.44 to 1.44, rotations to 0.3 degrees"
    return f"{lost_in_stills(options)}; rounded: {rounded}"


def spz_bytes(splats: Splats, notes: Iterable[str], version: int, bits: int) -> bytes:
    """The file of version 3 or 4. UserError where positions reach too far for so many fractional bits."""
    check_known("version", str(version), ("3", "4"))
    streams, words = pack(splats, bits), "\n".join((*notes, note("frame", FRAME))).encode("ascii")
    count = len(splats.means)
    if version == 3:
        return _gzip(HEADER.pack(MAGIC, version, count, 0, bits, 0, 0) + b"".join(streams), words)
    record = RECORD.pack(NOTES_RECORD, len(words)) + words
    header = HEADER.pack(MAGIC, version, count, 0, bits, HAS_RECORDS, len(streams))
    table = STREAM_TABLE.pack(HEADER.size + STREAM_TABLE.size + len(record))
    return header + table + record + _zstandard(streams)


def _gzip(data: bytes, words: bytes) -> bytes:
    """A gzip stream with the words as its comment, which every reader of gzip skips."""
    packer = zlib.compressobj(DEFLATE_LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS, DEFLATE_MEMORY)
    body = packer.compress(data) + packer.flush()
    return GZIP_HEADER + words + b"\0" + body + struct.pack("<II", zlib.crc32(data), len(data) % 2**32)


def _zstandard(streams: tuple[bytes, ...]) -> bytes:
    """The table of streams, and the streams."""
    import zstandard

    packed = [zstandard.ZstdCompressor(ZSTANDARD_LEVEL).compress(stream) for stream in streams]
    sizes = (STREAM_SIZES.pack(len(small), len(whole)) for small, whole in zip(packed, streams, strict=True))
    return b"".join((*sizes, *packed))
