"""The user's videos: what is chosen of them, where it is cut out, and what is said of those that cannot serve."""

import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from film_cases import face, nobody, write_video
from hypothesis import given
from hypothesis import strategies as st

from facecraft4d.toolkit.core.checks import UserError
from facecraft4d.toolkit.core.ingredients import Commercial
from facecraft4d.toolkit.core.stages import silent
from facecraft4d.toolkit.landmarks import FaceLandmarker
from facecraft4d.toolkit.video_prior.liveportrait import films


@pytest.fixture(scope="module")
def landmarker() -> FaceLandmarker:
    return FaceLandmarker()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`a`: calm but for frame 3; `b`: smiles throughout, and is looked for again at the fifth frame after none was there."""
    place = tmp_path_factory.mktemp("videos")
    calm, smile = face(False), face(True)
    write_video(place / "a.mp4", np.stack([calm, calm, calm, smile, calm]))
    write_video(place / "b.mp4", np.stack([nobody(), *[smile] * 6]))
    return place


@given(st.integers(1, 30), st.integers(1, 12), st.integers(0, 2**32 - 1))
def test_lots_are_drawn_by_the_seed(there: int, count: int, seed: int) -> None:
    paths = tuple(Path(f"{number:02d}.mp4") for number in range(there))
    chosen = films.drawn_lots(paths, count, seed)
    assert len(chosen) == len(set(chosen)) == min(there, count) and set(chosen) <= set(paths)
    assert chosen == tuple(sorted(chosen)) == films.drawn_lots(paths, count, seed)


def test_another_seed_draws_other_lots() -> None:
    paths = tuple(Path(f"{number:02d}.mp4") for number in range(20))
    assert len({films.drawn_lots(paths, 8, seed) for seed in range(20)}) > 15


@pytest.mark.slow
def test_moments_are_new_in_expression(folder: Path) -> None:
    clips = films.filmed_clips((folder / "a.mp4",), 2, 0, silent)
    assert len(clips.moments) == 2 and len(clips.neutral) == 1
    apart = [np.abs(clips.neutral[0].astype(int) - moment).mean() for moment in clips.moments]
    assert apart[0] < 5 and apart[1] > 20, "the smile is one of them"


@pytest.mark.slow
def test_every_clip_is_told_from_its_own_neutral_face(folder: Path) -> None:
    clips = films.filmed_clips((folder / "a.mp4", folder / "b.mp4"), 99, 0, silent)
    assert len(clips.moments) == 7 and clips.starts == (0, 5), "neighbours in a film follow each other in time"
    assert clips.neutral_of.tolist() == [0] * 5 + [1] * 2
    np.testing.assert_array_equal(clips.neutral[0], clips.moments[0])
    np.testing.assert_array_equal(clips.neutral[1], clips.moments[5])
    told = " ".join(clips.notes)
    assert "b.mp4: no face in its first 5 frames" in told and "b.mp4: its first face is not neutral (mouthSmile" in told
    assert "a.mp4" not in told and "show a face in 7 frames" in told
    (source,) = clips.ingredients
    assert source.commercial_use is Commercial.UNKNOWN and len(source.sha256) == 64


@pytest.mark.slow
def test_moments_that_are_no_neighbours_do_not_follow_in_time(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(films, "spread_poses", lambda *given: [0, 2, 3, 5])
    clips = films.filmed_clips((folder / "a.mp4", folder / "b.mp4"), 4, 0, silent)
    assert clips.starts == (0, 1, 3) and clips.neutral_of.tolist() == [0, 0, 0, 1]


@pytest.mark.slow
def test_a_crop_follows_the_size_and_place_of_the_face(folder: Path, tmp_path: Path) -> None:
    """The same film, small in a corner of a larger one."""
    wide = np.full((5, 400, 600, 3), 90, np.uint8)
    wide[:, 100:292, 300:492] = np.stack([face(number == 3, 192) for number in range(5)])
    write_video(tmp_path / "wide.mp4", wide)
    plain, other = (films.look(path, FaceLandmarker(), silent) for path in (folder / "a.mp4", tmp_path / "wide.mp4"))
    np.testing.assert_allclose(other.points, 0.75 * plain.points + [300, 100], atol=2.0)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("pictures", "told"),
    [
        ([nobody()] * 6, "expected a face, found it in none of 6 frames"),
        ([face(False)] + [nobody()] * 5, "expected a face, found it in 1 of 6 frames"),
        ([face(False)], "expected a video of at least 2 frames, found 1"),
    ],
)
def test_what_shows_no_moving_face_is_one_line(
    landmarker: FaceLandmarker, tmp_path: Path, pictures: list[np.ndarray], told: str
) -> None:
    write_video(tmp_path / "film.mp4", np.stack(pictures))
    with pytest.raises(UserError) as refused:
        films.check(tmp_path / "film.mp4", landmarker)
    assert str(refused.value).startswith(f"{tmp_path / 'film.mp4'}: {told}") and "\n" not in str(refused.value)


@pytest.mark.slow
def test_an_endless_video_takes_no_more_memory_than_a_short_one(
    landmarker: FaceLandmarker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An hour of it: so many frames are looked at, one at a time, and what is said of the rest is said."""
    read = [0]
    still = np.repeat(np.repeat(face(False, 240), 4, 0), 4, 1)

    def endless(path: Path, side: int) -> Iterator[tuple[float, np.ndarray]]:
        while True:
            read[0] += 1
            yield read[0] / 25, still.copy()

    monkeypatch.setattr(films, "video_frames", endless)
    monkeypatch.setattr(films, "MOST_FRAMES", 30)
    tracemalloc.start()
    film = films.look(Path("hour.mp4"), landmarker, silent)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(film.frames) == 30 and read[0] == 31 and "hour.mp4: its first 30 frames are looked at" in film.notes[0]
    assert peak < 8 * still.nbytes
    read[0] = 0
    films.check(Path("hour.mp4"), landmarker)
    assert read[0] == films.LEAST_FACES, "before a build its first faces are enough"


def test_of_a_long_video_without_a_face_the_line_says_how_much_was_looked_at(
    landmarker: FaceLandmarker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(films, "video_frames", lambda path, side: ((number / 25, nobody()) for number in range(9)))
    monkeypatch.setattr(films, "MOST_FRAMES", 4)
    with pytest.raises(UserError, match=r"^hour\.mp4: expected a face, found it in none of its first 4 frames; "):
        films.look(Path("hour.mp4"), landmarker, silent)


@pytest.mark.slow
def test_a_film_of_4k_is_read(landmarker: FaceLandmarker, tmp_path: Path) -> None:
    large = np.kron(face(False, 270), np.ones((8, 8, 1), np.uint8))
    wide = np.full((2160, 3840, 3), 90, np.uint8)
    wide[:, 800:2960] = large
    write_video(tmp_path / "4k.mp4", np.stack([wide] * 3))
    film = films.look(tmp_path / "4k.mp4", landmarker, silent)
    assert film.frames == (0, 1, 2)
    clips = films.filmed_clips((tmp_path / "4k.mp4",), 2, 0, silent)
    assert clips.moments.shape == (2, 256, 256, 3)


@pytest.mark.slow
def test_a_video_that_became_shorter_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    film = films.look(folder / "a.mp4", FaceLandmarker(), silent)
    with pytest.raises(UserError, match="changed while it was read"):
        films._crops(film, {0, 99}, silent)
