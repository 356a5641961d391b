"""The options of a build, and its folder."""

from pathlib import Path

import pytest

from facecraft4d import cli_build
from facecraft4d.toolkit.config import Device, Matting, Preset, preset
from facecraft4d.toolkit.core.checks import UserError


def test_the_preset_decides_the_defaults_and_options_win() -> None:
    standard = cli_build.parse_options(["a.jpg", "--preset", "standard"])
    assert standard.config == preset(Preset.STANDARD)
    words = [
        "a.jpg",
        "--preset",
        "standard",
        "--splats",
        "7000",
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
    assert (chosen.preprocess.matting, chosen.preprocess.face, chosen.device) == (Matting.ISNET, 1, Device.CPU)


@pytest.mark.parametrize("name", Preset)
def test_every_preset_passes_its_own_checks(name: Preset) -> None:
    cli_build.check_config(preset(name))


def test_one_build_at_a_time_in_a_folder(tmp_path: Path) -> None:
    with cli_build.alone_in(tmp_path / "build"):
        with pytest.raises(UserError, match="another build"), cli_build.alone_in(tmp_path / "build"):
            pass
    with cli_build.alone_in(tmp_path / "build"):
        pass


def test_fresh_forgets_what_stages_made(tmp_path: Path) -> None:
    (tmp_path / "training" / "key").mkdir(parents=True)
    (tmp_path / "training" / "key" / "result.npz").write_bytes(b"x")
    cli_build.forget(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_paper_goes_on_when_told(place: Path) -> None:
    cli_build.refuse_paper_on_cpu(
        cli_build.parse_options(["a.jpg", "--preset", "paper", "--device", "cpu", "--anyway"]), print
    )
    with pytest.raises(UserError, match="hours"):
        cli_build.refuse_paper_on_cpu(cli_build.parse_options(["a.jpg", "--preset", "paper", "--device", "cpu"]), print)
