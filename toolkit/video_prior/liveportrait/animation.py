"""The paper's video prior (section 3.3): LivePortrait moves the photograph and the frontal views by the same clips, expression alone.

Nobody knows the motion that it invents: the set comes without a track, and tracking finds it.
"""

from functools import cache

import numpy as np
import torch
from jaxtyping import Float, UInt8

from facecraft4d.toolkit import face_model
from facecraft4d.toolkit.config import FaceModelConfig, LivePortraitConfig, VideoPriorConfig
from facecraft4d.toolkit.core.datatypes import FrameSet, Head, ViewSet
from facecraft4d.toolkit.core.pixels import to_bytes
from facecraft4d.toolkit.core.rigging import pose_vertices
from facecraft4d.toolkit.core.stages import Progress, Report, StageContext
from facecraft4d.toolkit.device import ELSEWHERE, within_memory
from facecraft4d.toolkit.face_model import surface_positions
from facecraft4d.toolkit.fitting.figure import figure_of_head
from facecraft4d.toolkit.images import resized
from facecraft4d.toolkit.landmarks import FaceLandmarker
from facecraft4d.toolkit.video_prior.frames import (
    Draw,
    azimuths,
    frame_set,
    frontal_indices,
    stamp_of,
    write_frames,
)
from facecraft4d.toolkit.video_prior.liveportrait import files, films
from facecraft4d.toolkit.video_prior.liveportrait.architecture import PUBLISHED
from facecraft4d.toolkit.video_prior.liveportrait.checkpoints import load_networks
from facecraft4d.toolkit.video_prior.liveportrait.clips import Clips
from facecraft4d.toolkit.video_prior.liveportrait.crop import lip_ratio
from facecraft4d.toolkit.video_prior.liveportrait.drawn import drawn_clips
from facecraft4d.toolkit.video_prior.liveportrait.keypoints import Motion, motion_of
from facecraft4d.toolkit.video_prior.liveportrait.networks import Networks
from facecraft4d.toolkit.video_prior.liveportrait.sitter import Step, as_input, moved, sitter_of
from facecraft4d.toolkit.weights.matching import OtherArchitecture

NAME = "--video-prior liveportrait"


def check(config: LivePortraitConfig, seed: int, report: Report) -> None:
    """Read the checkpoints whole, and the drawn videos up to their first faces. UserError for what cannot serve."""
    report(Progress("preflight", 0, 1, "reading LivePortrait's checkpoints"))
    _loaded(config, "cpu", "preflight", report)
    if config.driving is not None:
        landmarker, lots = FaceLandmarker(), films.drawn_lots(files.videos(config), config.clips, seed)
        for number, path in enumerate(lots):
            report(Progress("preflight", number, len(lots), "looking for faces in the driving videos"))
            films.check(path, landmarker)


def animate(
    head: Head, views: ViewSet, config: VideoPriorConfig, chosen: FaceModelConfig, context: StageContext
) -> FrameSet:
    """Write view_VV/frame_TTTT.png (VV: number of the view in `views`) into the stage's folder; pictures that an earlier run wrote there stay.

    `views` show `head.pose`, whoever made them. UserError for a head without its model's whole mesh, and as `check`.
    """
    own, indices = config.liveportrait, frontal_indices(views, config.frontal_views)
    places, rest = landmark_places(head, chosen, context.report)
    clips = _clips(config, context)
    for note in clips.notes:
        context.report(Progress("video_prior", 0, 1, notes=(note,)))
    made_of = (*files.ingredients(own), *clips.ingredients)
    frames = frame_set(context.folder, views, indices, config.size, None, clips.starts, made_of)
    ratio = lip_ratio(places, rest) if own.close_lips else None
    turned = azimuths(views)

    @cache
    def ready() -> tuple[Networks, list[Step]]:
        networks = _loaded(own, context.device, "video_prior", context.report)
        return networks, steps_of(clips, networks, context)

    def drawer(index: int) -> Draw:
        networks, steps = ready()
        sitter = sitter_of(views.views[index], places, float(turned[index]), ratio, networks, context.device)
        return lambda step: to_bytes(resized(moved(sitter, steps[step], own.multiplier, networks), config.size))

    with within_memory(context.device, NAME, "its networks", ELSEWHERE):
        stamp = _stamp(views, indices, config, places, clips)
        write_frames(frames, len(clips.moments), stamp, drawer, 1, context.report)
    return frames


def _loaded(config: LivePortraitConfig, device: str, stage: str, report: Report) -> Networks:
    """The user's networks. Of one of another architecture every difference is told to `report`, the first ones are in the error's line."""
    try:
        return load_networks(files.given(config), device, PUBLISHED)
    except OtherArchitecture as error:
        report(Progress(stage, 0, 1, notes=error.differences.lines))
        raise


def landmark_places(
    head: Head, chosen: FaceModelConfig, report: Report
) -> tuple[Float[np.ndarray, "478 3"], Float[np.ndarray, "478 3"]]:
    """Where the head's landmarks lie in its own pose and at rest, metres, world. UserError for a head without its model's whole mesh."""
    figure = figure_of_head(face_model.load(chosen, report), head)

    def places(vertices: Float[np.ndarray, "v 3"]) -> Float[np.ndarray, "478 3"]:
        return surface_positions(figure.landmarks, figure.rig.triangles, vertices)

    return places(pose_vertices(head.rig, head.pose)), places(head.rig.vertices)


def _clips(config: VideoPriorConfig, context: StageContext) -> Clips:
    own = config.liveportrait
    if own.driving is None:
        return drawn_clips(config.frames, context.seed, context.report)
    paths = films.drawn_lots(files.videos(own), own.clips, context.seed)
    return films.filmed_clips(paths, config.frames, context.seed, context.report)


def steps_of(clips: Clips, networks: Networks, context: StageContext) -> list[Step]:
    """The motion of every moment, and of the neutral face that it is told from."""

    @torch.inference_mode()
    def seen(picture: UInt8[np.ndarray, "256 256 3"]) -> Motion:
        return motion_of(networks.motion(as_input(picture / 255, context.device)))

    neutral = [seen(picture) for picture in clips.neutral]
    steps = []
    for number, picture in enumerate(clips.moments):
        steps.append(Step(seen(picture), neutral[int(clips.neutral_of[number])]))
        context.report(Progress("video_prior", number + 1, len(clips.moments), "motion of the driving clips"))
    return steps


def _stamp(
    views: ViewSet, indices: tuple[int, ...], config: VideoPriorConfig, places: Float[np.ndarray, "478 3"], clips: Clips
) -> str:
    """Of what goes in, not of what networks make of it: on CUDA that differs from run to run in its last digits."""
    own = config.liveportrait
    hashes = [each.sha256 for each in files.ingredients(own)]
    shown = [part for index in indices for part in (views.views[index].image, views.views[index].mask)]
    return stamp_of(
        f"{indices} {config.size} {own.multiplier} {own.close_lips} {hashes}",
        [places, clips.moments, clips.neutral, clips.neutral_of, *shown],
    )
