"""The stages of a finished build on disk, without what made them."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from stand_in_stages import COIN_SHAPES

from facecraft4d.toolkit import cache
from facecraft4d.toolkit.core.asset import Avatar
from facecraft4d.toolkit.core.datatypes import Coarse, FrameSet, ViewSet
from facecraft4d.toolkit.core.trained import CoinNetwork, TrainedHead

KEY = "f" * 64


def keep_stages(stages: Path, coarse: Coarse, frames: FrameSet, avatar: Avatar) -> None:
    """Keep what an avatar was made of; the pictures of `frames` lie where a build has them (key KEY), or nowhere yet."""
    digest = cache.digest_of
    views: cache.Stored[ViewSet] = _keep(stages, "image_prior", coarse.views, digest(coarse.views))
    _keep(stages, "shape_prior", coarse)
    head = digest(coarse.head)
    moving = _keep(stages, "video_prior", frames, head, views.digest)
    _keep(stages, "training", trained(avatar), views.digest, moving.digest, head)


def trained(avatar: Avatar) -> TrainedHead:
    """A training's result that bakes to other colours than the avatar's."""
    zeros = {name: np.zeros(shape, np.float32) for name, shape in COIN_SHAPES.items()}
    coin = CoinNetwork(**zeros, gaussian_embeddings=np.zeros((len(avatar.splats.means), 2), np.float32))
    splats = replace(avatar.splats, colors=avatar.splats.colors / 2)
    return TrainedHead(splats, coin, 0, np.arange(2, dtype=np.int32), {"total": np.ones(2, np.float32)})


def _keep(stages: Path, name: str, result: Any, *inputs: str) -> cache.Stored[Any]:
    return cache.stage(stages, name, KEY, type(result), lambda _: result, inputs)
