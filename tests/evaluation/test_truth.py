"""Cameras and poses read from a file: bad ones are named."""

import json
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from evaluation_pictures import write_pictures

from facecraft4d.toolkit.core.asset import Avatar
from facecraft4d.toolkit.core.checks import UserError
from facecraft4d.toolkit.evaluation import truth

BAD_CAMERAS: dict[str, tuple[str, Any, str]] = {
    "no frames": ("frames", [], "1 to 10000 entries"),
    "frames are text": ("frames", "all", "entries"),
    "no file": ("frames__0__file_path", None, "file_path"),
    "file outside": ("frames__0__file_path", "../../secret.png", "stays in the folder"),
    "file missing": ("frames__0__file_path", "nobody.png", "nobody.png"),
    "matrix too small": ("frames__0__transform_matrix", [[1, 0], [0, 1]], "4 x 4 finite numbers"),
    "matrix of words": ("frames__0__transform_matrix", "eye", "4 x 4 finite numbers"),
    "matrix not finite": ("frames__0__transform_matrix", [[float("nan")] * 4] * 4, "finite"),
    "matrix scales": ("frames__0__transform_matrix", np.diag([2.0, 2, 2, 1]).tolist(), "rotation and a translation"),
    "matrix mirrors": ("frames__0__transform_matrix", np.diag([-1.0, 1, 1, 1]).tolist(), "rotation and a translation"),
    "no size": ("w", None, "w must be a number"),
    "huge size": ("h", 10**9, "h must be a number from 1 to 8192"),
    "another shape": ("h", 48, "another shape"),
    "focal length zero": ("frames__0__fl_x", 0, "fl_x must be a number"),
    "angle true": ("frames__1__camera_angle_x", True, "camera_angle_x must be a number"),
    "unknown expression": ("frames__0__expression", {"wiggleEars": 1}, "no expression wiggleEars"),
    "expression of words": ("frames__0__expression", {"jawOpen": "wide"}, "jawOpen must be a number"),
    "expressions are a list": ("frames__0__expression", ["jawOpen"], "map names"),
    "unknown joint": ("frames__0__joints", {"tail": [0, 0, 0]}, "no joint tail"),
    "file with a NUL": ("frames__0__file_path", "a\0b.png", "stays in the folder"),
    "file is a folder": ("frames__0__file_path", ".", "found no such file"),
    "endless name": ("frames__0__file_path", "x" * 10_000, "stays in the folder|no such file"),
    "matrix is singular": ("frames__0__transform_matrix", np.diag([1.0, 1, 1, 0]).tolist(), "rotation and a translation"),
    "camera far away": ("frames__0__transform_matrix", [[1, 0, 0, 1e5], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]], "within 1000 m"),
    "matrix of huge numbers": ("frames__0__transform_matrix", [[10**400] * 4] * 4, "finite"),
    "huge translation": ("frames__0__translation", [1e30, 0, 0], "translation must hold 3"),
    "joint of one angle": ("frames__0__joints", {"neck": 1}, "neck must hold 3"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD_CAMERAS)
def test_bad_cameras_are_named(case: str, tmp_path: Path, tiny_avatar: Avatar) -> None:
    path, value, message = BAD_CAMERAS[case]
    document = write_pictures(tmp_path / "own", tiny_avatar)
    *steps, last = path.split("__")
    place: Any = document
    for step in steps:
        place = place[int(step) if step.isdigit() else step]
    place[last] = value
    (tmp_path / "own" / truth.CAMERAS_FILE).write_text(json.dumps(document))
    with pytest.raises(UserError, match=message) as caught:
        for each in truth.of_folder(tmp_path / "own", tiny_avatar.rig, 512):
            each.view()
    assert str(tmp_path / "own") in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"[1]", b"{", b"[" * 200_000, b'{"frames": [' + b" " * (1 << 25)])
def test_a_file_that_is_no_list_of_cameras_is_named(content: bytes, tmp_path: Path, tiny_avatar: Avatar) -> None:
    (tmp_path / truth.CAMERAS_FILE).write_bytes(content)
    with pytest.raises(UserError, match=truth.CAMERAS_FILE):
        truth.of_folder(tmp_path, tiny_avatar.rig, 512)


@pytest.mark.slow
def test_a_synthetic_subjects_pictures_are_clean_and_named() -> None:
    pictures = truth.of_subject("glasses", 32)
    assert len(pictures) == 12 and len({each.name for each in pictures}) == 12 and pictures[0].group == "glasses"


@pytest.mark.slow
def test_pictures_are_in_memory_one_at_a_time(tmp_path: Path, tiny_avatar: Avatar) -> None:
    document = write_pictures(tmp_path / "own", tiny_avatar)
    document["frames"] = document["frames"][:1] * 400
    (tmp_path / "own" / truth.CAMERAS_FILE).write_text(json.dumps(document))
    tracemalloc.start()
    found = truth.of_folder(tmp_path / "own", tiny_avatar.rig, 512)
    for each in found[:60]:
        each.view()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(found) == 400 and peak < 60 << 20
