"""What is remembered: written and read back, and nothing else is believed."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from facecraft4d.runtime.camera import OrbitCamera
from facecraft4d.runtime.viewer.memory import MOVES, ZOOMS, Remembered, memory_path, recall, remember
from facecraft4d.toolkit.core.checks import UserError

HOME = OrbitCamera((0.0, 0.1, 0.0), 1.2)
CAMERAS = st.builds(
    OrbitCamera,
    st.tuples(*[st.floats(-1, 1)] * 3),
    st.floats(0.05, 50),
    st.floats(-180, 180),
    st.floats(-89, 89),
)


@pytest.mark.slow
@given(CAMERAS, st.booleans())
def test_a_camera_is_found_again_around_any_head(
    tmp_path_factory: pytest.TempPathFactory, camera: OrbitCamera, panel: bool
) -> None:
    path = tmp_path_factory.mktemp("config") / "deep" / "viewer.json"
    remember(path, Remembered(900, 700, panel).seen_from(camera, HOME))
    found = recall(path)
    assert (found.width, found.height, found.panel) == (900, 700, panel)
    again = found.camera(HOME)
    assert again.target == pytest.approx(camera.target) and again.distance == pytest.approx(camera.distance, rel=1e-6)
    assert (again.yaw_degrees, again.pitch_degrees) == pytest.approx((camera.yaw_degrees, camera.pitch_degrees))
    assert ZOOMS[0] <= found.zoom <= ZOOMS[1] and all(MOVES[0] <= part <= MOVES[1] for part in found.moved)


def test_the_first_time_nothing_is_remembered(tmp_path: Path) -> None:
    assert recall(tmp_path / "none.json") == Remembered()
    assert Remembered().camera(HOME) == HOME


@pytest.mark.parametrize(
    "text",
    [
        "", "[]", "null", "{", "[" * 60_000, '"x"', '{"width": 1e400}', '{"width": true}', '{"width": "900"}', '{"width": 10}',
        '{"width": 1' + "0" * 5000 + "}", '{"height": NaN}', '{"zoom": -1}', '{"zoom": Infinity}', '{"pitch_degrees": 90}', '{"moved": [0, 0]}',
        '{"moved": {"x": 1}}', '{"moved": [0, 0, "1"]}', '{"yaw_degrees": [1]}', '{"moved": [0, 0, NaN]}',
    ],
)  # fmt: skip
def test_what_is_no_memory_is_one_line(tmp_path: Path, text: str) -> None:
    path = tmp_path / "viewer.json"
    path.write_text(text)
    with pytest.raises(UserError, match=r"viewer.json: expected the viewer's settings, found .*delete it"):
        recall(path)


def test_large_files_and_folders_are_not_read(tmp_path: Path) -> None:
    path = tmp_path / "viewer.json"
    path.write_bytes(b" " * (1 << 20))
    with pytest.raises(UserError, match=r"viewer.json: expected the viewer's settings of at most"):
        recall(path)
    with pytest.raises(UserError, match="found a folder"):
        recall(tmp_path)


def test_unknown_names_are_left_out_and_missing_ones_are_as_at_first(tmp_path: Path) -> None:
    path = tmp_path / "viewer.json"
    path.write_text(json.dumps({"width": 640, "from a later version": {"a": 1}}))
    assert recall(path) == Remembered(width=640)


def test_where_nothing_can_be_written_nothing_is_remembered(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    remember(tmp_path / "file" / "viewer.json", Remembered())


def test_it_lies_where_settings_lie(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    assert memory_path() == tmp_path / "facecraft4d" / "viewer.json"
    monkeypatch.delenv("XDG_CONFIG_HOME")
    assert memory_path() == Path.home() / ".config" / "facecraft4d" / "viewer.json"
