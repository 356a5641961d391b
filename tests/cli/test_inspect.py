"""The first line of `inspect` says whether the avatar may be used commercially, and why."""

from dataclasses import replace
from pathlib import Path

import pytest

from facecraft4d import cli, exporters
from facecraft4d.runtime import summarize
from facecraft4d.toolkit.core.asset import Avatar, Provenance
from facecraft4d.toolkit.core.ingredients import Commercial, Ingredient


def first_line(path: Path, capsys: pytest.CaptureFixture[str]) -> str:
    assert cli.main(["inspect", str(path)]) == 0
    return capsys.readouterr().out.splitlines()[0]


def test_an_earlier_file_says_yes(tiny_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said = first_line(tiny_path, capsys)
    assert said.split(maxsplit=1)[0] == "verdict" and "commercial use: yes" in said and "tiny head" in said


@pytest.mark.parametrize("verdict", [Commercial.NO, Commercial.UNKNOWN])
def test_what_may_not_be_sold_or_is_in_doubt_stands_first(
    tiny_avatar: Avatar, tmp_path: Path, capsys: pytest.CaptureFixture[str], verdict: Commercial
) -> None:
    bound = Ingredient("somebody's head", "head model", "LicenseRef-theirs", verdict, "elsewhere")
    made_of = Provenance((*tiny_avatar.provenance.ingredients, bound))
    exporters.export(replace(tiny_avatar, provenance=made_of), tmp_path / "a.glb")
    said = first_line(tmp_path / "a.glb", capsys)
    assert f"commercial use: {verdict}" in said
    assert "somebody's head (head model; licence: LicenseRef-theirs)" in said and "tiny head" not in said
    summary = summarize(tmp_path / "a.glb")
    assert (summary.verdict, summary.reason) == (verdict, made_of.reason)


def test_each_ingredient_has_its_own_verdict(tiny_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["inspect", str(tiny_path)]) == 0
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("ingredient")]
    assert len(lines) == 1 and "CC0-1.0; commercial use: yes" in lines[0]


def test_what_matters_is_named(tiny_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["inspect", str(tiny_path)]) == 0
    said = capsys.readouterr().out
    for word in ("splats", "jawOpen", "eye_left", "CC0-1.0", "bytes"):
        assert word in said


@pytest.mark.parametrize("suffix", [".ply", ".spz"])
def test_a_file_of_splats_says_what_is_in_it(
    tiny_avatar: Avatar, tmp_path: Path, capsys: pytest.CaptureFixture[str], suffix: str
) -> None:
    path = tmp_path / f"head{suffix}"
    exporters.export(tiny_avatar, path)
    assert cli.main(["inspect", str(path)]) == 0
    said = dict(line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines() if not line.startswith("note"))
    assert said["bytes"].startswith(f"{path.stat().st_size:,} ")
    assert said["splats"] == "1,944, spherical harmonics of degree 0"
    assert said["order"].startswith("as stamped: 1944 splats, sha256 ")
    low, high = (float(word) for word in said["extent"].split(" x ")[1].split(" to "))
    assert -0.2 < low < high < 0.2


def test_splats_that_a_tool_left_out_break_the_stamp(
    tiny_avatar: Avatar, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    exporters.export(tiny_avatar, tmp_path / "head.ply")
    data = (tmp_path / "head.ply").read_bytes().replace(b"element vertex 1944", b"element vertex 1943")
    (tmp_path / "head.ply").write_bytes(data[:-68])
    assert cli.main(["inspect", str(tmp_path / "head.ply")]) == 0
    assert "no stamp, or one of another number of splats" in capsys.readouterr().out
