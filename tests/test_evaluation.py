"""Metrics know perfect from broken: each is tried on the small avatar as it is, and on one damaged on purpose."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import RADIUS
from PIL import Image

from facecraft4d.toolkit import cache
from facecraft4d.toolkit.core.asset import Avatar
from facecraft4d.toolkit.core.checks import UserError
from facecraft4d.toolkit.core.datatypes import Camera, FrameSet, Head, Motion, Portrait, Progress
from facecraft4d.toolkit.core.geometry import orbit_camera
from facecraft4d.toolkit.core.rigging import neutral_pose, pose_from_weights
from facecraft4d.toolkit.evaluation import Evaluation, as_json, coverage, expressions, fidelity, front, identity, truth
from facecraft4d.toolkit.evaluation.drawing import draw
from facecraft4d.toolkit.evaluation.metrics import MEASURES, METRICS, SIZE
from facecraft4d.toolkit.images import to_bytes
from facecraft4d.toolkit.report.page import EVALUATION, with_evaluation

SIDE = 128


def disc(radius: float, center: tuple[float, float] = (SIDE / 2, SIDE / 2)) -> np.ndarray:
    y, x = np.mgrid[:SIDE, :SIDE] + 0.5
    return (np.hypot(x - center[0], y - center[1]) < radius).astype(np.float32)


def test_a_perfect_silhouette_scores_perfectly() -> None:
    assert coverage.compare(disc(40), disc(40)) == (1.0, 0.0, 0.0)


def test_a_hole_counts_as_a_hole() -> None:
    iou, holes, floaters = coverage.compare(disc(40) - disc(5), disc(40))
    assert iou < 1 and holes == pytest.approx(disc(5).sum() / disc(38.5).sum(), rel=0.1) and floaters == 0


def test_a_floater_counts_by_its_alpha() -> None:
    stray = 0.25 * disc(3, (10, 10))
    iou, holes, floaters = coverage.compare(disc(40) + stray, disc(40))
    assert iou == 1 and holes == 0
    assert floaters == pytest.approx(stray.sum() / (disc(40).sum() + stray.sum()))


def test_a_soft_border_is_neither_hole_nor_floater() -> None:
    soft = np.clip((disc(39) + disc(40) + disc(41)) / 3, 0, 1).astype(np.float32)
    assert coverage.compare(soft, disc(40))[1:] == (0.0, 0.0)


def test_the_border_of_the_picture_is_a_soft_border_too() -> None:
    mask = np.zeros((SIDE, SIDE), np.float32)
    mask[60:] = 1
    assert coverage.compare(mask, mask) == (1.0, 0.0, 0.0)
    fading = mask.copy()
    fading[-1] = 0.3
    assert coverage.compare(fading, mask)[1] == 0
    fading[-4] = 0.3
    assert coverage.compare(fading, mask)[1] > 0


def test_front_metrics_of_equal_pictures_and_outside_of_the_mask(rng_image: np.ndarray) -> None:
    mask = disc(50)
    elsewhere = np.where(mask[..., None] > 0, rng_image, 1 - rng_image)
    scores = front.compare(elsewhere, rng_image, mask)
    assert scores["front_psnr_db"] > 80 and scores["front_ssim"] > 0.9999 and scores["front_lpips_vgg"] < 1e-4


def test_front_psnr_is_that_of_the_pixels_inside(rng_image: np.ndarray) -> None:
    off = (rng_image + 0.1).astype(np.float32)
    assert front.compare(off, rng_image, disc(50))["front_psnr_db"] == pytest.approx(20, abs=0.01)


def test_worse_pictures_score_worse(rng_image: np.ndarray) -> None:
    noise = np.random.default_rng(1).normal(0, 1, rng_image.shape).astype(np.float32)
    scores = [front.compare(np.clip(rng_image + amount * noise, 0, 1), rng_image, disc(60)) for amount in (0.05, 0.3)]
    assert scores[0]["front_psnr_db"] > scores[1]["front_psnr_db"]
    assert scores[0]["front_ssim"] > scores[1]["front_ssim"]
    assert scores[0]["front_lpips_vgg"] < scores[1]["front_lpips_vgg"]


@pytest.fixture
def rng_image() -> np.ndarray:
    y, x = np.mgrid[:SIDE, :SIDE] / SIDE
    return np.stack([0.3 + 0.4 * x, 0.3 + 0.4 * y, 0.5 + 0.2 * np.sin(9 * x)], -1).astype(np.float32)


def test_the_avatar_covers_its_own_silhouettes(tiny_avatar: Avatar, tiny_head: Head) -> None:
    scores = coverage.measure(tiny_avatar, tiny_head)
    assert scores["silhouette_iou_min"] == 1 and scores["hole_share_max"] == 0
    assert scores["floater_share_max"] < 0.005, "the soft rim of the splats in pictures this small"


def test_a_thrown_splat_is_a_floater(tiny_avatar: Avatar, tiny_head: Head) -> None:
    means = tiny_avatar.splats.means.copy()
    means[:20, 1] += 12
    thrown = replace(tiny_avatar, splats=replace(tiny_avatar.splats, means=means))
    assert coverage.measure(thrown, tiny_head)["floater_share_max"] > 0.02


def test_expressions_of_the_small_avatar_stay_in_their_regions(tiny_avatar: Avatar, tiny_head: Head) -> None:
    moves, leaks, still = expressions.measure(tiny_avatar, tiny_head)
    assert set(moves) == set(leaks) == set(still) == set(tiny_avatar.rig.expression_names)
    assert max(leaks.values()) < 1 and max(still.values()) < 1
    assert moves["jawOpen"] > 1


def test_an_expression_that_moves_everything_a_little_leaks(tiny_avatar: Avatar, tiny_head: Head) -> None:
    rig = tiny_avatar.rig
    deltas = rig.expression_deltas.copy()
    deltas[0] += np.float32([0.4 * expressions.MOVED_METRES, 0, 0])
    shaken = replace(tiny_avatar, rig=replace(rig, expression_deltas=deltas))
    _, leaks, _ = expressions.measure(shaken, tiny_head)
    assert leaks[rig.expression_names[0]] > 0.3


def test_a_region_holds_its_triangles_before_and_after(tiny_avatar: Avatar) -> None:
    rig = tiny_avatar.rig
    index = rig.expression_names.index("jawOpen")
    region = expressions.own_region(rig, index, orbit_camera(0.0, 0.0, 1.6, SIZE))
    assert 0.02 < region.mean() < 0.5
    nothing = replace(rig, expression_deltas=np.zeros_like(rig.expression_deltas))
    assert not expressions.own_region(nothing, index, orbit_camera(0.0, 0.0, 1.6, SIZE)).any()


def test_no_face_in_the_photograph_means_not_measured(
    tiny_avatar: Avatar, tiny_head: Head, tiny_portrait: Portrait
) -> None:
    blank = replace(tiny_portrait, image=np.ones_like(tiny_portrait.image))
    scores, notes = identity.measure(tiny_avatar, blank, tiny_head)
    assert scores == {} and "not measured" in notes[0]


def test_the_same_face_is_the_same_person() -> None:
    from importlib.resources import files

    from facecraft4d.toolkit.images import read_rgb

    folder = Path(str(files("facecraft4d.samples"))) / "portraits"
    hopper, collins = (read_rgb(folder / name, 512) for name in ("grace_hopper.jpg", "astronaut.png"))
    first, again, other = (
        identity.embedding(image) for image in (hopper, np.ascontiguousarray(hopper[8:, 8:]), collins)
    )
    assert first is not None and again is not None and other is not None
    assert float(first @ again) > 0.9 > 0.4 > float(first @ other)


def test_metrics_json_names_targets_and_how(tmp_path: object) -> None:
    evaluation = Evaluation({"front_psnr_db": 26.0, "front_lpips_vgg": 0.3}, {}, {}, ("a note",))
    tree = json.loads(json.dumps(as_json(evaluation, "draft")))
    assert set(tree["metrics"]) == set(METRICS)
    assert tree["metrics"]["front_psnr_db"]["met"] is True and tree["metrics"]["front_lpips_vgg"]["met"] is False
    assert tree["metrics"]["identity_front"]["value"] is None and "SFace" in tree["metrics"]["identity_front"]["how"]
    assert as_json(evaluation, "standard")["metrics"]["front_psnr_db"]["met"] is False


# pictures with known poses and cameras


def opengl(camera: Camera) -> list[list[float]]:
    """NeRF's transform_matrix of a camera."""
    return (np.linalg.inv(camera.camera_from_world) @ np.diag([1.0, -1.0, -1.0, 1.0])).tolist()


def write_pictures(folder: Path, avatar: Avatar) -> dict[str, Any]:
    """Two pictures of the avatar itself with their cameras and poses, one by focal length, one by angle."""
    folder.mkdir()
    smile = pose_from_weights(avatar.rig, {"mouthSmileLeft": 0.8})
    smile.joint_rotations[avatar.rig.joint_names.index("neck")] = (0, 0.2, 0)
    smile.translation[:] = (0.01, 0, 0)
    side, front = orbit_camera(40.0, 10.0, RADIUS, 96), orbit_camera(0.0, 0.0, RADIUS, 96)
    for name, pose, camera in (("smile.png", smile, side), ("rest.png", neutral_pose(avatar.rig), front)):
        drawn = draw(avatar, pose, camera)
        alpha = drawn.alpha[..., None]
        straight = np.where(alpha > 0, (drawn.image - (1 - alpha)) / np.maximum(alpha, 1e-6), 0)
        Image.fromarray(to_bytes(np.concatenate([straight, alpha], -1).astype(np.float32))).save(folder / name)
    by_focal_length = {
        "file_path": "smile.png", "transform_matrix": opengl(side), "fl_x": side.fx, "fl_y": side.fy, "cx": side.cx, "cy": side.cy,
        "expression": {"mouthSmileLeft": 0.8}, "joints": {"neck": [0, 0.2, 0]}, "translation": [0.01, 0, 0], "group": "smiles",
    }  # fmt: skip
    angle = 2 * np.arctan(0.5 * 96 / front.fx)
    by_angle = {"file_path": "rest.png", "transform_matrix": opengl(front), "camera_angle_x": angle}
    document = {"w": 96, "h": 96, "frames": [by_focal_length, by_angle]}
    (folder / truth.CAMERAS_FILE).write_text(json.dumps(document))
    return document


def test_pictures_of_the_avatar_itself_are_met(tmp_path: Path, tiny_avatar: Avatar) -> None:
    write_pictures(tmp_path / "own", tiny_avatar)
    told: list[Progress] = []
    found = fidelity.evaluate(tiny_avatar, truth.of_folder(tmp_path / "own", tiny_avatar.rig, 512), told.append)
    assert list(found.groups()) == ["smiles", "pictures"] and told[-1].step == told[-1].total == 2
    for measures in found.groups().values():
        assert measures["psnr_db"] > 40 and measures["lpips_vgg"] < 0.01 and measures["lpips_alex"] < 0.01
        assert measures["sharpness"] == pytest.approx(1, abs=0.02)
    still = [each._replace(pose=neutral_pose(tiny_avatar.rig)) for each in found.truths]
    moved = fidelity.evaluate(tiny_avatar, still, told.append)
    assert moved.groups()["smiles"]["psnr_db"] < 30


def test_larger_pictures_are_shrunk_with_their_camera(tmp_path: Path, tiny_avatar: Avatar) -> None:
    write_pictures(tmp_path / "own", tiny_avatar)
    small = truth.of_folder(tmp_path / "own", tiny_avatar.rig, 48)
    assert all(each.view.mask.shape == (48, 48) and each.view.camera.width == 48 for each in small)
    found = fidelity.evaluate(tiny_avatar, small, lambda _: None)
    for shift in (-1.0, 1.0):  # small splats are drawn softer than a shrunk picture is, but in their place
        aside = [
            each._replace(view=replace(each.view, camera=replace(each.view.camera, cx=24 + shift))) for each in small
        ]
        worse = fidelity.evaluate(tiny_avatar, aside, lambda _: None)
        assert all(there["psnr_db"] < here["psnr_db"] - 1 for here, there in zip(found.rows, worse.rows, strict=True))


BAD_CAMERAS: dict[str, tuple[str, Any, str]] = {
    "no frames": ("frames", [], "1 to 10000 entries"),
    "frames are text": ("frames", "all", "entries"),
    "no file": ("frames__0__file_path", None, "file_path"),
    "file outside": ("frames__0__file_path", "../../secret.png", "must stay in the folder"),
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
        truth.of_folder(tmp_path / "own", tiny_avatar.rig, 512)
    assert str(tmp_path / "own") in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"[1]", b"{", b"[" * 200_000, b'{"frames": [' + b" " * (1 << 25)])
def test_a_file_that_is_no_list_of_cameras_is_named(content: bytes, tmp_path: Path, tiny_avatar: Avatar) -> None:
    (tmp_path / truth.CAMERAS_FILE).write_bytes(content)
    with pytest.raises(UserError, match=truth.CAMERAS_FILE):
        truth.of_folder(tmp_path, tiny_avatar.rig, 512)


def test_a_builds_own_pictures(tmp_path: Path, tiny_avatar: Avatar, tiny_head: Head) -> None:
    with pytest.raises(UserError, match="expected a finished build"):
        truth.of_build(tmp_path, 2, 64)
    views, rig = tiny_head.coarse, tiny_avatar.rig
    weights = np.zeros((4, len(rig.expression_names)), np.float32)
    weights[:, rig.expression_names.index("jawOpen")] = np.linspace(0, 1, 4)
    still = np.zeros((4, len(rig.joint_names), 3), np.float32)
    track = Motion("jaw", 1.0, rig.expression_names, weights, rig.joint_names, still, still[:, 0])
    frames = FrameSet(tmp_path / "build" / "video_prior" / "k" / "files", (views.views[1].camera,), (1,), track)
    for frame in range(4):
        drawn = draw(tiny_avatar, track.pose(frame), views.views[1].camera)
        frames.path(1, frame).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(to_bytes(np.dstack([drawn.image, drawn.alpha]))).save(frames.path(1, frame))
    for name, result in (("image_prior", views), ("shape_prior", tiny_head), ("video_prior", frames)):
        cache.save(tmp_path / "build" / name / "k" / "result.npz", result)
        facts = {"digest": "", "seconds": 0.0, "peak_bytes": 0}
        (tmp_path / "build" / name / "k" / "stage.json").write_text(json.dumps(facts))
    found = fidelity.evaluate(tiny_avatar, truth.of_build(tmp_path, 2, 512), lambda _: None)
    assert {name: len(found.of(name)) for name in found.groups()} == {"photograph": 1, "views": 11, "frames": 2}
    assert [each.name for each, _ in found.of("frames")] == ["yaw 30, frame 0", "yaw 30, frame 3"]
    assert min(row["psnr_db"] for row in found.rows) > 40
    small = fidelity.evaluate(tiny_avatar, truth.of_build(tmp_path, 2, 48), lambda _: None)
    assert (
        min(row["psnr_db"] for row in small.rows) > 18 and small.truths[-1].view.image[0, 0].min() == 1
    )  # white stays white
    assert "frames" not in fidelity.evaluate(tiny_avatar, truth.of_build(tmp_path, 0, 64), lambda _: None).groups()


def test_a_synthetic_subjects_pictures_are_clean_and_named() -> None:
    pictures = truth.of_subject("glasses", 32)
    assert len(pictures) == 12 and len({each.name for each in pictures}) == 12 and pictures[0].group == "glasses"


def test_faces_that_the_truth_lacks_do_not_count(tiny_avatar: Avatar, tiny_head: Head) -> None:
    """Means leave them out and say how many there were; JSON has null where nothing was measured."""
    view = tiny_head.coarse.views[0]
    truths = tuple(truth.Truth(group, str(n), tiny_head.pose, view) for n, group in enumerate("aaab"))
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


def test_no_face_in_the_drawing_scores_zero(monkeypatch: pytest.MonkeyPatch, tiny_head: Head) -> None:
    view, face = tiny_head.coarse.views[0], np.eye(1, 128, dtype=np.float32)[0]
    for found, expected in ((face, 1.0), (None, 0.0)):
        monkeypatch.setattr(fidelity, "embedding", lambda image, found=found: face if image is view.image else found)
        assert fidelity.compare(view.image.copy(), view)["identity"] == expected
    monkeypatch.setattr(fidelity, "embedding", lambda image: None)
    assert np.isnan(fidelity.compare(view.image, view)["identity"])


def test_the_report_keeps_what_it_holds(tiny_avatar: Avatar, tiny_head: Head) -> None:
    """The evaluation is its last section, a second one takes the place of the first; a report without the place for it gets one."""
    view = tiny_head.coarse.views[0]
    found = fidelity.evaluate(tiny_avatar, [truth.Truth("a", "<b>", tiny_head.pose, view)], lambda _: None)
    for page in (
        "<html><body><p>old</p></body></html>",
        f"<html><body><p>old</p>{EVALUATION}{EVALUATION}</body></html>",
    ):
        once = with_evaluation(page, tiny_avatar, found, {"avatar": "x", "truth": "first"})
        twice = with_evaluation(once, tiny_avatar, found, {"avatar": "x", "truth": "second"})
        assert "<p>old</p>" in once and "against first" in once and once.count("<section>") == 1
        assert "against second" in twice and "against first" not in twice and "<p>old</p>" in twice
        assert twice.count("<img") == 3 and "<b>" not in twice and twice.rstrip().endswith("</html>")
    alone = with_evaluation("", tiny_avatar, found, {"avatar": "head & shoulders", "truth": "t"})
    assert "head &amp; shoulders" in alone and alone.count("<section>") == 1
