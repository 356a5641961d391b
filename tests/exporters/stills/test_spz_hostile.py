"""SPZ files that lie, want much or are none: one line, at once, in little memory."""

import gzip
import struct
import time
import tracemalloc
import zlib
from collections.abc import Callable

import numpy as np
import pytest
import zstandard

from facecraft4d.exporters.stills.spz import (
    HAS_RECORDS,
    HEADER,
    MAGIC,
    NOTES_RECORD,
    RECORD,
    STREAM_SIZES,
    STREAM_TABLE,
    spz_bytes,
)
from facecraft4d.exporters.stills.spz_reading import read_spz
from facecraft4d.toolkit.core.checks import UserError
from facecraft4d.toolkit.core.datatypes import Splats

MOST_BYTES, MOST_SECONDS = 48 << 20, 2.0
COUNT = 5
ONE = np.ones((COUNT, 3), np.float32)
SPLATS = Splats(ONE, np.ones((COUNT, 4), np.float32), ONE, np.ones(COUNT, np.float32), ONE)
PLAIN, STREAMS = spz_bytes(SPLATS, ("note: of ours",), 3, 18), spz_bytes(SPLATS, (), 4, 18)
BODY = gzip.decompress(PLAIN)
TABLE_AT = HEADER.size + STREAM_TABLE.size


def header(
    version: int = 3, count: int = COUNT, degree: int = 0, bits: int = 18, flags: int = 0, last: int = 0
) -> bytes:
    return HEADER.pack(MAGIC, version, count, degree, bits, flags, last)


def packed(head: bytes, body: bytes = BODY[HEADER.size :]) -> bytes:
    return gzip.compress(head + body)


def streams(*sizes: tuple[int, int], bodies: tuple[bytes, ...] = (), start: int = TABLE_AT, **head: int) -> bytes:
    """Version 4 with these rows of the table."""
    top = header(**{"version": 4, "last": 5} | head) + STREAM_TABLE.pack(start)
    return top + b"".join(STREAM_SIZES.pack(*row) for row in sizes) + b"".join(bodies)


def with_bodies(*bodies: bytes, **head: int) -> bytes:
    whole = (45, 5, 15, 15, 20)
    return streams(*((len(body), size) for body, size in zip(bodies, whole, strict=True)), bodies=bodies, **head)


def with_records(records: bytes) -> bytes:
    """Sound streams after such records."""
    whole = with_bodies(*SOUND, start=TABLE_AT + len(records), flags=HAS_RECORDS)
    return whole[:TABLE_AT] + records + whole[TABLE_AT:]


def frame(size: int, **options: object) -> bytes:
    return zstandard.ZstdCompressor(**options).compress(bytes(size))  # type: ignore[arg-type]


def bomb(times: int) -> bytes:
    """A header of few splats, and `times` MiB of zeros behind them."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    zeros = bytes(1 << 20)
    return packer.compress(header()) + b"".join(packer.compress(zeros) for _ in range(times)) + packer.flush()


def claims_much(version: int) -> bytes:
    """2^24 splats, of nothing."""
    if version == 3:
        return packed(header(count=1 << 24), bytes(1 << 20))
    return streams(*((20, width << 24) for width in (9, 1, 3, 3, 4)), bodies=(bytes(100),), count=1 << 24)


def zstandard_bomb() -> bytes:
    """Streams of a few bytes that unpack to 256 MiB where 45 bytes are announced; the frame's own header says so, or does not."""
    packer = zstandard.ZstdCompressor(level=1).compressobj()
    zeros = bytes(1 << 20)
    large = b"".join(packer.compress(zeros) for _ in range(256)) + packer.flush()
    return with_bodies(large, frame(5), frame(15), frame(15), frame(20))


def wide_window() -> bytes:
    parameters = zstandard.ZstdCompressionParameters(window_log=30, compression_level=1)
    packer = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
    wide = packer.compress(bytes(45)) + packer.flush()
    return with_bodies(wide, frame(5), frame(15), frame(15), frame(20))


SOUND = (frame(45), frame(5), frame(15), frame(15), frame(20))
HOSTILE: dict[str, tuple[Callable[[], bytes], str]] = {
    "empty": (lambda: b"", "no header of SPZ"),
    "text": (lambda: b"hello", "no header of SPZ"),
    "another gzip": (lambda: gzip.compress(b"x" * 100), "no header of SPZ"),
    "gzip cut": (lambda: PLAIN[:-9], "ends elsewhere"),
    "gzip header alone": (lambda: PLAIN[:10], "no header of SPZ"),
    "comment without end": (lambda: PLAIN[:10] + b"x" * 100, "no header of SPZ"),
    "wrong checksum": (lambda: PLAIN[:-8] + bytes(4) + PLAIN[-4:], "incorrect data check"),
    "two streams": (lambda: PLAIN + PLAIN, "ends elsewhere"),
    "no gzip inside": (lambda: PLAIN[:10] + b"\0" + bytes(40), "invalid"),
    "version 1": (lambda: packed(header(version=1)), "version 1 where 2 and 3"),
    "version 4 in gzip": (lambda: packed(header(version=4)), "version 4 where 2 and 3"),
    "version 3 in the clear": (lambda: streams(version=3), "version 3 where 4"),
    "no splats": (lambda: packed(header(count=0)), "number of splats must be between"),
    "2^32 splats": (lambda: packed(header(count=2**32 - 1)), "number of splats must be between"),
    "degree 5": (lambda: packed(header(degree=5)), "degree of the colours"),
    "24 bits": (lambda: packed(header(bits=24)), "fractional bits"),
    "fewer splats than announced": (lambda: packed(header(count=COUNT + 1)), "ends elsewhere"),
    "more splats than announced": (lambda: packed(header(count=COUNT - 1)), "that no flag announces"),
    "128 MiB behind": (lambda: bomb(128), "ends elsewhere"),
    "2^24 splats of nothing": (lambda: claims_much(3), "would take"),
    "2^24 splats of nothing, version 4": (lambda: claims_much(4), "would take"),
    "table before the header": (lambda: with_bodies(*SOUND).replace(struct.pack("<I", 32), struct.pack("<I", 8), 1), "table at byte 8"),
    "table behind the file": (lambda: streams(start=2**32 - 1), "table at byte"),
    "header alone": (lambda: header(version=4, last=5), "unpack_from requires"),
    "streams missing": (lambda: with_bodies(*SOUND, last=4), "4 streams"),
    "stream behind the file": (lambda: streams((2**63, 45), *[(1, 1)] * 4), "a stream of 9,223"),
    "stream of another size": (lambda: streams((5, 44), *[(1, 1)] * 4), "unpacks to 44, where 45"),
    "stream shorter than it says": (lambda: with_bodies(frame(44), *SOUND[1:]), "ends early"),
    "stream longer than it says": (lambda: with_bodies(frame(46), *SOUND[1:]), "more than 45 bytes"),
    "stream of 256 MiB": (zstandard_bomb, "more than 45 bytes"),
    "stream that looks back a gigabyte": (wide_window, "memory"),
    "record behind all of them": (lambda: with_records(RECORD.pack(NOTES_RECORD, 2**31)), "ends behind"),
    "record cut": (lambda: with_records(b"abc"), "unpack_from requires|ends behind"),
    "megabytes of records": (lambda: with_records(RECORD.pack(1, 1 << 20) + bytes(1 << 20)), "bytes of records"),
    "no stream at all": (lambda: with_bodies(b"abc", *SOUND[1:]), "found"),
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("case", HOSTILE)
def test_what_is_no_sound_file_is_one_line(case: str) -> None:
    make, words = HOSTILE[case]
    data = make()
    tracemalloc.start()
    begun = time.monotonic()
    with pytest.raises(UserError, match=words) as refusal:
        read_spz(data, "a.spz")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert time.monotonic() - begun < MOST_SECONDS and peak - len(data) < MOST_BYTES
    said = str(refusal.value)
    assert said.startswith("a.spz: expected splats as SPZ, found ") and said.isprintable() and len(said) < 500


def test_what_the_cases_are_made_of_is_sound() -> None:
    for data in (PLAIN, STREAMS, packed(header()), with_bodies(*SOUND), packed(header(flags=2), BODY[16:] + b"record")):
        assert len(read_spz(data, "a.spz").splats.means) == COUNT


def test_records_of_others_are_skipped() -> None:
    records = RECORD.pack(0xADBE0002, 12) + bytes(12) + RECORD.pack(NOTES_RECORD, 9) + b"a: b\nc: d" + RECORD.pack(5, 0)
    found = read_spz(with_records(records), "a.spz")
    assert found.notes == ("a: b", "c: d") and len(found.splats.means) == COUNT


def test_names_and_extra_fields_of_gzip_come_before_the_notes() -> None:
    assert read_spz(PLAIN, "a.spz").notes[0] == "note: of ours"
    extra = PLAIN[:3] + bytes([4 | 8 | 16]) + PLAIN[4:10] + struct.pack("<H", 3) + b"abc" + b"name\0" + PLAIN[10:]
    assert read_spz(extra, "a.spz").notes[0] == "note: of ours"
