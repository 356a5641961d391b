"""Films of one face by one or several fixed cameras, as pictures to track: in step with one another, in memory."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float32, UInt8

from facecraft4d.toolkit.cameras import nerf_camera, read_cameras, told
from facecraft4d.toolkit.core.checks import UserError
from facecraft4d.toolkit.core.datatypes import Camera
from facecraft4d.toolkit.core.geometry import intrinsics, resized_camera
from facecraft4d.toolkit.core.stages import UNKNOWN, Progress, Report
from facecraft4d.toolkit.core.untrusted.media import video_frames

SIDE = 512
"""Pixels of a picture's longer side."""
MOST_FILMS = 32
MOST_BYTES = 3 << 30
"""Of all pictures in memory: five minutes of one camera, or twenty seconds of sixteen."""
GUESSED_FOV_DEGREES = 30.0
"""Vertical field of view of a camera that nobody described: a telephone's main camera, upright or with its picture cut to the head."""
SAME_RATE = 0.01
"""Part by which the frame rates of cameras that run together may differ."""
ASPECT = 0.02
"""Part by which a film's shape may differ from its camera's."""

Film = UInt8[np.ndarray, "t h w 3"]


@dataclass(frozen=True, slots=True, eq=False)
class Films:
    """Pictures of all cameras at all time steps; nobody has cut the person out."""

    cameras: tuple[Camera, ...]
    films: tuple[Film, ...]
    fps: float

    @property
    def count(self) -> int:
        """Time steps."""
        return len(self.films[0])

    def rgba(self, view: int, step: int) -> Float32[np.ndarray, "h w 4"]:
        """A picture; all of it is in the matte."""
        rgb = self.films[view][step].astype(np.float32) / 255
        return np.dstack([rgb, np.ones(rgb.shape[:2], np.float32)])


def read_films(paths: tuple[Path, ...], cameras: Path | None, report: Report) -> Films:
    """All frames of films that begin together; `cameras` is a transforms.json, without it there may be one film alone.

    UserError for films that do not run together, that take too much memory, or that the cameras do not fit.
    """
    if len(paths) > MOST_FILMS:
        raise UserError(f"expected at most {MOST_FILMS} videos, found {len(paths)}")
    if cameras is None and len(paths) > 1:
        raise UserError(
            f"{len(paths)} videos need --cameras transforms.json: where several cameras stand cannot be guessed "
            "(docs/tracking.md); for one video alone it may be left out"
        )
    films, rates, spent = [], [], 0
    for path in paths:
        film, rate = _read(path, MOST_BYTES - spent, report)
        films.append(film)
        rates.append(rate)
        spent += film.nbytes
    for path, rate in zip(paths, rates, strict=True):
        if abs(rate / rates[0] - 1) > SAME_RATE:
            raise UserError(f"{path}: expected {rates[0]:g} frames a second as {paths[0].name} has, found {rate:g}")
    steps = min(len(film) for film in films)
    known = (_guessed(films[0]),) if cameras is None else fixed_cameras(cameras, paths)
    placed = tuple(_fitted(path, camera, film) for path, camera, film in zip(paths, known, films, strict=True))
    return Films(placed, tuple(film[:steps] for film in films), rates[0])


def _read(path: Path, most_bytes: int, report: Report) -> tuple[Film, float]:
    """The frames of a film and how many there are a second."""
    times, frames, spent = list[float](), list[np.ndarray](), 0
    for seconds, rgb in video_frames(path, SIDE):
        spent += rgb.nbytes
        if spent > most_bytes:
            raise UserError(
                f"{path}: expected videos that fit into {MOST_BYTES >> 30} GiB at {SIDE} pixels, found more after "
                f"{len(frames)} frames; cut them into pieces"
            )
        times.append(seconds)
        frames.append(rgb)
        report(Progress("tracking", len(frames), UNKNOWN, f"reading {path.name}"))
    if len(frames) < 2:
        raise UserError(f"{path}: expected a video of at least two frames, found {len(frames)}")
    return np.stack(frames), round((len(times) - 1) / max(times[-1] - times[0], 1e-6), 3)


def _guessed(film: Film) -> Camera:
    """A camera that looks through the middle of its picture."""
    height, width = film.shape[1:3]
    return Camera(np.eye(4), *intrinsics(GUESSED_FOV_DEGREES, width, height), width, height)


def _fitted(path: Path, camera: Camera, film: Film) -> Camera:
    """The camera for the film's own number of pixels."""
    height, width = film.shape[1:3]
    if abs(width * camera.height / (height * camera.width) - 1) > ASPECT:
        raise UserError(f"{path}: its camera has {camera.width} x {camera.height} pixels, the video has another shape")
    return resized_camera(camera, width, height)


def fixed_cameras(path: Path, films: tuple[Path, ...]) -> tuple[Camera, ...]:
    """The camera of each film, from a transforms.json as GaussianAvatars and NeRF write it.

    An entry of its list `frames` belongs to the film that its file_path names; where none is named, the different camera_index (or, without
    these, the entries) in order are the films in order. UserError where a camera is missing, or moves.
    """
    document = read_cameras(path)
    entries = document.get("frames")
    if not isinstance(entries, list) or not entries or not all(isinstance(entry, dict) for entry in entries):
        raise UserError(f"{path}: expected entries in the list frames, found {told(entries)}")
    return tuple(
        _one(path, document, group, film) for group, film in zip(_groups(path, entries, films), films, strict=True)
    )


def _groups(path: Path, entries: list[dict[str, Any]], films: tuple[Path, ...]) -> Iterator[list[int]]:
    """Which entries are of each film's camera."""
    named = [[i for i, entry in enumerate(entries) if _names(entry, film)] for film in films]
    if any(named):
        for group, film in zip(named, films, strict=True):
            if not group:
                raise UserError(f"{path}: expected an entry of frames whose file_path names {film.name}, found none")
        yield from named
        return
    keys = [repr(entry.get("camera_index", ("entry", i))) for i, entry in enumerate(entries)]
    cameras = list(dict.fromkeys(keys))
    if len(cameras) != len(films):
        raise UserError(f"{path}: expected {len(films)} cameras, one for each video, found {len(cameras)}")
    yield from ([i for i, key in enumerate(keys) if key == camera] for camera in cameras)


def _names(entry: dict[str, Any], film: Path) -> bool:
    found = entry.get("file_path")
    return isinstance(found, str) and Path(found).name == film.name


def _one(path: Path, document: dict[str, Any], group: list[int], film: Path) -> Camera:
    """A camera that stands still."""
    known = [nerf_camera(f"{path}: frames[{i}]", {**document, **document["frames"][i]}) for i in group]
    for camera in known[1:]:
        if np.abs(camera.camera_from_world - known[0].camera_from_world).max() > 1e-4:
            raise UserError(f"{path}: expected a camera of {film.name} that stands still, found one that moves")
    return replace(known[0])
