"""Random avatars for the laws of exporters, and how two sets of splats are compared."""

from dataclasses import dataclass

import numpy as np
from hypothesis import strategies as st

from facecraft4d.toolkit.core.arkit import JOINT_NAMES
from facecraft4d.toolkit.core.asset import Avatar, Provenance
from facecraft4d.toolkit.core.datatypes import BoundSplats, Rig, Splats
from facecraft4d.toolkit.core.geometry import multiply_wxyz, normalized
from facecraft4d.toolkit.core.ingredients import Commercial, Ingredient

TEXTS = st.text(min_size=1, max_size=30)
"""Any, also control characters, marks of direction and letters outside ASCII."""


@dataclass(frozen=True)
class Case:
    """What a random avatar follows from; `avatar_of` makes it outside of hypothesis' strategies, which mind the checks of types."""

    seed: int
    splats: int
    triangles: int
    vertices: int
    expressions: list[str]
    texts: list[str]
    commercial: Commercial


LEAST = Case(0, 1, 1, 3, [], ["größe", "\u202e", "\x1b"], Commercial.UNKNOWN)
"""One splat on one triangle without any expression."""


def cases() -> st.SearchStrategy[Case]:
    """Heads of a few triangles: none to three expressions, one splat or more, any texts."""
    return st.builds(
        Case, st.integers(0, 2**32 - 1), st.integers(1, 40), st.integers(1, 9), st.integers(3, 12),
        st.lists(TEXTS, max_size=3, unique=True), st.lists(TEXTS, min_size=3, max_size=3), st.sampled_from(Commercial),
    )  # fmt: skip


def avatar_of(case: Case) -> Avatar:
    """The avatar of a case; its colours are within SPZ's range, its scales beyond it."""
    rng, names, vertices = np.random.default_rng(case.seed), tuple(case.expressions), case.vertices
    corners = np.argsort(rng.uniform(size=(case.triangles, vertices)), 1)[:, :3].astype(np.int32)

    def numbers(*shape: int, width: float = 1.0) -> np.ndarray:
        return rng.normal(scale=width, size=shape).astype(np.float32)

    rig = Rig(
        numbers(vertices, 3, width=0.1), corners, np.zeros(len(corners), np.uint8), ("skin",), names,
        numbers(len(names), vertices, 3, width=0.01), JOINT_NAMES, (-1, 0, 1, 1, 1), numbers(5, 3, width=0.1),
        rng.dirichlet(np.ones(5), vertices).astype(np.float32),
    )  # fmt: skip
    count = case.splats
    splats = BoundSplats(
        numbers(count, 3), numbers(count, 4), np.clip(numbers(count, 3, width=3.0) - 2, -12, 4), numbers(count, width=4.0),
        rng.uniform(-0.4, 1.4, (count, 3)).astype(np.float32), rng.integers(0, len(corners), count).astype(np.int32),
    )  # fmt: skip
    name, role, licence = case.texts
    return Avatar(rig, splats, Provenance((Ingredient(name, role, licence, case.commercial, "", ""),)))


def turned_between(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Angles in radians between rotations given as quaternions [n, 4]."""
    a, b = normalized(first.astype(np.float64)), normalized(second.astype(np.float64))
    chord = np.minimum(np.linalg.norm(a - b, axis=1), np.linalg.norm(a + b, axis=1))
    return np.asarray(4 * np.arcsin(np.minimum(chord / 2, 1)))


def ellipsoids_turned_between(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """The same for ellipsoids, which half a turn about an axis of their own leaves as they are: the SPZ library turns frames so."""
    half_turns = np.eye(4)
    return np.min(
        [turned_between(first, multiply_wxyz(second.astype(np.float64), turn)) for turn in half_turns], axis=0
    )


def assert_same_splats(found: Splats, expected: Splats) -> None:
    """Positions bit for bit, all else to what logarithms and logits cost in float32."""
    assert np.array_equal(found.means, expected.means)
    assert turned_between(found.rotations_wxyz, expected.rotations_wxyz).max() < 1e-6
    assert np.allclose(found.scales, expected.scales, rtol=1e-5, atol=1e-37)
    assert np.allclose(found.opacities, expected.opacities, rtol=1e-5, atol=1e-7)
    assert np.allclose(found.colors, expected.colors, rtol=1e-6, atol=1e-6)
