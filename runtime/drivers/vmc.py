"""VMC, the protocol of programs for virtual performers (Virtual Motion Capture, VSeeFace, Warudo, VMagicMirror): OSC over UDP.

https://protocol.vmc.info/english: values come one by one and count from /VMC/Ext/Blend/Apply on; bones come in Unity's left-handed frame.
"""

import math
import struct
from typing import Any

import numpy as np
from pythonosc.osc_bundle_builder import IMMEDIATELY, OscBundleBuilder
from pythonosc.osc_message import OscMessage
from pythonosc.osc_message_builder import OscMessageBuilder
from pythonosc.parsing.osc_types import get_string

from facecraft4d.exporters.expression_sets import summed
from facecraft4d.runtime.drivers.reading import HEAD, Reading, Turn
from facecraft4d.toolkit.core.geometry import (
    axis_angle_from_wxyz,
    rotation_from_axis_angle,
    rotation_from_wxyz,
    wxyz_from_rotation,
)

PORT = 39539
VALUE, APPLY, BONE = "/VMC/Ext/Blend/Val", "/VMC/Ext/Blend/Apply", "/VMC/Ext/Bone/Pos"
MOST_NAMES = 512
"""Values that may wait to be applied."""
MOST_DEPTH = 4
"""Bundles within bundles."""
MESSAGE, BUNDLE, FIRST_CONTENT = b"/", b"#bundle\0", 16
"""How OSC's two kinds of packets begin, and where a bundle's contents do: behind its time."""
KNOWN_TAGS = frozenset(",ihfdsbrmtTFN[]")
"""Types of values that python-osc reads."""
_SIZE = struct.Struct(">i")
TURNING = ("Neck", "Head")
"""Unity's bones that turn the head, the outer first: ours has one joint for both."""


class Vmc:
    """Gathers what a performer sends."""

    port = PORT

    def __init__(self) -> None:
        self._waiting: dict[str, float] = {}
        self._weights: dict[str, float] = {}
        self._bones: dict[str, np.ndarray] = {}

    def feed(self, packet: bytes) -> Reading | None:
        """What is known after a packet. ValueError for what is no OSC."""
        for message in _messages(packet):
            self._take(message.address, list(message.params))
        return Reading(summed(self._weights), {HEAD: self._turn()} if self._bones else {})

    def _take(self, address: str, values: list[Any]) -> None:
        if address == APPLY:
            self._weights, self._waiting = self._waiting, {}
        elif address == VALUE and len(values) == 2 and isinstance(values[0], str) and _numbers(values[1:]):
            if len(self._waiting) < MOST_NAMES:
                self._waiting[values[0]] = float(values[1])
        elif address == BONE and len(values) == 8 and values[0] in TURNING and _numbers(values[1:]):
            self._bones[values[0]] = _rotation(*values[4:])

    def _turn(self) -> Turn:
        total = np.eye(3)
        for name in TURNING:
            total = total @ self._bones.get(name, np.eye(3))
        x, y, z = axis_angle_from_wxyz(wxyz_from_rotation(total)).tolist()
        return x, y, z


def _messages(packet: bytes, depth: int = 0) -> list[OscMessage]:
    """All messages of a packet, those of bundles too.

    Bundles are walked here: python-osc's own walk never ends where a content's size is -4, and it logs what it does not know.
    """
    if packet.startswith(MESSAGE):
        return [_message_of(packet)]
    if not packet.startswith(BUNDLE) or len(packet) < FIRST_CONTENT:
        raise ValueError("no OSC")
    if depth > MOST_DEPTH:
        raise ValueError("bundles too deep within each other")
    found, at = [], FIRST_CONTENT
    while at < len(packet):
        content = _content(packet, at)
        found += _messages(content, depth + 1)
        at += _SIZE.size + len(content)
    return found


def _content(packet: bytes, at: int) -> bytes:
    """One content of a bundle, whose size stands at `at`."""
    start = at + _SIZE.size
    (size,) = _SIZE.unpack_from(packet, at) if start <= len(packet) else (0,)
    if not 0 < size <= len(packet) - start:
        raise ValueError("a bundle that ends early")
    return packet[start : start + size]


def _message_of(packet: bytes) -> OscMessage:
    try:
        _, index = get_string(packet, 0)
        tags = get_string(packet, index)[0] if packet[index:] else ","
        if not KNOWN_TAGS.issuperset(tags):
            raise ValueError("values of an unknown type")
        return OscMessage(packet)
    except Exception as error:  # python-osc raises many kinds on damaged packets
        raise ValueError(f"damaged OSC: {error}") from None


def _numbers(values: list[Any]) -> bool:
    return all(isinstance(value, int | float) and math.isfinite(value) for value in values)


def _rotation(x: float, y: float, z: float, w: float) -> np.ndarray:
    """Unity's quaternion in our frame: the x axis turns round, so rotations about y and z change their sign."""
    wxyz = np.array([w, x, -y, -z])
    length = float(np.linalg.norm(wxyz))
    if not length > 1e-6:
        raise ValueError("a rotation without length")
    return np.asarray(rotation_from_wxyz(wxyz / length))


def packet(reading: Reading) -> bytes:
    """One face as a performer sends it: a bundle of values, their application, the head's bone."""
    w, x, y, z = wxyz_from_rotation(
        rotation_from_axis_angle(np.array(reading.turns.get(HEAD, (0.0, 0.0, 0.0))))
    ).tolist()
    bundle = OscBundleBuilder(IMMEDIATELY)
    for name, weight in reading.weights.items():
        bundle.add_content(_message(VALUE, name, float(weight)))
    bundle.add_content(_message(APPLY))
    bundle.add_content(_message(BONE, "Head", 0.0, 0.0, 0.0, x, -y, -z, w))
    return bytes(bundle.build().dgram)


def _message(address: str, *values: str | float) -> OscMessage:
    builder = OscMessageBuilder(address)
    for value in values:
        builder.add_arg(value, builder.ARG_TYPE_STRING if isinstance(value, str) else builder.ARG_TYPE_FLOAT)
    return builder.build()
