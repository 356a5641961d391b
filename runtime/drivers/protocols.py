"""The protocols by name: how each is heard and how it is sent."""

import ipaddress
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from facecraft4d.runtime.drivers import ifacialmocap, livelink, vmc
from facecraft4d.runtime.drivers.reading import HEAD, Reading
from facecraft4d.runtime.drivers.udp import LOOPBACK, Decoder, Listener
from facecraft4d.toolkit.core.checks import UserError
from facecraft4d.toolkit.core.datatypes import Pose, Rig

SEND_FPS = 60.0
"""Frames a second that packets with a frame number count in."""


@dataclass(frozen=True, slots=True)
class WireProtocol:
    """One way of sending faces."""

    label: str
    port: int
    decoder: Callable[[], Decoder]
    packet: Callable[[Reading, int], bytes]
    """A reading, and the number of its frame."""
    greeting: bytes = b""
    """What the sender waits for; empty where it sends to whom its user names."""


PROTOCOLS: Mapping[str, WireProtocol] = {
    "livelink": WireProtocol(
        "Live Link Face, ARKit mode", livelink.PORT, livelink.LiveLink,
        lambda reading, frame: livelink.packet(reading, frame, SEND_FPS),
    ),
    "ifacialmocap": WireProtocol(
        "iFacialMocap, Facemotion3d", ifacialmocap.PORT, ifacialmocap.IFacialMocap,
        lambda reading, _: ifacialmocap.packet(reading), ifacialmocap.GREETING,
    ),
    "vmc": WireProtocol("VMC over OSC", vmc.PORT, vmc.Vmc, lambda reading, _: vmc.packet(reading)),
}  # fmt: skip
"""In the order of help texts."""


def listen(wanted: str, bind: str = LOOPBACK, phone: str | None = None) -> Listener:
    """A listener for NAME or NAME:PORT; `phone` is the address of a sender that waits to be asked. Raises UserError."""
    name, _, port = wanted.partition(":")
    protocol = _protocol("--live", name)
    asked = None if phone is None else checked_address("--phone", phone)
    if asked is not None and not protocol.greeting:
        raise UserError(f"--phone: {protocol.label} needs no asking; enter this machine's address in the app")
    listener = Listener(protocol.decoder(), checked_address("--bind", bind), _port("--live", port) if port else None)
    if asked is not None:
        listener.greet(asked, protocol.greeting)
    return listener


class Sender:
    """Sends poses to another program, for instance livelink:127.0.0.1:11111."""

    def __init__(self, wanted: str) -> None:
        """NAME:HOST or NAME:HOST:PORT. Raises UserError."""
        name, _, rest = wanted.partition(":")
        host, _, port = rest.partition(":")
        self._protocol = _protocol("--send", name)
        if not host:
            raise UserError(
                f"--send {wanted}: expected {name}:HOST or {name}:HOST:PORT, for instance {name}:{LOOPBACK}"
            )
        self._target = checked_address("--send", host), _port("--send", port) if port else self._protocol.port
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._frame = 0

    def send(self, pose: Pose, rig: Rig) -> None:
        """One pose; a network that cannot take it now loses it."""
        try:
            self._socket.sendto(self._protocol.packet(reading_of(pose, rig), self._frame), self._target)
        except OSError:
            pass
        self._frame += 1

    def close(self) -> None:
        """Send nothing more."""
        self._socket.close()


def reading_of(pose: Pose, rig: Rig) -> Reading:
    """The pose by names."""
    turn = pose.joint_rotations[rig.joint_names.index(HEAD)].tolist() if HEAD in rig.joint_names else (0.0, 0.0, 0.0)
    return Reading(
        dict(zip(rig.expression_names, pose.expression.tolist(), strict=True)), {HEAD: (turn[0], turn[1], turn[2])}
    )


def _protocol(option: str, name: str) -> WireProtocol:
    if name not in PROTOCOLS:
        raise UserError(f"{option}: expected one of {', '.join(PROTOCOLS)}, got {name}")
    return PROTOCOLS[name]


def _port(option: str, text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) < 65536:
        raise UserError(f"{option}: expected a port from 1 to 65535, got {text}")
    return int(text)


def checked_address(option: str, text: str) -> str:
    """An IPv4 address, or UserError: names would ask a server."""
    try:
        return str(ipaddress.IPv4Address("127.0.0.1" if text == "localhost" else text))
    except ValueError:
        raise UserError(f"{option}: expected an IPv4 address such as 192.168.1.20, got {text}") from None
