"""The user's folder is found however much of what was given out it holds; each checkpoint is an ingredient."""

import shutil
from pathlib import Path

import pytest
from liveportrait_cases import FILES, STITCHING, save

from facecraft4d.toolkit import weights
from facecraft4d.toolkit.config import FaceModelConfig, LivePortraitConfig
from facecraft4d.toolkit.core.checks import UserError
from facecraft4d.toolkit.core.ingredients import Commercial
from facecraft4d.toolkit.video_prior.liveportrait import files
from facecraft4d.toolkit.video_prior.liveportrait.checkpoints import checkpoint_files


@pytest.fixture
def published(checkpoints: Path, tmp_path: Path) -> Path:
    """What was given out: people, animals, and detectors, which have another licence."""
    shutil.copytree(checkpoints, tmp_path / "weights" / "liveportrait")
    shutil.copytree(checkpoints, tmp_path / "weights" / "liveportrait_animals")
    (tmp_path / "weights" / "insightface").mkdir()
    (tmp_path / "weights" / "insightface" / "det_10g.onnx").write_bytes(b"a detector")
    return tmp_path / "weights"


def test_the_folder_around_and_the_folder_itself_are_the_same_files(
    published: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inner = files.checkpoints(LivePortraitConfig(checkpoints=published / "liveportrait"))
    assert files.checkpoints(LivePortraitConfig(checkpoints=published)) == inner and len(inner) == 5
    monkeypatch.setenv("FACECRAFT4D_WEIGHTS_LIVEPORTRAIT", str(published))
    assert files.checkpoints(LivePortraitConfig()) == inner
    flat = published / "flat"
    flat.mkdir()
    for path in inner.values():
        shutil.copy(path, flat)
    assert {path.name for path in files.checkpoints(LivePortraitConfig(checkpoints=flat)).values()} == {
        path.name for path in inner.values()
    }


@pytest.mark.parametrize("inside", ["liveportrait_animals", ""])
def test_the_model_of_animals_is_refused(published: Path, inside: str) -> None:
    shutil.rmtree(published / "liveportrait")
    with pytest.raises(UserError, match="found those for animals"):
        files.given(LivePortraitConfig(checkpoints=published / inside))


def test_a_build_depends_on_the_checkpoints_and_videos_alone(published: Path, tmp_path: Path) -> None:
    """Not on what lies beside them, such as detectors, and a readme beside the videos."""
    (tmp_path / "videos").mkdir()
    for name in ("b.MP4", "a.webm", "readme.txt"):
        (tmp_path / "videos" / name).write_bytes(b"")
    config = LivePortraitConfig(checkpoints=published, driving=tmp_path / "videos")
    wanted = files.needs(config, FaceModelConfig())
    assert [path.name for path in wanted.files[:5]] == [
        f"{Path(name).name}.pth" for name in (*FILES.values(), STITCHING)
    ]
    assert [path.name for path in wanted.files[5:]] == ["a.webm", "b.MP4"]
    assert not any("insightface" in str(path) for path in wanted.files) and "face_landmarker" in wanted.weights


@pytest.mark.slow
def test_every_checkpoint_is_an_ingredient_of_its_own(published: Path) -> None:
    config = LivePortraitConfig(checkpoints=published)
    found = files.ingredients(config)
    assert {each.name.removeprefix("LivePortrait ") for each in found} == set(checkpoint_files(published))
    assert all(each.licence == "MIT" and each.commercial_use is Commercial.YES for each in found)
    assert [each.sha256 for each in found] == [
        weights.content_sha256(path) for path in files.checkpoints(config).values()
    ]
    assert len({each.role for each in found}) == 5
    save(published / "liveportrait" / f"{FILES['lp.spade']}.pth", {})
    changed = {each.name for each, before in zip(files.ingredients(config), found, strict=True) if each != before}
    assert changed == {"LivePortrait spade_generator"}
