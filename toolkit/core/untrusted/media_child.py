"""The program of the child that decodes strangers' sounds and videos (media.py): FFmpeg through PyAV, numpy and the standard library.

The file is its standard input; it answers on its standard output with lines of JSON, each followed by the numbers that it announces. What
kills it kills nothing else. It limits its own memory and processor time where the platform can.
"""

import itertools
import json
import sys
from collections.abc import Iterator
from typing import Any

import av
import numpy as np

from facecraft4d.toolkit.core.untrusted.limits import limit_memory, limit_seconds

Piece = tuple[dict[str, Any], np.ndarray]


class Refused(Exception):
    """What was found instead of what was asked for, in words."""


def main() -> None:
    """Answer the one request."""
    limit_memory(int(sys.argv[1]))
    request = json.loads(sys.argv[2])
    try:
        for answer, data in _pieces(request):
            _say({**answer, "shape": data.shape})
            sys.stdout.buffer.write(np.ascontiguousarray(data).tobytes())
            limit_seconds(request["seconds"])
        _say({"end": True})
    except Refused as refusal:
        _say({"refused": str(refusal)})
    except MemoryError:
        _say({"refused": "one that takes too much memory to decode; save it smaller"})
    except Exception as error:
        _say({"refused": f"something else, or a damaged one ({type(error).__name__} {error})"[:500].strip()})


def _say(answer: dict[str, Any]) -> None:
    sys.stdout.buffer.write(json.dumps(answer).encode() + b"\n")
    sys.stdout.buffer.flush()


def _pieces(request: dict[str, Any]) -> Iterator[Piece]:
    limit_seconds(request["seconds"])
    options = {"format_whitelist": ",".join(request["formats"]), "protocol_whitelist": "none"}
    with av.open(sys.stdin.buffer, "r", options=options, metadata_errors="replace") as container:
        yield from (_sound if request["kind"] == "sound" else _video)(container, request)


def _sound(container: av.container.InputContainer, request: dict[str, Any]) -> Iterator[Piece]:
    """16 bit, mono or stereo, at a rate within the request's."""
    if not container.streams.audio:
        raise Refused("one without sound")
    stream, (low, high) = container.streams.audio[0], request["rates"]
    rate = min(max(stream.codec_context.sample_rate, low), high)
    layout = "mono" if stream.codec_context.layout.nb_channels == 1 else "stereo"
    resampler, heard = av.AudioResampler("s16", layout, rate), 0
    for decoded in itertools.chain(container.decode(stream), (None,)):
        for frame in resampler.resample(decoded):
            data = frame.to_ndarray().reshape(frame.samples, -1)
            heard += len(data)
            if heard > request["most_seconds"] * rate:
                raise Refused(f"one longer than {request['most_seconds']:g} seconds; cut it into pieces")
            yield {"rate": rate}, data


def _video(container: av.container.InputContainer, request: dict[str, Any]) -> Iterator[Piece]:
    """8 bit RGB, upright, within the request's side; times count from the first frame."""
    if not container.streams.video:
        raise Refused("one without pictures")
    stream, start = container.streams.video[0], None
    if not 0 < max(stream.width, stream.height) <= request["most_side"]:
        raise Refused(f"pictures of {stream.width} x {stream.height}; scale it down")
    stream.codec_context.thread_count = 1
    for number, frame in enumerate(container.decode(stream)):
        if number >= request["most_frames"]:
            raise Refused(f"more than {request['most_frames']:,} frames; cut it into pieces")
        seconds = float(frame.time) if frame.time is not None else number / float(stream.average_rate or 30)
        start = seconds if start is None else start
        scale = min(1.0, request["side"] / max(frame.width, frame.height))
        small = frame.reformat(max(1, round(frame.width * scale)), max(1, round(frame.height * scale)), "rgb24")
        yield {"seconds": seconds - start}, np.rot90(small.to_ndarray(), round(frame.rotation / 90) % 4)


if __name__ == "__main__":
    main()
