"""The package of USD: a zip without compression whose files begin at multiples of 64 bytes (https://openusd.org/release/spec_usdz.html)."""

import io
import struct
import zipfile
from collections.abc import Iterable

from facecraft4d.exporters.format import File

ALIGNMENT = 64
LOCAL_HEADER = 30
"""Bytes of a zip's header before each file, without name and extra field."""
EXTRA_HEADER = 4
"""Least length of an extra field: its number and length, 16 bits each."""
PADDING = 0x1986
"""Number of an extra field that nobody has registered: readers pass over it."""
NO_CLOCK = (1980, 1, 1, 0, 0, 0)
"""The earliest time that a zip can hold, so that equal avatars give equal bytes."""


def package(files: Iterable[File]) -> bytes:
    """A .usdz of these files; the first is the stage that is opened."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED, allowZip64=False) as archive:
        for name, data in files:
            entry = zipfile.ZipInfo(name, NO_CLOCK)
            missing = -(buffer.tell() + LOCAL_HEADER + len(name.encode()) + EXTRA_HEADER) % ALIGNMENT
            entry.extra = struct.pack("<HH", PADDING, missing) + bytes(missing)
            archive.writestr(entry, data)
    return buffer.getvalue()
