"""Films of a face to clips: what was played is seen again; frames without a face are filled and said."""

import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from places import PORTRAITS

from facecraft4d.cli import main
from facecraft4d.cli_live import watch
from facecraft4d.exporters.motions import find_motion
from facecraft4d.runtime import RecordOptions, record
from facecraft4d.runtime.drivers.live import Live
from facecraft4d.runtime.drivers.shaping import settled
from facecraft4d.toolkit.capture import FaceTracker, tracked
from facecraft4d.toolkit.capture.tracking import FRONT
from facecraft4d.toolkit.core.arkit import ARKIT_NAMES, JOINT_NAMES
from facecraft4d.toolkit.core.asset import Avatar
from facecraft4d.toolkit.core.checks import UserError
from facecraft4d.toolkit.core.motion import builtin_clip
from facecraft4d.toolkit.core.stages import silent
from facecraft4d.toolkit.landmarks.lids import CORNERS, LIDS, SHUT, SLACK, Lids, openings

NECK = JOINT_NAMES.index("neck")


@pytest.fixture(scope="module")
def portrait() -> np.ndarray:
    return np.array(Image.open(PORTRAITS / "astronaut.png").convert("RGB"))


def film(portrait: np.ndarray, holes: set[int], frames: int = 12) -> Iterator[tuple[float, np.ndarray]]:
    """A still film; in some frames nobody is there."""
    for frame in range(frames):
        yield frame / 25, np.full_like(portrait, 90) if frame in holes else portrait


@pytest.mark.slow
def test_frames_without_a_face_are_filled_and_said(portrait: np.ndarray) -> None:
    track = tracked(film(portrait, {0, 5, 6}), "film", silent)
    whole = tracked(film(portrait, set()), "film", silent)
    assert not track.seen[[0, 5, 6]].any() and track.motion.fps == 25 and not whole.note
    assert "show no face" in track.note and f"{int((~track.seen).sum())} of 12" in track.note
    assert track.motion.expressions == pytest.approx(whole.motion.expressions, abs=0.05)
    assert np.isfinite(track.motion.joint_rotations).all()


@pytest.mark.slow
def test_a_film_without_a_face_is_refused(portrait: np.ndarray) -> None:
    with pytest.raises(UserError, match="expected a face, found none in 12 frames"):
        tracked(film(portrait, set(range(12))), "film", silent)
    with pytest.raises(UserError, match="at least two frames, found 1"):
        tracked(film(portrait, set(), 1), "film", silent)


@pytest.mark.slow
def test_a_mirrored_face_turns_and_smiles_to_the_other_side(portrait: np.ndarray) -> None:
    seen, mirrored = FaceTracker()(portrait), FaceTracker()(np.ascontiguousarray(portrait[:, ::-1]))
    assert seen is not None and mirrored is not None
    assert mirrored.turn == pytest.approx(seen.turn * (1, -1, -1), abs=0.03) and np.linalg.det(FRONT) == 1
    smile = [ARKIT_NAMES.index(name) for name in ("mouthSmileLeft", "mouthSmileRight")]
    assert mirrored.weights[smile] == pytest.approx(seen.weights[smile[::-1]], abs=0.1)


@given(st.floats(0, 1), st.floats(0.5, 2.0))
def test_lids_are_down_as_far_as_the_eye_has_lost_its_height(shut: float, size: float) -> None:
    points = np.zeros((478, 3), np.float32)
    for corner, pairs in zip(CORNERS, LIDS, strict=True):
        points[corner[1], 0] = 3 * size
        for upper, lower in pairs:
            points[upper], points[lower] = (1.5 * size, size / 2, 0), (1.5 * size, -size / 2, 0)
    lids = Lids()
    assert not lids(points).any()
    points[:, 1] *= 1 - shut
    assert lids(points) == pytest.approx(np.clip((shut - SLACK) / (SHUT - SLACK), 0, 1), abs=0.02)
    assert openings(points) == pytest.approx((1 - shut) / 3, abs=1e-5)


def test_a_clip_settles_at_its_own_rest() -> None:
    clip = builtin_clip("face_cap")
    rested = settled(clip)
    assert (rested.expressions >= 0).all() and (rested.expressions <= 1).all()
    assert (np.percentile(rested.expressions, 5, 0) < 0.02).all() or clip.expressions.min(0).max() > 0.4
    assert np.abs(np.median(rested.joint_rotations, 0)).max() < 0.02


@pytest.mark.slow
def test_what_a_head_does_is_seen_in_its_film(tiny_avatar: Avatar, tmp_path: Path) -> None:
    correlations = {}
    for name in ("face_cap", "head_turns"):
        played = builtin_clip(name)
        record(tiny_avatar, played, tmp_path / f"{name}.mp4", RecordOptions(size=320))
        assert main(["capture", str(tmp_path / f"{name}.mp4"), "--out", str(tmp_path / f"{name}.csv")]) == 0
        seen = find_motion(str(tmp_path / f"{name}.csv"))
        assert seen.duration == pytest.approx(played.duration, abs=0.05)
        times = np.arange(len(seen.expressions)) / seen.fps
        truth = [played.at(float(time)) for time in times]
        for curve in ("jawOpen", "mouthSmileLeft", "eyeBlinkLeft"):
            where = ARKIT_NAMES.index(curve)
            pair = [pose.expression[where] for pose in truth], seen.expressions[:, where]
            correlations[name, curve] = float(np.corrcoef(*pair)[0, 1]) if np.std(pair[0]) else 0.0
        turns = [pose.joint_rotations[NECK, 1] for pose in truth], seen.joint_rotations[:, NECK, 1]
        correlations[name, "turn"] = float(np.corrcoef(*turns)[0, 1])
    assert correlations["face_cap", "jawOpen"] > 0.85, correlations
    assert correlations["face_cap", "mouthSmileLeft"] > 0.5, correlations
    assert correlations["face_cap", "eyeBlinkLeft"] > 0.4, correlations
    assert correlations["head_turns", "turn"] > 0.95, correlations


@pytest.mark.slow
def test_a_film_that_stands_for_a_camera_moves_the_mouth(tiny_avatar: Avatar, tmp_path: Path) -> None:
    record(tiny_avatar, builtin_clip("jaw"), tmp_path / "jaw.mp4", RecordOptions(size=256))
    watcher = watch(f"webcam:{tmp_path / 'jaw.mp4'}")
    live, jaw = Live(watcher, tiny_avatar.rig), tiny_avatar.rig.expression_names.index("jawOpen")
    opened: list[float] = []
    try:
        while len(opened) < 200 and max(opened, default=0) < 0.3:
            pose = live.pose(0.0)
            opened.append(0.0 if pose is None else float(pose.expression[jaw]))
            time.sleep(0.02)
    finally:
        watcher.close()
    assert min(opened) < 0.15 and max(opened) >= 0.3
