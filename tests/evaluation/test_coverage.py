"""Coverage knows perfect from broken: silhouettes, holes and floaters."""

from dataclasses import replace

import numpy as np
import pytest
from evaluation_pictures import SIDE, disc

from facecraft4d.toolkit.core.asset import Avatar
from facecraft4d.toolkit.core.datatypes import Coarse
from facecraft4d.toolkit.evaluation import coverage
from facecraft4d.toolkit.evaluation.drawing import Render, draw


def test_a_perfect_silhouette_scores_perfectly() -> None:
    assert coverage.compare(disc(40), disc(40)) == (1.0, 0.0, 0.0)


def test_a_hole_counts_as_a_hole() -> None:
    iou, holes, floaters = coverage.compare(disc(40) - disc(5), disc(40))
    assert iou < 1 and holes == pytest.approx(disc(5).sum() / disc(38.5).sum(), rel=0.1) and floaters == 0


def test_a_floater_counts_by_its_alpha() -> None:
    stray = 0.25 * disc(3, (10, 10))
    iou, holes, floaters = coverage.compare(disc(40) + stray, disc(40))
    assert iou == 1 and holes == 0
    assert floaters == pytest.approx(stray.sum() / (disc(40).sum() + stray.sum()))


def test_a_soft_border_is_neither_hole_nor_floater() -> None:
    soft = np.clip((disc(39) + disc(40) + disc(41)) / 3, 0, 1).astype(np.float32)
    assert coverage.compare(soft, disc(40))[1:] == (0.0, 0.0)


def test_the_border_of_the_picture_is_a_soft_border_too() -> None:
    mask = np.zeros((SIDE, SIDE), np.float32)
    mask[60:] = 1
    assert coverage.compare(mask, mask) == (1.0, 0.0, 0.0)
    fading = mask.copy()
    fading[-1] = 0.3
    assert coverage.compare(fading, mask)[1] == 0
    fading[-4] = 0.3
    assert coverage.compare(fading, mask)[1] > 0


def drawn(avatar: Avatar, coarse: Coarse) -> list[Render]:
    return [draw(avatar, coarse.head.pose, view.camera) for view in coarse.views.views]


def test_the_avatar_covers_its_own_silhouettes(tiny_avatar: Avatar, tiny_coarse: Coarse) -> None:
    scores = coverage.measure(drawn(tiny_avatar, tiny_coarse), tiny_coarse.views)
    assert scores["silhouette_iou_min"] == 1 and scores["hole_share_max"] == 0
    assert scores["floater_share_max"] < 0.005, "the soft rim of the splats in pictures this small"


def test_a_thrown_splat_is_a_floater(tiny_avatar: Avatar, tiny_coarse: Coarse) -> None:
    means = tiny_avatar.splats.means.copy()
    means[:20, 1] += 12
    thrown = replace(tiny_avatar, splats=replace(tiny_avatar.splats, means=means))
    assert coverage.measure(drawn(thrown, tiny_coarse), tiny_coarse.views)["floater_share_max"] > 0.02
