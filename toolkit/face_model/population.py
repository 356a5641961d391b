"""How people's identity weights are spread and which go together: what a fit expects before it has seen anybody.

MakeHuman's own generator multiplies sex, age, build and ancestry; people drawn from it are expressed in the model's identity weights, which
leaves out 0.4 mm of their 6 mm. Details come on top, each side of the head much like the other.
"""

import itertools

import numpy as np
from jaxtyping import Float, Float32, Float64

from facecraft4d.toolkit.face_model.identity import ANCESTRIES, MACRO_FOLDER, SEXES, Deltas
from facecraft4d.toolkit.face_model.makehuman import MakeHuman

PEOPLE = 4000
"""Drawn with a fixed seed."""
AGES = {"child": 10.0, "young": 25.0, "old": 90.0}
"""Years of MakeHuman's targets."""
YEARS = (10.0, 80.0)
"""People are of any age between these."""
EXTREMES = ("min", "average", "max")
"""Of muscle and weight."""
BUILD_SIGMA = 0.17
"""Spread of muscle and weight in parts of the way from least to most: three of it lead from the average to an extreme."""
PURE = 0.5
"""Parameter of the beta distribution between the sexes and of Dirichlet's between ancestries: below 1 most people are near one of them."""
DETAIL_SIGMA = 0.12
"""Spread of a detail as a part of its range. With what the generator draws, heads then vary as adults' do: standard deviations of
9 mm in length, 6 in breadth, 6 from the nasion to the chin."""
ASYMMETRY = 0.2
"""Spread of the difference between the two sides in a detail, as a part of the detail's spread."""
UNEXPLAINED = 1e-3
"""Metres of a vertex that are not worth a detail's deviation when a drawn person is expressed in weights."""


def macro_targets(data: MakeHuman, count: int) -> list[Deltas]:
    """All that the generator mixes: build by sex and age, then ancestry by sex and age; decimetres."""
    universal = itertools.product(SEXES, AGES, EXTREMES, EXTREMES)
    names = [f"universal-{sex}-{age}-{muscle}muscle-{weight}weight" for sex, age, muscle, weight in universal]
    names += ["-".join(each) for each in itertools.product(ANCESTRIES, SEXES, AGES)]
    return [data.target(f"{MACRO_FOLDER}/{name}.target.gz", count) for name in names]


def macro_shares() -> Float64[np.ndarray, "n t"]:
    """The share of each macro target in each of `PEOPLE`."""
    rng = np.random.default_rng(0)
    male = rng.beta(PURE, PURE, PEOPLE)
    sex = np.stack([1 - male, male], 1)
    age = _between(rng.uniform(*YEARS, PEOPLE), tuple(AGES.values()))
    muscle, weight = (_between(rng.normal(0.5, BUILD_SIGMA, PEOPLE), (0.0, 0.5, 1.0)) for _ in range(2))
    ancestry = rng.dirichlet([PURE] * len(ANCESTRIES), PEOPLE)
    built = np.einsum("na,nb,nc,nd->nabcd", sex, age, muscle, weight).reshape(PEOPLE, -1)
    return np.concatenate([built, np.einsum("na,nb,nc->nabc", ancestry, sex, age).reshape(PEOPLE, -1)], 1)


def _between(values: Float64[np.ndarray, " n"], stops: tuple[float, ...]) -> Float64[np.ndarray, "n s"]:
    """Shares of the stops on either side of each value."""
    return np.stack([np.interp(values, stops, corner) for corner in np.eye(len(stops))], 1)


def spread(
    names: list[str],
    deltas: Float64[np.ndarray, "i p 3"],
    ranges: list[tuple[float, float]],
    macros: Float64[np.ndarray, "t p 3"],
    mean: Float64[np.ndarray, "p 3"],
) -> tuple[Float32[np.ndarray, " i"], Float32[np.ndarray, "i i"]]:
    """Mean of identity weights, and the matrix that turns what differs from it into independent standard deviations.

    `macros`: what the generator mixes; `mean`: the same mixture for weights of 0; metres.
    """
    details = _details(names, DETAIL_SIGMA * np.abs(ranges).max(1))
    directions, per_vertex = deltas.reshape(len(names), -1), np.sqrt(3) * UNEXPLAINED
    normal = directions @ directions.T / per_vertex**2 + np.linalg.inv(details)
    shapes = np.concatenate([macros, mean[None]]).reshape(len(macros) + 1, -1)
    explained = np.linalg.solve(normal, directions @ shapes.T / per_vertex**2).T
    people = macro_shares() @ explained[:-1] - explained[-1]
    whitening = np.linalg.cholesky(np.linalg.inv(np.cov(people.T) + details)).T
    return people.mean(0).astype(np.float32), whitening.astype(np.float32)


def _details(names: list[str], sigma: Float[np.ndarray, " i"]) -> Float64[np.ndarray, "i i"]:
    """Covariance of details; the two sides' go together."""
    covariance = np.diag(sigma**2)
    for left, name in enumerate(names):
        if name.startswith("l-") and f"r-{name[2:]}" in names:
            right = names.index(f"r-{name[2:]}")
            covariance[left, right] = covariance[right, left] = (1 - ASYMMETRY**2 / 2) * sigma[left] * sigma[right]
    return covariance
