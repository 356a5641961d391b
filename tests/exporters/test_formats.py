"""Which format is chosen, and that what a writer returns lies beside the file that was named."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from facecraft4d.exporters import FORMATS, ExportOptions, Format, export, files, format_of, formats, load
from facecraft4d.toolkit.core.asset import Avatar
from facecraft4d.toolkit.core.checks import UserError


def written(avatar: Avatar, name: str, options: ExportOptions) -> Iterator[tuple[str, bytes]]:
    """Two files, the second named after the first."""
    yield name, b"one"
    yield f"{Path(name).stem}.bin", b"two"


def everything(avatar: Avatar, options: ExportOptions) -> str:
    return "everything"


PAIR = Format("pair", "a pair", (".txt",), ".txt", written, None, everything)
TWIN = Format("twin", "a twin", (".glb", ".twin"), ".twin", written, None, everything)
TABLE = (formats.GLTF, PAIR, TWIN)


def test_names_are_unique_and_suffixes_are_written_as_users_do() -> None:
    assert len({each.name for each in FORMATS}) == len(FORMATS)
    for each in FORMATS:
        assert all(suffix == suffix.lower() and suffix[0] == "." for suffix in each.suffixes)


@pytest.mark.slow
def test_importing_the_exporters_brings_nothing_heavy() -> None:
    """Who reads or writes an avatar waits for numpy and little else; a format brings what it needs when it is used."""
    heavy = {"torch", "numba", "scipy", "cv2", "tyro", "PIL", "av", "pxr", "zstandard"}
    code = "import sys, facecraft4d.exporters.files; print(*sys.modules)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert "numpy" in found and not heavy & set(found)


def test_an_avatar_is_read_by_a_path_or_by_its_words(tiny_path: Path) -> None:
    """README's ten lines say load("avatar.glb")."""
    assert load(str(tiny_path)).provenance == load(tiny_path).provenance


def test_the_suffix_chooses_where_it_is_unique_and_the_name_everywhere() -> None:
    assert format_of(Path("a.TXT"), formats=TABLE) is PAIR and format_of(Path("a.glb")).name == "gltf"
    assert format_of(Path("a.glb"), "twin", TABLE) is TWIN and format_of(Path("odd.name"), "pair", TABLE) is PAIR
    with pytest.raises(UserError, match=r"a\.glb: \.glb may be gltf or twin; say which with --to"):
        format_of(Path("a.glb"), formats=TABLE)
    with pytest.raises(UserError, match="no format is called fbx; there are gltf, pair, twin"):
        format_of(Path("a.glb"), "fbx", TABLE)
    with pytest.raises(UserError, match=r"cannot write \.fbx; known are \.glb, \.txt, \.twin"):
        format_of(Path("a.fbx"), formats=TABLE)


def test_every_file_of_a_format_is_written(
    tiny_avatar: Avatar, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "format_of", lambda path, to: format_of(path, to, TABLE))
    export(tiny_avatar, tmp_path / "new" / "head.txt")
    export(tiny_avatar, tmp_path / "new" / "other.glb", "twin")
    found = {path.name: path.read_bytes() for path in (tmp_path / "new").iterdir()}
    assert found == {"head.txt": b"one", "head.bin": b"two", "other.glb": b"one", "other.bin": b"two"}


def test_a_suffix_that_nobody_reads_is_judged_by_its_content(tiny_path: Path, tmp_path: Path) -> None:
    assert formats.reader_of(Path("a.backup"), TABLE) is formats.reader_of(Path("a.glb"), TABLE)
    (tmp_path / "avatar.backup").write_bytes(tiny_path.read_bytes())
    assert len(load(tmp_path / "avatar.backup").splats.means) > 0
    (tmp_path / "notes.txt").write_text("no avatar")
    with pytest.raises(UserError, match=r"notes\.txt: not a GLB file"):
        load(tmp_path / "notes.txt")


def test_a_format_that_is_only_written_says_so(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"head\.txt: pair is written, not read; give the avatar\.glb"):
        formats.reader_of(tmp_path / "head.txt", (formats.GLTF, PAIR))
