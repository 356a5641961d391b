"""render writes the picture that was asked for."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from facecraft4d import cli


@pytest.mark.slow
def test_render_writes_the_picture_that_was_asked_for(
    place: Path, tiny_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["render", str(tiny_path), "--out", "rest.png", "--size", "64"]) == 0
    options = ["--yaw", "30", "--pitch", "10", "--expression", "jawOpen=0.8", "--expression", "browInnerUp=1"]
    assert cli.main(["render", str(tiny_path), "--out", "posed.png", "--size", "64", *options]) == 0
    rest, posed = (np.asarray(Image.open(name).convert("RGB"), float) for name in ("rest.png", "posed.png"))
    assert rest.shape == posed.shape == (64, 64, 3)
    assert np.abs(rest - posed).mean() > 1
    assert cli.main(["render", str(tiny_path), "--out", "few.png", "--size", "64", "--splats", "60"]) == 0
    few = np.asarray(Image.open("few.png").convert("RGB"), float)
    assert 1 < np.abs(rest - few).mean() < 60
