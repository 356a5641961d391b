"""What holds of LivePortrait's networks and arithmetic whatever their weights: narrow networks, random motions."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from liveportrait_cases import NARROW, narrow

from facecraft4d.toolkit.video_prior.liveportrait import crop
from facecraft4d.toolkit.video_prior.liveportrait.driving import CLOSED_LIPS, MOST_STITCHED_YAW, driven, source_of
from facecraft4d.toolkit.video_prior.liveportrait.keypoints import Motion, degrees, motion_of, moved, rotation
from facecraft4d.toolkit.video_prior.liveportrait.warping import identity_grid, sampled

SIZE = 64
"""Pixels a side: the networks do not mind."""
SEEDS = st.integers(0, 1 << 30)


def pictures(count: int, seed: int = 0) -> torch.Tensor:
    return torch.rand(count, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(seed))


def a_motion(seed: int) -> Motion:
    random = torch.Generator().manual_seed(seed)
    angles = (40 * torch.randn(1, generator=random) for _ in range(3))
    keypoints, expression = (size * torch.randn(1, NARROW.keypoints, 3, generator=random) for size in (0.3, 0.05))
    return Motion(
        keypoints,
        expression,
        rotation(*angles),
        torch.randn(1, 3, generator=random),
        1 + torch.rand(1, 1, generator=random),
    )


@pytest.mark.slow
@given(SEEDS, st.floats(0, 2))
def test_only_the_expression_of_a_frame_moves_a_source(seed: int, multiplier: float) -> None:
    motion, first, frame = (a_motion(seed + k) for k in range(3))
    source = source_of(motion, narrow(), 0.0, 0.2)
    elsewhere = replace(a_motion(seed + 9), expression=frame.expression)
    found = driven(source, frame, first, multiplier)
    assert torch.equal(found, driven(source, elsewhere, first, multiplier))


@pytest.mark.slow
@given(SEEDS, st.floats(0, 2))
def test_a_frame_like_the_first_leaves_a_source_at_rest(seed: int, multiplier: float) -> None:
    motion, first = a_motion(seed), a_motion(seed + 1)
    source = source_of(motion, narrow(), 90.0, None)
    torch.testing.assert_close(driven(source, first, first, multiplier), moved(motion), rtol=0, atol=1e-5)


@pytest.mark.slow
@given(SEEDS)
def test_the_multiplier_is_linear_and_none_is_rest(seed: int) -> None:
    source = source_of(a_motion(seed), narrow(), 0.0, 1.0)
    none, half, whole = (driven(source, a_motion(seed + 1), a_motion(seed + 2), each) for each in (0.0, 0.5, 1.0))
    assert torch.equal(none, source.keypoints)
    torch.testing.assert_close(2 * half, none + whole, rtol=0, atol=1e-5)


@pytest.mark.parametrize("yaw", [-MOST_STITCHED_YAW, 0.0, MOST_STITCHED_YAW])
def test_stitching_ends_at_a_yaw(yaw: float) -> None:
    motion = a_motion(0)
    beyond = float(np.nextafter(MOST_STITCHED_YAW, 90)) * (-1 if yaw < 0 else 1)
    assert source_of(motion, narrow(), yaw, None).stitching is narrow().stitching
    assert source_of(motion, narrow(), beyond, None).stitching is None


def test_lips_are_closed_where_they_are_open() -> None:
    motion = a_motion(0)
    closed, opened = (source_of(motion, narrow(), 0.0, ratio) for ratio in (0.99 * CLOSED_LIPS, CLOSED_LIPS))
    assert closed.lip_offsets is None and opened.lip_offsets is not None
    assert source_of(motion, narrow(), 0.0, None).lip_offsets is None


@pytest.mark.slow
@given(st.lists(st.floats(-90, 90), min_size=3, max_size=3))
def test_rotations_are_rotations(angles: list[float]) -> None:
    turn = rotation(*torch.tensor(angles, dtype=torch.float64)[:, None])
    torch.testing.assert_close(turn @ turn.mT, torch.eye(3, dtype=torch.float64)[None])
    assert torch.linalg.det(turn).item() == pytest.approx(1)


def test_equal_logits_are_no_angle_and_one_bin_is_its_own() -> None:
    logits = torch.cat((torch.zeros(1, 66), 1e4 * torch.eye(66)))
    assert degrees(logits).tolist() == pytest.approx([0.0] + [3 * k - 97.5 for k in range(66)], abs=1e-4)


@torch.inference_mode()
def test_equal_keypoints_deform_nothing_yet_the_volume_is_not_its_own() -> None:
    """The grid has voxels' middles at -1 and 1, sampling has their edges there: published weights have learned with it."""
    volume = narrow().appearance(pictures(1))
    keypoints = moved(a_motion(3))
    warped = narrow().warping(volume, keypoints, keypoints)
    grid = identity_grid((4, SIZE // 4, SIZE // 4), volume)
    torch.testing.assert_close(warped.deformation[0], grid, rtol=0, atol=2e-6)
    inner = sampled(volume, grid[None])
    assert (inner - volume).norm() > 0.05 * volume.norm()
    size = volume.new_tensor([SIZE // 4, SIZE // 4, 4])
    middles = grid * (size - 1) / size
    torch.testing.assert_close(sampled(volume, middles[None]), volume, rtol=0, atol=1e-4)


@torch.inference_mode()
def test_a_picture_is_the_same_alone_and_in_a_batch() -> None:
    images = pictures(2)
    volumes, motions = narrow().appearance(images), motion_of(narrow().motion(images))
    source, driving = moved(motions), moved(motions).flip(0)
    both = narrow().picture(volumes, driving, source)[0]
    assert both.shape == (2, 3, 2 * SIZE, 2 * SIZE) and both.min() >= 0 and both.max() <= 1
    alone, _ = narrow().picture(
        narrow().appearance(images[1:]), driving[1:], moved(motion_of(narrow().motion(images[1:])))
    )
    torch.testing.assert_close(both[1:], alone, rtol=0, atol=1e-4)
    mask = narrow().warping(volumes, driving, source).mask
    torch.testing.assert_close(mask.sum(1), torch.ones_like(mask[:, 0]))
    assert mask.shape[1] == NARROW.motions


@pytest.mark.slow
@settings(deadline=None)
@given(SEEDS, st.floats(-180, 180), st.floats(0.2, 5), st.booleans())
def test_crops_follow_the_face(seed: int, angle: float, scale: float, upright: bool) -> None:
    """A picture that is turned, scaled and moved has the same crop; without `upright`, one that is scaled and moved."""
    random = np.random.default_rng(seed)
    points = 100 * random.standard_normal((68, 2))
    turn = np.radians(angle) if upright else 0.0
    similarity = np.eye(3)
    similarity[:2, :2] = scale * np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    similarity[:2, 2] = 300 * random.standard_normal(2)
    moved_points = points @ similarity[:2, :2].T + similarity[:2, 2]
    plain, other = (
        crop.crop_from_picture(each, *crop.eyes_and_mouth(each), crop.SOURCE, upright=upright)
        for each in (points, moved_points)
    )
    np.testing.assert_allclose(other @ similarity, plain, atol=1e-6)


def test_a_face_fills_its_crop_as_the_framing_says() -> None:
    points = np.random.default_rng(0).uniform(100, 200, (68, 2))
    eyes, mouth = np.array([150.0, 120.0]), np.array([150.0, 180.0])
    matrix = crop.crop_from_picture(points, eyes, mouth, crop.SOURCE)
    seen = points @ matrix[:2, :2].T + matrix[:2, 2]
    assert np.ptp(seen, axis=0).max() == pytest.approx(512 / 2.3)
    middle = (seen.min(axis=0) + seen.max(axis=0)) / 2
    np.testing.assert_allclose(middle, [256, 256 + 0.125 * 512])


def test_a_face_without_direction_is_upright() -> None:
    points = np.random.default_rng(1).uniform(0, 9, (68, 2))
    matrix = crop.crop_from_picture(points, points[0], points[0], crop.DRIVING)
    np.testing.assert_array_equal(
        matrix, crop.crop_from_picture(points, points[0], points[0], crop.DRIVING, upright=False)
    )
