"""Colours to bytes."""

import numpy as np

from facecraft4d.toolkit.core.pixels import to_bytes


def test_bytes_come_back_as_themselves() -> None:
    every = np.arange(256, dtype=np.uint8)
    for kind in (np.float32, np.float64):
        assert np.array_equal(to_bytes(every.astype(kind) / kind(255)), every)


def test_the_nearest_byte_is_taken_a_half_rounds_up_and_the_rest_is_clipped() -> None:
    values = np.random.default_rng(0).uniform(0, 1, 100_000).astype(np.float32)
    assert np.abs(to_bytes(values).astype(np.float64) - values.astype(np.float64) * 255).max() <= 0.5 + 1e-4
    assert (np.diff(to_bytes(np.sort(values)).astype(int)) >= 0).all()
    halves = (np.arange(255) + 0.5) / 255
    exact = halves[halves * 255 == np.arange(255) + 0.5]
    assert len(exact) > 100 and np.array_equal(to_bytes(exact), (exact * 255 + 0.5).astype(np.uint8))
    assert to_bytes(np.array([-3.0, -1e-9, 1.0001, 50.0], np.float32)).tolist() == [0, 0, 255, 255]


def test_it_equals_the_roundings_that_it_replaced() -> None:
    """Pictures of the stages are what they were: scaled, raised by a half, clipped as bytes."""
    values = np.random.default_rng(1).uniform(-0.1, 1.1, 100_000).astype(np.float32)
    assert np.array_equal(to_bytes(values), np.clip(values * 255 + 0.5, 0, 255).astype(np.uint8))
