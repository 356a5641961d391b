"""The page on files that users bring says of each what the table of weights says."""

import re
import shlex
from dataclasses import fields

import pytest
from places import ROOT

from facecraft4d.cli_build import parse_options
from facecraft4d.toolkit.config import BuildConfig, check_config
from facecraft4d.toolkit.weights import TABLE, BroughtWeights

PAGE = (ROOT / "docs" / "paper_priors.md").read_text(encoding="utf-8")
BROUGHT = {row.name: row for row in TABLE if isinstance(row, BroughtWeights)}


@pytest.mark.parametrize("name", BROUGHT)
def test_every_file_is_on_the_page_as_in_the_table(name: str) -> None:
    """One line with licence, whether it may be sold, option, variable, and where to ask."""
    row = BROUGHT[name]
    lines = [
        line for line in PAGE.splitlines() if line.startswith(f"| `{name}` |") and row.environment_variable in line
    ]
    assert len(lines) == 1
    cells = [cell.strip() for cell in lines[0].strip("|").split(" | ")]
    assert len(cells) == 8 and row.ask in cells[2]
    assert cells[4] == row.licence and cells[5].strip("*").startswith(str(row.commercial_use))
    assert cells[6] == f"`{row.option}`" and cells[7] == f"`{row.environment_variable}`"


def test_what_the_page_names_is_in_the_table() -> None:
    named = [
        line.split("`")[1] for line in PAGE.splitlines() if line.startswith("| `") and "FACECRAFT4D_WEIGHTS_" in line
    ]
    assert len(set(named)) == len(named) and set(BROUGHT) == set(named)


def test_the_pages_command_is_one_of_build() -> None:
    """All of the paper's priors, in the words of the page."""
    block = PAGE.split("    facecraft4d build ", 1)[1].split("\n\n", 1)[0]
    config = parse_options(shlex.split(block.replace("\\\n", " "))).config
    assert (config.shape_prior.prior, config.image_prior.prior, config.video_prior.prior, config.face_model.model) == (
        "panohead", "sdxl", "liveportrait", "flame",
    )  # fmt: skip
    check_config(config)


@pytest.mark.parametrize("group", ["shape_prior.panohead", "image_prior.sdxl", "video_prior.liveportrait"])
def test_every_option_of_a_prior_is_on_the_page(group: str) -> None:
    stage, prior = group.split(".")
    config = getattr(getattr(BuildConfig(), stage), prior)
    table = PAGE.split(f"| option (`--{group.replace('_', '-')}.`...)", 1)[1].split("\n\n", 1)[0]
    named = {
        name.replace("-", "_")
        for name in re.findall(r"`([a-z-]+)`", "".join(line.split("|")[1] for line in table.splitlines()[2:]))
    }
    assert {name.removeprefix("no_") for name in named} == {each.name for each in fields(config)}
