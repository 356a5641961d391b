"""Small stand-ins for the stages of a build, for tests of what calls and keeps them."""

import hashlib
import json
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from facecraft4d.toolkit.core.asset import Avatar
from facecraft4d.toolkit.core.datatypes import Coarse, FrameSet, Head, Motion, Portrait, ViewSet
from facecraft4d.toolkit.core.stages import StageContext
from facecraft4d.toolkit.core.trained import CoinNetwork, TrainedHead
from facecraft4d.toolkit.evaluation import Evaluation

STAGES = ("preprocess", "shape_prior", "image_prior", "video_prior", "training", "evaluation")


class Killed(BaseException):
    """Stands for a signal."""


@dataclass
class House:
    """The stand-in stages: each writes its name into `ran`; the one named `killer` dies after its work, before its result is kept."""

    avatar: Avatar
    coarse: Coarse
    portrait: Portrait
    ran: list[str] = field(default_factory=list)
    killer: str = ""
    absent: tuple[str, ...] = ()
    """Weights that the last evaluation did without."""

    def enter(self, name: str) -> None:
        self.ran.append(name)
        if self.killer == name:
            raise Killed

    def preprocess(self, photo: Path, config: Any, context: StageContext) -> Portrait:
        self.enter("preprocess")
        told_by = hashlib.sha256(photo.read_bytes()).digest()[0]
        return replace(self.portrait, expression=np.full(52, told_by / 255, np.float32))

    def shape_prior(self, portrait: Portrait, config: Any, face_model: Any, context: StageContext) -> Coarse:
        self.enter("shape_prior")
        translation = np.full(3, context.seed, np.float32)
        head = replace(self.coarse.head, pose=replace(self.coarse.head.pose, translation=translation))
        return replace(self.coarse, head=head)

    def image_prior(self, coarse: ViewSet, config: Any, context: StageContext) -> ViewSet:
        self.enter("image_prior")
        return coarse

    def video_prior(self, head: Head, views: ViewSet, config: Any, face_model: Any, context: StageContext) -> FrameSet:
        folder = context.folder
        for index, view in enumerate(views.views[:2]):
            Image.fromarray((view.image * 255).astype(np.uint8)).save(folder / f"frame_{index}.png")
        self.enter("video_prior")
        names, joints = head.rig.expression_names, head.rig.joint_names
        still = np.zeros((1, len(joints), 3), np.float32)
        track = Motion("still", 1.0, names, np.zeros((1, len(names)), np.float32), joints, still, still[:, 0])
        return FrameSet(folder, (views.views[0].camera,), (0,), track)

    def training(self, views: ViewSet, frames: FrameSet, head: Head, config: Any, context: StageContext) -> TrainedHead:
        seed, folder = context.seed, context.folder
        assert (frames.folder / "frame_0.png").exists()
        checkpoint, total = folder / "checkpoint.json", 4
        step, state = json.loads(checkpoint.read_text()) if checkpoint.exists() else (0, seed)
        while step < total:
            step, state = step + 1, (state * 31 + step) % 997
            checkpoint.write_text(json.dumps([step, state]))
            self.enter(f"training {step}")
        self.enter("training")
        splats, n = self.avatar.splats, len(self.avatar.splats.means)
        zeros = {name: np.zeros(shape, np.float32) for name, shape in COIN_SHAPES.items()}
        coin = CoinNetwork(**zeros, gaussian_embeddings=np.zeros((n, 2), np.float32))
        tinted = replace(splats, colors=(splats.colors + state / 1e4).astype(np.float32))
        steps = np.arange(2, dtype=np.int32)
        return TrainedHead(tinted, coin, 0, steps, {"total": np.ones(2, np.float32)})

    def evaluation(
        self, avatar: Avatar, portrait: Portrait, head: Head, coarse: ViewSet, absent: Any, context: Any
    ) -> Evaluation:
        self.enter("evaluation")
        self.absent = tuple(absent)
        return Evaluation({"front_psnr_db": round(float(avatar.splats.colors.mean()), 5)}, {}, {})


COIN_SHAPES = {
    "view_embeddings": (1, 2),
    "hidden_from_view": (4, 2),
    "hidden_from_color": (4, 3),
    "hidden_from_gaussian": (4, 2),
    "hidden_bias": (4,),
    "offset_from_hidden": (3, 4),
    "offset_bias": (3,),
}
