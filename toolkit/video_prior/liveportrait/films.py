"""The user's videos: some are drawn, moments are chosen that are new in expression, one crop for each video holds the face.

Two passes: the first looks for the face in every frame and keeps numbers only, the second cuts out the chosen frames. No more than one
frame is in memory at a time, whatever the video's length and size.
"""

import hashlib
from collections.abc import Generator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float, UInt8

from facecraft4d.toolkit import weights
from facecraft4d.toolkit.core.arkit import ARKIT_NAMES
from facecraft4d.toolkit.core.checks import UserError
from facecraft4d.toolkit.core.ingredients import Commercial, Ingredient
from facecraft4d.toolkit.core.pixels import to_bytes
from facecraft4d.toolkit.core.stages import UNKNOWN, Progress, Report
from facecraft4d.toolkit.core.text import shown
from facecraft4d.toolkit.core.untrusted.media import video_frames
from facecraft4d.toolkit.landmarks import FaceFollower, FaceLandmarker
from facecraft4d.toolkit.landmarks.points import IBUG_68
from facecraft4d.toolkit.video_prior.liveportrait.clips import SIZE, Clips
from facecraft4d.toolkit.video_prior.liveportrait.crop import DRIVING, crop_from_picture, eyes_and_mouth
from facecraft4d.toolkit.video_prior.liveportrait.paste import resampled
from facecraft4d.toolkit.video_prior.poses import ALONE, spread_poses

SIDE = 960
"""Pixels of a frame's longer side: a face of a third of it is larger than M's input."""
MOST_FRAMES = 1800
"""Of a video that are looked at, from its beginning: a minute at 30 a second."""
LEAST_FACES = 2
"""Frames with a face: the neutral one, and one that differs."""
NEUTRAL = 0.4
"""The score of an expression up to which a face counts as neutral."""
OWN = ("Look", "Squint")
"""In names of expressions that neutral faces have, too: where the eyes look, and how narrow somebody's are."""
SEEN = 0.3
"""An expression that no video reaches by so much is shown by none of them alone."""


@dataclass(frozen=True, slots=True, eq=False)
class Film:
    """What the first pass keeps of a video."""

    path: Path
    frames: tuple[int, ...]
    """Numbers of those that show a face; the first is the clip's neutral one."""
    scores: Float[np.ndarray, "n 52"]
    """Of these frames, in the order of ARKIT_NAMES."""
    points: Float[np.ndarray, "68 2"]
    """Where the face is, in pixels, on average over them."""
    notes: tuple[str, ...]


def drawn_lots(paths: tuple[Path, ...], count: int, seed: int) -> tuple[Path, ...]:
    """`count` of the videos, or all; which ones follows from the seed."""
    chosen = np.random.default_rng(seed).choice(len(paths), min(count, len(paths)), replace=False)
    return tuple(paths[index] for index in sorted(chosen.tolist()))


def check(path: Path, landmarker: FaceLandmarker) -> None:
    """UserError for a video that shows no face; nothing is read beyond the first faces."""
    look(path, landmarker, lambda _: None, LEAST_FACES)


def filmed_clips(paths: tuple[Path, ...], count: int, seed: int, report: Report) -> Clips:
    """At most `count` moments of these videos, each new in expression; a video that has none is left out. UserError as `look`."""
    landmarker = FaceLandmarker()
    films = [look(path, landmarker, report) for path in paths]
    scores = np.concatenate([film.scores for film in films])
    alone = [index for index in map(ARKIT_NAMES.index, ALONE) if scores[:, index].max() > SEEN]
    chosen = spread_poses(scores, alone, count, np.random.default_rng(seed))
    begins = np.cumsum([0, *(len(film.frames) for film in films)])
    film_of = np.searchsorted(begins, chosen, side="right") - 1
    moments, neutral, starts = list[np.ndarray](), list[np.ndarray](), list[int]()
    for index in np.unique(film_of).tolist():
        film = films[index]
        wanted = [film.frames[each - begins[index]] for each in chosen if begins[index] <= each < begins[index + 1]]
        cut = _crops(film, {film.frames[0], *wanted}, report)
        neutral.append(cut[film.frames[0]])
        starts += (len(moments) + np.flatnonzero(np.diff(wanted, prepend=-2) > 1)).tolist()
        moments += [cut[frame] for frame in wanted]
    return Clips(
        np.stack(moments), np.stack(neutral), np.unique(film_of, return_inverse=True)[1].astype(np.int64), tuple(starts),
        (_ingredient(paths),), tuple(note for film in films for note in film.notes) + _too_few(len(chosen), count),
    )  # fmt: skip


def _too_few(found: int, count: int) -> tuple[str, ...]:
    if found == count:
        return ()
    return (
        f"the driving videos show a face in {found:,} frames, and --video-prior.frames is {count:,}: all are taken",
    )


def look(path: Path, landmarker: FaceLandmarker, report: Report, most_faces: int = MOST_FRAMES) -> Film:
    """The first pass over a video, up to so many faces. UserError for one with a single frame, or with fewer than LEAST_FACES that show a face."""
    follow, frames, scores, points = FaceFollower(landmarker), list[int](), list[np.ndarray](), np.zeros((68, 2))
    seen, notes = 0, list[str]()
    with closing(_frames(path)) as pictures:
        for number, rgb in pictures:
            if number == MOST_FRAMES:
                notes.append(f"{shown(path.name)}: its first {MOST_FRAMES:,} frames are looked at, and no more")
                break
            seen = number + 1
            if (face := follow(rgb)) is not None:
                frames.append(number)
                scores.append(face.expression.astype(np.float64))
                points += face.landmarks[list(IBUG_68), :2]
            if len(frames) == most_faces:
                break
            report(Progress("video_prior", seen, UNKNOWN, f"looking at {shown(path.name)}"))
    if seen < LEAST_FACES:
        raise UserError(f"{path}: expected a video of at least {LEAST_FACES} frames, found {seen}")
    if len(frames) < LEAST_FACES:
        looked_at = f"its first {seen:,}" if seen == MOST_FRAMES else f"{seen}"
        raise UserError(
            f"{path}: expected a face, found it in {len(frames) or 'none'} of {looked_at} frames; it should be large, and in even light"
        )
    notes += _beginning(path, frames[0], scores[0])
    return Film(path, tuple(frames), np.stack(scores), points / len(frames), tuple(notes))


def _beginning(path: Path, first: int, scores: Float[np.ndarray, "52"]) -> list[str]:
    """What is to be said of a clip's first face, from which its expressions are told."""
    notes = [f"{shown(path.name)}: no face in its first {first} frames; the clip begins after them"] if first else []
    named = zip(scores.tolist(), ARKIT_NAMES, strict=True)
    score, name = max((score, name) for score, name in named if not any(each in name for each in OWN))
    if score > NEUTRAL:
        notes.append(
            f"{shown(path.name)}: its first face is not neutral ({name} {score:.2f}); its expressions are told from that one"
        )
    return notes


def _crops(film: Film, wanted: set[int], report: Report) -> dict[int, UInt8[np.ndarray, "256 256 3"]]:
    """The second pass: frames of a film by number. UserError where it has become shorter."""
    matrix = crop_from_picture(film.points, *eyes_and_mouth(film.points), DRIVING, SIZE, upright=False)
    cut = {}
    with closing(_frames(film.path)) as pictures:
        for number, rgb in pictures:
            if number in wanted:
                crop = resampled(rgb.astype(np.float32) / 255, matrix, (SIZE, SIZE), (0.0, 0.0, 0.0))
                cut[number] = to_bytes(crop)
            if len(cut) == len(wanted):
                return cut
            report(Progress("video_prior", number + 1, UNKNOWN, f"cutting out faces of {shown(film.path.name)}"))
    raise UserError(f"{film.path}: changed while it was read; build again when it is at rest")


def _frames(path: Path) -> Generator[tuple[int, UInt8[np.ndarray, "h w 3"]], None, None]:
    for number, (_, rgb) in enumerate(video_frames(path, SIDE)):
        yield number, np.ascontiguousarray(rgb)


def _ingredient(paths: tuple[Path, ...]) -> Ingredient:
    digest = hashlib.sha256("".join(map(weights.content_sha256, paths)).encode()).hexdigest()
    return Ingredient(
        "driving videos", f"{len(paths)} driving clips", "the user's", Commercial.UNKNOWN,
        "videos of the user's own; whether what they drive may be sold depends on their licence", digest,
    )  # fmt: skip
