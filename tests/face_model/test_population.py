"""The statistics of identity: whitened people have mean 0 and covariance 1 by construction; here are the laws that heads keep."""

import numpy as np
import pytest
from default_head_cases import vertices_of

from facecraft4d.toolkit.face_model import FaceModel
from facecraft4d.toolkit.face_model.population import ASYMMETRY, macro_shares, spread


@pytest.fixture(scope="module")
def people(model: FaceModel) -> np.ndarray:
    """Neutral vertices of people drawn from the population, metres."""
    drawn = np.random.default_rng(1).standard_normal((200, len(model.identity_names)))
    deviations = np.linalg.solve(model.identity_whitening.astype(np.float64), drawn.T).T
    shapes = np.tensordot(model.identity_mean + deviations, model.identity_deltas, 1)
    return np.asarray(model.vertices + shapes)


def test_shares_of_the_generator_sum_to_one_for_build_and_for_ancestry() -> None:
    shares = macro_shares()
    assert (shares >= 0).all()
    np.testing.assert_allclose(shares[:, :54].sum(1), 1)
    np.testing.assert_allclose(shares[:, 54:].sum(1), 1)


def test_heads_vary_as_people_do(head: FaceModel, people: np.ndarray) -> None:
    """Standard deviations of adults' heads are 6 to 8 mm in length, 5 to 7 in breadth; children add to that."""
    scalp = vertices_of(head, "scalp")
    length = people[:, :, 2].max(1) - people[:, scalp, 2].min(1)
    breadth = np.ptp(people[:, scalp, 0], axis=1)
    assert 0.006 < length.std() < 0.013
    assert 0.004 < breadth.std() < 0.009


def test_people_are_nearly_symmetric(head: FaceModel, people: np.ndarray) -> None:
    """What the two sides of a person differ by is a small part of what people differ by."""
    ears = vertices_of(head, "ears")
    mirrored = people[:, head.mirror_vertices] * [-1, 1, 1]
    apart = (people - mirrored)[:, ears].std(0).mean()
    assert apart < 2 * ASYMMETRY * people[:, ears].std(0).mean()


def test_whitening_undoes_the_spread() -> None:
    """Of one direction that the generator moves by a known share, the whitening tells the spread."""
    rng = np.random.default_rng(2)
    deltas = rng.normal(0, 0.01, (1, 40, 3))
    shares = macro_shares()
    macros = np.zeros((shares.shape[1], 40, 3))
    macros[0] = deltas[0]
    mean, whitening = spread(["only"], deltas, [(-1.0, 1.0)], macros, np.zeros((40, 3)))
    assert mean[0] == pytest.approx(shares[:, 0].mean(), rel=0.05)
    assert 1 / whitening[0, 0] ** 2 == pytest.approx(shares[:, 0].var(ddof=1) + 0.12**2, rel=0.05)
