"""What is ours carries a marker, and nothing else is ever deleted."""

from dataclasses import dataclass
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


@dataclass(frozen=True)
class Shown:
    """A result with a folder of pictures."""

    folder: Path


def test_of_its_own_folder_a_result_keeps_what_it_names(tmp_path: Path) -> None:
    def make(files: Path) -> Shown:
        (files / "deep" / "pictures").mkdir(parents=True)
        (files / "deep" / "pictures" / "0.png").write_bytes(b"x")
        (files / "checkpoint.npz").write_bytes(b"x")
        (files / "half").mkdir()
        return Shown(files / "deep" / "pictures")

    stored = cache.stage(tmp_path, "training", OLD, Shown, make)
    home = tmp_path / "training" / OLD[: owned.KEY_DIGITS]
    assert files_in(home / owned.OWN).keys() == {str(Path("deep") / "pictures" / "0.png")}
    assert [path.name for path in (home / owned.OWN).iterdir()] == ["deep"]
    again = cache.stage(tmp_path, "training", OLD, Shown, make)
    assert again.cached and again.digest == stored.digest


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


LITTER = (".DS_Store", "Thumbs.db", "desktop.ini")


def strew(folder: Path) -> None:
    """What operating systems leave in each folder that somebody looked at."""
    for place in [folder, *(path for path in folder.rglob("*") if path.is_dir())]:
        for name in LITTER:
            (place / name).write_bytes(b"nobody's")


def test_what_operating_systems_strew_stops_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "build"
    folder.mkdir()
    strew(folder)
    owned.claim(folder)
    made(folder, OLD)
    strew(folder)
    made(folder, NEW)
    assert [path.name for path in owned.complete(folder / "training")] == [NEW[: owned.KEY_DIGITS]]
    assert not (folder / "training" / OLD[: owned.KEY_DIGITS]).exists()
    strew(folder)
    owned.remove(folder)
    assert not folder.exists()


def test_litter_and_half_files_do_not_count_in_a_folder(tmp_path: Path) -> None:
    (tmp_path / "view").mkdir()
    (tmp_path / "view" / "frame.png").write_bytes(b"one")
    before = cache.digest_of(tmp_path)
    strew(tmp_path)
    (tmp_path / "view" / ".frame.0123abcd.partial.png").write_bytes(b"ha")
    (tmp_path / "view" / "loop").symlink_to(tmp_path)
    assert cache.digest_of(tmp_path) == before


def test_a_strangers_file_in_a_results_folder_stays(tmp_path: Path) -> None:
    folder = tmp_path / "build"
    owned.claim(folder)
    older = made(folder, OLD)
    (older / "notes.txt").write_bytes(b"mine")
    made(folder, NEW)
    assert files_in(older) == {"notes.txt": b"mine"}
    (folder / ".timing.backup").write_bytes(b"mine, too")
    for name in (".timing.0123abcd.partial.json", ".facecraft4d.0123abcd.partial.json", ".timing.77.json", ".lock"):
        (folder / name).write_bytes(b"half")
    owned.remove(folder)
    assert files_in(folder) == {
        str(Path("training", OLD[: owned.KEY_DIGITS], "notes.txt")): b"mine",
        ".timing.backup": b"mine, too",
    }


def test_a_link_to_a_folder_of_results_works_and_goes_without_it(tmp_path: Path) -> None:
    (tmp_path / "large_disk").mkdir()
    folder = tmp_path / "build"
    folder.symlink_to(tmp_path / "large_disk", target_is_directory=True)
    owned.claim(folder)
    made(folder, OLD)
    assert cache.kept(tmp_path / "large_disk", "training", str) == "result"
    owned.remove(folder)
    assert not folder.is_symlink() and list((tmp_path / "large_disk").iterdir()) == []


@pytest.mark.parametrize("target", ["nowhere", "build"])
def test_a_link_that_leads_nowhere_is_one_line(tmp_path: Path, target: str) -> None:
    (tmp_path / "build").symlink_to(target)
    with pytest.raises(UserError, match="found a link that leads nowhere"):
        owned.claim(tmp_path / "build")


def test_a_link_to_a_result_elsewhere_is_not_ours_to_empty(tmp_path: Path) -> None:
    elsewhere = made(tmp_path / "other", OLD)
    folder = tmp_path / "build"
    owned.claim(folder)
    made(folder, NEW)
    (folder / "training" / OLD[: owned.KEY_DIGITS]).symlink_to(elsewhere, target_is_directory=True)
    made(folder, "c" * 64)
    owned.remove(folder)
    assert (elsewhere / "stage.json").exists()
