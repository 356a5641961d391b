"""The preset paper: it names what of the paper is missing, and goes on when told to."""

from dataclasses import replace
from pathlib import Path

import pytest

from facecraft4d import cli, cli_build, cli_paper
from facecraft4d.toolkit.config import BuildConfig, FaceModelConfig, FaceModelKind, Preset, preset
from facecraft4d.toolkit.core.checks import UserError
from facecraft4d.toolkit.needs import Needs
from facecraft4d.toolkit.weights import TABLE, BroughtWeights

PAPER = ["a.jpg", "--preset", "paper", "--device", "cpu"]
CHOICES = tuple(f"{prior.option} {prior.value}" for prior in cli_paper.PRIORS)


def quiet(progress: object) -> None:
    pass


def refusal(config: BuildConfig) -> str:
    with pytest.raises(UserError) as refused:
        cli_paper.refuse_other_priors(config, quiet)
    return str(refused.value)


@pytest.fixture
def all_chosen(monkeypatch: pytest.MonkeyPatch) -> BuildConfig:
    """The paper's configuration as if every prior of it were chosen."""
    chosen = tuple(prior._replace(chosen=lambda config, value=prior.value: value) for prior in cli_paper.PRIORS)
    monkeypatch.setattr(cli_paper, "PRIORS", chosen)
    return preset(Preset.PAPER)


def test_each_prior_that_is_not_chosen_is_named_with_its_files() -> None:
    said = refusal(preset(Preset.PAPER))
    assert "(4) " in said and "(5) " not in said and "--embedded-priors" in said and "\n" not in said
    for choice in CHOICES:
        assert f"{choice}: not chosen" in said
    for row in TABLE:
        if isinstance(row, BroughtWeights) and row.needed_by.startswith(CHOICES):
            assert row.ask in said and row.licence in said and row.expected[0][0] in said


def test_what_is_chosen_is_not_named() -> None:
    file = Path("flame2023_Open.pkl")
    config = replace(preset(Preset.PAPER), face_model=FaceModelConfig(FaceModelKind.FLAME, file))
    said = refusal(config)
    assert "(4) " in said and "--face-model flame: not chosen" not in said
    assert str(file) in said and "no such file" in said, "it is chosen and lacks its file"


def test_a_chosen_prior_without_its_checkpoint_is_told_as_the_table_has_it(
    all_chosen: BuildConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    from facecraft4d.toolkit import preflight

    cli_paper.refuse_other_priors(all_chosen, quiet)
    monkeypatch.setattr(preflight, "needs", lambda config: Needs(weights=("lpips_alexnet", "flame_2023_open")))
    said = refusal(all_chosen)
    assert "(1) " in said and "(2) " not in said and "flame2023_Open.pkl" in said and "flame.is.tue.mpg.de" in said
    assert "alexnet" not in said, "what a package carries is fetched"


def test_it_goes_on_when_told() -> None:
    cli_build.check_paper(cli_build.parse_options([*PAPER, "--anyway", "--embedded-priors"]), quiet)
    with pytest.raises(UserError, match="hours"):
        cli_build.check_paper(cli_build.parse_options([*PAPER, "--embedded-priors"]), quiet)
    with pytest.raises(UserError, match="own priors"):
        cli_build.check_paper(cli_build.parse_options([*PAPER, "--anyway"]), quiet)
    cli_build.check_paper(cli_build.parse_options(["a.jpg"]), quiet)


def test_a_refusal_is_one_line_and_leaves_nothing(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 2; what the folder held is as it was."""
    assert cli.main(["build", str(place / "blank.jpg"), "--out", str(place / "out"), "--preset", "paper"]) == 2
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 1 and all(choice in lines[0] for choice in CHOICES)
    assert not (place / "out").exists()
