"""The schedule: what each step sees, how fast it learns, and when splats are added, reset and ordered."""

from dataclasses import replace

import numpy as np
import pytest
from training_subject import TINY

from facecraft4d.toolkit.config import DensifyConfig, LevelsConfig, Preset, preset
from facecraft4d.toolkit.training.schedule import LEVELS, REFERENCE, STATIC, Sample, Schedule, anchor_views


def resetting(**options) -> list[int]:
    config = replace(TINY, static_iterations=500, coin_iterations=500, densify=DensifyConfig(**options))
    schedule = Schedule(config, 0, 4, (0,), 3)
    return [step for step in range(schedule.total) if schedule.resets(step)]


def test_opacities_are_reset_at_exactly_these_steps():
    assert resetting(end_share=0.9) == []
    assert resetting(end_share=0.9, reset_every=100) == [100, 200, 300, 400], "not at 0, not under COIN"
    assert resetting(end_share=0.3, reset_every=100) == [100, 200], "not after densification"
    paper = preset(Preset.PAPER).training
    schedule = Schedule(paper, 0, 24, (0,), 3)
    assert [s for s in range(0, schedule.total, 500) if schedule.resets(s)] == list(range(3000, 30_000, 3000))


def test_levels_follow_the_whole():
    config = replace(TINY, static_iterations=20, coin_iterations=40, resolution=64, coarse_resolution=32)
    single = Schedule(config, 0, 24, (0, 3, 5), 9, triangles=1000)
    schedule = replace(single, config=replace(config, levels=LevelsConfig(iterations=10)))
    assert (single.total, schedule.total) == (60, 60 + 10 * LEVELS)
    assert [step for step in range(100) if schedule.begins_level(step)] == [60, 70, 80]
    assert not any(single.begins_level(step) for step in range(100))
    for step in range(60):
        assert schedule.rate_factor(step) == single.rate_factor(step) and schedule.refines(step) == single.refines(step)
        assert schedule.rates(step, 10) == config.rates
    factors = [schedule.rate_factor(step) for step in range(60, 90)]
    assert factors[:10] == factors[10:20] == factors[20:] and (factors[0], factors[9]) == (1, config.rates.final)
    assert schedule.resolution(59) == 64 and schedule.resolution(60) == 32
    rates = schedule.rates(60, 250)
    assert (rates.coin, rates.gaussian_embeddings, rates.colors) == (0, 0, config.rates.colors)
    assert rates.means == 2 * config.rates.means  # each splat stands for four triangles


def test_the_budget_grows_to_the_cap():
    schedule = Schedule(
        replace(TINY, static_iterations=600, coin_iterations=600, densify=DensifyConfig()), 0, 4, (0,), 3
    )
    rounds = [schedule.budget(step) for step in range(schedule.total) if schedule.refines(step)]
    assert rounds == sorted(rounds) and rounds[-1] == TINY.splats and rounds[0] > schedule.start_count


@pytest.mark.slow
def test_samples_keep_the_back_and_favour_the_photograph():
    config = replace(TINY, static_iterations=2000, coin_iterations=4000)
    schedule = Schedule(config, 0, 24, (0, 3, 5), 9)
    static = [schedule.sample(step) for step in range(2000)]
    coin = [schedule.sample(step) for step in range(2000, 6000)]
    assert {s.camera for s in static} == {STATIC}
    assert {s.view for s in coin if s.camera == STATIC} == set(range(24))
    assert {s.frame for s in coin} == {STATIC, *range(9)} and {s.view for s in coin if s.frame >= 0} == {0, 3, 5}
    assert np.mean([s == REFERENCE for s in coin]) == pytest.approx(0.25, abs=0.03)
    assert np.mean([s.frame >= 0 for s in coin]) == pytest.approx(0.75 - config.static_share, abs=0.03)


@pytest.mark.slow
def test_openings_are_seen_in_both_stages():
    config = replace(TINY, static_iterations=2000, coin_iterations=2000, opening_share=0.2)
    schedule = Schedule(config, 0, 24, (0, 3, 5), 9, openings=(2, 7))
    static, coin = ([schedule.sample(step) for step in range(first, first + 2000)] for first in (0, 2000))
    assert {s.frame for s in static} == {STATIC, 2, 7} and {s.view for s in static if s.frame >= 0} == {0, 3, 5}
    assert np.mean([s.frame >= 0 for s in static]) == pytest.approx(0.2, abs=0.03)
    assert {s.frame for s in coin} == {STATIC, *range(9)}
    others = 0.55 - config.static_share
    assert np.mean([s.frame in (2, 7) for s in coin]) == pytest.approx(0.2 + others * 2 / 9, abs=0.03)


def test_views_beside_the_anchors_shape_the_consistent_model_less():
    schedule = Schedule(replace(TINY, consistent_share=0.2), 0, 24, (0, 3, 5), 9, anchors=(0, 7))
    first = TINY.static_iterations
    assert schedule.consistent_share(first, Sample(3)) == schedule.consistent_share(first, Sample(5, 2, 4)) == 0.2
    for anchor in (REFERENCE, Sample(0, 0, 4), Sample(7)):
        assert schedule.consistent_share(first, anchor) == 1
    assert schedule.consistent_share(first - 1, Sample(3)) == 1  # the static stage shapes the head
    assert schedule.consistent_share(schedule.whole, Sample(3)) == 1  # so do levels
    plain = replace(schedule, config=replace(TINY, rates=replace(TINY.rates, coin=0.0), consistent_share=0.2))
    assert plain.consistent_share(first, Sample(3)) == 1


def test_anchors_divide_the_circle():
    orbit = tuple(15.0 * index for index in range(24))
    assert anchor_views(orbit, 1) == (0,)
    assert anchor_views(orbit, 4) == (0, 6, 12, 18)
    assert anchor_views(orbit, 5) == (0, 5, 10, 14, 19)
    assert anchor_views(orbit, 24) == tuple(range(24))
    turned = [30.0 + yaw for yaw in orbit]
    assert anchor_views(turned, 5) == anchor_views(orbit, 5)
    order = np.random.default_rng(0).permutation(23) + 1
    mixed = [0.0, *(orbit[index] for index in order)]
    assert {mixed[index] for index in anchor_views(mixed, 5)} == {orbit[index] for index in anchor_views(orbit, 5)}
    assert anchor_views((0.0, 20.0), 5) == (0, 1)  # fewer views than directions
