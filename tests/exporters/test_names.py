"""Names for files and prims: each once, and nothing in them that a reader stumbles over."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from facecraft4d.exporters.names import plain_names


@pytest.mark.parametrize(
    ("names", "plain"),
    [
        (["jawOpen", "jawopen", "JAWOPEN"], ["jawOpen", "jawopen_2", "JAWOPEN_3"]),
        (["é", "e"], ["e", "e_2"]),
        (["", "..", "眨眼"], ["_", "__", "__2"]),
        (["a b", "a_b", "a_b_2"], ["a_b", "a_b_2", "a_b_2_2"]),
    ],
)
def test_plain_names_are_each_there_once(names: list[str], plain: list[str]) -> None:
    assert plain_names(names) == plain


@pytest.mark.slow
@given(st.lists(st.text(max_size=6), max_size=12), st.booleans())
def test_any_names_become_plain_ones_that_differ(names: list[str], identifiers: bool) -> None:
    found = plain_names(names, identifiers)
    assert len(found) == len(names) == len({each.casefold() for each in found})
    for each in found:
        assert each.isascii() and each.replace("-", "_").replace("_", "a").isalnum()
        assert not identifiers or each.isidentifier()


def test_plain_names_stay_as_they_are() -> None:
    assert plain_names(["jawOpen", "eye_left"], identifiers=True) == ["jawOpen", "eye_left"]
    assert plain_names(["1-2"]) == ["1-2"] and plain_names(["1-2", "眨1"], identifiers=True) == ["_1_2", "_1"]
