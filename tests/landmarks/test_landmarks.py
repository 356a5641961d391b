"""Landmarks follow the picture: same input same output, moved picture moved landmarks, small and several faces found."""

import cv2
import numpy as np
import pytest
from PIL import Image
from places import PORTRAITS

from facecraft4d.toolkit import landmarks
from facecraft4d.toolkit.core import geometry
from facecraft4d.toolkit.core.arkit import ARKIT_NAMES
from facecraft4d.toolkit.core.checks import UserError
from facecraft4d.toolkit.core.rigging import in_regions
from facecraft4d.toolkit.face_model import load_default_head
from facecraft4d.toolkit.meshes import raster as mesh_raster


@pytest.fixture(scope="module")
def finder() -> landmarks.FaceLandmarker:
    return landmarks.FaceLandmarker()


@pytest.fixture(scope="module")
def hopper() -> np.ndarray:
    return np.array(Image.open(PORTRAITS / "grace_hopper.jpg").convert("RGB"))


@pytest.fixture(scope="module")
def astronaut() -> np.ndarray:
    return np.array(Image.open(PORTRAITS / "astronaut.png").convert("RGB"))


def moved(rgb: np.ndarray, angle: float, scale: float, shift: tuple[float, float]) -> tuple[np.ndarray, np.ndarray]:
    """The picture under a similarity, and that similarity [2, 3] for pixel centres at +0.5."""
    h, w = rgb.shape[:2]
    matrix = cv2.getRotationMatrix2D((w / 2, h / 2), np.degrees(angle), scale)
    matrix[:, 2] += shift
    half = np.array([0.5, 0.5])
    for_cv2 = matrix.copy()
    for_cv2[:, 2] += matrix[:, :2] @ half - half
    return cv2.warpAffine(rgb, for_cv2, (w, h), flags=cv2.INTER_AREA, borderMode=cv2.BORDER_REPLICATE), matrix


@pytest.mark.slow
def test_deterministic_across_instances(finder, hopper):
    first, second = finder(hopper), landmarks.FaceLandmarker()(hopper)
    assert first is not None and second is not None
    assert np.array_equal(first.landmarks, second.landmarks) and np.array_equal(first.expression, second.expression)


@pytest.mark.parametrize(
    ("angle", "scale", "shift"), [(0.0, 1.0, (17.0, -9.0)), (0.35, 1.0, (0.0, 0.0)), (-0.2, 0.7, (11.0, 5.0))]
)
def test_landmarks_move_with_the_picture(finder, hopper, angle, scale, shift):
    picture, matrix = moved(hopper, angle, scale, shift)
    still, after = finder(hopper), finder(picture)
    expected = still.landmarks[:, :2] @ matrix[:, :2].T + matrix[:, 2]
    width = np.linalg.norm(still.landmarks[127] - still.landmarks[356]) * scale
    assert np.abs(after.landmarks[:, :2] - expected).mean() < 0.012 * width


def test_head_rotation_turns_with_the_picture(finder, hopper):
    picture, _ = moved(hopper, 0.35, 1.0, (0, 0))
    still, after = (landmarks.head_rotation(finder(p).landmarks, finder.canonical) for p in (hopper, picture))
    turn = np.array([[np.cos(0.35), np.sin(0.35), 0], [-np.sin(0.35), np.cos(0.35), 0], [0, 0, 1]])
    error = np.degrees(np.arccos(np.clip((np.trace(after @ (turn @ still).T) - 1) / 2, -1, 1)))
    assert error < 2
    assert np.allclose(after @ after.T, np.eye(3), atol=1e-9) and np.linalg.det(after) > 0


def test_head_rotation_of_the_canonical_face_is_exact(finder):
    turn = np.linalg.qr(np.random.default_rng(0).normal(size=(3, 3)))[0]
    turn *= np.sign(np.linalg.det(turn))
    seen = np.zeros((478, 3), np.float32)
    seen[:468] = 700 * finder.canonical.points @ turn.T + np.array([250, 200, 10])
    assert np.allclose(landmarks.head_rotation(seen, finder.canonical), turn, atol=1e-4)


def test_mirrored_face_swaps_left_and_right(finder, astronaut):
    still, mirrored = finder(astronaut), finder(np.ascontiguousarray(astronaut[:, ::-1]))
    scores, swapped = (
        dict(zip(ARKIT_NAMES, still.expression, strict=True)),
        dict(zip(ARKIT_NAMES, mirrored.expression, strict=True)),
    )
    for name in ("mouthSmileLeft", "eyeBlinkLeft", "eyeSquintLeft", "mouthUpperUpLeft"):
        assert abs(scores[name] - swapped[name.replace("Left", "Right")]) < 0.2
    assert scores["mouthSmileLeft"] > 0.7 and scores["jawOpen"] < 0.2
    assert still.expression[ARKIT_NAMES.index("tongueOut")] == 0


@pytest.mark.slow
def test_small_face_in_a_large_photo_is_found(finder, astronaut):
    """A face of 64 pixels between the temples in a picture of 4000."""
    scale = 64 / 91.5
    small = cv2.resize(astronaut, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    photo = np.full((3000, 4000, 3), 120, np.uint8)
    photo[1700 : 1700 + len(small), 2900 : 2900 + len(small)] = small
    boxes = finder.detect(photo)
    assert len(boxes) == 1 and np.abs(boxes[0].center - np.array([2900 + 225 * scale, 1700 + 125 * scale])).max() < 6


def test_several_faces_come_largest_first(finder, hopper, astronaut):
    sheet = np.concatenate([astronaut, hopper[:512], cv2.resize(astronaut, (300, 300))[[*range(300), *[299] * 212]]], 1)
    sizes = [box.size for box in finder.detect(np.ascontiguousarray(sheet))]
    assert len(sizes) == 3 and sizes == sorted(sizes, reverse=True)


def test_no_face_in_noise_or_nothing(finder):
    noise = np.random.default_rng(0).integers(0, 255, (700, 500, 3), dtype=np.uint8)
    assert finder(noise) is None and finder(np.zeros((1, 1, 3), np.uint8)) is None


def test_something_else_is_refused(tmp_path):
    wrong = tmp_path / "face_landmarker.task"
    wrong.write_bytes(b"not a zip")
    with pytest.raises(UserError, match=r"face_landmarker\.task"):
        landmarks.FaceLandmarker(wrong)


@pytest.mark.parametrize(("yaw", "pitch"), [(0.0, 0.0), (25.0, 0.0), (-25.0, 0.0), (20.0, 10.0)])
def test_head_rotation_agrees_with_the_default_head(finder, yaw, pitch):
    """Found on a render of the default head, the rotation is the camera's own."""
    head = load_default_head()
    camera = geometry.orbit_camera(yaw, pitch, 1.7, 384)
    fragments = mesh_raster.rasterize(camera, head.vertices, head.triangles)
    colors = np.tile(np.float32([0.85, 0.64, 0.54]), (len(head.triangles), 1))
    colors[in_regions(head, "lips")], colors[in_regions(head, "eyes")] = [0.72, 0.35, 0.35], [0.95, 0.95, 0.95]
    light = np.clip(geometry.vertex_normals(head.vertices, head.triangles) @ np.float32([0.3, 0.4, 0.86]), 0, 1)
    picture = mesh_raster.interpolate(fragments, colors[:, None] * (0.4 + 0.6 * light[head.triangles][..., None]))
    picture[~fragments.covered] = 1
    found = finder((255 * np.clip(picture, 0, 1)).astype(np.uint8))
    error = landmarks.head_rotation(found.landmarks, finder.canonical) @ camera.camera_from_world[:3, :3].T
    assert np.degrees(np.arccos((np.trace(error) - 1) / 2)) < 7
