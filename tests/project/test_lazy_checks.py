"""The suite's type checker refuses what beartype refuses, from the first call on."""

import jaxtyping
import numpy as np
import pytest
from jaxtyping import Float32
from lazily import checked


@jaxtyping.jaxtyped(typechecker=checked)
def _halves(vectors: Float32[np.ndarray, "n 3"], count: int = 2) -> Float32[np.ndarray, "n 3"]:
    return vectors / np.float32(count) if count else vectors[:1]


def test_arguments_and_results_are_checked_whenever_called() -> None:
    good = np.ones((4, 3), np.float32)
    for _ in range(2):
        assert _halves(good).shape == (4, 3)
        for wrong in (good[:, :2], good.astype(np.float64), None):
            with pytest.raises(jaxtyping.TypeCheckError, match="parameter 'vectors'"):
                _halves(wrong)
        with pytest.raises(jaxtyping.TypeCheckError, match="return value"):
            _halves(good, 0)
    with pytest.raises(jaxtyping.TypeCheckError, match="parameter 'count'"):
        _halves(good, "2")


def test_what_states_shapes_is_checked_so() -> None:
    from facecraft4d.toolkit.core.pixels import to_bytes

    with pytest.raises(jaxtyping.TypeCheckError):
        to_bytes(None)
