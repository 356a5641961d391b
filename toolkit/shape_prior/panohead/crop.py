"""How a portrait is framed for PanoHead, and which of its cameras sees it so.

The frame is FFHQ's (Karras et al. 2019, appendix C) by the eyes and the corners of the mouth, with PanoHead's margins. A turned head's frame is
moved to where the middle of the head lies, about which the camera stands: for a frontal face both are one.
"""

import cv2
import numpy as np
from jaxtyping import Float, Float32, Float64

from facecraft4d.toolkit.core.datatypes import Camera, Portrait
from facecraft4d.toolkit.core.geometry import normalized
from facecraft4d.toolkit.landmarks.points import FACE_SIDES, IBUG_68
from facecraft4d.toolkit.shape_prior.panohead.cameras import FOCAL, RADIUS

RIGHT_EYE, LEFT_EYE = slice(36, 42), slice(42, 48)
MOUTH_CORNERS = (48, 54)
"""Among iBUG's 68 landmarks."""
EYES_SHARE, MOUTH_SHARE = 2.0, 1.8
"""Half a side of the frame by the distance between the eyes, and by that from the eyes to the mouth: the larger one is taken."""
BELOW_EYES = 0.1
"""Where the middle of the frame lies on the way from the eyes to the mouth."""
ALIGNED, TOP, LEFT, SIDE = 512, 51, 25, 563
"""The published crop, in pixels: FFHQ's frame, what is added above and at the left, and the whole picture's side."""
FACING = np.array([1.0, -1.0, -1.0])
"""From a head's axes to those of a camera before it."""
WHITE = 1.0
"""Beyond the portrait, as behind it."""

Point = Float64[np.ndarray, "2"]
Matrix = Float64[np.ndarray, "3 3"]
"""A similarity of pictures."""


def aligned_frame(points: Float[np.ndarray, "68 2"]) -> tuple[Point, Point, Point]:
    """Middle of FFHQ's frame, and its half sides to the right and down, by iBUG's 68 landmarks; units of the points."""
    right, left = points[RIGHT_EYE].mean(0), points[LEFT_EYE].mean(0)
    across, eyes = left - right, (left + right) / 2
    down = points[list(MOUTH_CORNERS)].mean(0) - eyes
    half = max(EYES_SHARE * float(np.linalg.norm(across)), MOUTH_SHARE * float(np.linalg.norm(down)))
    x = half * normalized(np.asarray(across + down[::-1] * (1, -1), np.float64))
    return np.asarray(eyes + BELOW_EYES * down, np.float64), x, np.array([-x[1], x[0]])


def corners(middle: Point, x: Point, y: Point) -> Float64[np.ndarray, "4 2"]:
    """Of a frame: top left, bottom left, bottom right, top right."""
    return np.stack([middle - x - y, middle - x + y, middle + x + y, middle + x - y])


def aligned_from_image(middle: Point, x: Point, y: Point) -> Matrix:
    """From an image to FFHQ's crop of ALIGNED pixels, both counted from the first pixel's centre: the frame's corners are the corner pixels'."""
    scale = (ALIGNED - 1) / 2
    result = np.eye(3)
    result[:2, :2] = scale * np.stack([x, y]) / (x @ x)
    result[:2, 2] = scale - result[:2, :2] @ middle
    return result


def picture_from_portrait(portrait: Portrait, side: int) -> Matrix:
    """From pixels of the portrait to those of PanoHead's picture of `side` pixels (centres at +0.5).

    Its size, and where its middle lies on the head, are those of the published crop of the same head seen from the front; that place of the
    head, level with the sides of the face, is the picture's middle however the head is turned.
    """
    points, turn = portrait.landmarks.astype(np.float64), portrait.head_rotation.astype(np.float64)
    frontal = points @ turn * FACING
    frame = aligned_frame(frontal[list(IBUG_68), :2])
    middle = np.linalg.solve(published_picture(*frame, side), (side / 2, side / 2, 1.0))[:2]
    place = (np.append(middle, frontal[list(FACE_SIDES), 2].mean()) * FACING @ turn.T)[:2]
    half = float(np.linalg.norm(frame[1]))
    x = half * normalized(aligned_frame(points[list(IBUG_68), :2])[1])
    result = published_picture(place, x, np.array([-x[1], x[0]]), side)
    result[:2, 2] += side / 2 - (result @ (*place, 1.0))[:2]
    return result


def published_picture(middle: Point, x: Point, y: Point, side: int) -> Matrix:
    """From an image to the published crop around a frame, resized to `side` pixels; both with pixels' centres at +0.5."""
    margins, half, fit = np.eye(3), np.eye(3), np.diag([side / SIDE, side / SIDE, 1.0])
    margins[:2, 2], half[:2, 2] = (LEFT, TOP), 0.5
    return np.asarray(fit @ half @ margins @ aligned_from_image(middle - 0.5, x, y) @ np.linalg.inv(half))


def cut_out(image: Float32[np.ndarray, "h w 3"], matrix: Matrix, side: int) -> Float32[np.ndarray, "s s 3"]:
    """The picture of `side` pixels that `matrix` (picture_from_portrait) takes from an image; white beyond it."""
    fine = max(1, round(1 / float(np.linalg.norm(matrix[:2, 0]))))
    from_centres = np.diag([fine, fine, 1.0]) @ matrix
    from_centres[:2, 2] += from_centres[:2, :2] @ (0.5, 0.5) - 0.5  # OpenCV counts from the first pixel's centre
    found = cv2.warpAffine(
        image, from_centres[:2], (fine * side, fine * side), flags=cv2.INTER_LANCZOS4, borderValue=(WHITE,) * 3
    )
    small = cv2.resize(found, (side, side), interpolation=cv2.INTER_AREA) if fine > 1 else found
    return np.clip(np.asarray(small, np.float32), 0, 1)


def seen_from(camera_from_head: Float[np.ndarray, "3 3"]) -> Float64[np.ndarray, "4 4"]:
    """world_from_camera of PanoHead's camera that sees a head turned so: it stands RADIUS away from the middle of the head and looks at it."""
    result = np.eye(4)
    result[:3, :3] = np.asarray(camera_from_head, np.float64).T
    result[:3, 3] = -RADIUS * result[:3, 2]
    return result


def turned(matrix: Matrix, camera_from_head: Float[np.ndarray, "3 3"]) -> Float64[np.ndarray, "3 3"]:
    """camera_from_head as the picture shows it, which a similarity `matrix` cuts out of the portrait."""
    turn = np.eye(3)
    turn[:2, :2] = matrix[:2, :2] / np.linalg.norm(matrix[:2, 0])
    return np.asarray(turn @ camera_from_head, np.float64)


def portrait_camera(matrix: Matrix, world_from_camera: Float[np.ndarray, "4 4"], side: int, size: int) -> Camera:
    """The camera of the whole portrait of `size` pixels, in PanoHead's box, where the picture's of `side` pixels stands at `world_from_camera`.

    The picture is a similarity of the portrait: the portrait's axes are turned back, its focal length and principal point are the picture's.
    """
    scale, turn = float(np.linalg.norm(matrix[:2, 0])), np.eye(4)
    turn[:2, :2] = matrix[:2, :2] / scale
    middle = np.linalg.solve(matrix, (side / 2, side / 2, 1.0))
    focal = FOCAL * side / scale
    pose = np.linalg.inv(world_from_camera.astype(np.float64) @ turn)
    return Camera(pose, focal, focal, float(middle[0]), float(middle[1]), size, size)
