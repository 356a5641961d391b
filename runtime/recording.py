"""A clip as video or as pictures, frame by frame at exact times: the same frames on every run."""

import itertools
import re
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from PIL import Image

from facecraft4d.runtime.options import RecordOptions
from facecraft4d.runtime.picture import background_color, composite
from facecraft4d.runtime.renderer import open_renderer
from facecraft4d.runtime.soundtrack import SoundTrack, lasting
from facecraft4d.runtime.still import option_camera
from facecraft4d.toolkit.core.asset import Avatar
from facecraft4d.toolkit.core.checks import UserError
from facecraft4d.toolkit.core.datatypes import Motion, Sound
from facecraft4d.toolkit.core.files import scratch_folder, whole_file
from facecraft4d.toolkit.core.motion import on_rig
from facecraft4d.toolkit.core.pixels import encoded_bytes
from facecraft4d.toolkit.core.stages import Progress

QUALITY = {"crf": "16", "preset": "medium", "threads": "2"}
"""x264: visually lossless; a fixed number of threads gives the same bytes on every machine."""

WEBP_QUALITY = {"quality": "75", "compression_level": "4"}
GIF_TICKS = 100
"""A second, in GIF."""

BT709, LIMITED_RANGE = 1, 1
"""ITU-T H.273 codes: without them players guess the colours from the size of the picture."""

FPS, TURNS = (1, 240), (-1000, 1000)
"""Frames a second, and times around the head, that make sense."""

PATTERN = re.compile(r"%0\d?d")
"""Stands for the frame number in the name of a picture."""

FrameSink = Callable[[np.ndarray], None]
"""Takes one frame after the other, 8 bit RGB or RGBA."""


def record(
    avatar: Avatar,
    clip: Motion,
    path: Path,
    options: RecordOptions | None = None,
    report: Callable[[Progress], None] = lambda progress: None,
    sound: Sound | None = None,
) -> str:
    """Write the clip once through: MP4 (H.264), WebP or GIF by suffix, PNG files into a folder or to names with %04d in them.

    An MP4 carries the `sound`, cut or followed by silence to the pictures' length. Nothing appears at `path` before the recording is complete. Returns who drew. Raises UserError for options that do not fit.
    """
    options = options or RecordOptions()
    for name, value, (low, high) in (("fps", options.fps, FPS), ("turns", options.turns, TURNS)):
        if not low <= value <= high:
            raise UserError(f"{name} must be between {low} and {high}, got {value}")
    background, orbit = background_color(options.background), option_camera(avatar, options)
    motion = on_rig(clip, avatar.rig)
    count = max(1, round(motion.duration * options.fps))
    heard = None if sound is None else lasting(sound, count / options.fps)
    with (
        open_sink(path, options.size, options.fps, background is None, heard) as sink,
        closing(open_renderer((avatar,), options.size, options.size, options.backend)) as renderer,
    ):
        report(Progress("record", 0, count, renderer.note))
        for frame in range(count):
            camera = orbit.turned(360 * options.turns * frame / count, 0.0).camera(options.size, options.size)
            sink(composite(renderer.draw((motion.at(frame / options.fps),), camera), background))
            report(Progress("record", frame + 1, count))
        return renderer.note


@contextmanager
def open_sink(path: Path, size: int, fps: float, transparent: bool, sound: Sound | None = None) -> Iterator[FrameSink]:
    """Where frames of `size` x `size` pixels go, chosen by the path; an MP4 carries the `sound`."""
    if path.suffix.lower() == ".mp4":
        if size % 2 or transparent:
            what = "even sizes" if size % 2 else "opaque backgrounds"
            raise UserError(f"{path}: MP4 needs {what}; choose another, or record PNG files into a folder")
        with whole_file(path) as temporary, video_sink(temporary, (size, size), fps, sound) as sink:
            yield sink
    elif path.suffix.lower() in ANIMATED:
        with whole_file(path) as temporary, ANIMATED[path.suffix.lower()](temporary, (size, size), fps) as sink:
            yield sink
    elif not path.suffix or path.is_dir() or (path.suffix.lower() == ".png" and PATTERN.search(path.name)):
        pattern = path if PATTERN.search(path.name) and not path.is_dir() else path / "frame_%04d.png"
        with picture_sink(pattern) as sink:
            yield sink
    else:
        raise UserError(
            f"{path}: a recording is an .mp4, .webp or .gif file, a folder for PNG files, or names such as frame_%04d.png"
        )


@contextmanager
def video_sink(path: Path, size: tuple[int, int], fps: float, sound: Sound | None = None) -> Iterator[FrameSink]:
    """H.264 in MP4, 4:2:0, BT.709, index in front so that it plays while it loads; `size` is (width, height), both even. `sound` as AAC."""
    with av.open(str(path), "w", options={"movflags": "+faststart", "fflags": "+bitexact"}) as container:
        try:
            stream = container.add_stream("libx264", rate=Fraction(fps).limit_denominator(1001), options=QUALITY)
        except av.codec.codec.UnknownCodecError:
            raise UserError(f"{path}: this PyAV has no H.264 encoder; record PNG files into a folder instead") from None
        stream.width, stream.height = size
        stream.pix_fmt = "yuv420p"
        context = stream.codec_context
        context.color_primaries = context.color_trc = context.colorspace = BT709
        context.color_range = LIMITED_RANGE
        track, shown = None if sound is None else SoundTrack(container, sound), itertools.count(1)

        def sink(image: np.ndarray) -> None:
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            frame = frame.reformat(format="yuv420p", dst_colorspace="ITU709", dst_color_range="MPEG")
            container.mux(stream.encode(frame))
            if track is not None:
                track.write(next(shown) / fps)

        yield sink
        container.mux(stream.encode())
        if track is not None:
            track.close()


@contextmanager
def webp_sink(path: Path, size: tuple[int, int], fps: float) -> Iterator[FrameSink]:
    """Animated WebP, again and again, with the alpha of its frames; times to the millisecond."""
    with av.open(str(path), "w", format="webp", options={"loop": "0"}) as container:
        stream = container.add_stream("libwebp_anim", rate=Fraction(fps).limit_denominator(1001), options=WEBP_QUALITY)
        stream.width, stream.height = size
        stream.pix_fmt = "bgra"

        def sink(image: np.ndarray) -> None:
            frame = av.VideoFrame.from_ndarray(image, format="rgba" if image.shape[2] == 4 else "rgb24")
            container.mux(stream.encode(frame.reformat(format="bgra")))

        yield sink
        container.mux(stream.encode())


@contextmanager
def gif_sink(path: Path, size: tuple[int, int], fps: float) -> Iterator[FrameSink]:
    """GIF, again and again: 256 colours a frame, a pixel is there or not, times to the hundredth of a second."""
    frames: list[Image.Image] = []
    yield lambda image: frames.append(_paletted(image))
    marks = np.round(np.arange(len(frames) + 1) * GIF_TICKS / fps)
    durations = [max(2, int(step)) * 1000 // GIF_TICKS for step in np.diff(marks)]  # browsers slow down what is faster
    frames[0].save(path, "GIF", save_all=True, append_images=frames[1:], duration=durations, loop=0, disposal=2)


def _paletted(image: np.ndarray) -> Image.Image:
    """A frame in colours of its own; what is more than half transparent has none."""
    whole = Image.fromarray(image[..., :3]).quantize(255, dither=Image.Dither.FLOYDSTEINBERG)
    if image.shape[2] == 4:
        whole.paste(255, mask=Image.fromarray(np.where(image[..., 3] < 128, 255, 0).astype(np.uint8)))
        whole.info["transparency"] = 255
    return whole


ANIMATED = {".webp": webp_sink, ".gif": gif_sink}
"""By suffix: pictures that move."""


@contextmanager
def picture_sink(pattern: Path) -> Iterator[FrameSink]:
    """PNG files named by `pattern` with the frame number from 0; they wait in a hidden folder until all are there."""
    names: list[str] = []
    with scratch_folder(pattern) as waiting:

        def sink(image: np.ndarray) -> None:
            names.append(PATTERN.sub(lambda place: place[0] % len(names), pattern.name, count=1))
            (waiting / names[-1]).write_bytes(encoded_bytes(image, "PNG", compress_level=4))

        yield sink
        for name in names:
            (waiting / name).replace(pattern.with_name(name))
