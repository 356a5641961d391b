"""The Frechet distance is that of pytorch-fid, of two normal distributions, and zero of a set with itself."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from places import DATA

from facecraft4d.toolkit.evaluation.paper.frechet import frechet_distance

GOLDEN = np.load(DATA / "metrics.npz")


def test_it_equals_pytorch_fid() -> None:
    found = frechet_distance(GOLDEN["fid_features_a"], GOLDEN["fid_features_b"])
    assert found == pytest.approx(GOLDEN["fid"].item(), rel=1e-5)


@pytest.mark.slow
@given(st.integers(2, 12), st.integers(2, 12), st.integers(1, 40), st.integers(0, 2**32 - 1))
def test_laws_hold_with_more_numbers_than_pictures(n: int, m: int, width: int, seed: int) -> None:
    """Nothing of itself, symmetric, never negative, the same after a turn of the space, grown by the square of a shift."""
    random = np.random.default_rng(seed)
    first, second = random.normal(size=(n, width)), random.normal(1, 2, size=(m, width))
    distance, size = frechet_distance(first, second), float((first**2).sum() + (second**2).sum())
    close = {"rel": 1e-6, "abs": 1e-9 * size}
    assert frechet_distance(first, first) == pytest.approx(0, abs=1e-9 * size)
    assert distance == pytest.approx(frechet_distance(second, first), **close) and distance > -1e-9 * size
    turn = np.linalg.qr(random.normal(size=(width, width)))[0]
    assert frechet_distance(first @ turn, second @ turn) == pytest.approx(distance, **close)
    shift = random.normal(size=width)
    assert frechet_distance(first, first + shift) == pytest.approx(float(shift @ shift), **close)


def exactly(mean: np.ndarray, deviation: np.ndarray, count: int, seed: int) -> np.ndarray:
    """Independent numbers whose moments are exactly these."""
    values = np.random.default_rng(seed).normal(size=(count, len(mean)))
    values -= values.mean(0)
    values @= np.linalg.inv(np.linalg.cholesky(np.cov(values.T))).T
    return values * deviation + mean


def test_two_normal_distributions_give_the_formula() -> None:
    """Independent numbers: the sum over them of the squared differences of mean and deviation."""
    random = np.random.default_rng(1)
    means, deviations = random.normal(size=(2, 3)), random.uniform(0.5, 2, (2, 3))
    expected = float(((means[0] - means[1]) ** 2 + (deviations[0] - deviations[1]) ** 2).sum())
    sets = [exactly(means[k], deviations[k], 50 + k, k) for k in range(2)]
    assert frechet_distance(*sets) == pytest.approx(expected, rel=1e-9)


def test_one_picture_has_no_spread() -> None:
    with pytest.raises(ValueError, match="two rows"):
        frechet_distance(np.zeros((1, 4)), np.zeros((5, 4)))
