"""The whole prior: an animator that is known proves the chain, narrow networks in files that it holds and goes on when it is killed."""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from film_cases import face, write_video
from liveportrait_cases import NARROW, narrow

from facecraft4d.toolkit import video_prior
from facecraft4d.toolkit.config import FaceModelConfig, LivePortraitConfig, VideoPrior, VideoPriorConfig
from facecraft4d.toolkit.core.checks import UserError
from facecraft4d.toolkit.core.datatypes import Coarse, FrameSet
from facecraft4d.toolkit.core.ingredients import Commercial
from facecraft4d.toolkit.core.pixels import to_bytes
from facecraft4d.toolkit.core.stages import Progress, StageContext, silent
from facecraft4d.toolkit.images import read_frame, resized
from facecraft4d.toolkit.video_prior.frames import azimuths
from facecraft4d.toolkit.video_prior.liveportrait import animation
from facecraft4d.toolkit.video_prior.liveportrait.clips import Clips
from facecraft4d.toolkit.video_prior.liveportrait.crop import SOURCE_SIZE
from facecraft4d.toolkit.video_prior.liveportrait.driving import CLOSED_LIPS, MOST_STITCHED_YAW
from facecraft4d.toolkit.video_prior.liveportrait.networks import Networks
from facecraft4d.toolkit.video_prior.liveportrait.paste import resampled, soft_mask
from facecraft4d.toolkit.video_prior.liveportrait.sitter import Sitter, Step, as_input, moved, sitter_of

GREY = 100
BRIGHTER = 10
"""Of 255: it moves the known animator's source by this part of half a crop, 20 of 512 pixels at a multiplier of 2."""


def clips(*brighter: int) -> Clips:
    """Two clips of plain pictures; each begins with a grey one, which is its neutral face."""
    moments = np.stack([np.full((256, 256, 3), GREY + each, np.uint8) for each in brighter])
    half = len(brighter) // 2
    neutral_of = np.arange(len(brighter)) // half
    return Clips(moments, np.full((2, 256, 256, 3), GREY, np.uint8), neutral_of, (0, half), ())


@pytest.fixture
def known_animator(monkeypatch: pytest.MonkeyPatch, checkpoints: Path, shifting: Networks) -> LivePortraitConfig:
    """The files of narrow networks, in whose place the known animator works, which is quick; two moments of two clips drive it."""
    monkeypatch.setattr(animation, "load_networks", lambda *given: shifting)
    monkeypatch.setattr(animation, "_clips", lambda config, context: clips(0, 40, 0, 120))
    return LivePortraitConfig(checkpoints=checkpoints)


@pytest.fixture
def narrow_files(monkeypatch: pytest.MonkeyPatch, checkpoints: Path) -> LivePortraitConfig:
    """The product's own loader, told to expect narrow networks."""
    monkeypatch.setattr(animation, "PUBLISHED", NARROW)
    return LivePortraitConfig(checkpoints=checkpoints)


def animated(
    sitting: Coarse, own: LivePortraitConfig, folder: Path, beside: int = 2, frames: int = 4, report=silent
) -> FrameSet:
    config = VideoPriorConfig(VideoPrior.LIVEPORTRAIT, frontal_views=beside, frames=frames, size=64, liveportrait=own)
    context = StageContext(0, "cpu", folder, report)
    return video_prior.run(sitting.head, sitting.views, config, FaceModelConfig(), context)


@pytest.fixture
def places(sitting: Coarse) -> np.ndarray:
    return animation.landmark_places(sitting.head, FaceModelConfig(), silent)[0]


def sitter(sitting: Coarse, places: np.ndarray, view: int, networks: Networks) -> Sitter:
    yaw = float(azimuths(sitting.views)[view])
    return sitter_of(sitting.views.views[view], places, yaw, None, networks, "cpu")


def step(networks: Networks, brighter: int) -> Step:
    made = animation.steps_of(clips(0, brighter), networks, StageContext(0, "cpu", Path(), silent))
    return made[1]


def middle(crop_from_picture: np.ndarray, size: int, least: float = 1.0) -> np.ndarray:
    """Where in a picture the crop's mask is at least so much."""
    mask = resampled(soft_mask(SOURCE_SIZE), np.linalg.inv(crop_from_picture), (size, size), (0.0,))[..., 0]
    return mask >= least


@pytest.mark.slow
@pytest.mark.parametrize("view", [0, 1, 3])
def test_no_motion_gives_the_view_back(sitting: Coarse, places: np.ndarray, shifting: Networks, view: int) -> None:
    """But for what two changes of size blur; the matte is its own."""
    made = sitter(sitting, places, view, shifting)
    found = moved(made, step(shifting, 0), 1.0, shifting)
    assert np.abs(found - made.picture).mean() < 0.01
    inside = middle(made.crop_from_picture, len(found))
    smooth = cv2.GaussianBlur(made.picture, (0, 0), 1.0)
    assert np.abs(found - smooth)[inside].mean() < 0.02
    assert np.abs(found[..., 3] - made.picture[..., 3]).mean() < 0.005


@pytest.mark.parametrize("view", [0, 2, 11])
def test_a_motion_that_is_known_moves_every_view_and_its_matte_alike(
    sitting: Coarse, places: np.ndarray, shifting: Networks, view: int
) -> None:
    made = sitter(sitting, places, view, shifting)
    found = moved(made, step(shifting, BRIGHTER), 2.0, shifting)
    crop_shift = np.array([2.0 * BRIGHTER / 255 * SOURCE_SIZE / 2, 0.0])
    x, y = np.linalg.inv(made.crop_from_picture)[:2, :2] @ crop_shift
    assert abs(y) < 0.2 * x and x > 3
    height, width = found.shape[:2]
    wanted = cv2.warpAffine(made.picture, np.array([[1, 0, x], [0, 1, y]]), (width, height), borderValue=(1, 1, 1, 0))
    inside = middle(made.crop_from_picture, height)
    still = np.abs(made.picture - found)[inside].mean(0)
    apart = np.abs(wanted - found)[inside].mean(0)
    assert (apart < 0.4 * still).all() and apart[3] < 0.1 * still[3]


@pytest.mark.slow
def test_the_multiplier_moves_twice_as_far(sitting: Coarse, places: np.ndarray, shifting: Networks) -> None:
    made = sitter(sitting, places, 0, shifting)
    once, twice = (
        moved(made, step(shifting, 2 * BRIGHTER), 1.0, shifting),
        moved(made, step(shifting, BRIGHTER), 2.0, shifting),
    )
    np.testing.assert_allclose(once, twice, atol=1e-3)
    assert not np.allclose(moved(made, step(shifting, BRIGHTER), 1.0, shifting), twice, atol=1e-2)


@pytest.mark.slow
def test_views_beyond_the_front_are_not_stitched(sitting: Coarse, places: np.ndarray, shifting: Networks) -> None:
    for view, yaw in enumerate(azimuths(sitting.views).tolist()):
        stitched = sitter(sitting, places, view, shifting).source.stitching is not None
        assert stitched == (abs(yaw) <= MOST_STITCHED_YAW + 1e-9), yaw


@pytest.mark.slow
def test_narrow_networks_in_files_make_the_whole_set(
    sitting: Coarse,
    narrow_files: LivePortraitConfig,
    places: np.ndarray,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """12 views, 2 clips of 3 moments; outside of each crop's mask the view is bit for bit itself, whatever the networks draw."""
    monkeypatch.setattr(animation, "_clips", lambda config, context: clips(0, 40, 90, 0, 20, 120))
    frames = animated(sitting, narrow_files, tmp_path, beside=11)
    assert frames.view_indices == tuple(range(12)) and frames.track is None and frames.clip_starts == (0, 3)
    assert len(list(tmp_path.rglob("*.png"))) == 12 * 6
    for index in frames.view_indices:
        view = sitting.views.views[index]
        plain = to_bytes(resized(np.dstack([view.image, view.mask]), 64))
        made = sitter(sitting, places, index, narrow())
        touched = resized(middle(made.crop_from_picture, len(view.image), 1e-12).astype(np.float32), 64) > 0
        shown = [read_frame(frames.path(index, step)) for step in range(6)]
        for picture in shown:
            np.testing.assert_array_equal(picture[~touched], plain[~touched])
            white_at_least = 255 - picture[..., 3].astype(int)
            assert (picture[..., :3][touched] >= white_at_least[touched][:, None] - 2).all(), (
                "colours of the white composite"
            )
        assert not np.array_equal(shown[0], plain), "the networks draw"
        np.testing.assert_array_equal(shown[0], shown[3]), "each clip begins with its neutral face"
        assert (shown[1] != shown[2]).any()
    names = {each.name: each for each in frames.ingredients}
    assert len(names) == 5 and all(each.licence == "MIT" and each.commercial_use for each in names.values())
    assert len({each.sha256 for each in names.values()}) == 5


class Killed(BaseException):
    """Stands for a signal."""


@pytest.mark.slow
@pytest.mark.parametrize("message", ["motion of the driving clips", "first picture", "second view"])
def test_a_killed_run_ends_with_the_same_bytes(
    sitting: Coarse, known_animator: LivePortraitConfig, tmp_path: Path, message: str
) -> None:
    at = {"first picture": 1, "second view": 6}.get(message, 1)

    def kill(progress: Progress) -> None:
        if progress.step == at and progress.message == (message if message.startswith("motion") else ""):
            raise Killed

    animated(sitting, known_animator, tmp_path / "whole")
    with pytest.raises(Killed):
        animated(sitting, known_animator, tmp_path / "killed", report=kill)
    kept = {path: path.stat().st_mtime_ns for path in (tmp_path / "killed").rglob("*.png")}
    animated(sitting, known_animator, tmp_path / "killed")
    assert {path: path.stat().st_mtime_ns for path in kept} == kept
    whole, killed = (
        {
            path.relative_to(tmp_path / name): path.read_bytes()
            for path in (tmp_path / name).rglob("*")
            if path.is_file()
        }
        for name in ("whole", "killed")
    )
    assert whole == killed and len(whole) == 3 * 4 + 1


@pytest.mark.slow
def test_what_is_there_is_not_drawn_again_and_what_changed_is(
    sitting: Coarse, known_animator: LivePortraitConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = animated(sitting, known_animator, tmp_path)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*.png")}
    with monkeypatch.context() as without:
        without.setattr(animation, "load_networks", None)
        assert animated(sitting, known_animator, tmp_path).view_indices == first.view_indices
    animated(sitting, replace(known_animator, multiplier=2.0), tmp_path)
    assert sum(path.read_bytes() != before[path] for path in before) == 3 * 2, "all but the neutral faces"


def test_numbers_that_are_none_are_refused(sitting: Coarse, places: np.ndarray, shifting: Networks) -> None:
    made = sitter(sitting, places, 0, shifting)
    broken = replace(made, volume=torch.full_like(made.volume, torch.nan))
    with pytest.raises(UserError, match="not finite"):
        moved(broken, step(shifting, 0), 1.0, shifting)


@pytest.mark.slow
def test_too_little_device_memory_is_one_line(
    sitting: Coarse, known_animator: LivePortraitConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise torch.OutOfMemoryError("2.00 GiB")

    monkeypatch.setattr(animation, "load_networks", full)
    words = r"^--video-prior liveportrait: the device has too little memory for its networks \(.* GiB were taken\); .*--device cpu$"
    with pytest.raises(UserError, match=words):
        animated(sitting, known_animator, tmp_path)


def test_an_open_mouth_is_closed_in_every_view_or_in_none(
    sitting: Coarse, places: np.ndarray, shifting: Networks
) -> None:
    for ratio, closed in ((0.5, True), (0.0, False), (None, False)):
        made = [
            sitter_of(view, places, 0.0, ratio, shifting, "cpu").source.lip_offsets is not None
            for view in sitting.views.views[:3]
        ]
        assert made == [closed] * 3


def test_pictures_go_in_as_the_networks_take_them() -> None:
    picture = np.random.default_rng(0).random((4, 5, 3))
    tensor = as_input(picture, "cpu")
    assert tensor.shape == (1, 3, 4, 5) and tensor.dtype == torch.float32
    np.testing.assert_allclose(tensor[0, :, 2, 3].numpy(), picture[2, 3], rtol=1e-6)


@pytest.mark.slow
def test_the_ratio_of_the_lips_is_the_photographs_for_all_views(
    sitting: Coarse, known_animator: LivePortraitConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[float | None] = []
    made = animation.sitter_of

    def noted(view, places, yaw, ratio, networks, device) -> Sitter:
        given.append(ratio)
        return made(view, places, yaw, ratio, networks, device)

    monkeypatch.setattr(animation, "sitter_of", noted)
    pose = sitting.head.pose
    opened = replace(pose, expression=pose.expression.copy())
    opened.expression[sitting.head.rig.expression_names.index("jawOpen")] = 0.6
    wide = replace(sitting, head=replace(sitting.head, pose=opened))
    animated(wide, known_animator, tmp_path / "as it is")
    animated(sitting, replace(known_animator, close_lips=True), tmp_path / "shut")
    animated(wide, replace(known_animator, close_lips=True), tmp_path / "open")
    assert given[:3] == [None] * 3 and len(set(given[3:6])) == len(set(given[6:])) == 1
    assert given[3] is not None and given[3] < CLOSED_LIPS
    assert given[6] is not None and given[6] > 5 * CLOSED_LIPS


@pytest.mark.slow
def test_a_folder_of_videos_drives_the_views(
    sitting: Coarse, checkpoints: Path, shifting: Networks, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(animation, "load_networks", lambda *given: shifting)
    (tmp_path / "videos").mkdir()
    calm = face(False)
    for name in ("a.mp4", "b.mp4"):
        write_video(tmp_path / "videos" / name, np.stack([calm, calm // 2]))
    own = LivePortraitConfig(checkpoints=checkpoints, driving=tmp_path / "videos", clips=1)
    notes: list[str] = []
    frames = animated(sitting, own, tmp_path / "files", frames=9, report=lambda now: notes.extend(now.notes))
    assert len(list(frames.path(0, 0).parent.iterdir())) == 2 and frames.clip_starts == (0,)
    assert "show a face in 2 frames" in notes[-1]
    videos = next(each for each in frames.ingredients if each.name == "driving videos")
    assert videos.role == "1 driving clips" and videos.commercial_use is Commercial.UNKNOWN
    first, second = (read_frame(frames.path(0, step))[..., 3] for step in range(2))
    assert (first != second).any(), "a darker moment moves the known animator's source to the left"


@pytest.mark.slow
def test_the_built_in_clips_are_drawn_on_the_cc0_head(
    sitting: Coarse, narrow_files: LivePortraitConfig, tmp_path: Path
) -> None:
    frames = animated(sitting, narrow_files, tmp_path, beside=1, frames=5)
    assert len(list(tmp_path.rglob("*.png"))) == 10
    assert all(each.commercial_use is Commercial.YES for each in frames.ingredients)
    assert {"anny", "clips", "facecap"} <= {each.name for each in frames.ingredients}
