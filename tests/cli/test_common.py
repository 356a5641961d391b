"""Sizes and times as people read them."""

from collections.abc import Callable

import pytest

from facecraft4d.cli_common import readable_bytes, readable_seconds


@pytest.mark.parametrize(
    ("render", "value", "text"),
    [
        (readable_bytes, 512, "512 bytes"),
        (readable_bytes, 3.25 * 2**20, "3.2 MiB"),
        (readable_bytes, 3 * 2**30, "3.00 GiB"),
        (readable_seconds, 3.21, "3.2 s"),
        (readable_seconds, 200, "3 min 20 s"),
        (readable_seconds, 7260, "2 h 1 min"),
    ],
)
def test_sizes_and_times_are_readable(render: Callable[[float], str], value: float, text: str) -> None:
    assert render(value) == text
