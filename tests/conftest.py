"""What several test files share: the committed small avatar, and a head and portrait made from it."""

from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
import torch._dynamo  # noqa: F401  (before OpenGL: once Mesa's emulator has brought its LLVM, loading the one of torch crashes)
from head_cases import RADIUS, VIEW_SIZE
from hypothesis import settings

from facecraft4d import exporters
from facecraft4d.toolkit.core.asset import Avatar
from facecraft4d.toolkit.core.datatypes import Coarse, FrameSet, Head, Mesh, Portrait, View, ViewSet
from facecraft4d.toolkit.core.geometry import orbit_camera
from facecraft4d.toolkit.core.rigging import neutral_pose

settings.register_profile("suite", deadline=None)  # a first example also writes the checks of what it calls (lazily.py)
settings.load_profile("suite")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files whose tests are all slow come first: where files are shared out to two processes, neither ends with minutes of work alone."""
    quick = {item.path for item in items if item.get_closest_marker("slow") is None}
    items.sort(key=lambda item: item.path in quick)


@pytest.fixture(scope="session")
def tiny_path() -> Path:
    """The avatar that the package carries for tests and samples."""
    return Path(str(files("facecraft4d.samples") / "tiny_avatar.glb"))


@pytest.fixture(scope="session")
def tiny_avatar(tiny_path: Path) -> Avatar:
    return exporters.load(tiny_path)


@pytest.fixture(scope="session")
def tiny_coarse(tiny_avatar: Avatar) -> Coarse:
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
    return Coarse(ViewSet(tuple(views), yaws), Head(rig, mesh, neutral_pose(rig)))


@pytest.fixture(scope="session")
def tiny_head(tiny_coarse: Coarse) -> Head:
    return tiny_coarse.head


@pytest.fixture(scope="session")
def tiny_portrait(tiny_coarse: Coarse) -> Portrait:
    """The front view of the small avatar as a photograph made ready."""
    front = tiny_coarse.views.views[0]
    landmarks = np.random.default_rng(3).uniform(0.3, 0.7, (478, 3)).astype(np.float32) * VIEW_SIZE
    identity = np.eye(3, dtype=np.float32)
    return Portrait(front.image, front.mask, landmarks, np.zeros(52, np.float32), identity, identity)


# What follows is slow to import, so only where it is used.


@pytest.fixture(scope="session")
def model():
    """The default head."""
    from facecraft4d.toolkit.face_model import load_default_head

    return load_default_head()


@pytest.fixture(scope="session")
def scene(tmp_path_factory: pytest.TempPathFactory) -> tuple[ViewSet, FrameSet, Head]:
    """The small subject of training_subject.py: its views, its frames on disk, its head."""
    from training_subject import subject

    return subject(tmp_path_factory.mktemp("frames"))


@pytest.fixture(scope="session")
def subjects(model):
    """The synthetic people by name, with the small textures of synthetic_cases.py."""
    from synthetic_cases import TEXTURE

    from facecraft4d.toolkit.subjects.people import SUBJECTS, make_subject

    return {name: make_subject(spec, model, TEXTURE) for name, spec in SUBJECTS.items()}


@pytest.fixture(scope="session")
def training_data(subjects, tmp_path_factory: pytest.TempPathFactory) -> tuple[ViewSet, FrameSet, Head]:
    """What the person with glasses is trained on, corrupted as by default."""
    from synthetic_cases import FRAMES, SIZE

    from facecraft4d.toolkit.subjects.corruption import Corruption
    from facecraft4d.toolkit.subjects.sets import training_set

    return training_set(subjects["glasses"], Corruption(), 3, tmp_path_factory.mktemp("frames"), SIZE, FRAMES)
