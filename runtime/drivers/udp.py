"""Hears a protocol on a port of this machine, in a thread of its own."""

import socket
import threading
import time
from typing import Protocol, runtime_checkable

from facecraft4d.runtime.drivers.reading import Reading
from facecraft4d.toolkit.core.checks import UserError

LOOPBACK = "127.0.0.1"
MOST_BYTES = 65_507
"""Of one datagram (UDP over IPv4): no more is ever read."""
MOST_PACKETS = 4_000
"""A second that are read; VMC sends up to a hundred per frame. What comes beyond them is dropped."""
WAIT_SECONDS = 0.1
"""Until the thread looks whether it should end."""
AGAIN_SECONDS = 2.0
"""Between greetings to a sender that waits to be asked."""


@runtime_checkable
class Decoder(Protocol):
    """What a protocol does with packets."""

    port: int

    def feed(self, packet: bytes) -> Reading | None:
        """What is known of the face after this packet; None where it says that there is none. ValueError for a packet that is none of its own."""
        ...


class Listener:
    """The newest reading of a decoder. Damaged packets are counted and left out; none can end it."""

    def __init__(self, decoder: Decoder, bind: str = LOOPBACK, port: int | None = None) -> None:
        """Hears from now on. UserError where the port is taken or the address none of this machine."""
        self._decoder = decoder
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        wanted = decoder.port if port is None else port
        try:
            self._socket.bind((bind, wanted))
        except (OSError, OverflowError) as error:
            self._socket.close()
            reason = error.strerror if isinstance(error, OSError) else "a port is between 0 and 65535"
            raise UserError(
                f"cannot listen on {bind}:{wanted}: {reason}; another program may, or take another port"
            ) from None
        self._socket.settimeout(WAIT_SECONDS)
        self.address: tuple[str, int] = self._socket.getsockname()
        """Where it listens."""
        self.heard = self.damaged = self.dropped = 0
        """Packets: understood, not understood, too many."""
        self._latest: tuple[Reading | None, float] = None, -float("inf")
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name="listener", daemon=True)
        self._thread.start()

    def latest(self) -> tuple[Reading | None, float]:
        """The last face that was seen, and when (time.monotonic); None and minus infinity before the first."""
        return self._latest

    def status(self) -> str:
        """Where it listens and what came."""
        host, port = self.address
        return f"{host}:{port}: {self.heard:,} packets understood, {self.damaged:,} damaged, {self.dropped:,} too many"

    def greet(self, host: str, greeting: bytes) -> None:
        """Ask the sender at `host` to begin, again and again until it does."""
        threading.Thread(target=self._greet, args=((host, self._decoder.port), greeting), daemon=True).start()

    def close(self) -> None:
        """Hear nothing more."""
        self._ending.set()
        self._thread.join()
        self._socket.close()

    def _greet(self, address: tuple[str, int], greeting: bytes) -> None:
        while not self._ending.is_set() and self._latest[0] is None:
            try:
                self._socket.sendto(greeting, address)
            except OSError:
                return
            self._ending.wait(AGAIN_SECONDS)

    def _run(self) -> None:
        second, count = 0, 0
        while not self._ending.is_set():
            try:
                packet = self._socket.recv(MOST_BYTES)
            except OSError:  # a timeout, or what a port that nobody listens on sends back
                continue
            now = time.monotonic()
            count = count + 1 if int(now) == second else 1
            second = int(now)
            if count > MOST_PACKETS:
                self.dropped += 1
                continue
            self._take(packet, now)

    def _take(self, packet: bytes, now: float) -> None:
        try:
            reading = self._decoder.feed(packet)
        except ValueError:
            self.damaged += 1
            return
        self.heard += 1
        if reading is not None:
            self._latest = reading, now
