"""facecraft4d track: what it refuses, in one line, with nothing written."""

import json
from pathlib import Path

import av
import numpy as np
import pytest

from facecraft4d.cli import main
from facecraft4d.toolkit.core.checks import UserError
from facecraft4d.toolkit.core.geometry import camera_center
from facecraft4d.toolkit.tracking.films import fixed_cameras


def film(path: Path, frames: int = 3, rate: int = 10, size: tuple[int, int] = (96, 64)) -> Path:
    """Grey pictures that nobody is in."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=rate)
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        for _ in range(frames):
            picture = np.full((size[1], size[0], 3), 120, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, "rgb24")))
        container.mux(stream.encode())
    return path


def entry(x: float = 0.0, **more: object) -> dict[str, object]:
    matrix = np.eye(4)
    matrix[:3, 3] = (x, 0.0, 1.5)
    return {"transform_matrix": matrix.tolist(), "w": 96, "h": 64, "camera_angle_x": 0.4, **more}


def cameras(folder: Path, *entries: dict[str, object]) -> Path:
    path = folder / "transforms.json"
    path.write_text(json.dumps({"frames": list(entries)}))
    return path


@pytest.mark.slow
@pytest.mark.parametrize(
    ("case", "reason"),
    [
        ("none", "expected a video, found none"),
        ("missing", "no_such.mp4"),
        ("two without cameras", "2 videos need --cameras transforms.json"),
        ("one camera for two", "expected 2 cameras, one for each video, found 1"),
        ("other rate", "expected 10 frames a second"),
        ("other shape", "the video has another shape"),
        ("moving camera", "expected a camera of a.mp4 that stands still"),
        ("no face", "expected a face in the first frame"),
        ("one frame", "at least two frames, found 1"),
        ("other clip", "expected a clip: .csv"),
        ("nowhere", "there is no folder"),
    ],
)
def test_mistakes_are_one_line(case: str, reason: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    a, out = film(tmp_path / "a.mp4", 1 if case == "one frame" else 3), tmp_path / "clip.csv"
    words: list[object] = [a]
    if case == "none":
        words = []
    if case == "missing":
        words = [tmp_path / "no_such.mp4"]
    if case in ("two without cameras", "one camera for two", "other rate"):
        words.append(film(tmp_path / "b.mp4", rate=25 if case == "other rate" else 10))
    if case == "one camera for two":
        words += ["--cameras", cameras(tmp_path, entry())]
    if case == "other rate":
        words += ["--cameras", cameras(tmp_path, entry(), entry(1.0))]
    if case == "other shape":
        words += ["--cameras", cameras(tmp_path, entry() | {"w": 64})]
    if case == "moving camera":
        words += ["--cameras", cameras(tmp_path, entry(camera_index=0), entry(0.1, camera_index=0))]
    out = {"other clip": tmp_path / "clip.txt", "nowhere": tmp_path / "none" / "clip.csv"}.get(case, out)
    assert main(["track", *map(str, words), "--out", str(out)]) == 2
    said = capsys.readouterr().err
    assert reason in said and len(said.strip().splitlines()[-1:]) == 1 and "Traceback" not in said
    assert not out.exists()


def test_cameras_find_their_films(tmp_path: Path) -> None:
    named = cameras(tmp_path, entry(1.0, file_path="v/b.mp4"), entry(2.0, file_path="v/a.mp4"))
    first, second = fixed_cameras(named, (tmp_path / "a.mp4", tmp_path / "b.mp4"))
    assert camera_center(first)[0] == pytest.approx(2.0) and camera_center(second)[0] == pytest.approx(1.0)
    steps = [
        entry(x, camera_index=camera, timestep_index=step) for step in range(2) for camera, x in ((4, 3.0), (7, 5.0))
    ]
    indexed = cameras(tmp_path, *steps)
    assert [camera_center(each)[0] for each in fixed_cameras(indexed, (Path("a"), Path("b")))] == pytest.approx(
        [3.0, 5.0]
    )
    with pytest.raises(UserError, match=r"whose file_path names c\.mp4"):
        fixed_cameras(cameras(tmp_path, entry(file_path="a.mp4")), (Path("a.mp4"), Path("c.mp4")))
