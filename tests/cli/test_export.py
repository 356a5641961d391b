"""facecraft4d export: what is written where, what is refused, what is said."""

from pathlib import Path

import pytest

from facecraft4d.cli import main
from facecraft4d.cli_export import export_targets
from facecraft4d.exporters import FORMATS, load
from facecraft4d.toolkit.core.checks import UserError


def test_the_suffix_alone_chooses_a_format(tiny_path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export", str(tiny_path), "--out", str(tmp_path / "new" / "head.glb")]) == 0
    assert load(tmp_path / "new" / "head.glb").rig.joint_names
    assert "head.glb  " in capsys.readouterr().out
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["head.glb"]


def test_every_format_has_a_place_of_its_own() -> None:
    names = tuple(each.name for each in FORMATS)
    found = export_targets(Path("a/head.glb"), names, None)
    assert [each.name for each, _ in found] == list(names)
    places = [path for _, path in found]
    assert len(set(places)) == len(places) and Path("a/head.glb") not in places
    assert all(path.parent == Path("a") and path.name.startswith("head") for path in places)
    assert export_targets(Path("a/head.glb"), (",".join(names),), None) == found


def test_one_format_takes_the_name_and_a_folder_where_the_suffix_is_not_its_own() -> None:
    [(_, named)] = export_targets(Path("a/head.glb"), ("gltf",), Path("b/other.glb"))
    [(_, beside)] = export_targets(Path("a/head.glb"), ("gltf",), Path("b/folder"))
    assert named == Path("b/other.glb") and beside == Path("b/folder/head_export.glb")


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ((), "say what to write: --to gltf"),
        (("--to", "fbx"), "no format is called fbx; there are gltf"),
        (("--out", "head.fbx"), "cannot write .fbx"),
        (("--to", "gltf", "--expression", "jawOpen"), "expected NAME=VALUE"),
        (("--to", "obj", "--expression", "jawOpn=1"), "this avatar has no expression jawOpn; it has jaw"),
        (("--to", "gltf", "--spz-bits", "30"), "--spz-bits must be between 12 and 20"),
        (("--to", "gltf", "--clip", "nowhere"), "no clip is called nowhere"),
        (("--to", "gltf", "--splats", "0"), "--splats must be"),
    ],
)
def test_mistakes_are_one_line(
    words: tuple[str, ...], reason: str, tiny_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = set(tiny_path.parent.iterdir())
    assert main(["export", str(tiny_path), *words]) == 2
    said = capsys.readouterr().err
    assert reason in said and said.count("\n") == 1
    assert set(tiny_path.parent.iterdir()) == before


def test_the_avatar_itself_is_never_replaced(tiny_path: Path) -> None:
    with pytest.raises(UserError, match="is the avatar itself"):
        export_targets(tiny_path, (), tiny_path)
