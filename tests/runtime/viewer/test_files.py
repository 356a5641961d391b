"""Files that change under the viewer, or are dropped on it."""

import os
from dataclasses import replace
from pathlib import Path

from clip_cases import constant
from places import TINY

from facecraft4d.exporters import export, load
from facecraft4d.runtime.camera import framing
from facecraft4d.runtime.player import Player
from facecraft4d.runtime.sources import clip_sources
from facecraft4d.runtime.viewer.files import LOOK_SECONDS, Watched, read_again, take_dropped
from facecraft4d.runtime.viewer.state import ViewerState
from facecraft4d.toolkit.core.motion import written_clip

AVATAR = load(TINY)


def new_state() -> ViewerState:
    return ViewerState(Player(AVATAR, clip_sources((constant("half", 0.5),), AVATAR.rig), framing(AVATAR)))


def test_a_file_that_changes_is_seen_once(tmp_path: Path) -> None:
    path = tmp_path / "avatar.glb"
    path.write_bytes(b"one")
    watched, now = Watched(path, load), 100.0
    for act, expected in (
        (lambda: None, False),
        (lambda: path.write_bytes(b"another"), True),
        (lambda: None, False),
        (lambda: os.utime(path, ns=(1, 1)), True),
        (lambda: path.unlink(), False),  # a build is replacing it
        (lambda: path.write_bytes(b"third"), True),
    ):
        act()
        now += 1.1 * LOOK_SECONDS
        assert watched.changed(now) is expected
        assert not watched.changed(now)
    path.write_bytes(b"at once")
    assert not watched.changed(now + 0.1 * LOOK_SECONDS) and watched.changed(now + LOOK_SECONDS)


def test_a_rebuilt_avatar_is_read_and_a_broken_one_is_not(tmp_path: Path) -> None:
    path = tmp_path / "avatar.glb"
    state = new_state()
    export(replace(AVATAR, splats=AVATAR.level(50).splats), path)
    read_again(state, Watched(path, load))
    assert len(state.player.avatar.splats.means) == 50 and "avatar.glb" in state.told
    path.write_bytes(b"glTF, but not quite")
    read_again(state, Watched(path, load))
    assert len(state.player.avatar.splats.means) == 50 and "not a GLB" in state.told
    path.unlink()
    read_again(state, Watched(path, load))
    assert len(state.player.avatar.splats.means) == 50


def test_a_dropped_clip_plays_and_a_dropped_avatar_is_shown(tmp_path: Path) -> None:
    state = new_state()
    state.player.playing = False
    clip = tmp_path / "wide.csv"
    clip.write_bytes(written_clip(constant("wide", 0.9)))
    assert not take_dropped(state, clip)
    assert state.player.current == "wide" and state.player.playing and "wide.csv" in state.told
    other = tmp_path / "other.glb"
    export(replace(AVATAR, splats=AVATAR.level(70).splats), other)
    assert take_dropped(state, other)
    assert len(state.player.avatar.splats.means) == 70 and state.player.current == "wide"


def test_anything_else_that_is_dropped_is_said_and_changes_nothing(tmp_path: Path) -> None:
    state = new_state()
    files = [tmp_path / name for name in ("a.csv", "a.json", "a.glb", "a.png", "folder.glb", "gone.csv")]
    for path in files[:4]:
        path.write_bytes(b"\x00nothing\x1b[31m")
    files[4].mkdir()
    for path in files:
        state.tell("")
        take_dropped(state, path)
        assert path.stem in state.told and state.told.isprintable(), path
        assert state.player.avatar is AVATAR and list(state.player.sources) == ["half"]
