"""The samples as a game developer finds them: pinned, described on a page, served on loopback alone; and the tables made of their reports."""

import json
import re
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest
from places import ROOT

from facecraft4d.samples.engines.common.places import BUILD, ENGINES, version
from facecraft4d.samples.engines.common.server import LOOPBACK, served
from facecraft4d.samples.engines.common.still import PLY_DOWN, PLY_UP, SPZ
from facecraft4d.samples.engines.common.tables import frames_table, main_table, replaced

PACKAGES = sorted(ENGINES.glob("*/package.json"))
PAGE_LINES = 60
"""Of a README: one page."""


@pytest.mark.parametrize("package", PACKAGES, ids=lambda path: path.parent.name)
def test_versions_are_exact_and_locked(package: Path) -> None:
    """Exact versions, each locked with a hash, and no address of a registry."""
    wanted = json.loads(package.read_text())["dependencies"]
    text = (package.parent / "package-lock.json").read_text()
    locked = json.loads(text)["packages"]
    assert "http" not in text
    for name, number in wanted.items():
        assert re.fullmatch(r"\d+\.\d+\.\d+(-\S+)?", number), name
        assert locked[f"node_modules/{name}"]["version"] == number == version(package.parent.name, name)
    assert all("integrity" in each for path, each in locked.items() if path)


@pytest.mark.parametrize("run", sorted(ENGINES.glob("*/run.py")), ids=lambda path: path.parent.name)
def test_a_page_describes_each(run: Path) -> None:
    """At most a page, which names the versions that are pinned; the sheet's page knows the folder."""
    readme = (run.parent / "README.md").read_text()
    assert len(readme.splitlines()) <= PAGE_LINES
    package = run.parent / "package.json"
    for name, number in json.loads(package.read_text())["dependencies"].items() if package.is_file() else ():
        assert number in readme, name
    assert f"samples/engines/{run.parent.name}" in (ROOT / "docs" / "engines.md").read_text()


@pytest.mark.parametrize("html", sorted(ENGINES.glob("*/*.html")), ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_pages_find_their_modules(html: Path) -> None:
    """Everything that a page imports under a name of ours is there; nothing comes from another place."""
    text = html.read_text()
    assert "http" not in text
    for target in re.findall(r'(?:src|href)="([^"]+)"|"facecraft4d/": "([^"]+)"', text):
        assert (html.parent / next(filter(None, target))).exists(), target


@pytest.mark.slow
def test_server_gives_its_folders_alone(tmp_path: Path) -> None:
    (tmp_path / "inside").mkdir()
    (tmp_path / "inside" / "deep.js").write_text("1")
    (tmp_path / "secret.txt").write_text("2")
    with served({"/data/": tmp_path / "inside"}) as address:
        assert address.startswith(f"http://{LOOPBACK}:")
        with urlopen(f"{address}/data/deep.js") as answer:
            assert answer.read() == b"1" and answer.headers["Content-Type"] == "text/javascript"
        for path in ("/secret.txt", "/data/../secret.txt", "/data/%2e%2e/secret.txt", "/data//../../secret.txt", "/"):
            with pytest.raises(HTTPError, match="404"):
                urlopen(address + path)


def report(**changes: object) -> dict[str, object]:
    plain = {
        "engine": "Engine 1.2",
        "file": "avatar.glb",
        "moves": {"centre": True, "rotation": True, "scale": False},
        "joints": True,
        "psnr": {"neutral": 40.04, "blink": 41.26},
        "mean_colour_difference": 1.04,
        "ms_per_frame": 12.4,
        "splats": 20000,
        "verified": "here",
        "stills": {"spz": True, "ply-y-down": False},
        "notes": "a note",
        "wrong": {},
    }
    return plain | changes


def test_tables() -> None:
    table = main_table({"one": report(), "two": report(moves={}, psnr={}, ms_per_frame=None, wrong={"blink": "late"})})
    lines = table.splitlines()
    assert len(lines) == 4 and len({line.count("|") for line in lines}) == 1
    for text in (
        "Engine 1.2",
        "`avatar.glb`",
        "centre, rotation |",
        "1.0/255",
        "40.0 to 41.3 dB",
        "12 (20,000 splats)",
    ):
        assert text in lines[2], text
    assert "the mesh" in lines[3] and "blink: late" in lines[3]
    frames = frames_table({"one": report(), "none": report(stills={})}).splitlines()
    assert frames[0] == "| engine | spz | ply-y-down |" and frames[2:] == ["| Engine 1.2 | upright | **not upright** |"]


def test_tables_are_put_between_their_marks() -> None:
    document = "before\n<!-- a -->\nold\n<!-- /a -->\nafter"
    once = replaced(document, "a", "new\nlines")
    assert once == "before\n<!-- a -->\nnew\nlines\n<!-- /a -->\nafter" and replaced(once, "a", "old") == document
    with pytest.raises(ValueError, match="must have <!-- b -->"):
        replaced(document, "b", "new")
    text = (ROOT / "docs" / "engines.md").read_text()
    for name in ("engines", "frames"):
        replaced(text, name, "")


def test_still_files_have_names_of_their_own() -> None:
    assert [each.label for each in (PLY_UP, PLY_DOWN, SPZ)] == ["ply-y-up", "ply-y-down", "spz"]
    assert PLY_UP.options.ply != PLY_DOWN.options.ply


def test_what_is_installed_stays_out_of_git() -> None:
    ignored = (ROOT / ".gitignore").read_text().splitlines()
    assert BUILD.relative_to(ROOT).parts[0] + "/" in ignored
