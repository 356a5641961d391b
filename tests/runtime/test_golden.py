"""Both renderers draw the golden pictures; tests/golden/regenerate.py draws these anew."""

from dataclasses import replace

import numpy as np
import pytest
from golden.cases import CASES
from PIL import Image
from places import ROOT

from facecraft4d.exporters import load
from facecraft4d.runtime import Backend, pose_from_weights, render_image
from facecraft4d.runtime.opengl import NoOpenGL, offscreen_context


def psnr(a: np.ndarray, b: np.ndarray) -> float:
    error = float(np.mean((a.astype(np.float64) - b) ** 2)) / 255**2
    return float("inf") if error == 0 else -10 * float(np.log10(error))


@pytest.mark.parametrize("backend", [Backend.SOFTWARE, Backend.OPENGL])
@pytest.mark.parametrize("name", CASES)
def test_golden_picture(name: str, backend: Backend) -> None:
    if backend == Backend.OPENGL:
        try:
            offscreen_context().release()
        except NoOpenGL as error:
            pytest.skip(f"no OpenGL off screen: {error}")
    avatar = load(ROOT / "samples" / "tiny_avatar.glb")
    weights, options = CASES[name]
    image = render_image(avatar, pose_from_weights(avatar.rig, weights), replace(options, backend=backend))
    golden = np.asarray(Image.open(ROOT / "tests" / "golden" / f"{name}.png"))
    assert image.shape == golden.shape
    if image.shape[2] == 4:  # colour where nothing is means nothing
        image, golden = (np.where(part[..., 3:] > 8, part, 0) for part in (image, golden))
    assert psnr(image, golden) > (55 if backend == Backend.SOFTWARE else 45)
