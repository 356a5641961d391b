"""What several test files share: the committed small avatar, and a head and portrait made from it."""

from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
import torch._dynamo  # noqa: F401  (before OpenGL: once Mesa's emulator has brought its LLVM, loading the one of torch crashes)

from facecraft4d import exporters
from facecraft4d.toolkit.core.asset import Avatar
from facecraft4d.toolkit.core.datatypes import Head, Mesh, Portrait, View, ViewSet
from facecraft4d.toolkit.core.geometry import orbit_camera
from facecraft4d.toolkit.core.rigging import neutral_pose

VIEW_SIZE, RADIUS = 96, 1.6


@pytest.fixture(scope="session")
def tiny_path() -> Path:
    """The avatar that the package carries for tests and samples."""
    return Path(str(files("facecraft4d.samples") / "tiny_avatar.glb"))


@pytest.fixture(scope="session")
def tiny_avatar(tiny_path: Path) -> Avatar:
    return exporters.load(tiny_path)


@pytest.fixture(scope="session")
def tiny_head(tiny_avatar: Avatar) -> Head:
    """The small avatar's rig with views of itself, as if a shape prior had made it."""
    from facecraft4d.toolkit.evaluation.drawing import draw  # slow to import: only where it is used

    rig = tiny_avatar.rig
    yaws = tuple(float(yaw) for yaw in range(0, 360, 30))
    views = []
    for yaw in yaws:
        camera = orbit_camera(yaw, 0.0, RADIUS, VIEW_SIZE)
        picture = draw(tiny_avatar, neutral_pose(rig), camera)
        views.append(
            View(camera, picture.image, picture.alpha, np.where(picture.alpha > 0.5, RADIUS, 0).astype(np.float32))
        )
    mesh = Mesh(
        rig.vertices, rig.triangles, np.zeros((len(rig.triangles), 3, 2), np.float32), np.ones((4, 4, 3), np.float32)
    )
    return Head(rig, mesh, neutral_pose(rig), ViewSet(tuple(views), yaws))


@pytest.fixture(scope="session")
def tiny_portrait(tiny_head: Head) -> Portrait:
    """The front view of the small avatar as a photograph made ready."""
    front = tiny_head.coarse.views[0]
    landmarks = np.random.default_rng(3).uniform(0.3, 0.7, (478, 3)).astype(np.float32) * VIEW_SIZE
    identity = np.eye(3, dtype=np.float32)
    return Portrait(front.image, front.mask, landmarks, np.zeros(52, np.float32), identity, identity, "0" * 64)
