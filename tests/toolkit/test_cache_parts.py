"""Parts of a stage that a killed run leaves to the next."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from jaxtyping import Float32

from facecraft4d.toolkit.cache import digest_of, kept_part
from facecraft4d.toolkit.core.stages import Progress, StageContext


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    values: Float32[np.ndarray, " n"]


def found(context: StageContext, key: str, made: list[str]) -> Found:
    """A part that notes when it is made."""

    def make() -> Found:
        made.append(key)
        return Found(np.arange(5, dtype=np.float32))

    return kept_part(context, "shape_prior", "found", key, Found, make)


@pytest.fixture
def said() -> list[Progress]:
    return []


@pytest.fixture
def context(tmp_path: Path, said: list[Progress]) -> StageContext:
    return StageContext(0, "cpu", tmp_path / "stage", said.append)


def test_a_part_is_made_once_for_each_key(context: StageContext) -> None:
    made: list[str] = []
    first, other = digest_of(1), digest_of(2)
    results = [found(context, key, made) for key in (first, first, other, first)]
    assert made == [first, other]
    for result in results:
        np.testing.assert_array_equal(result.values, np.arange(5))
        assert result.values.dtype == np.float32


def test_a_part_that_is_damaged_is_said_and_made_anew(context: StageContext, said: list[Progress]) -> None:
    made: list[str] = []
    key = digest_of(3)
    found(context, key, made)
    (file,) = context.folder.iterdir()
    file.write_bytes(file.read_bytes()[:100])
    found(context, key, made)
    found(context, key, made)
    assert made == [key, key]
    assert len(said) == 1 and "damaged" in said[0].notes[0]


def test_what_fails_leaves_nothing(context: StageContext) -> None:
    def fail() -> Found:
        raise OSError("full")

    with pytest.raises(OSError, match="full"):
        kept_part(context, "shape_prior", "found", digest_of(4), Found, fail)
    assert not context.folder.exists()
