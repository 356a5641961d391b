"""Trains Gaussians bound to the rig: static stage, then COIN (paper, section 3.4 and supplement 6.3)."""

from dataclasses import replace

from torch.nn import functional

from facecraft4d.toolkit.config import TrainingConfig
from facecraft4d.toolkit.core.datatypes import FrameSet, Head, ViewSet
from facecraft4d.toolkit.core.stages import Progress, StageContext
from facecraft4d.toolkit.core.trained import TrainedHead
from facecraft4d.toolkit.losses import Trunk, lpips, perceptual_ingredient
from facecraft4d.toolkit.needs import Needs
from facecraft4d.toolkit.splatting.backend import is_compiled
from facecraft4d.toolkit.splatting.cpu import COMPILING
from facecraft4d.toolkit.training import offsets
from facecraft4d.toolkit.training.footage import Footage
from facecraft4d.toolkit.training.loop import Trainer, begin, finish, train
from facecraft4d.toolkit.training.objective import Difference
from facecraft4d.toolkit.training.schedule import Schedule, anchor_views

COMPILING_COIN = "compiling COIN's network, once on this machine"
"""What a user is told while that is."""


def run(
    views: ViewSet,
    frames: FrameSet,
    head: Head,
    config: TrainingConfig,
    context: StageContext,
    difference: Difference = functional.l1_loss,
) -> TrainedHead:
    """Fit splats on `head.rig` to the static views and the animated frames.

    View 0 is the photograph; the static views show `head.pose`, the frames their track. The stage's folder holds the checkpoint; a killed run
    goes on from it and ends with the same numbers. `difference` compares pixels (loss term "l1").
    """
    seed, device = context.seed, context.device
    pictures = (len(views.views), frames.view_indices, len(frames.known_track.expressions))
    footage = Footage(views, frames, head, device)
    anchors = anchor_views(views.yaws_degrees, config.anchors)
    schedule = Schedule(config, seed, *pictures, len(head.rig.triangles), footage.opening_frames(), anchors)
    distance = lpips(Trunk.ALEXNET, device=device) if uses_lpips(config) else None
    trainer = Trainer(config, schedule, footage, distance, difference)
    key = repr((config, seed, len(views.views), len(head.rig.triangles)))
    if device == "cpu" and not is_compiled():
        context.report(Progress("training", 0, schedule.total, COMPILING))
    if device == "cpu" and schedule.uses_network(schedule.total - 1) and not offsets.is_compiled():
        context.report(Progress("training", 0, schedule.total, COMPILING_COIN))
        offsets.compile_now()
    state = train(trainer, lambda: begin(trainer, head, views, device), (context.folder, key), context.report, device)
    trained = finish(trainer, state)
    return replace(trained, ingredients=(perceptual_ingredient(Trunk.ALEXNET),)) if distance else trained


def needs(config: TrainingConfig) -> Needs:
    """The perceptual loss's network, where it is asked for."""
    return Needs(weights=("lpips_alexnet",)) if uses_lpips(config) else Needs()


def uses_lpips(config: TrainingConfig) -> bool:
    """Whether any step of this training computes LPIPS."""
    return bool(config.losses.lpips and config.coin_iterations)
