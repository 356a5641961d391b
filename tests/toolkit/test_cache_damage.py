"""Damage to what is kept costs the damaged stage, never the build and never a wrong result."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from stand_in_stages import STAGES, House

from facecraft4d import exporters
from facecraft4d.toolkit import cache, owned, pipeline
from facecraft4d.toolkit.config import BuildConfig, Device
from facecraft4d.toolkit.core.stages import Progress

pytestmark = pytest.mark.slow
CONFIG = BuildConfig(device=Device.CPU)


class Place:
    """A finished build of stand-in stages, and what builds after it say."""

    def __init__(self, folder: Path, house: House) -> None:
        self.folder, self.house = folder, house
        self.photo = folder / "photo.png"
        Image.new("RGB", (64, 64), (200, 100, 50)).save(self.photo)
        self.notes: list[str] = []
        self.first = self.build()

    def build(self) -> bytes:
        self.house.ran.clear()
        self.notes.clear()
        avatar = pipeline.build(self.photo, CONFIG, self.folder / "build", self.listen).avatar
        exporters.export(avatar, self.folder / "avatar.glb")
        return (self.folder / "avatar.glb").read_bytes()

    def listen(self, progress: Progress) -> None:
        self.notes += [f"{progress.stage}: {note}" for note in progress.notes]

    def home(self, stage: str) -> Path:
        (found,) = owned.complete(self.folder / "build" / stage)
        return found

    def kept_files(self) -> list[Path]:
        homes = map(self.home, STAGES)
        return sorted(path for home in homes for path in home.rglob("*") if path.is_file())

    def check_made_anew(self, stage: str) -> None:
        """The next build is as the first was, makes this stage alone anew and says why; the one after it makes nothing."""
        assert self.build() == self.first
        assert {name.split()[0] for name in self.house.ran} == {stage}
        (note,) = self.notes
        assert note.startswith(f"{stage}: the kept result is damaged (") and "set aside and made anew" in note
        assert self.build() == self.first and not self.house.ran and not self.notes


@pytest.fixture
def place(tmp_path: Path, house: House) -> Place:
    return Place(tmp_path, house)


def check_flips(place: Place, seed: int, count: int) -> None:
    """A flipped bit in each kept file, `count` times: the next build's result is the first one's, and other stages stay."""
    rng = np.random.default_rng(seed)
    for path in place.kept_files() * count:
        stage = path.relative_to(place.folder / "build").parts[0]
        content = bytearray(path.read_bytes())
        content[rng.integers(len(content))] ^= 1 << rng.integers(8)
        path.write_bytes(content)
        assert place.build() == place.first, path
        assert {name.split()[0] for name in place.house.ran} <= {stage}, path
        assert len(place.notes) == bool(place.house.ran), path


@pytest.mark.slow
def test_flipped_bits_in_any_kept_file_change_no_result(place: Place) -> None:
    check_flips(place, 0, 3)


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.slow
def test_a_flipped_number_in_any_result_makes_this_stage_alone_anew(place: Place, stage: str) -> None:
    path = place.home(stage) / "result.npz"
    content = bytearray(path.read_bytes())
    content[content.index(b"\x93NUMPY") + 140] ^= 1
    path.write_bytes(content)
    place.check_made_anew(stage)


DAMAGE: dict[str, Callable[[Path], object]] = {
    "empty": lambda home: (home / "result.npz").write_bytes(b""),
    "cut": lambda home: (home / "result.npz").write_bytes((home / "result.npz").read_bytes()[:-100]),
    "foreign": lambda home: (home / "result.npz").write_bytes(b"a text"),
    "no result": lambda home: (home / "result.npz").unlink(),
    "a folder in place of the result": lambda home: replaced(home / "result.npz", Path.mkdir),
    "a pipe in place of the result": lambda home: replaced(home / "result.npz", os.mkfifo),
    "a link in place of the result": lambda home: linked(home / "result.npz"),
    "a pipe in place of stage.json": lambda home: replaced(home / "stage.json", os.mkfifo),
    "a link to itself": lambda home: replaced(home / "stage.json", lambda path: path.symlink_to(path)),
    "no pictures": lambda home: shutil.rmtree(home / "files"),
    "a file in place of the pictures": lambda home: replaced(home / "files", Path.touch),
    "a link in place of the pictures": lambda home: linked(home / "files"),
    "a link in place of a picture": lambda home: linked(home / "files" / "frame_0.png"),
    "a pipe in place of a picture": lambda home: replaced(home / "files" / "frame_0.png", os.mkfifo),
    "one picture more": lambda home: shutil.copy(home / "files" / "frame_0.png", home / "files" / "frame_9.png"),
    "pictures change places": lambda home: swapped(home / "files" / "frame_0.png", home / "files" / "frame_1.png"),
}


def replaced(path: Path, make: Callable[[Path], Any]) -> None:
    owned.discard(path)
    make(path)


def linked(path: Path) -> None:
    """Move something away and leave a link to it."""
    elsewhere = next(each for each in path.parents if each.name == "build").with_name(f"elsewhere_{path.name}")
    path.rename(elsewhere)
    path.symlink_to(elsewhere)


def swapped(one: Path, other: Path) -> None:
    first = one.read_bytes()
    one.write_bytes(other.read_bytes())
    other.write_bytes(first)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no pipes")
@pytest.mark.parametrize("damage", DAMAGE)
def test_whatever_happened_to_a_stage_it_alone_is_made_anew(place: Place, damage: str) -> None:
    DAMAGE[damage](place.home("video_prior"))
    place.check_made_anew("video_prior")
    aside = place.home("video_prior").with_name(place.home("video_prior").name + cache.DAMAGED)
    assert owned.is_own_result(aside), "kept to be looked at until the key changes"
    owned.remove(place.folder / "build")
    assert not (place.folder / "build").exists(), "and ours to delete"
