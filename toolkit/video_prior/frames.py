"""What all video priors share of a view x time set: which views are animated, where its pictures lie, how they are written and resumed."""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from jaxtyping import Float, UInt8

from facecraft4d.toolkit.core.datatypes import FrameSet, Motion, ViewSet
from facecraft4d.toolkit.core.geometry import camera_center, resized_camera
from facecraft4d.toolkit.core.ingredients import Ingredient
from facecraft4d.toolkit.core.stages import Progress, Report
from facecraft4d.toolkit.images import as_png
from facecraft4d.toolkit.video_prior.made import Made

Draw = Callable[[int], UInt8[np.ndarray, "h w 4"]]
"""The picture of a time step: straight colours on white, alpha."""


def azimuths(views: ViewSet) -> Float[np.ndarray, " v"]:
    """How far each camera is turned about +Y from where the head looks, degrees, positive towards the subject's left."""
    centers = np.stack([camera_center(view.camera) for view in views.views])
    return np.asarray(np.degrees(np.arctan2(centers[:, 0], centers[:, 2])))


def frontal_indices(views: ViewSet, beside: int) -> tuple[int, ...]:
    """The reference and the `beside` other views that see most of the face. ValueError if there are not so many."""
    if beside >= len(views.views):
        raise ValueError(f"frontal_views must be below the number of views {len(views.views)}, got {beside}")
    turned = np.abs(azimuths(views)).round(3)
    others = sorted(range(1, len(turned)), key=lambda index: (turned[index], index))
    return (0, *sorted(others[:beside]))


def frame_set(
    folder: Path, views: ViewSet, indices: tuple[int, ...], size: int, track: Motion | None,
    clip_starts: tuple[int, ...], ingredients: tuple[Ingredient, ...],
) -> FrameSet:  # fmt: skip
    """The set of pictures of `size` pixels a side that the views of these indices are animated to."""
    cameras = tuple(resized_camera(views.views[index].camera, size, size) for index in indices)
    return FrameSet(folder, cameras, indices, track, clip_starts, ingredients)


def write_frames(
    frames: FrameSet, steps: int, stamp: str, drawer: Callable[[int], Draw], workers: int, report: Report
) -> None:
    """Write view_VV/frame_TTTT.png of every view and time step; pictures that an earlier run of the same `stamp` wrote there stay.

    `drawer` makes ready to draw a view (an entry of frames.view_indices); it is asked for views that lack a picture only. `workers` pictures are
    drawn at a time.
    """
    made, done, total = Made(frames.folder, stamp), 0, len(frames.view_indices) * steps
    for view in frames.view_indices:
        paths = [frames.path(view, step) for step in range(steps)]
        for _ in _write_view(paths, made, lambda view=view: drawer(view), workers):  # type: ignore[misc]
            done += 1
            report(Progress("video_prior", done, total))
    made.close()


def _write_view(paths: list[Path], made: Made, ready: Callable[[], Draw], workers: int) -> Iterator[None]:
    """Write the missing pictures of one view; yields once for every picture, in order."""
    paths[0].parent.mkdir(parents=True, exist_ok=True)
    missing = [not made.has(path) for path in paths]
    draw = ready() if any(missing) else None

    def write(step: int) -> None:
        if missing[step] and draw is not None:
            made.add(paths[step], as_png(draw(step)))

    if workers == 1:
        yield from map(write, range(len(paths)))
        return
    with ThreadPoolExecutor(workers) as pool:
        yield from pool.map(write, range(len(paths)))


def stamp_of(options: str, arrays: Iterable[np.ndarray]) -> str:
    """A hash of everything that decides the pictures: options in words, and numbers."""
    total = hashlib.sha256(options.encode())
    for array in arrays:
        total.update(np.ascontiguousarray(array).tobytes())
    return total.hexdigest()
