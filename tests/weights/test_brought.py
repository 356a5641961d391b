"""Weights that the user brings: what is missing is said in one line with the way to it; what is there is taken for what its row says."""

from pathlib import Path

import pytest

from facecraft4d import cli
from facecraft4d.toolkit import weights
from facecraft4d.toolkit.core.checks import UserError
from facecraft4d.toolkit.core.ingredients import Commercial
from facecraft4d.toolkit.weights import table

FOLDER = weights.BroughtWeights(
    "sharpener", "tests", "CreativeML-Open-RAIL", Commercial.YES, "its makers", "folder",
    (("unet/config.json", "the network's shape"), ("unet/*.safetensors", "its numbers")), "example.org/sharpener", "--sharpener.folder",
)  # fmt: skip
FILE = weights.BroughtWeights(
    "imaginer", "tests", "CC-BY-NC-4.0", Commercial.NO, "other makers", "file", (("*.pkl", "the checkpoint"),), "example.org/imaginer"
)  # fmt: skip


@pytest.fixture(autouse=True)
def two_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (table, weights):
        monkeypatch.setattr(module, "TABLE", (*weights.TABLE, FOLDER, FILE))
    for row in (FOLDER, FILE):
        monkeypatch.delenv(row.environment_variable, raising=False)
    monkeypatch.setenv("FACECRAFT4D_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with all that FOLDER expects."""
    (tmp_path / "mine" / "unet").mkdir(parents=True)
    (tmp_path / "mine" / "unet" / "config.json").write_text("{}")
    (tmp_path / "mine" / "unet" / "model.safetensors").write_bytes(b"numbers")
    return tmp_path / "mine"


def complaint(name: str, override: Path | None = None) -> str:
    with pytest.raises(UserError) as caught:
        weights.path(name, override)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_without_them_one_line_says_what_to_bring_from_where_and_how() -> None:
    said = complaint("sharpener")
    for words in (
        "'sharpener'",
        "a folder with unet/config.json (the network's shape), unet/*.safetensors (its numbers)",
        "example.org/sharpener",
        "FACECRAFT4D_WEIGHTS_SHARPENER=FOLDER or --sharpener.folder FOLDER",
    ):
        assert words in said
    said = complaint("imaginer")
    assert "a file *.pkl (the checkpoint)" in said and said.endswith("FACECRAFT4D_WEIGHTS_IMAGINER=FILE")


def test_option_and_variable_point_to_them(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert weights.path("sharpener", folder) == folder
    monkeypatch.setenv("FACECRAFT4D_WEIGHTS_SHARPENER", str(folder))
    assert weights.path("sharpener") == folder
    file = tmp_path / "any.pkl"
    file.write_bytes(b"x")
    assert weights.path("imaginer", file) == file


def test_what_is_missing_in_a_folder_is_named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "unet" / "model.safetensors").unlink()
    said = complaint("sharpener", folder)
    assert "unet/*.safetensors (its numbers)" in said and "config.json" not in said
    assert str(folder) in said and "given by --sharpener.folder" in said
    monkeypatch.setenv("FACECRAFT4D_WEIGHTS_SHARPENER", str(folder / "nowhere"))
    said = complaint("sharpener")
    assert "config.json" in said and "given by FACECRAFT4D_WEIGHTS_SHARPENER" in said


@pytest.mark.parametrize("name", ["some.txt", "missing.pkl", "."])
def test_another_file_than_expected_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "some.txt").write_text("x")
    assert "*.pkl (the checkpoint)" in complaint("imaginer", tmp_path / name)


def test_the_row_says_their_licence_and_the_bytes_are_noted(folder: Path, tmp_path: Path) -> None:
    found = weights.as_ingredient("sharpener", "image prior", folder)
    assert (found.licence, found.commercial_use) == ("CreativeML-Open-RAIL", Commercial.YES)
    assert "its makers" in found.source and "example.org/sharpener" in found.source
    assert found.sha256 == weights.content_sha256(folder) and str(tmp_path) not in repr(found)
    file = tmp_path / "any.pkl"
    file.write_bytes(b"x")
    assert weights.as_ingredient("imaginer", "shape prior", file).commercial_use is Commercial.NO
    with pytest.raises(UserError, match="yours to bring"):
        weights.as_ingredient("sharpener", "image prior")


def test_they_are_never_fetched_or_kept() -> None:
    assert not {"sharpener", "imaginer"} & set(weights.default_names())
    for function in (weights.fetch, weights.cached_path):
        with pytest.raises(ValueError, match="the user brings"):
            function("sharpener")


def test_the_list_says_what_to_bring(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["weights", "list", "sharpener", "imaginer"]) == 0
    said = capsys.readouterr().out
    for words in (
        "sharpener  (yours to bring: a folder)",
        "imaginer  (yours to bring: a file)",
        "CC-BY-NC-4.0; commercial use: no",
        "unet/*.safetensors: its numbers",
        "example.org/imaginer",
        "FACECRAFT4D_WEIGHTS_SHARPENER=FOLDER or --sharpener.folder FOLDER",
    ):
        assert words in said
    assert "sha256" not in said
    monkeypatch.setenv("FACECRAFT4D_WEIGHTS_SHARPENER", str(folder))
    assert cli.main(["weights", "list", "sharpener"]) == 0
    assert f"sharpener  (yours, at {folder})" in capsys.readouterr().out


def test_the_command_path_says_it_too(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["weights", "path", "sharpener"]) == 2
    assert "example.org/sharpener" in capsys.readouterr().err
