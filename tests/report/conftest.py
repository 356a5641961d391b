"""A build of the small avatar, as if the pipeline had made it."""

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from facecraft4d.toolkit.built import Build, StageTime
from facecraft4d.toolkit.config import BuildConfig
from facecraft4d.toolkit.core.asset import Avatar
from facecraft4d.toolkit.core.datatypes import Coarse, Portrait
from facecraft4d.toolkit.core.motion import OWN_CLIPS
from facecraft4d.toolkit.core.trained import CoinNetwork, TrainedHead
from facecraft4d.toolkit.evaluation import Evaluation
from facecraft4d.toolkit.provenance import provenance


@pytest.fixture(scope="session")
def tiny_build(
    tiny_avatar: Avatar, tiny_coarse: Coarse, tiny_portrait: Portrait, tmp_path_factory: pytest.TempPathFactory
) -> Build:
    photo = tmp_path_factory.mktemp("report") / "a <b> & c.png"
    Image.new("RGB", (40, 30), (10, 200, 30)).save(photo)
    config = BuildConfig()
    avatar = replace(tiny_avatar, provenance=provenance((OWN_CLIPS,), config))
    n = len(tiny_avatar.splats.means)
    coin = CoinNetwork(
        *(np.zeros(shape, np.float32) for shape in ((1, 2), (n, 2), (4, 2), (4, 3), (4, 2), (4,), (3, 4), (3,)))
    )
    losses = {"l1": np.geomspace(1, 0.01, 50, dtype=np.float32), "never": np.full(50, np.nan, np.float32)}
    trained = TrainedHead(tiny_avatar.splats, coin, 0, np.arange(50, dtype=np.int32), losses)
    evaluation = Evaluation({"front_psnr_db": 26.123, "identity_front": 0.5}, {}, {}, ("a note on <identity>",))
    times = (StageTime("preprocess", 1.25, 2**30, 0, False), StageTime("training", 100.0, 2**31, 2**29, True))
    noted = replace(tiny_portrait, notes=("two faces; took the largest",))
    views, head = tiny_coarse.views, tiny_coarse.head
    return Build(photo, config, noted, views, head, views, trained, evaluation, avatar, times)
