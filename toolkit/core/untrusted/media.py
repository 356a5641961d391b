"""The one opener of strangers' sounds and videos: containers on a list, decoders in a child with bounds.

FFmpeg's decoders are C and have been wrong before: they run in a process of their own (media_child.py), which reads the one file that it is
handed, opens no other, and is ended when it takes too long or more memory than it may.
"""

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from jaxtyping import UInt8

from facecraft4d.toolkit.core.checks import UserError
from facecraft4d.toolkit.core.datatypes import Sound
from facecraft4d.toolkit.core.text import shown
from facecraft4d.toolkit.core.untrusted.door import fill, open_untrusted
from facecraft4d.toolkit.core.untrusted.limits import child_command, child_environment, ended_after, ended_by

SOUNDS = ("wav", "mp3", "flac", "ogg", "aiff", "aac", "mov", "matroska")
VIDEOS = ("mov", "matroska", "avi", "mpegts")
"""FFmpeg's names of the containers that are read; none of them names other files."""
SOUND_BYTES, VIDEO_BYTES = 1 << 30, 16 << 30
SOUND_SECONDS = 600.0
"""Of speech at once."""
VIDEO_FRAMES = 216_000
"""An hour at 60 a second."""
MOST_SIDE = 8192
"""Pixels of a video's side before it is scaled."""
RATES = (8_000, 48_000)
"""Sounds keep their own rate within these."""
PROGRAM = "facecraft4d.toolkit.core.untrusted.media_child"
MEMORY_BYTES = 3 << 29
"""Address space of the child: reference frames of a 4K video, and FFmpeg."""
SECONDS = 10.0
"""Processor time from one piece to the next."""
PATIENCE_SECONDS = 60.0
"""The same by the clock."""
SOUND_EXPECTED = "a sound (WAV, MP3, FLAC, Ogg, AIFF, AAC, or the track of an MP4, MOV, MKV or WebM)"
VIDEO_EXPECTED = "a video (MP4, MOV, MKV, WebM, AVI or MPEG-TS)"


def read_sound(path: Path) -> Sound:
    """The sound in a file, mono or stereo. UserError for what is none, too long, or damaged."""
    request = {"kind": "sound", "formats": SOUNDS, "rates": RATES, "most_seconds": SOUND_SECONDS}
    with _pieces(path, SOUND_EXPECTED, SOUND_BYTES, request) as pieces:
        found = [(piece["rate"], data) for piece, data in pieces]
    if not found:
        raise UserError(f"{path}: expected {SOUND_EXPECTED}, found one without a moment of sound")
    return Sound(np.concatenate([data for _, data in found]), found[0][0])


def video_frames(path: Path, side: int) -> Iterator[tuple[float, UInt8[np.ndarray, "h w 3"]]]:
    """The frames of a video, upright, their longer side at most `side`, each with its time in seconds. UserError for what is none, or damaged."""
    request = {
        "kind": "video", "formats": VIDEOS, "side": side, "most_side": MOST_SIDE, "most_frames": VIDEO_FRAMES,
    }  # fmt: skip
    with _pieces(path, VIDEO_EXPECTED, VIDEO_BYTES, request) as pieces:
        for piece, data in pieces:
            yield piece["seconds"], data


Piece = tuple[dict[str, Any], np.ndarray]
"""What the child says of a part of the file, and its numbers."""


@contextmanager
def _pieces(path: Path, expected: str, most_bytes: int, request: dict[str, Any]) -> Iterator[Iterator[Piece]]:
    """What the child makes of a file, piece by piece; it ends with the context."""
    with open_untrusted(path, expected, most_bytes, "cut it into pieces") as stream:
        process = _child(stream, request | {"seconds": SECONDS})
        try:
            yield _answers(process, path, expected)
        finally:
            process.kill()
            process.wait()
            assert process.stdout is not None
            process.stdout.close()


def _child(stream: BinaryIO, request: dict[str, Any]) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        child_command(PROGRAM, MEMORY_BYTES, json.dumps(request)),
        stdin=stream,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=child_environment(),
    )


def _answers(process: "subprocess.Popen[bytes]", path: Path, expected: str) -> Iterator[Piece]:
    while True:
        with ended_after(process, PATIENCE_SECONDS):
            try:
                answer, data = _answer(process)
            except (OSError, ValueError, EOFError, KeyError):
                process.kill()
                process.wait()
                found = f"one that {ended_by(process.returncode)} while it is decoded; save it again"
                raise UserError(f"{path}: expected {expected}, found {found}") from None
        if "refused" in answer:
            raise UserError(f"{path}: expected {expected}, found {shown(answer['refused'], 200)}")
        if "end" in answer:
            return
        yield answer, data


def _answer(process: "subprocess.Popen[bytes]") -> Piece:
    """One line of JSON and the numbers that it announces."""
    assert process.stdout is not None
    answer: dict[str, Any] = json.loads(process.stdout.readline())
    shape = tuple(answer.get("shape", (0,)))
    if not all(0 <= side <= MOST_SIDE * MOST_SIDE for side in shape):
        raise ValueError(f"a piece of the shape {shape}")
    data = np.empty(shape, np.int16 if len(shape) == 2 else np.uint8)
    fill(data, process.stdout)
    return answer, data
