"""The command line: help is quick, mistakes cost one line and exit code 2, and nothing half-written stays behind."""

import json
import os
import struct
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from facecraft4d import cli, cli_build, cli_progress
from facecraft4d.cli_common import readable_bytes, readable_seconds
from facecraft4d.toolkit.config import Device, Matting, Preset, preset
from facecraft4d.toolkit.core.checks import UserError
from facecraft4d.toolkit.core.datatypes import Progress


@pytest.fixture
def place(tmp_path: Path, tiny_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with good and bad files."""
    good = tiny_path.read_bytes()
    noise = np.random.default_rng(0).integers(0, 255, (200, 200, 3), np.uint8)
    Image.fromarray(noise).save(tmp_path / "noise.png")
    Image.fromarray(np.full((300, 300, 3), 200, np.uint8)).save(tmp_path / "blank.jpg")
    jpeg = (tmp_path / "blank.jpg").read_bytes()
    length = len(good)
    files = {
        "good.glb": good,
        "empty.jpg": b"",
        "text.jpg": b"this is no picture, whatever its name says\n" * 20,
        "cut.jpg": jpeg[: len(jpeg) // 3],
        "empty.glb": b"",
        "cut.glb": good[: length // 2],
        "magic.glb": b"PLY\n" + good[4:],
        "version.glb": good[:4] + struct.pack("<I", 9) + good[8:],
        "longer.glb": good[:8] + struct.pack("<I", 2**32 - 1) + good[12:],
        "json.glb": good[:20] + b"[" * 2000 + good[2020:],
        "counts.glb": _with_count(good, 2**31),
        "negative.glb": _with_count(good, -5),
        "other.glb": _glb({"asset": {"version": "2.0"}}),
        "clip.csv": b"time,jawOpen\n0,0\n0.1,nan\n",
        "columns.csv": b"time,jawWide\n0,0\n0.1,1\n",
        "file": b"",
    }
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    (tmp_path / "folder").mkdir()
    _huge_png(tmp_path / "huge.png")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    return tmp_path


def _glb(tree: dict[str, object], rest: bytes = b"") -> bytes:
    text = json.dumps(tree).encode()
    text += b" " * (-len(text) % 4)
    chunk = struct.pack("<I4s", len(text), b"JSON") + text + rest
    return struct.pack("<4sII", b"glTF", 2, 12 + len(chunk)) + chunk


def _with_count(good: bytes, count: int) -> bytes:
    """The same file with another number of elements in its first accessor."""
    size = struct.unpack_from("<I", good, 12)[0]
    tree = json.loads(good[20 : 20 + size])
    tree["accessors"][0]["count"] = count
    return _glb(tree, good[20 + size :])


def _huge_png(path: Path) -> None:
    """A header that promises 100,000 x 100,000 pixels, and nothing behind it."""
    import zlib

    header = struct.pack(">IIBBBBB", 100_000, 100_000, 8, 2, 0, 0, 0)
    chunk = b"IHDR" + header
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + chunk + struct.pack(">I", zlib.crc32(chunk)))


RENDER = ("render", "good.glb", "--out", "out.png")
BAD: dict[str, tuple[tuple[str, ...], str]] = {
    "no such command": (("bild", "blank.jpg"), "build, play"),
    "no portrait": (("build",), "PATH"),
    "missing portrait": (("build", "nobody.jpg"), "nobody.jpg"),
    "portrait is a folder": (("build", "folder"), "folder"),
    "empty image": (("build", "empty.jpg", "--out", "out"), "empty.jpg"),
    "text as image": (("build", "text.jpg", "--out", "out"), "text.jpg"),
    "truncated image": (("build", "cut.jpg", "--out", "out"), "cut.jpg"),
    "huge image": (("build", "huge.png", "--out", "out"), "huge.png"),
    "no face": (("build", "noise.png", "--out", "out"), "face"),
    "blank picture": (("build", "blank.jpg", "--out", "out"), "face"),
    "out is a file": (("build", "blank.jpg", "--out", "file"), "file"),
    "out below a file": (("build", "blank.jpg", "--out", "file/deeper"), "file"),
    "unknown preset": (("build", "blank.jpg", "--preset", "best"), "draft"),
    "unknown option": (("build", "blank.jpg", "--colour", "red"), "--colour"),
    "word for a number": (("build", "blank.jpg", "--splats", "many"), "splats"),
    "no splats": (("build", "blank.jpg", "--splats", "0"), "training.splats"),
    "negative seed": (("build", "blank.jpg", "--seed", "-1"), "seed"),
    "nan option": (("build", "blank.jpg", "--image-prior.warp.boundary", "nan"), "boundary"),
    "unknown matting": (("build", "blank.jpg", "--matting", "magic"), "selfie"),
    "cuda without cuda": (("build", "blank.jpg", "--device", "cuda"), "--device cpu"),
    "paper without cuda": (("build", "blank.jpg", "--preset", "paper"), "hours"),
    "resume and fresh": (("build", "blank.jpg", "--resume", "--fresh"), "exclude"),
    "no splats to draw": ((*RENDER, "--splats", "0"), "--splats"),
    "missing avatar": (("inspect", "nobody.glb"), "nobody.glb"),
    "avatar is a folder": (("inspect", "folder"), "folder"),
    "empty avatar": (("inspect", "empty.glb"), "empty.glb"),
    "truncated avatar": (("inspect", "cut.glb"), "cut.glb"),
    "wrong magic": (("inspect", "magic.glb"), "magic.glb"),
    "wrong version": (("inspect", "version.glb"), "version.glb"),
    "wrong length": (("inspect", "longer.glb"), "longer.glb"),
    "deep json": (("inspect", "json.glb"), "json.glb"),
    "huge count": (("inspect", "counts.glb"), "counts.glb"),
    "negative count": (("inspect", "negative.glb"), "negative.glb"),
    "another glb": (("inspect", "other.glb"), "other.glb"),
    "unknown clip": (("play", "good.glb", "--record", "out.mp4", "--clip", "dance"), "face_cap"),
    "missing clip": (("play", "good.glb", "--record", "out.mp4", "--clip", "no.csv"), "no.csv"),
    "nan in a clip": (("play", "good.glb", "--record", "out.mp4", "--clip", "clip.csv"), "clip.csv"),
    "unknown column": (("play", "good.glb", "--record", "out.mp4", "--clip", "columns.csv"), "jawWide"),
    "no display": (("play", "good.glb"), "--record"),
    "record to a text": (("play", "good.glb", "--record", "out.txt"), "out.txt"),
    "record odd size": (("play", "good.glb", "--record", "out.mp4", "--size", "255"), "even"),
    "no frames": (("play", "good.glb", "--record", "out.mp4", "--fps", "0"), "fps"),
    "size zero": ((*RENDER, "--size", "0"), "size"),
    "size huge": ((*RENDER, "--size", "1000000"), "size"),
    "yaw nan": ((*RENDER, "--yaw", "nan"), "yaw"),
    "pitch over the pole": ((*RENDER, "--pitch", "120"), "pitch"),
    "unknown expression": ((*RENDER, "--expression", "jawWide=1"), "jawWide"),
    "expression without value": ((*RENDER, "--expression", "jawOpen"), "NAME=VALUE"),
    "expression nan": ((*RENDER, "--expression", "jawOpen=nan"), "jawOpen"),
    "unknown background": ((*RENDER, "--background", "plaid"), "white"),
    "picture as text": (("render", "good.glb", "--out", "out.txt"), ".png"),
    "picture below a file": (("render", "good.glb", "--out", "file/out.png"), "file"),
    "avatar alone": (("evaluate", "good.glb"), "--truth"),
    "no avatar to evaluate": (("evaluate", "folder"), "avatar.glb"),
    "unknown truth": (("evaluate", "good.glb", "--truth", "monalisa"), "glasses"),
    "truth without cameras": (("evaluate", "good.glb", "--truth", "folder"), "transforms.json"),
    "evaluate at no size": (("evaluate", "good.glb", "--size", "0"), "size"),
    "unknown weights": (("weights", "path", "gpt"), "face_landmarker"),
    "weights without a name": (("weights", "path"), "name"),
    "unknown weights action": (("weights", "burn"), "fetch"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_mistake_costs_one_line(place: Path, capsys: pytest.CaptureFixture[str], name: str) -> None:
    command, wanted = BAD[name]
    before = _files(place)
    assert cli.main(list(command)) == 2
    said = capsys.readouterr()
    last = said.err.splitlines()[-1]
    assert last.startswith("facecraft4d: ") and wanted in last
    assert "Traceback" not in said.err
    assert all(" 0/" in line or " 1/" in line for line in said.err.splitlines()[:-1]), "only progress before the line"
    assert _files(place) == before, "no half-written output"


def _files(place: Path) -> set[str]:
    return {str(path.relative_to(place)) for path in place.rglob("*")}


def _run(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "facecraft4d.cli", *words],
        capture_output=True, text=True, timeout=120, env=os.environ | environment, check=False,
    )  # fmt: skip


def test_help_is_quick_and_complete() -> None:
    times = []
    for _ in range(3):
        start = time.perf_counter()
        result = _run("--help")
        times.append(time.perf_counter() - start)
    assert result.returncode == 0 and all(f"  {command} " in result.stdout for command in cli.COMMANDS)
    assert min(times) < 0.5


def test_the_process_exits_with_two_and_one_line(tmp_path: Path) -> None:
    result = _run("inspect", str(tmp_path / "nobody.glb"))
    assert (result.returncode, result.stdout, result.stderr.count("\n")) == (2, "", 1)


def test_missing_packages_are_named_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "torch").mkdir()
    (tmp_path / "torch" / "__init__.py").write_text(
        "raise ModuleNotFoundError(\"No module named 'torch'\", name='torch')"
    )
    Image.new("RGB", (64, 64)).save(tmp_path / "photo.png")
    result = _run("build", str(tmp_path / "photo.png"), "--out", str(tmp_path / "out"), PYTHONPATH=str(tmp_path))
    assert result.returncode == 2
    assert result.stderr == 'facecraft4d: build needs torch; install it with: pip install "facecraft4d[toolkit]"\n'


def test_playing_imports_no_torch(tiny_path: Path, tmp_path: Path) -> None:
    code = (
        "import sys; from facecraft4d.cli import main; "
        f"assert main(['play', {str(tiny_path)!r}, '--record', {str(tmp_path / 'c.mp4')!r}, '--clip', 'brows', '--size', '32']) == 0; "
        "assert not {'torch', 'cv2', 'pymatting'} & set(sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
    assert (tmp_path / "c.mp4").stat().st_size > 1000


def test_render_writes_the_picture_that_was_asked_for(
    place: Path, tiny_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["render", str(tiny_path), "--out", "rest.png", "--size", "64"]) == 0
    options = ["--yaw", "30", "--pitch", "10", "--expression", "jawOpen=0.8", "--expression", "browInnerUp=1"]
    assert cli.main(["render", str(tiny_path), "--out", "posed.png", "--size", "64", *options]) == 0
    rest, posed = (np.asarray(Image.open(name).convert("RGB"), float) for name in ("rest.png", "posed.png"))
    assert rest.shape == posed.shape == (64, 64, 3)
    assert np.abs(rest - posed).mean() > 1
    assert cli.main(["render", str(tiny_path), "--out", "few.png", "--size", "64", "--splats", "60"]) == 0
    few = np.asarray(Image.open("few.png").convert("RGB"), float)
    assert 1 < np.abs(rest - few).mean() < 60


def test_inspect_names_what_matters(tiny_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["inspect", str(tiny_path)]) == 0
    said = capsys.readouterr().out
    for word in ("splats", "jawOpen", "eye_left", "CC0-1.0", "commercial", "bytes"):
        assert word in said


def test_evaluate_prints_writes_and_reports(place: Path, tiny_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert (
        cli.main(["render", "good.glb", "--out", "folder/front.png", "--size", "64", "--background", "transparent"])
        == 0
    )
    entry = {"file_path": "front.png", "transform_matrix": np.eye(4).tolist(), "camera_angle_x": 0.23}
    entry["transform_matrix"][2][3] = 1.6
    (place / "folder" / "transforms.json").write_text(json.dumps({"w": 64, "h": 64, "frames": [entry]}))
    (place / "out").mkdir()
    for _ in range(2):
        assert cli.main(["evaluate", "good.glb", "--truth", "folder", "--out", "out"]) == 0
        said = capsys.readouterr().out
        for word in ("PSNR", "LPIPS (VGG)", "LPIPS (Alex)", "ID (SFace)", "pictures", "out/evaluation.json"):
            assert word in said
        tree = json.loads((place / "out" / "evaluation.json").read_text())
        assert tree["groups"][0]["pictures"] == 1 and tree["groups"][0]["psnr_db"] > 10
        assert (place / "out" / "evaluation.html").read_text().count("<section>") == 1


def test_weights_list_names_every_file(capsys: pytest.CaptureFixture[str]) -> None:
    from facecraft4d.toolkit import weights

    assert cli.main(["weights", "list"]) == 0
    said = capsys.readouterr().out
    for row in weights.TABLE:
        assert row.name in said and row.licence in said and row.sha256 in said


def test_the_preset_decides_the_defaults_and_options_win() -> None:
    standard = cli_build.parse_options(["a.jpg", "--preset", "standard"])
    assert standard.config == preset(Preset.STANDARD)
    words = [
        "a.jpg",
        "--preset",
        "standard",
        "--splats",
        "7000",
        "--matting",
        "isnet",
        "--face",
        "1",
        "--device",
        "cpu",
    ]
    chosen = cli_build.parse_options([*words, "--training.coin-iterations", "9"]).config
    assert (chosen.training.splats, chosen.training.coin_iterations) == (7000, 9)
    assert chosen.training.static_iterations == preset(Preset.STANDARD).training.static_iterations
    assert (chosen.preprocess.matting, chosen.preprocess.face, chosen.device) == (Matting.ISNET, 1, Device.CPU)


def test_no_room_is_one_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def full(words: list[str]) -> int:
        raise OSError(28, "No space left on device", "out/avatar.glb")

    monkeypatch.setattr(cli, "_dispatch", full)
    assert cli.main(["build"]) == 2
    assert capsys.readouterr().err == "facecraft4d: out/avatar.glb: No space left on device\n"


def test_paper_goes_on_when_told(place: Path) -> None:
    cli_build.refuse_paper_on_cpu(
        cli_build.parse_options(["a.jpg", "--preset", "paper", "--device", "cpu", "--anyway"])
    )
    with pytest.raises(UserError, match="hours"):
        cli_build.refuse_paper_on_cpu(cli_build.parse_options(["a.jpg", "--preset", "paper", "--device", "cpu"]))


def test_plain_progress_speaks_at_the_ends_and_now_and_then(capsys: pytest.CaptureFixture[str]) -> None:
    now = [0.0]
    say = cli_progress.plain_lines(lambda: now[0])
    for step in range(101):
        now[0] = step * 0.25
        say(Progress("training", step, 100, losses={"l1": 0.5}))
    lines = capsys.readouterr().err.splitlines()
    assert [line.split()[1] for line in lines] == ["0/100", "40/100", "80/100", "100/100"]
    assert lines[0].endswith("l1 0.5000")


@pytest.mark.parametrize(
    ("render", "value", "text"),
    [
        (readable_bytes, 512, "512 bytes"),
        (readable_bytes, 3.25 * 2**20, "3.2 MiB"),
        (readable_bytes, 3 * 2**30, "3.00 GiB"),
        (readable_seconds, 3.21, "3.2 s"),
        (readable_seconds, 200, "3 min 20 s"),
        (readable_seconds, 7260, "2 h 1 min"),
    ],
)
def test_sizes_and_times_are_readable(render: Callable[[float], str], value: float, text: str) -> None:
    assert render(value) == text
