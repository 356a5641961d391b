"""Live Link Face in its ARKit mode: Epic's app for telephones, and what drives MetaHumans in Unreal Engine.

A packet over UDP holds one face: version, device, subject, frame, and 61 numbers in a fixed order. Byte order and layout as PyLiveLinkFace
(MIT) documents them: https://github.com/JimWest/PyLiveLinkFace. The app's own CSV has another order: clips are read by name.
"""

import math
import struct

from facecraft4d.exporters.motions.livelink_csv import PACKET_ORDER
from facecraft4d.runtime.drivers.reading import HEAD, Reading
from facecraft4d.toolkit.core.arkit import ARKIT_NAMES

PORT = 11111
VERSION = 6
"""Of the packets in ARKit mode."""

MOST_TURN = math.pi
"""Radians beyond which an angle is none."""
_LENGTH = struct.Struct(">i")
_FRAME = struct.Struct(">ifiiB")
_VALUES = struct.Struct(f">{len(PACKET_ORDER)}f")
MOST_NAME = 256
"""Bytes of a device's or a subject's name."""
DEVICE = "00000000-0000-0000-0000-000000000000"
"""What we say that we are: a UUID."""


class LiveLink:
    """Reads the app's packets."""

    port = PORT

    def feed(self, packet: bytes) -> Reading | None:
        """The face in a packet; None where it holds none, which is how the app says that it sees nobody. ValueError for anything else."""
        if packet[:1] != bytes([VERSION]):
            raise ValueError("no packet of Live Link Face in its ARKit mode")
        at = _behind_text(packet, _behind_text(packet, 1))
        if len(packet) == at:
            return None
        if len(packet) != at + _FRAME.size + _VALUES.size or _FRAME.unpack_from(packet, at)[4] != len(PACKET_ORDER):
            raise ValueError("another count of values than 61")
        return _reading(_VALUES.unpack_from(packet, at + _FRAME.size))


def _behind_text(packet: bytes, at: int) -> int:
    """Where a text that begins at `at`, its length before it, ends."""
    if len(packet) < at + _LENGTH.size:
        raise ValueError("a packet that ends early")
    (length,) = _LENGTH.unpack_from(packet, at)
    end = at + _LENGTH.size + length
    if not 0 <= length <= MOST_NAME or len(packet) < end:
        raise ValueError("a name that is longer than its packet")
    return int(end)


def _reading(values: tuple[float, ...]) -> Reading:
    """Yaw turns to the subject's left, pitch looks up, roll leans to the right."""
    if not all(math.isfinite(value) for value in values):
        raise ValueError("values that are no numbers")
    named = dict(zip(PACKET_ORDER, values, strict=True))
    pitch, yaw, roll = (max(-MOST_TURN, min(MOST_TURN, named[name])) for name in ("headPitch", "headYaw", "headRoll"))
    return Reading({name: named[name] for name in ARKIT_NAMES}, {HEAD: (-pitch, yaw, roll)})


def packet(reading: Reading, frame: int, fps: float, subject: str = "facecraft4d") -> bytes:
    """One face as the app sends it, at frame `frame` of `fps` frames a second."""
    x, y, z = reading.turns.get(HEAD, (0.0, 0.0, 0.0))
    named = dict(reading.weights) | {"headPitch": -x, "headYaw": y, "headRoll": z}
    texts = DEVICE.encode(), subject.encode()[:MOST_NAME]
    return b"".join((
        bytes([VERSION]),
        *(part for text in texts for part in (_LENGTH.pack(len(text)), text)),
        _FRAME.pack(frame & 0x7FFFFFFF, 0.0, round(fps), 1, len(PACKET_ORDER)),
        _VALUES.pack(*(named.get(each, 0.0) for each in PACKET_ORDER)),
    ))  # fmt: skip
