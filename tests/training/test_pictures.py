"""Pictures on the device: never more than the budget, the same whatever it is, read ahead without a trace in the result."""

import threading

import numpy as np
import pytest
import torch
from jaxtyping import UInt8
from training_subject import NO_LPIPS, SIZE, VIEWS, quiet

from facecraft4d.toolkit import training
from facecraft4d.toolkit.core.stages import StageContext
from facecraft4d.toolkit.training import footage, pictures
from facecraft4d.toolkit.training.pictures import AHEAD, Pictures
from facecraft4d.toolkit.training.schedule import Sample

Pixels = UInt8[np.ndarray, "h w 4"]
SIDE = 6
ONE = 4 * SIDE * SIDE
"""Bytes of a picture."""


def drawn(sample: Sample, size: int) -> Pixels:
    """A picture of its own for each sample."""
    return np.random.default_rng((sample.view, sample.frame + 1)).integers(0, 256, (size, size, 4)).astype(np.uint8)


class Counted:
    """Reads `drawn`, and says how often and by which threads."""

    def __init__(self) -> None:
        self.read: list[Sample] = []
        self.threads: set[str] = set()

    def __call__(self, sample: Sample, size: int) -> Pixels:
        self.read.append(sample)
        self.threads.add(threading.current_thread().name)
        return drawn(sample, size)


@pytest.mark.parametrize("budget", [0, ONE - 1, ONE, 3 * ONE + 1, 1000 * ONE])
def test_the_budget_holds_and_changes_no_picture(budget: int) -> None:
    """Over any order of asking and expecting: what is kept is within the budget, and what is shown is what was read."""
    rng, kept = np.random.default_rng(4), Pictures(drawn, "cpu", budget)
    for _ in range(300):
        sample = Sample(int(rng.integers(9)), 0, int(rng.integers(2)))
        if rng.random() < 0.4:
            kept.expect(sample, SIDE)
            continue
        size = SIDE if rng.random() < 0.8 else 3
        assert np.array_equal(kept.show(sample, size), drawn(sample, size))
        assert kept.kept_bytes == sum(each.nbytes for each in kept._kept.values()) <= budget
        assert len(kept._coming) <= AHEAD
    assert (kept.kept_bytes > 0) == (budget >= 4 * 3 * 3)


def test_what_was_not_shown_for_longest_makes_room() -> None:
    read = Counted()
    kept = Pictures(read, "cpu", 2 * ONE)
    for view in (0, 1, 0, 2, 0, 1):
        kept.show(Sample(view), SIDE)
    assert [sample.view for sample in read.read] == [0, 1, 2, 1]


def test_what_is_expected_is_read_once_and_by_another_thread() -> None:
    read = Counted()
    kept = Pictures(read, "cpu", 9 * ONE)
    for _ in range(3):
        kept.expect(Sample(1), SIDE)
    kept.show(Sample(1), SIDE)
    kept.expect(Sample(1), SIDE)
    assert read.read == [Sample(1)] and threading.current_thread().name not in read.threads
    kept.show(Sample(2), SIDE)
    assert threading.current_thread().name in read.threads


def test_what_the_reader_met_is_raised_where_the_picture_is_asked_for() -> None:
    def broken(sample: Sample, size: int) -> Pixels:
        raise OSError(f"no frame {sample.frame}")

    kept = Pictures(broken, "cpu", ONE)
    kept.expect(Sample(0, 0, 7), SIDE)
    for _ in range(2):
        with pytest.raises(OSError, match="no frame 7"):
            kept.show(Sample(0, 0, 7), SIDE)
    assert kept.kept_bytes == 0


def test_a_gpu_keeps_a_part_of_what_is_free(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures, "free_on_device", lambda: 80 << 30)
    assert pictures.budget_on("cuda") == 20 << 30
    assert pictures.budget_on("cpu") == pictures.HOST_BYTES


@pytest.mark.slow
def test_the_reader_leaves_no_trace_in_a_training(scene, tmp_path, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    """With pictures kept and read ahead, and with neither, the trained splats have the same bytes; every later picture was read ahead."""
    expected: list[tuple[Sample, int]] = []
    shown: list[tuple[Sample, int]] = []
    expect, show = Pictures.expect, Pictures.show
    monkeypatch.setattr(Pictures, "expect", lambda self, *key: (expected.append(key), expect(self, *key))[1])
    monkeypatch.setattr(Pictures, "show", lambda self, *key: (shown.append(key), show(self, *key))[1])
    ahead = training.run(*scene, NO_LPIPS, StageContext(0, "cpu", tmp_path / "ahead", quiet))
    steps = NO_LPIPS.static_iterations + NO_LPIPS.coin_iterations
    assert len(expected) == steps - AHEAD and set(expected) <= set(shown)
    monkeypatch.setattr(Pictures, "expect", lambda self, *key: None)
    monkeypatch.setattr(footage, "budget_on", lambda device: 0)
    alone = training.run(*scene, NO_LPIPS, StageContext(0, "cpu", tmp_path / "alone", quiet))
    for name in ("means", "rotations_wxyz", "log_scales", "opacity_logits", "colors", "triangles"):
        assert np.array_equal(getattr(ahead.splats, name), getattr(alone.splats, name)), name
    assert np.array_equal(ahead.coin.gaussian_embeddings, alone.coin.gaussian_embeddings)


def test_a_picture_is_what_the_views_hold(scene) -> None:  # type: ignore[no-untyped-def]
    """A static view at its own size is its image and mask to 8 bits; its camera is asked for once and shared by all sizes of that kind."""
    views = scene[0]
    held = footage.Footage(*scene, "cpu")
    for view in range(VIEWS):
        target = held.picture(Sample(view), SIZE)
        source = views.views[view]
        assert np.abs(target.image.numpy() - source.image).max() <= 0.5 / 255 + 1e-6
        assert np.abs(target.mask[..., 0].numpy() - source.mask).max() <= 0.5 / 255 + 1e-6
        again = held.picture(Sample(view), SIZE)
        assert again.intrinsics is target.intrinsics
        assert torch.equal(again.image, target.image)
        half = held.picture(Sample(view), SIZE // 2)
        assert half.mask.shape == (SIZE // 2, SIZE // 2, 1)
        torch.testing.assert_close(half.intrinsics[0, 0, 0] * 2, target.intrinsics[0, 0, 0])
