"""The video prior without a network: the fitted mesh moves each view's pixels. Stands where the paper has LivePortrait (section 3.3).

All views follow the same poses, and the poses are known exactly, so the set comes with its track.
"""

import hashlib
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from jaxtyping import Float32

from facecraft4d.toolkit.config import VideoPriorConfig
from facecraft4d.toolkit.core.datatypes import FrameSet, Head, Motion, View, ViewSet
from facecraft4d.toolkit.core.geometry import camera_center, resized_camera
from facecraft4d.toolkit.core.rigging import pose_vertices
from facecraft4d.toolkit.core.stages import Progress, StageContext
from facecraft4d.toolkit.images import as_png
from facecraft4d.toolkit.video_prior.mesh.animate import animated
from facecraft4d.toolkit.video_prior.mesh.fill import source_of
from facecraft4d.toolkit.video_prior.mesh.made import Made
from facecraft4d.toolkit.video_prior.mesh.poses import clip_ingredients, driving_track
from facecraft4d.toolkit.video_prior.mesh.surface import surface_of


def animate_views(head: Head, views: ViewSet, config: VideoPriorConfig, context: StageContext) -> FrameSet:
    """Write view_VV/frame_TTTT.png (VV: number of the view in `views`) into the stage's folder; pictures that an earlier run wrote there stay.

    ValueError if there are fewer than config.frontal_views + 1 views or the rig does not have ARKit's expressions.
    """
    indices = frontal_indices(views, config.frontal_views)
    track, clip_starts = driving_track(head.rig, head.pose, config.frames, np.random.default_rng(context.seed))
    made = Made(context.folder, digest(head, views, indices, track, config.size))
    posed = [pose_vertices(head.rig, track.pose(frame)) for frame in range(config.frames)]
    cameras = tuple(resized_camera(views.views[index].camera, config.size, config.size) for index in indices)
    frames = FrameSet(context.folder, cameras, indices, track, clip_starts, clip_ingredients())
    done, total = 0, len(indices) * config.frames
    for index in indices:
        paths = [frames.path(index, frame) for frame in range(config.frames)]
        for _ in write_view(head, views.views[index], posed, config.size, paths, made):
            done += 1
            context.report(Progress("video_prior", done, total))
    made.close()
    return frames


def frontal_indices(views: ViewSet, beside: int) -> tuple[int, ...]:
    """The reference and the `beside` other views that see most of the face."""
    if beside >= len(views.views):
        raise ValueError(f"frontal_views must be below the number of views {len(views.views)}, got {beside}")
    centers = np.stack([camera_center(view.camera) for view in views.views])
    azimuths = np.abs(np.degrees(np.arctan2(centers[:, 0], centers[:, 2]))).round(3)
    others = sorted(range(1, len(azimuths)), key=lambda index: (azimuths[index], index))
    return (0, *sorted(others[:beside]))


def write_view(
    head: Head, view: View, posed: list[Float32[np.ndarray, "v 3"]], size: int, paths: list[Path], made: Made
) -> Iterator[None]:
    """Write the missing pictures of one view, the head's vertices being `posed`; yields once for every picture, in order."""
    paths[0].parent.mkdir(parents=True, exist_ok=True)
    missing = [not made.has(path) for path in paths]
    surface = surface_of(head)
    source = source_of(view, pose_vertices(head.rig, head.pose), surface, size) if any(missing) else None

    def write(frame: int) -> None:
        if missing[frame] and source is not None:
            made.add(paths[frame], as_png(animated(source, surface, posed[frame])))

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        yield from pool.map(write, range(len(paths)))


def digest(head: Head, views: ViewSet, indices: tuple[int, ...], track: Motion, size: int) -> str:
    """A hash of everything that decides the pictures."""
    arrays: list[Float32[np.ndarray, ...]] = [head.rig.vertices, head.mesh.texture, head.pose.expression]
    arrays += [head.pose.joint_rotations, track.expressions, track.joint_rotations, track.translations]
    arrays += [view for index in indices for view in (views.views[index].image, views.views[index].mask)]
    total = hashlib.sha256(f"{indices} {size}".encode())
    for array in arrays:
        total.update(np.ascontiguousarray(array).tobytes())
    return total.hexdigest()
