"""Laws of what is expected of hair that nobody saw."""

import numpy as np
import pytest

from facecraft4d.toolkit.shape_prior.parametric.shells.hair_prior import FIELDS, NOISE, HairPrior, hair_prior, looks

EARS = np.array([[0.075, 0.0, -0.08], [-0.075, 0.0, -0.08]])
TOP = 0.13


def at(azimuths: np.ndarray, elevations: np.ndarray) -> np.ndarray:
    """Points in directions (degrees) from the middle of the ears, a head's radius away."""
    a, e = np.radians(azimuths)[None], np.radians(elevations)[:, None]
    ways = np.stack([np.sin(a) * np.cos(e), np.sin(e) + 0 * a, np.cos(a) * np.cos(e)], -1)
    return np.asarray(EARS.mean(0) + 0.1 * ways)


@pytest.fixture(params=FIELDS)
def prior(request: pytest.FixtureRequest) -> HairPrior:
    return hair_prior(request.param, EARS, TOP, at(np.arange(-180.0, 180, 7.5), np.arange(85.0, -50, -7.5)))


def test_nothing_seen_leaves_the_mean(prior: HairPrior) -> None:
    nothing = np.zeros(prior.mean.shape)
    np.testing.assert_array_equal(prior.given(np.full(prior.mean.shape, 7.0), nothing), prior.mean)


def test_who_is_seen_from_the_front_is_known_behind(prior: HairPrior) -> None:
    """A head of hair that differs from the mean as people do is foretold from its half, and the better the more is seen."""
    scores = np.random.default_rng(0).normal(size=len(prior.modes))
    person = prior.mean + np.tensordot(scores, prior.modes, 1)
    half = np.zeros(person.shape)
    half[:, np.abs(np.arange(-180.0, 180, 7.5)) < 90] = 1
    errors = [np.abs(prior.given(person, seen) - person).mean() for seen in (0 * half, half, 100 * half + 100)]
    assert errors[1] < 0.5 * errors[0]
    assert errors[2] < 0.02 * errors[0]


def test_it_is_the_mean_of_a_gaussian_given_what_is_seen(prior: HairPrior) -> None:
    """As the textbook's formula for a conditional mean with noise, in the covariance of all places."""
    rng = np.random.default_rng(1)
    values = prior.mean + rng.normal(0, 0.01, prior.mean.shape)
    some = np.flatnonzero(rng.random(prior.mean.size) < 0.1)
    seen = np.zeros(prior.mean.size)
    seen[some] = 1
    modes = prior.modes.reshape(len(prior.modes), -1)
    covariance = modes.T @ modes
    among = covariance[np.ix_(some, some)] + prior.noise**2 * np.eye(len(some))
    pull = np.linalg.solve(among, (values - prior.mean).ravel()[some])
    wanted = prior.mean + (covariance[:, some] @ pull).reshape(prior.mean.shape)
    np.testing.assert_allclose(prior.given(values, seen.reshape(values.shape)), wanted, atol=1e-9)


def test_both_sides_are_expected_alike(prior: HairPrior) -> None:
    mirror = (-np.arange(prior.mean.shape[1])) % prior.mean.shape[1]
    np.testing.assert_allclose(prior.mean, prior.mean[:, mirror], atol=1e-12)


def test_the_usual_hairline_is_a_persons() -> None:
    """Hair on the crown, at the back and above the ears, none on forehead, cheeks and neck."""
    places = {
        (0.0, 80.0): True, (180.0, 10.0): True, (180.0, -20.0): True, (80.0, 30.0): True, (62.0, 20.0): True,
        (0.0, 20.0): False, (45.0, 0.0): False, (60.0, -30.0): False, (180.0, -50.0): False, (110.0, -40.0): False,
    }  # fmt: skip
    for (azimuth, elevation), hair in places.items():
        edge = hair_prior("edge", EARS, TOP, at(np.array([azimuth]), np.array([elevation]))).mean[0, 0]
        assert (edge > 0) == hair, (azimuth, elevation, edge)


def test_lengths_follow_the_heads_size() -> None:
    points = at(np.arange(-180.0, 180, 30), np.arange(60.0, -30, -15))
    grown = [hair_prior("thickness", size * EARS, size * TOP, size * points) for size in (1.0, 0.8)]
    np.testing.assert_allclose(grown[1].mean, 0.8 * grown[0].mean)


def test_what_lies_close_together_is_seen_once() -> None:
    """The looks that a surface is worth do not grow with the number of its points."""
    totals = [looks(at(np.arange(-180.0, 180, step), np.arange(80.0, -40, -step))).sum() for step in (5.0, 2.5)]
    assert totals[1] == pytest.approx(totals[0], rel=0.1)
    assert NOISE.keys() == set(FIELDS)
