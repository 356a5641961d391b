"""A small subject with known truth for the tests of training: a painted ellipsoid with one expression and two joints."""

from pathlib import Path

import cv2
import numpy as np

from facecraft4d.toolkit.config import DensifyConfig, TrainingConfig
from facecraft4d.toolkit.core.datatypes import FrameSet, Head, Mesh, Pose, Rig, Track, View, ViewSet
from facecraft4d.toolkit.core.geometry import orbit_camera
from facecraft4d.toolkit.core.rigging import pose_vertices
from facecraft4d.toolkit.meshes.raster import draw_mesh

SIZE = 40
VIEWS, FRAMES, ANIMATED = 4, 3, (0, 1)
TINY = TrainingConfig(
    static_iterations=6, coin_iterations=6, resolution=40, coarse_resolution=32, fine_share=0.25, splats=400,
    checkpoint_every=4, coin_hidden=8, view_embedding=4, position_octaves=2, densify=DensifyConfig(begin=2, every=3, end_share=0.9),
)  # fmt: skip


def ellipsoid_rig(rings: int = 6, segments: int = 10) -> Rig:
    """A closed ellipsoid, 16 x 22 x 18 cm, that an expression widens and a neck turns."""
    theta = np.linspace(0, np.pi, rings + 1)[1:-1]
    phi = np.arange(segments) * 2 * np.pi / segments
    ring = np.stack([np.sin(phi), np.zeros(segments), np.cos(phi)], -1)
    grid = [np.sin(t) * ring + [0, np.cos(t), 0] for t in theta]
    vertices = np.concatenate([[[0, 1, 0]], *grid, [[0, -1, 0]]]) * [0.08, 0.11, 0.09]
    start = lambda r: 1 + r * segments  # noqa: E731
    faces = []
    for s in range(segments):
        t = (s + 1) % segments
        faces += [[0, start(0) + s, start(0) + t], [len(vertices) - 1, start(rings - 2) + t, start(rings - 2) + s]]
        for r in range(rings - 2):
            a, b, c, d = start(r) + s, start(r) + t, start(r + 1) + s, start(r + 1) + t
            faces += [[a, c, b], [b, c, d]]
    count = len(vertices)
    delta = np.where(vertices[:, :1] > 0, vertices * [0.4, 0, 0], 0)
    upper = 1 / (1 + np.exp(-vertices[:, 1] / 0.03))
    return Rig(
        vertices.astype(np.float32), np.array(faces, np.int32), np.zeros(len(faces), np.uint8), ("skin",),
        ("widen",), delta[None].astype(np.float32), ("root", "neck"), (-1, 0), np.array([[0, -0.1, 0], [0, -0.08, 0]], np.float32),
        np.stack([1 - upper, upper], -1).reshape(count, 2).astype(np.float32),
    )  # fmt: skip


def subject(folder: Path) -> tuple[ViewSet, FrameSet, Head]:
    """Static views, animated frames on disk, and the head they show."""
    rig = ellipsoid_rig()
    y, x = np.mgrid[0:32, 0:32] / 31
    texture = np.stack([x, y, 0.5 + 0.5 * np.sin(9 * x)], -1).astype(np.float32)
    uv = np.stack([rig.vertices[:, 0] / 0.16 + 0.5, 0.5 - rig.vertices[:, 1] / 0.22], -1).astype(np.float32)
    mesh = Mesh(rig.vertices, rig.triangles, uv[rig.triangles], texture)
    pose = Pose(np.array([0.3], np.float32), np.zeros((2, 3), np.float32), np.zeros(3, np.float32))
    cameras = [orbit_camera(360 * i / VIEWS, 0.0, 1.4, SIZE) for i in range(VIEWS)]
    views = tuple(_view(mesh, rig, pose, camera) for camera in cameras)
    static = ViewSet(views, tuple(360 * i / VIEWS for i in range(VIEWS)))
    rotations = np.zeros((FRAMES, 2, 3), np.float32)
    rotations[:, 1, 1] = np.linspace(-0.2, 0.2, FRAMES)
    track = Track(np.linspace(0, 1, FRAMES, dtype=np.float32)[:, None], rotations, np.zeros((FRAMES, 3), np.float32))
    frames = FrameSet(folder, tuple(cameras[i] for i in ANIMATED), ANIMATED, track)
    for index in ANIMATED:
        for frame in range(FRAMES):
            view = _view(mesh, rig, track.pose(frame), cameras[index])
            pixels = np.dstack([view.image[..., ::-1], view.mask])
            path = frames.path(index, frame)
            path.parent.mkdir(parents=True, exist_ok=True)
            assert cv2.imwrite(str(path), np.round(pixels * 255).astype(np.uint8))
    return static, frames, Head(rig, mesh, pose, static)


def _view(mesh: Mesh, rig: Rig, pose: Pose, camera) -> View:
    posed = Mesh(pose_vertices(rig, pose), mesh.triangles, mesh.corner_uvs, mesh.texture)
    drawing = draw_mesh(posed, camera, 3)
    return View(camera, drawing.image, drawing.alpha, drawing.depth)
