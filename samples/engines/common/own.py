"""Our Python player as the first row: the pictures that all others are compared with, and its time of a frame."""

from contextlib import closing
from pathlib import Path
from time import perf_counter

import numpy as np
from PIL import Image

from facecraft4d.runtime import Backend, open_renderer, pose_from_weights
from facecraft4d.runtime.camera import framing
from facecraft4d.samples.engines.common.browser import BUDGET, FRAMES, PARTS
from facecraft4d.samples.engines.common.pictures import SIZE, references
from facecraft4d.samples.engines.common.poses import JAW, poses
from facecraft4d.samples.engines.common.report import Report, write_report
from facecraft4d.toolkit.core.asset import Avatar

NAME = "ours"


def write_own(avatar: Avatar, out: Path) -> Report:
    """ours_POSE.png and ours.json in `out`."""
    out.mkdir(parents=True, exist_ok=True)
    for name, reference in references(avatar, poses(avatar)).items():
        Image.fromarray(reference.picture).save(out / f"{NAME}_{name}.png")
    smaller = avatar.level(BUDGET)
    report = Report(
        engine="our Python player, on the processor",
        file="avatar.glb",
        verified="the reference",
        moves=dict.fromkeys(PARTS, True),
        joints=True,
        psnr={},
        mean_colour_difference=0.0,
        ms_per_frame=frame_time(smaller),
        splats=len(smaller.splats.means),
        notes="Python and numba, no graphics card",
    )
    write_report(report, out / f"{NAME}.json")
    return report


def frame_time(avatar: Avatar, size: int = SIZE) -> float:
    """Median milliseconds of a frame: pose, deform, sort, draw; the mouth opens and closes."""
    camera, times = framing(avatar).camera(size, size), []
    with closing(open_renderer((avatar,), size, size, Backend.SOFTWARE)) as renderer:
        for index in range(FRAMES + 1):
            pose = pose_from_weights(avatar.rig, {JAW: 0.5 - 0.5 * np.cos(2 * np.pi * index / FRAMES)})
            start = perf_counter()
            renderer.draw((pose,), camera)
            times.append(1000 * (perf_counter() - start))
    return float(np.median(times[1:]))  # the first compiles
