"""An avatar against pictures with known poses and cameras."""

import json
from dataclasses import replace
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import pytest
from evaluation_pictures import write_pictures
from kept_build import keep_stages
from PIL import Image
from synthetic_cases import FRONT

from facecraft4d.toolkit.core.asset import Avatar
from facecraft4d.toolkit.core.checks import UserError
from facecraft4d.toolkit.core.datatypes import Coarse, FrameSet, Motion, View
from facecraft4d.toolkit.core.pixels import to_bytes
from facecraft4d.toolkit.core.rigging import neutral_pose
from facecraft4d.toolkit.core.stages import Progress
from facecraft4d.toolkit.evaluation import fidelity, truth
from facecraft4d.toolkit.evaluation.drawing import draw
from facecraft4d.toolkit.evaluation.fidelity import compare, detail, sharpness
from facecraft4d.toolkit.evaluation.metrics import MEASURES
from facecraft4d.toolkit.subjects.sets import render_view


@pytest.mark.slow
def test_pictures_of_the_avatar_itself_are_met(tmp_path: Path, tiny_avatar: Avatar) -> None:
    """Poses and cameras read from the file are those that drew the pictures: nearly no difference, and a large one without the pose."""
    write_pictures(tmp_path / "own", tiny_avatar)
    told: list[Progress] = []
    found = fidelity.evaluate(tiny_avatar, truth.of_folder(tmp_path / "own", tiny_avatar.rig, 512), told.append)
    assert list(found.groups()) == ["smiles", "pictures"] and told[-1].step == told[-1].total == 2
    for measures in found.groups().values():
        assert measures["psnr_db"] > 40 and measures["lpips_vgg"] < 0.01 and measures["lpips_alex"] < 0.01
        assert measures["sharpness"] == pytest.approx(1, abs=0.02)
    still = [replace(each, pose=neutral_pose(tiny_avatar.rig)) for each in found.truths]
    moved = fidelity.evaluate(tiny_avatar, still, told.append)
    assert moved.groups()["smiles"]["psnr_db"] < 30


def moved(view: View, shift: float) -> View:
    """The camera some pixels aside."""
    return replace(view, camera=replace(view.camera, cx=24 + shift))


@pytest.mark.slow
def test_larger_pictures_are_shrunk_with_their_camera(tmp_path: Path, tiny_avatar: Avatar) -> None:
    """A shrunk picture fits its shrunk camera best: a pixel aside is worse either way."""
    write_pictures(tmp_path / "own", tiny_avatar)
    small = truth.of_folder(tmp_path / "own", tiny_avatar.rig, 48)
    assert all(each.view().mask.shape == (48, 48) and each.view().camera.width == 48 for each in small)
    found = fidelity.evaluate(tiny_avatar, small, lambda _: None)
    for shift in (-1.0, 1.0):  # small splats are drawn softer than a shrunk picture is, but in their place
        aside = [replace(each, view=partial(moved, each.view(), shift)) for each in small]
        worse = fidelity.evaluate(tiny_avatar, aside, lambda _: None)
        assert all(there["psnr_db"] < here["psnr_db"] - 1 for here, there in zip(found.rows, worse.rows, strict=True))


@pytest.mark.slow
def test_a_builds_own_pictures(tmp_path: Path, tiny_avatar: Avatar, tiny_coarse: Coarse) -> None:
    """A finished build's photograph, views and frames are found in its kept stages and met by the avatar that drew them, at any size."""
    with pytest.raises(UserError, match="expected a finished build"):
        truth.of_build(tmp_path, tiny_avatar, 2, 64)
    views, rig = tiny_coarse.views, tiny_avatar.rig
    weights = np.zeros((4, len(rig.expression_names)), np.float32)
    weights[:, rig.expression_names.index("jawOpen")] = np.linspace(0, 1, 4)
    still = np.zeros((4, len(rig.joint_names), 3), np.float32)
    track = Motion("jaw", 1.0, rig.expression_names, weights, rig.joint_names, still, still[:, 0])
    folder = tmp_path / "build" / "video_prior" / ("f" * 16) / "files"
    frames = FrameSet(folder, (views.views[1].camera,), (1,), track)
    for frame in range(4):
        drawn = draw(tiny_avatar, track.pose(frame), views.views[1].camera)
        frames.path(1, frame).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(to_bytes(np.dstack([drawn.image, drawn.alpha]))).save(frames.path(1, frame))
    keep_stages(tmp_path / "build", tiny_coarse, frames, tiny_avatar)
    found = fidelity.evaluate(tiny_avatar, truth.of_build(tmp_path, tiny_avatar, 2, 512), lambda _: None)
    assert {name: len(found.of(name)) for name in found.groups()} == {"photograph": 1, "views": 11, "frames": 2}
    assert [each.name for each, _ in found.of("frames")] == ["yaw 30, frame 0", "yaw 30, frame 3"]
    assert min(row["psnr_db"] for row in found.rows) > 40
    small = fidelity.evaluate(tiny_avatar, truth.of_build(tmp_path, tiny_avatar, 2, 48), lambda _: None)
    assert (
        min(row["psnr_db"] for row in small.rows) > 18 and small.truths[-1].view().image[0, 0].min() == 1
    )  # white stays white
    assert (
        "frames"
        not in fidelity.evaluate(tiny_avatar, truth.of_build(tmp_path, tiny_avatar, 0, 64), lambda _: None).groups()
    )


def test_faces_that_the_truth_lacks_do_not_count(tiny_avatar: Avatar, tiny_coarse: Coarse) -> None:
    """Means leave them out and say how many there were; JSON has null where nothing was measured."""
    view = tiny_coarse.views.views[0]
    truths = tuple(truth.Truth(group, str(n), tiny_coarse.head.pose, lambda: view) for n, group in enumerate("aaab"))
    rows = [dict.fromkeys(MEASURES, 0.5) | {"identity": score} for score in (0.9, 0.0, np.nan, np.nan)]
    rows[0]["psnr_db"] = np.inf
    found = fidelity.Fidelity(truths, tuple(rows))
    groups = found.groups()
    assert groups["a"]["identity"] == pytest.approx(0.45) and np.isnan(groups["b"]["identity"])
    assert (found.faces("a"), found.faces("b")) == (2, 0)
    tree = json.loads(json.dumps(fidelity.as_json(found, {"avatar": "x"}), allow_nan=False))
    assert tree["groups"][0]["faces"] == 2 and tree["groups"][1]["identity"] is None
    assert tree["pictures"][0]["psnr_db"] is None and tree["pictures"][2]["identity"] is None
    assert "SFace" in tree["measures"]["identity"]["how"] and "AlexNet" in tree["measures"]["lpips_alex"]["how"]


@pytest.mark.slow
def test_no_face_in_the_drawing_scores_zero(monkeypatch: pytest.MonkeyPatch, tiny_coarse: Coarse) -> None:
    """A face that the drawing lost counts as another person; one that the truth lacks counts not at all."""
    view, face = tiny_coarse.views.views[0], np.eye(1, 128, dtype=np.float32)[0]
    for found, expected in ((face, 1.0), (None, 0.0)):
        monkeypatch.setattr(fidelity, "embedding", lambda image, found=found: face if image is view.image else found)
        assert fidelity.compare(view.image.copy(), view)["identity"] == expected
    monkeypatch.setattr(fidelity, "embedding", lambda image: None)
    assert np.isnan(fidelity.compare(view.image, view)["identity"])


@pytest.mark.slow
def test_measures_of_a_picture_with_itself_and_with_less(subjects):
    """A picture is as sharp and as detailed as itself, less so when blurred; where there is no face none is scored."""
    view = render_view(subjects["glasses"], subjects["glasses"].texture(), neutral_pose(subjects["glasses"].rig), FRONT)
    assert sharpness(view.image, view.image, view.mask > 0.5) == pytest.approx(1)
    blurred = cv2.GaussianBlur(view.image, (0, 0), 1.5)
    assert sharpness(blurred, view.image, view.mask > 0.5) < 0.7
    assert detail(view.image, view.image, view.mask > 0.5) == pytest.approx(1)
    assert detail(blurred, view.image, view.mask > 0.5) < 0.8
    flat = replace(view, image=np.ones_like(view.image))
    assert compare(flat.image, flat)["ssim"] == pytest.approx(1, abs=1e-5)
    assert np.isnan(compare(flat.image, flat)["identity"]), "no face in the truth"
