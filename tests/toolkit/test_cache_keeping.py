"""What is ours carries a marker, and nothing else is ever deleted."""

from pathlib import Path

import pytest

from facecraft4d.toolkit import cache, owned
from facecraft4d.toolkit.core.checks import UserError

OLD, NEW = "a" * 64, "b" * 64


def made(folder: Path, key: str, stage: str = "training") -> Path:
    """Keep a result and return its folder."""
    cache.stage(folder, stage, key, str, lambda _: "result")
    return folder / stage / key[: owned.KEY_DIGITS]


def unmarked(folder: Path) -> None:
    """Make a folder of results look as earlier versions left it."""
    for marker in folder.rglob(owned.MARKER):
        marker.unlink()
    (folder / ".lock").write_bytes(b"")


def files_in(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_new_result_removes_older_ones_and_nothing_else(tmp_path: Path) -> None:
    older = made(tmp_path, OLD)
    (tmp_path / "training" / "thesis").mkdir()
    (tmp_path / "training" / "thesis" / "chapter.tex").write_bytes(b"years")
    (tmp_path / "training" / "notes.txt").write_bytes(b"mine")
    newer = made(tmp_path, NEW)
    assert not older.exists() and (newer / "stage.json").exists()
    assert (tmp_path / "training" / "thesis" / "chapter.tex").read_bytes() == b"years"
    assert (tmp_path / "training" / "notes.txt").read_bytes() == b"mine"


def test_a_result_that_was_never_completed_is_removed_too(tmp_path: Path) -> None:
    def killed(files: Path) -> str:
        (files / "checkpoint").write_bytes(b"x")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        cache.stage(tmp_path, "training", OLD, str, killed)
    made(tmp_path, NEW)
    assert [path.name for path in (tmp_path / "training").iterdir()] == [NEW[: owned.KEY_DIGITS]]


@pytest.mark.parametrize("content", ["CMakeCache.txt", "lib/main.o", "lib/deep/stage.json"])
def test_a_foreign_folder_is_refused_and_stays_as_it_is(tmp_path: Path, content: str) -> None:
    (tmp_path / content).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / content).write_bytes(b"theirs")
    with pytest.raises(UserError, match="another --out") as refused:
        owned.claim(tmp_path)
    assert str(Path(content)) in str(refused.value)
    owned.remove(tmp_path)
    assert files_in(tmp_path) == {str(Path(content)): b"theirs"}


def test_a_file_in_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "build").write_bytes(b"theirs")
    with pytest.raises(UserError, match="found a file"):
        owned.claim(tmp_path / "build")


def test_new_and_empty_folders_become_ours(tmp_path: Path) -> None:
    (tmp_path / "empty" / "training").mkdir(parents=True)
    for name in ("new", "empty"):
        owned.claim(tmp_path / name)
        assert owned.is_ours(tmp_path / name)


def test_a_folder_of_an_earlier_version_becomes_ours_with_all_its_results(tmp_path: Path) -> None:
    complete, killed = made(tmp_path, OLD), tmp_path / "training" / NEW[: owned.KEY_DIGITS]
    (killed / "files").mkdir(parents=True)
    (tmp_path / "other" / "thing").mkdir(parents=True)
    unmarked(tmp_path)
    owned.claim(tmp_path)
    assert all(owned.is_ours(folder) for folder in (tmp_path, complete, killed))
    assert not owned.is_ours(tmp_path / "other" / "thing")


def test_removing_takes_what_is_ours_and_leaves_the_rest(tmp_path: Path) -> None:
    folder = tmp_path / "build"
    owned.claim(folder)
    made(folder, OLD), made(folder, OLD, "preprocess")
    (folder / owned.TIMING).write_bytes(b"[]")
    (folder / ".timing.77.json").write_bytes(b"half")
    (folder / "preprocess" / "mine.txt").write_bytes(b"mine")
    owned.remove(folder)
    assert files_in(folder) == {str(Path("preprocess", "mine.txt")): b"mine"}
    (folder / "preprocess" / "mine.txt").unlink()
    owned.claim(folder)
    owned.remove(folder)
    assert not folder.exists()


def test_a_removal_that_was_killed_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "build"
    owned.claim(folder)
    for stage in ("preprocess", "training"):
        made(folder, OLD, stage)
    remove_file, left = Path.unlink, [3]

    def dying(path: Path, missing_ok: bool = False) -> None:
        left[0] -= 1
        if not left[0]:
            raise KeyboardInterrupt
        remove_file(path, missing_ok=missing_ok)

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(Path, "unlink", dying)
        owned.remove(folder)
    assert owned.is_ours(folder)
    owned.remove(folder)
    assert not folder.exists()


def test_links_out_of_a_result_are_cut_and_not_followed(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "photo.jpg").write_bytes(b"mine")
    older = made(tmp_path / "build", OLD)
    try:
        (older / "link").symlink_to(tmp_path / "mine", target_is_directory=True)
    except OSError:
        pytest.skip("this system makes no links")
    made(tmp_path / "build", NEW)
    assert not older.exists() and (tmp_path / "mine" / "photo.jpg").read_bytes() == b"mine"
