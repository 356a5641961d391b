"""A network of the user's own is tried in a child: what is none is one line, and ends nobody's build."""

import zipfile
from pathlib import Path

import numpy as np
import pytest

from facecraft4d.toolkit import weights
from facecraft4d.toolkit.core.checks import UserError
from facecraft4d.toolkit.needs import missing_weights
from facecraft4d.toolkit.weights import trial

ONNX = ("yunet", "sface")
"""Protobuf: an empty field may follow, but no stray byte."""


SUFFIX = {"selfie_segmentation": "tflite", "face_landmarker": "task", "yunet": "onnx", "sface": "onnx"}


def own(monkeypatch: pytest.MonkeyPatch, name: str, path: Path) -> None:
    monkeypatch.setenv(f"FACECRAFT4D_WEIGHTS_{name.upper()}", str(path))


def test_the_pinned_file_in_another_place_is_not_tried(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    copy = tmp_path / "copy.tflite"
    copy.write_bytes(weights.path("selfie_segmentation").read_bytes())
    own(monkeypatch, "selfie_segmentation", copy)
    monkeypatch.setattr(trial, "child_command", lambda *_: pytest.fail("a child was started"))
    trial.try_own_network("selfie_segmentation")


@pytest.mark.slow
@pytest.mark.parametrize("name", ["selfie_segmentation", "face_landmarker", "yunet", "sface"])
def test_another_network_that_works_is_taken(name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    place = tmp_path / f"own.{SUFFIX[name]}"
    place.write_bytes(weights.path(name).read_bytes() + (b"\x1a\x00" if name in ONNX else b"\0"))
    own(monkeypatch, name, place)
    trial.try_own_network(name)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["selfie_segmentation", "face_landmarker", "yunet", "sface"])
def test_what_is_no_network_is_named(name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    place = tmp_path / f"own.{SUFFIX[name]}"
    sound, random = weights.path(name).read_bytes(), np.random.default_rng(0)
    own(monkeypatch, name, place)
    for bad in (b"no network", sound[: len(sound) // 3], sound[:40] + random.bytes(len(sound) - 40)):
        place.write_bytes(bad)
        reasons = missing_weights([name], lambda progress: None)
        assert str(place) in reasons[name] and "\n" not in reasons[name]


@pytest.mark.slow
def test_a_bundle_of_broken_networks_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    place = tmp_path / "own.task"
    with zipfile.ZipFile(place, "w") as bundle:
        bundle.writestr("face_detector.tflite", b"TFL3" * 100)
    own(monkeypatch, "face_landmarker", place)
    with pytest.raises(
        UserError, match=r"own\.task: expected a network in place of the weights 'face_landmarker', found"
    ):
        trial.try_own_network("face_landmarker")


def test_a_network_that_hangs_is_ended(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    place = tmp_path / "own.tflite"
    place.write_bytes(b"slow")
    own(monkeypatch, "selfie_segmentation", place)
    monkeypatch.setattr(trial, "PATIENCE_SECONDS", 0.01)
    with pytest.raises(UserError, match="found one that takes too long"):
        trial.try_own_network("selfie_segmentation")
