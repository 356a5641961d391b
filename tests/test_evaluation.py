"""Metrics know perfect from broken: each is tried on the small avatar as it is, and on one damaged on purpose."""

import json
from dataclasses import replace

import numpy as np
import pytest

from facecraft4d.toolkit.asset import Avatar
from facecraft4d.toolkit.datatypes import Head, Portrait
from facecraft4d.toolkit.evaluation import Evaluation, as_json, coverage, expressions, front, identity
from facecraft4d.toolkit.evaluation.metrics import METRICS, SIZE
from facecraft4d.toolkit.geometry import orbit_camera

SIDE = 128


def disc(radius: float, center: tuple[float, float] = (SIDE / 2, SIDE / 2)) -> np.ndarray:
    y, x = np.mgrid[:SIDE, :SIDE] + 0.5
    return (np.hypot(x - center[0], y - center[1]) < radius).astype(np.float32)


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


def test_front_metrics_of_equal_pictures_and_outside_of_the_mask(rng_image: np.ndarray) -> None:
    mask = disc(50)
    elsewhere = np.where(mask[..., None] > 0, rng_image, 1 - rng_image)
    scores = front.compare(elsewhere, rng_image, mask)
    assert scores["front_psnr_db"] > 80 and scores["front_ssim"] > 0.9999 and scores["front_lpips_vgg"] < 1e-4


def test_front_psnr_is_that_of_the_pixels_inside(rng_image: np.ndarray) -> None:
    off = (rng_image + 0.1).astype(np.float32)
    assert front.compare(off, rng_image, disc(50))["front_psnr_db"] == pytest.approx(20, abs=0.01)


def test_worse_pictures_score_worse(rng_image: np.ndarray) -> None:
    noise = np.random.default_rng(1).normal(0, 1, rng_image.shape).astype(np.float32)
    scores = [front.compare(np.clip(rng_image + amount * noise, 0, 1), rng_image, disc(60)) for amount in (0.05, 0.3)]
    assert scores[0]["front_psnr_db"] > scores[1]["front_psnr_db"]
    assert scores[0]["front_ssim"] > scores[1]["front_ssim"]
    assert scores[0]["front_lpips_vgg"] < scores[1]["front_lpips_vgg"]


@pytest.fixture
def rng_image() -> np.ndarray:
    y, x = np.mgrid[:SIDE, :SIDE] / SIDE
    return np.stack([0.3 + 0.4 * x, 0.3 + 0.4 * y, 0.5 + 0.2 * np.sin(9 * x)], -1).astype(np.float32)


def test_the_avatar_covers_its_own_silhouettes(tiny_avatar: Avatar, tiny_head: Head) -> None:
    scores = coverage.measure(tiny_avatar, tiny_head)
    assert scores["silhouette_iou_min"] == 1 and scores["hole_share_max"] == 0
    assert scores["floater_share_max"] < 0.005, "the soft rim of the splats in pictures this small"


def test_a_thrown_splat_is_a_floater(tiny_avatar: Avatar, tiny_head: Head) -> None:
    means = tiny_avatar.splats.means.copy()
    means[:20, 1] += 12
    thrown = replace(tiny_avatar, splats=replace(tiny_avatar.splats, means=means))
    assert coverage.measure(thrown, tiny_head)["floater_share_max"] > 0.02


def test_expressions_of_the_small_avatar_stay_in_their_regions(tiny_avatar: Avatar, tiny_head: Head) -> None:
    moves, leaks, still = expressions.measure(tiny_avatar, tiny_head)
    assert set(moves) == set(leaks) == set(still) == set(tiny_avatar.rig.expression_names)
    assert max(leaks.values()) < 1 and max(still.values()) < 1
    assert moves["jawOpen"] > 1


def test_an_expression_that_moves_everything_a_little_leaks(tiny_avatar: Avatar, tiny_head: Head) -> None:
    rig = tiny_avatar.rig
    deltas = rig.expression_deltas.copy()
    deltas[0] += np.float32([0.4 * expressions.MOVED_METRES, 0, 0])
    shaken = replace(tiny_avatar, rig=replace(rig, expression_deltas=deltas))
    _, leaks, _ = expressions.measure(shaken, tiny_head)
    assert leaks[rig.expression_names[0]] > 0.3


def test_a_region_holds_its_triangles_before_and_after(tiny_avatar: Avatar) -> None:
    rig = tiny_avatar.rig
    index = rig.expression_names.index("jawOpen")
    region = expressions.own_region(rig, index, orbit_camera(0.0, 0.0, 1.6, SIZE))
    assert 0.02 < region.mean() < 0.5
    nothing = replace(rig, expression_deltas=np.zeros_like(rig.expression_deltas))
    assert not expressions.own_region(nothing, index, orbit_camera(0.0, 0.0, 1.6, SIZE)).any()


def test_no_face_in_the_photograph_means_not_measured(
    tiny_avatar: Avatar, tiny_head: Head, tiny_portrait: Portrait
) -> None:
    blank = replace(tiny_portrait, image=np.ones_like(tiny_portrait.image))
    scores, notes = identity.measure(tiny_avatar, blank, tiny_head)
    assert scores == {} and "not measured" in notes[0]


def test_the_same_face_is_the_same_person() -> None:
    from importlib.resources import files
    from pathlib import Path

    from facecraft4d.toolkit.images import read_rgb

    folder = Path(str(files("facecraft4d.samples"))) / "portraits"
    hopper, collins = (read_rgb(folder / name, 512) for name in ("grace_hopper.jpg", "astronaut.png"))
    first, again, other = (
        identity.embedding(image) for image in (hopper, np.ascontiguousarray(hopper[8:, 8:]), collins)
    )
    assert first is not None and again is not None and other is not None
    assert float(first @ again) > 0.9 > 0.4 > float(first @ other)


def test_metrics_json_names_targets_and_how(tmp_path: object) -> None:
    evaluation = Evaluation({"front_psnr_db": 26.0, "front_lpips_vgg": 0.3}, {}, {}, ("a note",))
    tree = json.loads(json.dumps(as_json(evaluation, "draft")))
    assert set(tree["metrics"]) == set(METRICS)
    assert tree["metrics"]["front_psnr_db"]["met"] is True and tree["metrics"]["front_lpips_vgg"]["met"] is False
    assert tree["metrics"]["identity_front"]["value"] is None and "SFace" in tree["metrics"]["identity_front"]["how"]
    assert as_json(evaluation, "standard")["metrics"]["front_psnr_db"]["met"] is False
