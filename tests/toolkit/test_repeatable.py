"""Within `repeatable` sums have one order; afterwards torch is set as it was found, however deep the nesting and however it ends."""

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
import torch

from facecraft4d.toolkit.repeatable import repeatable

MEMORY: Any = torch.utils.deterministic


def settings() -> tuple[bool, bool, bool]:
    """Whether torch sums in a fixed order, only warns where it cannot, and fills fresh memory."""
    return (
        torch.are_deterministic_algorithms_enabled(),
        torch.is_deterministic_algorithms_warn_only_enabled(),
        MEMORY.fill_uninitialized_memory,
    )


@pytest.fixture(params=[(False, False, True), (True, True, True), (True, False, False), (False, True, False)])
def found(request: pytest.FixtureRequest) -> Iterator[tuple[bool, bool, bool]]:
    """Settings that somebody made before; the test's own process gets back what it had."""
    before = settings()
    enabled, warns, fills = request.param
    torch.use_deterministic_algorithms(enabled, warn_only=warns)
    MEMORY.fill_uninitialized_memory = fills
    try:
        yield settings()
    finally:
        torch.use_deterministic_algorithms(before[0], warn_only=before[1])
        MEMORY.fill_uninitialized_memory = before[2]


def test_every_setting_comes_back_as_it_was_found(found: tuple[bool, bool, bool]) -> None:
    with repeatable():
        assert settings() == (True, False, False)
    assert settings() == found


def test_a_nested_use_leaves_the_outer_one_in_force(found: tuple[bool, bool, bool]) -> None:
    with repeatable():
        with repeatable():
            pass
        assert settings() == (True, False, False)
    assert settings() == found


def test_settings_come_back_when_the_work_fails(found: tuple[bool, bool, bool]) -> None:
    with suppress(ValueError), repeatable():
        raise ValueError("the work fails")
    assert settings() == found
