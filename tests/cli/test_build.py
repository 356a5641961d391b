"""The options of a build, and its folder."""

import pytest

from facecraft4d import cli_build
from facecraft4d.toolkit.config import Device, Lighting, Matting, Preset, preset


@pytest.mark.slow
def test_the_preset_decides_the_defaults_and_options_win() -> None:
    standard = cli_build.parse_options(["a.jpg", "--preset", "standard"])
    assert standard.config == preset(Preset.STANDARD)
    words = [
        "a.jpg",
        "--preset",
        "standard",
        "--splats",
        "7000",
        "--light",
        "even",
        "--matting",
        "isnet",
        "--face",
        "1",
        "--device",
        "cpu",
    ]
    chosen = cli_build.parse_options([*words, "--training.coin-iterations", "9"]).config
    assert (chosen.training.splats, chosen.training.coin_iterations) == (7000, 9)
    assert chosen.training.static_iterations == preset(Preset.STANDARD).training.static_iterations
    assert chosen.shape_prior.light is Lighting.EVEN
    assert (chosen.preprocess.matting, chosen.preprocess.face, chosen.device) == (Matting.ISNET, 1, Device.CPU)
