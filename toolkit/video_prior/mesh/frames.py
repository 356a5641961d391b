"""The video prior without a network: the fitted mesh moves each view's pixels. Stands where the paper has LivePortrait (section 3.3).

All views follow the same poses, and the poses are known exactly, so the set comes with its track.
"""

import os

import numpy as np

from facecraft4d.toolkit.config import VideoPriorConfig
from facecraft4d.toolkit.core.datatypes import FrameSet, Head, Motion, ViewSet
from facecraft4d.toolkit.core.rigging import pose_vertices
from facecraft4d.toolkit.core.stages import StageContext
from facecraft4d.toolkit.video_prior.frames import Draw, frame_set, frontal_indices, stamp_of, write_frames
from facecraft4d.toolkit.video_prior.mesh.animate import animated
from facecraft4d.toolkit.video_prior.mesh.fill import source_of
from facecraft4d.toolkit.video_prior.mesh.surface import surface_of
from facecraft4d.toolkit.video_prior.poses import clip_ingredients, driving_track


def animate_views(head: Head, views: ViewSet, config: VideoPriorConfig, context: StageContext) -> FrameSet:
    """Write view_VV/frame_TTTT.png (VV: number of the view in `views`) into the stage's folder; pictures that an earlier run wrote there stay.

    ValueError if there are fewer than config.frontal_views + 1 views or the rig does not have ARKit's expressions.
    """
    indices = frontal_indices(views, config.frontal_views)
    track, clip_starts = driving_track(head.rig, head.pose, config.frames, np.random.default_rng(context.seed))
    posed = [pose_vertices(head.rig, track.pose(frame)) for frame in range(config.frames)]
    frames = frame_set(context.folder, views, indices, config.size, track, clip_starts, clip_ingredients())
    surface = surface_of(head)

    def drawer(index: int) -> Draw:
        source = source_of(views.views[index], pose_vertices(head.rig, head.pose), surface, config.size)
        return lambda frame: animated(source, surface, posed[frame])

    stamp = _stamp(head, views, indices, track, config.size)
    write_frames(frames, config.frames, stamp, drawer, os.cpu_count() or 1, context.report)
    return frames


def _stamp(head: Head, views: ViewSet, indices: tuple[int, ...], track: Motion, size: int) -> str:
    arrays: list[np.ndarray] = [head.rig.vertices, head.mesh.texture, head.pose.expression]
    arrays += [head.pose.joint_rotations, track.expressions, track.joint_rotations, track.translations]
    arrays += [view for index in indices for view in (views.views[index].image, views.views[index].mask)]
    return stamp_of(f"{indices} {size}", arrays)
