"""Every tier draws the golden pictures; `make golden` draws these anew."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from golden.cases import GOLDEN, Golden
from opengl_cases import clean_context, drawn, psnr
from PIL import Image
from places import ROOT

from facecraft4d.runtime import Backend, render_image
from facecraft4d.runtime.gl.instances import Tier
from facecraft4d.runtime.picture import background_color, composite
from facecraft4d.runtime.still import option_camera

LEAST_DB = 55
"""Least PSNR, whoever draws."""


@pytest.fixture(scope="module")
def context() -> Iterator[Any]:
    with clean_context() as made:
        yield made


def likeness(name: str, image: np.ndarray) -> float:
    """PSNR to the golden picture."""
    golden = np.asarray(Image.open(ROOT / "tests" / "golden" / f"{name}.png"))
    assert image.shape == golden.shape
    if image.shape[2] == 4:  # colour where nothing is means nothing
        image, golden = (np.where(part[..., 3:] > 8, part, 0) for part in (image, golden))
    return float("inf") if np.array_equal(image, golden) else psnr(image / 255, golden / 255)


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
    found, _ = drawn(context, tier, (avatar,), (pose,), camera)
    assert likeness(name, composite(found, background_color(case.options.background))) > LEAST_DB
