"""Every tier draws the golden pictures; `make golden` draws these anew."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from golden.cases import GOLDEN, Golden
from opengl_cases import WHOLE, clean_context, drawn, psnr
from PIL import Image
from places import ROOT

from facecraft4d.runtime import Backend, render_image
from facecraft4d.runtime.gl.drawing import LOOK
from facecraft4d.runtime.gl.instances import Tier
from facecraft4d.runtime.picture import background_color, composite
from facecraft4d.runtime.still import option_camera

LEAST_DB = 55
"""Least PSNR, whoever draws all of every splat."""
TIGHT_DB = 45
"""Least PSNR of OpenGL as it draws for users, who do not get the faintest of a splat."""


@pytest.fixture(scope="module")
def context() -> Iterator[Any]:
    with clean_context() as made:
        yield made


def likeness(name: str, image: np.ndarray) -> float:
    """PSNR to the golden picture."""
    golden = golden_picture(name)
    assert image.shape == golden.shape
    if image.shape[2] == 4:  # colour where nothing is means nothing
        image, golden = (np.where(part[..., 3:] > 8, part, 0) for part in (image, golden))
    return float("inf") if np.array_equal(image, golden) else psnr(image / 255, golden / 255)


def likeness_as_seen(name: str, image: np.ndarray) -> float:
    """PSNR to the golden picture of colours as much as they are seen: where hardly anything is, the colour of that is no difference."""
    return psnr(premultiplied(image / 255), premultiplied(golden_picture(name) / 255))


def golden_picture(name: str) -> np.ndarray:
    return np.asarray(Image.open(ROOT / "tests" / "golden" / f"{name}.png"))


def premultiplied(image: np.ndarray) -> np.ndarray:
    """Colours as much as they are seen."""
    return np.concatenate([image[..., :3] * image[..., 3:], image[..., 3:]], 2) if image.shape[2] == 4 else image


def test_there_are_enough() -> None:
    assert len(GOLDEN) >= 24 and {path.stem for path in (ROOT / "tests" / "golden").glob("*.png")} == set(GOLDEN)


@pytest.mark.parametrize("name", GOLDEN)
def test_by_the_rasteriser(name: str) -> None:
    avatar, pose = GOLDEN[name].posed()
    image = render_image(avatar, pose, replace(GOLDEN[name].options, backend=Backend.SOFTWARE))
    assert likeness(name, image) > LEAST_DB


@pytest.mark.slow
@pytest.mark.parametrize("tier", Tier)
@pytest.mark.parametrize("name", GOLDEN)
def test_by_opengl(context: Any, name: str, tier: Tier) -> None:
    case: Golden = GOLDEN[name]
    avatar, pose = case.posed()
    camera = option_camera(avatar, case.options).camera(case.options.size, case.options.size)
    for look, compared, least in ((WHOLE, likeness, LEAST_DB), (LOOK, likeness_as_seen, TIGHT_DB)):
        found, _ = drawn(context, tier, (avatar,), (pose,), camera, look)
        assert compared(name, composite(found, background_color(case.options.background))) > least, look
