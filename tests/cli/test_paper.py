"""The preset paper: it names what of the paper is missing, and goes on when told to."""

from pathlib import Path

import pytest

from facecraft4d import cli, cli_build, cli_paper
from facecraft4d.toolkit import face_model, image_prior, shape_prior, video_prior
from facecraft4d.toolkit.config import BuildConfig, Preset, preset
from facecraft4d.toolkit.core.checks import UserError
from facecraft4d.toolkit.needs import Needs
from facecraft4d.toolkit.weights import TABLE, BroughtWeights, row

PAPER = ["a.jpg", "--preset", "paper", "--device", "cpu"]
CHOICES = tuple(f"{prior.option} {prior.value}" for prior in cli_paper.PRIORS)


def quiet(progress: object) -> None:
    pass


def refusal(config: BuildConfig) -> str:
    with pytest.raises(UserError) as refused:
        cli_paper.refuse_other_priors(config, quiet)
    return str(refused.value)


def test_each_prior_that_is_not_chosen_is_named_with_its_files() -> None:
    said = refusal(preset(Preset.PAPER))
    assert (
        "(4) " in said and "(5) " not in said and "--embedded-priors" in said and "\n" not in said and len(said) < 2000
    )
    for choice in CHOICES:
        assert f"{choice}: not chosen" in said
    for each in TABLE:
        if isinstance(each, BroughtWeights) and each.needed_by.startswith(CHOICES):
            assert each.ask in said and each.licence in said and each.option in said
            assert each.kind == "folder" or each.expected[0][0] in said


def test_all_that_is_chosen_and_lacks_its_files_is_named_at_once() -> None:
    """Each once, with who gives it and the option that points to it; what packages carry is fetched and not named."""
    words = [word for choice in CHOICES for word in choice.split()]
    options = cli_build.parse_options([*PAPER, *words, "--face-model.file", "flame2023_Open.pkl"])
    said = refusal(options.config)
    assert "(4) " in said and "(5) " not in said and ": not chosen" not in said
    assert said.count("flame2023_Open.pkl: expected") == 1 and "no such file" in said
    for name in ("panohead", "sdxl", "liveportrait"):
        brought = row(name)
        assert isinstance(brought, BroughtWeights) and brought.ask in said and brought.option in said
    assert "lpips" not in said


def test_the_rest_is_named_beside_what_is_not_chosen() -> None:
    options = cli_build.parse_options([*PAPER, "--image-prior", "sdxl"])
    said = refusal(options.config)
    assert (
        "(4) " in said and "--image-prior sdxl: not chosen" not in said and "--image-prior.sdxl.folder FOLDER" in said
    )


def test_nothing_is_refused_where_all_are_chosen_and_there(monkeypatch: pytest.MonkeyPatch) -> None:
    def there(*_: object) -> Needs:
        return Needs(weights=("lpips_alexnet",))

    monkeypatch.setattr(face_model, "check", lambda config, report: None)
    for stage in (shape_prior, image_prior, video_prior):
        monkeypatch.setattr(stage, "needs", there)
    words = [word for choice in CHOICES for word in choice.split()]
    config = cli_build.parse_options([*PAPER, *words, "--face-model.file", "flame2023_Open.pkl"]).config
    cli_paper.refuse_other_priors(config, quiet)


@pytest.mark.slow
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
