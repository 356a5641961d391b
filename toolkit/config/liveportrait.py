"""Options of the video prior of the paper: LivePortrait, from the user's own checkpoints."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from facecraft4d.toolkit.config.bounds import Bounds


@dataclass(frozen=True)
class LivePortraitConfig:
    """The paper's own prior, from checkpoints of yours (docs/paper_priors.md). It invents the motion, which is tracked afterwards.

    --video-prior liveportrait --video-prior.liveportrait.checkpoints pretrained_weights
    --video-prior liveportrait --video-prior.liveportrait.driving my_videos --video-prior.liveportrait.clips 4
    """

    checkpoints: Path | None = None
    """LivePortrait's folder with base_models and retargeting_models (MIT), or the folder around it. Its face detectors are not used."""
    driving: Path | None = None
    """Folder with videos of a face (MP4, MOV, MKV, WebM, AVI or MPEG-TS) whose expressions the head takes on, each beginning with a neutral
    one; by default the built-in clips, drawn on the CC0 head."""
    # NeRSemble has some 4700 clips.
    clips: Annotated[int, Bounds(1, 10_000)] = 8
    """So many of those videos are drawn by the seed (paper, section 4)."""
    # Twice what a face does tears it; at 0 nothing moves.
    multiplier: Annotated[float, Bounds(0, 2)] = 1.0
    """How strongly the expressions are taken on."""
    close_lips: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False
    """Close a mouth that the photograph shows open before it is moved (LivePortrait's normalisation of lips)."""
