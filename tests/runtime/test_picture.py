"""Backgrounds and compositing."""

import numpy as np
import pytest

from facecraft4d.runtime.picture import background_color, composite
from facecraft4d.toolkit.core.checks import UserError
from facecraft4d.toolkit.core.pixels import to_bytes


@pytest.mark.parametrize(
    ("text", "color"),
    [
        ("white", (1, 1, 1)),
        ("black", (0, 0, 0)),
        ("transparent", None),
        ("#ff8000", (1, 128 / 255, 0)),
        ("#FFffFF", (1, 1, 1)),
    ],
)
def test_backgrounds(text: str, color: tuple[float, float, float] | None) -> None:
    assert background_color(text) == color


@pytest.mark.parametrize("text", ["", "red", "#fff", "#12345g", "#1234567", "White"])
def test_unknown_backgrounds_are_refused(text: str) -> None:
    with pytest.raises(UserError, match="background must be white, black, transparent or #rrggbb"):
        background_color(text)


def test_composite_over_transparency_then_colour_is_composite_over_colour() -> None:
    rng = np.random.default_rng(4)
    alpha = rng.uniform(size=(9, 7, 1)).astype(np.float32)
    premultiplied = np.concatenate([alpha * rng.uniform(size=(9, 7, 3)).astype(np.float32), alpha], -1)
    straight = composite(premultiplied, None).astype(float) / 255
    over = straight[..., :3] * straight[..., 3:] + (1 - straight[..., 3:]) * [0.2, 0.4, 0.6]
    assert np.abs(over * 255 - composite(premultiplied, (0.2, 0.4, 0.6))).max() < 1.6


def test_over_a_colour_every_byte_is_the_one_rounding() -> None:
    """Also where splats are brighter than white."""
    rng = np.random.default_rng(7)
    picture = rng.uniform(-0.2, 1.4, (40, 30, 4)).astype(np.float32)
    for background in ((1.0, 1.0, 1.0), (0.0, 0.0, 0.0), (0.2, 0.4, 0.6)):
        plain = picture[..., :3] + (1 - picture[..., 3:]) * np.array(background, np.float32)
        assert np.array_equal(composite(picture, background), to_bytes(plain))
