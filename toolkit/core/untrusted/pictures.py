"""The one opener of strangers' pictures: formats on a list, limits before a pixel is decoded, decoders in a child with bounds.

Pillow's decoders are C and have been wrong before. They run in a process of their own (picture_child.py), which is ended when it takes too
long and cannot take more memory than it may. Starting it costs a twentieth of a second, once.
"""

import atexit
import json
import os
import re
import subprocess
import threading
from dataclasses import dataclass
from typing import Any

import numpy as np

from facecraft4d.toolkit.core.checks import UserError
from facecraft4d.toolkit.core.text import shown
from facecraft4d.toolkit.core.untrusted.door import fill
from facecraft4d.toolkit.core.untrusted.limits import child_command, child_environment, ended_after, ended_by
from facecraft4d.toolkit.core.untrusted.magic import HEAD_BYTES, kind_of

FORMATS = ("JPEG", "PNG", "WEBP", "TIFF", "BMP", "GIF", "PPM", "AVIF", "HEIF")
"""Pictures that are read; other decoders of Pillow are never tried on a stranger's file."""
MOST_BYTES = 512 << 20
MOST_PIXELS = 64_000_000
LEAST_SIDE = 64
"""Pixels: no face can be seen in less."""
MOST_ASPECT = 20
"""Of the longer side to the shorter: a panorama has less."""
MOST_SCANS = 100
"""Passes of a progressive JPEG, each of which decodes the whole picture; encoders make about ten."""
SCAN_OR_END = re.compile(rb"\xff[\xd9\xda]")
"""JPEG's markers of a scan and of the picture's end; a scan's data cannot hold either."""

PROGRAM = "facecraft4d.toolkit.core.untrusted.picture_child"
MEMORY_BYTES = 1 << 30
"""Address space of the child: 64 megapixels of RGBA twice, when they are turned upright, and Pillow."""
SECONDS, SECONDS_A_MEGAPIXEL = 2.0, 0.1
"""Processor time for a picture; a slow machine takes 0.07 s for a megapixel of the slowest format, AVIF."""
PATIENCE_SECONDS = 90.0
"""By the clock, for a busy machine and for one that cannot limit processor time."""

GREY = {"I;16": "<u2", "I;16L": "<u2", "I;16B": ">u2", "I;16N": "=u2", "I": "=i4", "F": "=f4"}
"""Pillow's modes of grey with more than eight bits, and their numbers."""
CHANNELS = {"RGB": 3, "RGBA": 4}
EXPECTED = f"a picture ({', '.join(FORMATS)})"


@dataclass(frozen=True, slots=True, eq=False)
class Decoded:
    """A picture's pixels, upright."""

    pixels: np.ndarray
    """[h, w, 3] or [h, w, 4] uint8 in sRGB with straight alpha, or grey [h, w] of more than eight bits."""
    several: bool
    """The file holds more pictures; this is the first."""


def decode(content: bytes, name: object, side: int | None = None) -> Decoded:
    """The picture in a file's bytes; with `side`, with alpha and its longer side at most so long. `name` stands in the messages.

    UserError for what is no picture, too large, too long and narrow, damaged, or takes too long.
    """
    if not content:
        raise UserError(f"{name}: expected {EXPECTED}, found an empty file; copy it again")
    if kind := kind_of(content[:HEAD_BYTES]):
        raise UserError(f"{name}: expected {EXPECTED}, found {kind}")
    if (scans := jpeg_scans(content)) > MOST_SCANS:
        raise UserError(f"{name}: expected a JPEG of at most {MOST_SCANS} scans, found {scans}; save it again")
    header = {
        "bytes": len(content),
        "side": side,
        "formats": FORMATS,
        "wide_modes": tuple(GREY),
        "most_pixels": MOST_PIXELS,
        "least_side": LEAST_SIDE,
        "most_aspect": MOST_ASPECT,
        "seconds": SECONDS,
        "seconds_a_megapixel": SECONDS_A_MEGAPIXEL,
    }
    answer, pixels = _CHILD.ask(header, content)
    if "refused" in answer:
        expected, found = answer["refused"]
        raise UserError(f"{name}: expected {expected or EXPECTED}, found {found}")
    if pixels is None:
        raise UserError(
            f"{name}: expected a complete picture, found a truncated or damaged one ({shown(answer['damaged'], 120)}); "
            "save or copy it again"
        )
    return Decoded(pixels, answer["several"])


def jpeg_scans(content: bytes) -> int:
    """How often a JPEG goes over its picture, counted by markers until it ends; 0 for any other file.

    What a camera appends behind the end (a film, a map of depth) does not count, nor a thumbnail in the header.
    """
    if not content.startswith(b"\xff\xd8"):
        return 0
    place = 2
    while content[place : place + 1] == b"\xff" and content[place + 1 : place + 2] not in (b"\xd9", b"\xda", b""):
        place += 2 + max(2, int.from_bytes(content[place + 2 : place + 4], "big"))
    scans = 0
    for marker in SCAN_OR_END.finditer(content, place):
        if marker[0] == b"\xff\xd9":
            break
        scans += 1
    return scans


class _Child:
    """The decoding process, started when it is first needed and again when it has ended."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._owner, self._lock = 0, threading.Lock()

    def ask(self, request: dict[str, Any], content: bytes) -> tuple[dict[str, Any], np.ndarray | None]:
        """The child's answer and the pixels, None where there are none."""
        with self._lock:
            process = self._running()
            with ended_after(process, PATIENCE_SECONDS):
                try:
                    return self._talk(process, request, content)
                except (OSError, ValueError, EOFError):
                    return {"refused": ("", self._last_words(process))}, None

    def stop(self) -> None:
        """End the process, if it is ours."""
        if self._process is not None and self._owner == os.getpid():
            self._process.kill()
            self._process.communicate()
        self._process = None

    def _running(self) -> "subprocess.Popen[bytes]":
        if self._process is None or self._owner != os.getpid() or self._process.poll() is not None:
            self._owner = os.getpid()
            self._process = subprocess.Popen(
                child_command(PROGRAM, MEMORY_BYTES),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=child_environment(),
            )
        return self._process

    def _talk(
        self, process: "subprocess.Popen[bytes]", request: dict[str, Any], content: bytes
    ) -> tuple[dict[str, Any], np.ndarray | None]:
        assert process.stdin is not None and process.stdout is not None
        process.stdin.write(json.dumps(request).encode() + b"\n")
        process.stdin.write(content)
        process.stdin.flush()
        answer: dict[str, Any] = json.loads(process.stdout.readline())
        if "mode" not in answer:
            return answer, None
        pixels = _empty(answer["mode"], *answer["size"])
        fill(pixels, process.stdout)
        return answer, pixels

    def _last_words(self, process: "subprocess.Popen[bytes]") -> str:
        """Why the process ended."""
        process.kill()
        process.communicate()
        return f"one that {ended_by(process.returncode)} while it is decoded; save it again"


_CHILD = _Child()
atexit.register(_CHILD.stop)


def _empty(mode: str, width: int, height: int) -> np.ndarray:
    if not 0 < width * height <= MOST_PIXELS:
        raise ValueError(f"{width} x {height} pixels")
    if mode in CHANNELS:
        return np.empty((height, width, CHANNELS[mode]), np.uint8)
    return np.empty((height, width), GREY[mode])
