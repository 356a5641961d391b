"""Pictures of a build: the expression sheet, the overview, close-ups for the report."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float32
from PIL import Image, ImageDraw, ImageFont

from facecraft4d.toolkit.built import Build
from facecraft4d.toolkit.core.datatypes import Camera, Portrait, Pose, Rig
from facecraft4d.toolkit.core.geometry import resized_camera, yaw_distances
from facecraft4d.toolkit.core.pixels import to_bytes
from facecraft4d.toolkit.core.rigging import neutral_pose
from facecraft4d.toolkit.evaluation.drawing import draw
from facecraft4d.toolkit.evaluation.expressions import expression_pose
from facecraft4d.toolkit.images import resized, tiled

Rgb = Float32[np.ndarray, "_ _ 3"]

SHEET_SIZE = 192
"""Side in pixels of a cell of the expression sheet."""
SHEET_COLUMNS, LABEL_HEIGHT = 9, 18
OVERVIEW_SIZE = 320
OVERVIEW_YAWS = (45, 90, 180, -45)
OVERVIEW_EXPRESSIONS = ("jawOpen", "mouthSmileLeft", "eyeBlinkLeft", "browInnerUp")
FACE_MARGIN = 1.5
"""Side of a picture of the face, in widths or heights of its landmarks, whichever is larger."""
SHOWN_ON = {"mouthClose": "jawOpen"}
"""Expressions that ARKit defines relative to another one: they are shown together with it."""
LANDMARK_RGB = (0.0, 0.75, 0.55)


def face_window(portrait: Portrait) -> tuple[float, float, float]:
    """Left, top and side of a square around the face's landmarks, in parts of the portrait's side."""
    points = portrait.landmarks[:, :2] / portrait.image.shape[0]
    low, high = points.min(0), points.max(0)
    side = FACE_MARGIN * float((high - low).max())
    left, top = ((low + high - side) / 2).tolist()
    return left, top, side


def face_camera(camera: Camera, portrait: Portrait, size: int) -> Camera:
    """The portrait's `camera` narrowed to `face_window`, at `size` pixels."""
    left, top, side = face_window(portrait)
    scale, x, y = size / (side * camera.width), left * camera.width, top * camera.width
    return Camera(
        camera.camera_from_world, camera.fx * scale, camera.fy * scale, (camera.cx - x) * scale, (camera.cy - y) * scale, size, size
    )  # fmt: skip


def photographed_face(portrait: Portrait, size: int) -> Rgb:
    """The photograph in `face_window`; white where that leaves the portrait."""
    margin = portrait.image.shape[0]
    left, top, side = (round(value * margin) for value in face_window(portrait))
    wide = np.pad(portrait.image, ((margin, margin), (margin, margin), (0, 0)), constant_values=1)
    return resized(np.ascontiguousarray(wide[margin + top :, margin + left :][:side, :side]), size)


def shown_pose(rig: Rig, index: int) -> tuple[str, Pose]:
    """An expression at weight 1, with the one that it is defined on (see `SHOWN_ON`), and the caption of the two."""
    name, pose = rig.expression_names[index], expression_pose(rig, index)
    base = SHOWN_ON.get(name, "")
    if base not in rig.expression_names:
        return name, pose
    pose.expression[rig.expression_names.index(base)] = 1
    return f"{name} on {base}", pose


def expression_pictures(build: Build) -> tuple[tuple[str, Rgb], ...]:
    """Every expression at weight 1 (see shown_pose), the rest face first, of the photograph's face."""
    avatar, camera = build.avatar, face_camera(build.coarse.views[0].camera, build.portrait, SHEET_SIZE)
    poses = [("neutral", neutral_pose(avatar.rig))]
    poses += [shown_pose(avatar.rig, index) for index in range(len(avatar.rig.expression_names))]
    return tuple((caption, draw(avatar, pose, camera).image) for caption, pose in poses)


def expression_sheet(pictures: Sequence[tuple[str, Rgb]]) -> Rgb:
    """`expression_pictures` on one labelled picture, for documents."""
    return tiled([labelled(image, name) for name, image in pictures], SHEET_COLUMNS)


def labelled(image: Rgb, text: str) -> Rgb:
    """The picture with a line of text under it."""
    height, width, _ = image.shape
    canvas = Image.new("RGB", (width, height + LABEL_HEIGHT), "white")
    canvas.paste(Image.fromarray(to_bytes(image)))
    font = ImageFont.load_default(LABEL_HEIGHT - 5)
    ImageDraw.Draw(canvas).text((width / 2, height + 2), text, "black", font, anchor="ma")
    return np.asarray(canvas, np.float32) / 255


def overview(build: Build) -> Rgb:
    """The photograph, the avatar in its pose, from four sides and in four expressions: one picture to judge a build by."""
    front = build.coarse.views[0].camera
    large = resized_camera(front, OVERVIEW_SIZE, OVERVIEW_SIZE)
    cells = [resized(build.portrait.image, OVERVIEW_SIZE), draw(build.avatar, build.head.pose, large).image]
    for yaw in OVERVIEW_YAWS:
        cells.append(
            draw(build.avatar, neutral_pose(build.avatar.rig), side_camera(build, yaw, OVERVIEW_SIZE)[1]).image
        )
    close, names = face_camera(front, build.portrait, OVERVIEW_SIZE), build.avatar.rig.expression_names
    for name in (name for name in OVERVIEW_EXPRESSIONS if name in names):
        cells.append(draw(build.avatar, expression_pose(build.avatar.rig, names.index(name)), close).image)
    return tiled(cells, 5)


def side_camera(build: Build, yaw_degrees: int, size: int) -> tuple[float, Camera]:
    """Yaw and camera of the orbit's view nearest to a yaw, at `size` pixels."""
    yaws = build.coarse.yaws_degrees
    nearest = int(yaw_distances(yaws, float(yaw_degrees)).argmin())
    return yaws[nearest], resized_camera(build.coarse.views[nearest].camera, size, size)


def with_landmarks(portrait: Portrait) -> Rgb:
    """The portrait with a dot on each landmark."""
    image, size = portrait.image.copy(), portrait.image.shape[0]
    centers = np.floor(portrait.landmarks[:, :2]).astype(int)
    for dx, dy in ((0, 0), (1, 0), (0, 1), (1, 1)):
        x, y = (centers + np.array([dx, dy])).T
        inside = (x >= 0) & (y >= 0) & (x < size) & (y < size)
        image[y[inside], x[inside]] = LANDMARK_RGB
    return image
