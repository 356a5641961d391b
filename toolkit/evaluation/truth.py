"""Pictures to judge an avatar by, their poses and cameras known: a build's own, a synthetic subject's, a folder's."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from facecraft4d.toolkit.core.asset import Avatar
from facecraft4d.toolkit.core.checks import UserError
from facecraft4d.toolkit.core.datatypes import Camera, FrameSet, Pose, Rig, View, ViewSet
from facecraft4d.toolkit.core.geometry import resized_camera
from facecraft4d.toolkit.core.rigging import pose_from_weights
from facecraft4d.toolkit.core.text import shown
from facecraft4d.toolkit.core.untrusted.door import at_the_border, read_untrusted
from facecraft4d.toolkit.evaluation.kept import check_made_of, kept_stages
from facecraft4d.toolkit.face_model import load_default_head
from facecraft4d.toolkit.images import on_white, read_frame, read_rgba, resized
from facecraft4d.toolkit.subjects.people import EVALUATION_POSES, SUBJECTS, TEXTURE, make_subject
from facecraft4d.toolkit.subjects.sets import EVALUATION_CAMERAS, evaluation_set

CAMERAS_FILE = "transforms.json"
"""Name of the file of cameras in a folder of pictures."""
MAX_CAMERAS_BYTES, MAX_PICTURES, MAX_SIDE = 1 << 24, 10_000, 8192
OPENCV_FROM_OPENGL = np.diag([1.0, -1.0, -1.0, 1.0])
"""Camera axes: OpenGL's y is up and z points backwards."""
RIGID_TOLERANCE = 1e-3
MOST_METRES, MOST_NUMBER = 1000.0, 1e6
"""How far from the head a camera may stand, and how large any number of a matrix, a turn or a shift may be."""


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
    document = _read_cameras(path)
    frames = document.get("frames")
    if not isinstance(frames, list) or not 0 < len(frames) <= MAX_PICTURES:
        raise UserError(f"{path}: expected 1 to {MAX_PICTURES} entries in the list frames, found {_told(frames)}")
    return [_truth(path, document, entry, index, rig, size) for index, entry in enumerate(frames)]


def _read_cameras(path: Path) -> dict[str, Any]:
    what = "the cameras of the pictures in this folder"
    content = read_untrusted(path, what, MAX_CAMERAS_BYTES)
    with at_the_border(path, f"{what} as JSON"):
        document = json.loads(content)
    if not isinstance(document, dict):
        raise UserError(f"{path}: expected a JSON object, found {_told(document)}")
    return document


def _truth(path: Path, document: Mapping[str, Any], entry: Any, index: int, rig: Rig, size: int) -> Truth:
    where = f"{path}: frames[{index}]"
    if not isinstance(entry, dict) or not isinstance(entry.get("file_path"), str):
        raise UserError(f"{where}: expected an object with a file_path, found {_told(entry)}")
    with at_the_border(where, "a file_path that stays in the folder"):
        picture = (path.parent / entry["file_path"]).resolve()
        if not picture.is_relative_to(path.parent.resolve()):
            raise ValueError(_told(entry["file_path"]))
        if not picture.is_file():
            raise UserError(f"{where}: expected the picture {_told(entry['file_path'])}, found no such file")
    camera, group = _camera(where, {**document, **entry}), _told(entry.get("group", "pictures"))
    return Truth(
        group, _told(entry["file_path"]), _pose(where, entry, rig), partial(_picture, where, camera, picture, size)
    )


def _picture(where: str, camera: Camera, path: Path, size: int) -> View:
    rgba = read_rgba(path, size)
    if abs(rgba.shape[1] * camera.height - rgba.shape[0] * camera.width) > camera.width + camera.height:
        raise UserError(f"{where}: the camera is {camera.width} x {camera.height}, {path.name} has another shape")
    return _view(camera, on_white(rgba), rgba[..., 3])


def _camera(where: str, known: Mapping[str, Any]) -> Camera:
    """OpenCV's camera from NeRF's: `transform_matrix` is world_from_camera with OpenGL's axes."""
    width, height = (round(_number(where, known, key, 1.0, float(MAX_SIDE))) for key in ("w", "h"))
    if "fl_x" in known:
        fx = _number(where, known, "fl_x", 1e-3, 1e7)
    else:
        fx = 0.5 * width / np.tan(0.5 * _number(where, known, "camera_angle_x", 1e-4, 3.14))
    fy = _number(where, known, "fl_y", 1e-3, 1e7) if "fl_y" in known else fx
    cx = _number(where, known, "cx", -1e6, 1e6) if "cx" in known else width / 2
    cy = _number(where, known, "cy", -1e6, 1e6) if "cy" in known else height / 2
    matrix = _array(where, known, "transform_matrix", (4, 4))
    rotation = matrix[:3, :3]
    off = float(max(np.abs(rotation @ rotation.T - np.eye(3)).max(), np.abs(matrix[3] - (0, 0, 0, 1)).max()))
    if off > RIGID_TOLERANCE or np.linalg.det(rotation) < 0:
        raise UserError(f"{where}: transform_matrix must be a rotation and a translation, found axes off by {off:.2g}")
    if np.abs(matrix[:3, 3]).max() > MOST_METRES:
        raise UserError(f"{where}: transform_matrix must place the camera within {MOST_METRES:g} m of the head")
    world_from_camera = matrix @ OPENCV_FROM_OPENGL
    return Camera(np.linalg.inv(world_from_camera), float(fx), float(fy), float(cx), float(cy), width, height)


def _pose(where: str, entry: Mapping[str, Any], rig: Rig) -> Pose:
    """The rig at rest but for the entry's `expression` (weights by name), `joints` (axis-angle by name, radians), `translation` (metres)."""
    weights, joints = entry.get("expression", {}), entry.get("joints", {})
    if not isinstance(weights, dict) or not isinstance(joints, dict):
        raise UserError(f"{where}: expression and joints must map names to values")
    try:
        pose = pose_from_weights(rig, {name: _number(where, weights, name, -10.0, 10.0) for name in weights})
    except UserError as error:
        raise UserError(f"{where}: {error}") from error
    for name in joints:
        if name not in rig.joint_names:
            raise UserError(f"{where}: this avatar has no joint {name}; it has {', '.join(rig.joint_names)}")
        pose.joint_rotations[rig.joint_names.index(name)] = _array(where, joints, name, (3,))
    if "translation" in entry:
        pose.translation[:] = _array(where, entry, "translation", (3,))
    return pose


def _number(where: str, known: Mapping[str, Any], key: str, low: float, high: float) -> float:
    value = known.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise UserError(f"{where}: {key} must be a number from {low:g} to {high:g}, found {_told(value)}")
    return float(value)


def _array(where: str, known: Mapping[str, Any], key: str, shape: tuple[int, ...]) -> np.ndarray:
    try:
        array = np.array(known[key], np.float64)
    except (KeyError, TypeError, ValueError, OverflowError):
        array = np.zeros(0)
    if array.shape != shape or not (np.abs(array) <= MOST_NUMBER).all():
        raise UserError(
            f"{where}: {key} must hold {' x '.join(map(str, shape))} finite numbers, found {_told(known.get(key))}"
        )
    return array


def _told(value: Any) -> str:
    return "nothing" if value is None else shown(value, 60)


def _view(camera: Camera, image: np.ndarray, mask: np.ndarray) -> View:
    """A picture without depth; the camera takes the picture's size."""
    height, width = mask.shape
    image, mask = np.ascontiguousarray(image, np.float32), np.ascontiguousarray(mask, np.float32)
    return View(resized_camera(camera, width, height), image, mask, np.zeros_like(mask))


def _shrunk(view: View, size: int) -> View:
    """The view, at most `size` pixels high."""
    side = min(size, view.mask.shape[0])
    return _view(view.camera, resized(view.image, side), resized(view.mask, side))
