"""The paper's tables beside ours: its figures as printed, what is not there says why, and a stopped run goes on."""

import json
from pathlib import Path

import numpy as np
import pytest
import tables
from paper_tables import ABLATIONS, TABLES, as_markdown

from facecraft4d.cli_build import parse_options
from facecraft4d.toolkit.core.checks import UserError
from facecraft4d.toolkit.evaluation.paper.measures import Likeness, Row
from facecraft4d.toolkit.evaluation.paper.networks import Own


def found(**changes: object) -> dict:
    """Results of one table with a row of ours."""
    scores = {"clip_i": None, "id_arcface": None, "id_sface": 0.61234, "fid": None, "fd_inc768": 12.3456}
    return {
        "tables": {2: {"full": scores}}, "priors": "parametric + warp + mesh", "image_prior": "warp", "portraits": {"full": 2}, "given": 2,
        "size": 512, "frames": 3, "notes": ["ID (ArcFace) is not measured: bring it"], "machine": "here",
    } | changes  # fmt: skip


def test_the_papers_figures_stand_beside_ours() -> None:
    text = as_markdown(found())
    assert "| FaceCraft4D (paper) | 0.8053 | 0.5082 | 174.36 | not in the paper | not in the paper |" in text
    assert (
        "| Full (ours) | not measured: --clip | not measured: --arcface | not measured: --inception | 0.6123 | 12.35 |"
        in text
    )
    assert "- ID (ArcFace) is not measured: bring it" in text and "not FID" in text


def test_what_is_not_there_says_why() -> None:
    text = as_markdown(found(tables={4: {}, 5: {}, 7: {}}))
    assert "these ablations are options of --image-prior sdxl, and this run's is warp" in text
    assert "Not built: w/o COIN." in text and "no portrait of the folder has pictures of other views" in text
    one = as_markdown(found(given=1, tables={2: {"full": found()["tables"][2]["full"] | {"fd_inc768": None}}}))
    assert one.count("needs two portraits") == 2


def test_every_table_has_the_papers_measures_in_its_rows() -> None:
    for table in TABLES.values():
        assert all(len(row) == len(table.printed) for row in table.rows.values())
        assert set(table.ablations) <= set(ABLATIONS) & set(table.rows)


@pytest.mark.slow
def test_what_leaves_something_out_are_options_of_build() -> None:
    left = {name: parse_options(["portrait.jpg", *options]).config for name, options in ABLATIONS.items()}
    sdxl = {name: (config.image_prior.sdxl.warp, config.image_prior.sdxl.attention) for name, config in left.items()}
    assert sdxl == {
        "w/o Warp w/o MA": (False, False), "w/o Warp": (False, True), "w/o MA": (True, False), "w/o COIN": (True, True),
    }  # fmt: skip
    assert [name for name, config in left.items() if config.training.rates.coin == 0] == ["w/o COIN"]


def test_portraits_are_pictures_and_folders_of_them(tmp_path: Path) -> None:
    (tmp_path / "ben").mkdir()
    for name in ("anna.jpg", "ben/portrait.png", "ben/transforms.json", "notes.txt"):
        (tmp_path / name).write_bytes(b"x")
    first, second = tables.portraits(tmp_path)
    assert (first.name, first.truth) == ("anna", None) and (second.name, second.truth) == ("ben", tmp_path / "ben")
    (tmp_path / "anna.png").write_bytes(b"x")
    with pytest.raises(UserError, match="two of one"):
        tables.portraits(tmp_path)
    with pytest.raises(UserError, match="expected photographs"):
        tables.portraits(tmp_path / "nowhere")


def test_what_was_built_and_measured_is_not_done_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Until the options, the photograph, the head or what it is measured with change; an ablation begins with the whole build's stages."""
    (tmp_path / "anna.jpg").write_bytes(b"a photograph")
    (portrait,) = tables.portraits(tmp_path)
    run, commands = tables.Run(tmp_path / "out", Own(), 64, 1, ("--seed", "1")), []

    def build(command: list[str]) -> int:
        commands.append(command)
        home = Path(command[3]) / "build" / "training"
        home.mkdir(parents=True, exist_ok=True)
        (home / "result.npz").write_bytes(b"kept")
        (Path(command[3]) / "avatar.glb").write_bytes(b"an avatar")
        return 0

    monkeypatch.setattr(tables.cli, "main", build)
    assert tables.built(run, "full", portrait) and tables.built(run, "full", portrait) and len(commands) == 1
    assert commands[0][-2:] == ["--seed", "1"]
    assert tables.built(run, "w/o COIN", portrait) and commands[1][-2:] == ["--training.rates.coin", "0"]
    whole, mine = (run.folder(variant, portrait) / "build/training/result.npz" for variant in ("full", "w/o COIN"))
    assert whole.read_bytes() == mine.read_bytes() == b"kept"
    assert run.folder("w/o Warp w/o MA", portrait) == tmp_path / "out" / "without_warp_without_ma" / "anna"
    (tmp_path / "anna.jpg").write_bytes(b"another")
    assert tables.built(run, "full", portrait) and len(commands) == 3

    likeness = Likeness(
        (Row("still", "left", {"id_sface": 0.5}, {"fid": np.arange(3.0)}),), {"fid": np.ones(3)}, ("a note",)
    )
    monkeypatch.setattr(tables, "load", lambda path: None)
    monkeypatch.setattr(tables, "kept_stages", lambda folder: None)
    monkeypatch.setattr(tables.measures, "likeness", lambda *given: likeness)
    first = tables.measured(run, "full", portrait, None, lambda _: None)
    monkeypatch.setattr(tables.measures, "likeness", None)
    again = tables.measured(run, "full", portrait, None, lambda _: None)
    assert first is likeness and json.dumps(tables.remembered(again)) == json.dumps(tables.remembered(likeness))


@pytest.mark.slow
def test_only_what_the_tables_ask_for_is_built(tmp_path: Path) -> None:
    run = tables.Run(tmp_path, Own(), 64, 1, ())
    assert list(tables.variants(run, [2, 3, 7])) == ["full"]
    assert list(tables.variants(run, [4, 5])) == ["full", "w/o COIN"]  # of the embedded image prior nothing is left out
    sdxl = tables.Run(tmp_path, Own(), 64, 1, ("--image-prior", "sdxl"))
    assert list(tables.variants(sdxl, [4])) == ["full", *TABLES[4].ablations]
