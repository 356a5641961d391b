"""A known head's pictures and surface through every stage to a file: what is read back has the head's outline and its skin."""

from dataclasses import replace

import numpy as np
import pytest
import scipy.spatial
from viewed_people import Viewed, viewed

from facecraft4d import exporters
from facecraft4d.toolkit import bake, image_prior, training, video_prior
from facecraft4d.toolkit.config import (
    BuildConfig,
    DensifyConfig,
    FaceModelConfig,
    ParametricConfig,
    ShapePriorConfig,
    TrainingConfig,
)
from facecraft4d.toolkit.core.asset import Avatar, Provenance
from facecraft4d.toolkit.core.datatypes import Coarse
from facecraft4d.toolkit.core.geometry import transform_points
from facecraft4d.toolkit.core.rigging import in_regions, pose_from_weights, pose_vertices
from facecraft4d.toolkit.core.stages import StageContext, silent
from facecraft4d.toolkit.evaluation import coverage
from facecraft4d.toolkit.evaluation.drawing import draw
from facecraft4d.toolkit.shape_prior.from_views.head import head_of_views

pytestmark = pytest.mark.slow

SIZE, VIEWS = 128, 12
SHAPE = ShapePriorConfig(parametric=ParametricConfig(texture_size=256, pivotal_iterations=2), views=VIEWS)
TRAINING = TrainingConfig(
    static_iterations=240, coin_iterations=40, resolution=SIZE, coarse_resolution=SIZE, splats=12_000, checkpoint_every=1000,
    densify=DensifyConfig(begin=40, every=40),
)  # fmt: skip
IOU, MILLIMETRES = 0.95, 3.0
"""What the avatar must keep of its subject."""
SKIN = ("skin", "lips", "ears", "eyelids", "neck", "scalp")


@pytest.fixture(scope="module")
def person(subjects) -> Viewed:
    return viewed(subjects["hat"], SIZE, VIEWS)


@pytest.fixture(scope="module")
def made(person: Viewed, tmp_path_factory: pytest.TempPathFactory) -> tuple[Coarse, Avatar]:
    """The head of the views, and the avatar that a file gives back."""
    folder, config = tmp_path_factory.mktemp("chain"), BuildConfig()

    def context(stage: str) -> StageContext:
        (folder / stage).mkdir()
        return StageContext(0, "cpu", folder / stage, silent)

    coarse = head_of_views(
        person.portrait, person.views, person.surface, SHAPE, FaceModelConfig(), context("shape_prior")
    )
    views = image_prior.run(coarse.views, config.image_prior, context("image_prior"))
    moved = replace(config.video_prior, frontal_views=3, frames=3, size=SIZE)
    frames = video_prior.run(coarse.head, views, moved, config.face_model, context("video_prior"))
    trained = training.run(views, frames, coarse.head, TRAINING, context("training"))
    exporters.export(bake.run(trained, coarse.head, Provenance()), folder / "avatar.glb", to="gltf")
    return coarse, exporters.load(folder / "avatar.glb")


def test_its_outline_is_the_subjects_from_all_around(person: Viewed, made: tuple[Coarse, Avatar]) -> None:
    """Splats of the file against the mattes of the known head, whole pictures."""
    coarse, avatar = made
    shares = [
        coverage.compare(draw(avatar, coarse.head.pose, view.camera).alpha, true.mask)[0]
        for view, true in zip(coarse.views.views, person.views.views, strict=True)
    ]
    assert min(shares) >= IOU, np.round(shares, 3)


def test_its_skin_is_the_subjects(person: Viewed, made: tuple[Coarse, Avatar]) -> None:
    """Places on the known head's skin against the file's own vertices in the photograph's pose: face, ears and neck within 3 mm."""
    coarse, avatar = made
    rig = avatar.rig
    given = person.views.views[0].camera.camera_from_world
    back = np.linalg.inv(given) @ coarse.views.views[0].camera.camera_from_world
    posed = transform_points(back, pose_vertices(rig, coarse.head.pose).astype(np.float64))
    corners = posed[rig.triangles[in_regions(rig, *SKIN)]]
    weights = np.array([(i, j, 8 - i - j) for i in range(9) for j in range(9 - i)]) / 8
    strewn = np.einsum("kc,fcx->fkx", weights, corners).reshape(-1, 3)
    tree = scipy.spatial.cKDTree(strewn)
    face, neck = (1000 * tree.query(places)[0] for places in (person.skin, person.neck))
    assert np.concatenate([face, neck]).mean() < MILLIMETRES / 2
    for places in (face, neck):
        assert np.percentile(places, 95) < MILLIMETRES, np.percentile(places, [50, 95, 100])


def test_it_moves(made: tuple[Coarse, Avatar]) -> None:
    """The jaw opens what the file shows."""
    coarse, avatar = made
    camera = coarse.views.views[0].camera
    still, opened = (
        draw(avatar, pose_from_weights(avatar.rig, weights), camera).image for weights in ({}, {"jawOpen": 1.0})
    )
    assert np.abs(opened - still).max() > 0.3
