"""Pictures to judge an avatar by, their poses and cameras known: a build's own, a synthetic subject's, a folder's."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from facecraft4d.toolkit.cameras import CAMERAS_FILE, array_in, nerf_camera, number_in, read_cameras, told
from facecraft4d.toolkit.core.asset import Avatar
from facecraft4d.toolkit.core.checks import UserError
from facecraft4d.toolkit.core.datatypes import Camera, FrameSet, Pose, Rig, View, ViewSet
from facecraft4d.toolkit.core.geometry import resized_camera
from facecraft4d.toolkit.core.rigging import pose_from_weights
from facecraft4d.toolkit.core.untrusted.door import at_the_border
from facecraft4d.toolkit.evaluation.kept import check_made_of, kept_stages
from facecraft4d.toolkit.face_model import load_default_head
from facecraft4d.toolkit.images import on_white, read_frame, read_rgba, resized
from facecraft4d.toolkit.subjects.people import EVALUATION_POSES, SUBJECTS, TEXTURE, make_subject
from facecraft4d.toolkit.subjects.sets import EVALUATION_CAMERAS, evaluation_set

MAX_PICTURES = 10_000


@dataclass(frozen=True, slots=True, eq=False)
class Truth:
    """One picture and how it came about."""

    group: str
    """Pictures of a group share a row of the table."""
    name: str
    pose: Pose
    view: Callable[[], View]
    """Gives the picture: read when it is asked for, so that ten thousand of them need the memory of one. UserError if it cannot be read."""


def of_build(folder: Path, avatar: Avatar, moments: int, size: int) -> list[Truth]:
    """What a build trained on: the photograph, the generated views, and animated frames at some `moments` of the track.

    Raises UserError where the folder does not hold the stages of one finished build, or where they made another avatar than this whole one.
    """
    kept = kept_stages(folder)
    check_made_of(avatar, kept, folder)
    views = kept.views
    still = [
        Truth("views" if index else "photograph", f"yaw {yaw:.0f}", kept.head.pose, partial(_shrunk, view, size))
        for index, (view, yaw) in enumerate(zip(views.views, views.yaws_degrees, strict=True))
    ]
    return still + _moving(kept.frames, views, moments, size)


def _moving(frames: FrameSet, views: ViewSet, moments: int, size: int) -> list[Truth]:
    total = len(frames.known_track.expressions)
    moments_shown = (
        sorted({round(frame) for frame in np.linspace(0, total - 1, min(moments, total))}) if moments else []
    )
    pictures = []
    for camera, index in zip(frames.cameras, frames.view_indices, strict=True):
        for frame in moments_shown:
            name = f"yaw {views.yaws_degrees[index]:.0f}, frame {frame}"
            picture = partial(_frame, camera, frames.path(index, frame), size)
            pictures.append(Truth("frames", name, frames.known_track.pose(frame), picture))
    return pictures


def _frame(camera: Camera, path: Path, size: int) -> View:
    """An animated frame; its colours are on white already: shrinking them by their alpha would lose the white."""
    rgba = read_frame(path).astype(np.float32) / 255
    return _shrunk(_view(camera, rgba[..., :3], rgba[..., 3]), size)


def of_subject(name: str, size: int) -> list[Truth]:
    """Clean pictures of a synthetic subject (synthetic_subject.SUBJECTS), expressions and views that no training set shows."""
    subject = make_subject(SUBJECTS[name], load_default_head(), TEXTURE * size // 256)
    named = list(zip(evaluation_set(subject, size), EVALUATION_CAMERAS, strict=True))
    return [
        Truth(name, f"yaw {yaw:.0f}, pitch {pitch:.0f}, {' '.join(EVALUATION_POSES[index % len(EVALUATION_POSES)])}", pose, partial(_same, view))
        for index, ((pose, view), (yaw, pitch)) in enumerate(named)
    ]  # fmt: skip


def _same(view: View) -> View:
    return view


def of_folder(folder: Path, rig: Rig, size: int) -> list[Truth]:
    """Pictures with a transforms.json beside them (docs/evaluation.md); UserError names what is wrong with either."""
    path = folder / CAMERAS_FILE
    document = read_cameras(path)
    frames = document.get("frames")
    if not isinstance(frames, list) or not 0 < len(frames) <= MAX_PICTURES:
        raise UserError(f"{path}: expected 1 to {MAX_PICTURES} entries in the list frames, found {told(frames)}")
    return [_truth(path, document, entry, index, rig, size) for index, entry in enumerate(frames)]


def _truth(path: Path, document: Mapping[str, Any], entry: Any, index: int, rig: Rig, size: int) -> Truth:
    where = f"{path}: frames[{index}]"
    if not isinstance(entry, dict) or not isinstance(entry.get("file_path"), str):
        raise UserError(f"{where}: expected an object with a file_path, found {told(entry)}")
    with at_the_border(where, "a file_path that stays in the folder"):
        picture = (path.parent / entry["file_path"]).resolve()
        if not picture.is_relative_to(path.parent.resolve()):
            raise ValueError(told(entry["file_path"]))
        if not picture.is_file():
            raise UserError(f"{where}: expected the picture {told(entry['file_path'])}, found no such file")
    camera, group = nerf_camera(where, {**document, **entry}), told(entry.get("group", "pictures"))
    return Truth(
        group, told(entry["file_path"]), _pose(where, entry, rig), partial(_picture, where, camera, picture, size)
    )


def _picture(where: str, camera: Camera, path: Path, size: int) -> View:
    rgba = read_rgba(path, size)
    if abs(rgba.shape[1] * camera.height - rgba.shape[0] * camera.width) > camera.width + camera.height:
        raise UserError(f"{where}: the camera is {camera.width} x {camera.height}, {path.name} has another shape")
    return _view(camera, on_white(rgba), rgba[..., 3])


def _pose(where: str, entry: Mapping[str, Any], rig: Rig) -> Pose:
    """The rig at rest but for the entry's `expression` (weights by name), `joints` (axis-angle by name, radians), `translation` (metres)."""
    weights, joints = entry.get("expression", {}), entry.get("joints", {})
    if not isinstance(weights, dict) or not isinstance(joints, dict):
        raise UserError(f"{where}: expression and joints must map names to values")
    try:
        pose = pose_from_weights(rig, {name: number_in(where, weights, name, -10.0, 10.0) for name in weights})
    except UserError as error:
        raise UserError(f"{where}: {error}") from error
    for name in joints:
        if name not in rig.joint_names:
            raise UserError(f"{where}: this avatar has no joint {name}; it has {', '.join(rig.joint_names)}")
        pose.joint_rotations[rig.joint_names.index(name)] = array_in(where, joints, name, (3,))
    if "translation" in entry:
        pose.translation[:] = array_in(where, entry, "translation", (3,))
    return pose


def _view(camera: Camera, image: np.ndarray, mask: np.ndarray) -> View:
    """A picture without depth; the camera takes the picture's size."""
    height, width = mask.shape
    image, mask = np.ascontiguousarray(image, np.float32), np.ascontiguousarray(mask, np.float32)
    return View(resized_camera(camera, width, height), image, mask, np.zeros_like(mask))


def _shrunk(view: View, size: int) -> View:
    """The view, at most `size` pixels high."""
    side = min(size, view.mask.shape[0])
    return _view(view.camera, resized(view.image, side), resized(view.mask, side))
