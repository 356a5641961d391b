"""The avatar equals the trained model under the reference view's embedding."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from training_subject import SIZE, VIEWS

from facecraft4d.toolkit import bake
from facecraft4d.toolkit.config import TrainingConfig
from facecraft4d.toolkit.core.asset import Provenance
from facecraft4d.toolkit.core.trained import TrainedHead
from facecraft4d.toolkit.training.coin import frozen_network, network_parameters, position_encoding
from facecraft4d.toolkit.training.footage import Footage
from facecraft4d.toolkit.training.gaussians import bound_splats, splat_parameters
from facecraft4d.toolkit.training.initial import initial_splats
from facecraft4d.toolkit.training.objective import draw
from facecraft4d.toolkit.training.schedule import STATIC, Sample

REFERENCE_VIEW = 2


@pytest.fixture(scope="module")
def trained(scene):
    """A model with an arbitrary network, its torch parameters and its frozen form."""
    views, _, head = scene
    rng = np.random.default_rng(4)
    parameters, triangles = splat_parameters(initial_splats(head, views, 600), "cpu")
    parameters["means"].data += torch.from_numpy(rng.normal(0, 0.02, (600, 3)).astype(np.float32))  # no ties in depth
    encodings = position_encoding(parameters["means"].detach(), 2)
    parameters |= network_parameters(VIEWS, encodings, TrainingConfig(), rng)
    parameters["offset_from_hidden"].data[:] = torch.from_numpy(rng.normal(0, 0.1, (3, 64)).astype(np.float32))
    frozen = TrainedHead(
        bound_splats(parameters, triangles),
        frozen_network(parameters),
        REFERENCE_VIEW,
        np.zeros(0, np.int32),
        {},
    )
    return parameters, triangles, frozen


def test_baked_picture_equals_trained_picture(scene, trained):
    views, frames, head = scene
    parameters, triangles, frozen = trained
    avatar = bake.run(frozen, head, Provenance(seed=3))
    footage = Footage(views, frames, head, "cpu")
    baked = splat_parameters(avatar.splats, "cpu")
    for view in range(VIEWS):
        picture = footage.picture(Sample(view), SIZE)
        with torch.no_grad():
            runtime = draw(parameters, triangles, footage.posed(STATIC), picture, REFERENCE_VIEW)
            final = draw(*baked, footage.posed(STATIC), picture, None)
        assert (runtime.combined - runtime.consistent).abs().max() > 0.01
        torch.testing.assert_close(final.consistent, runtime.combined, atol=1e-5, rtol=0)
        torch.testing.assert_close(final.alpha, runtime.alpha, atol=1e-5, rtol=0)


def test_splats_keep_the_order_of_training(scene, trained):
    frozen = trained[2]
    avatar = bake.run(frozen, scene[2], Provenance())
    assert np.array_equal(avatar.splats.triangles, frozen.splats.triangles)
    assert np.array_equal(avatar.splats.means, frozen.splats.means)
    level = avatar.level(100)
    assert level.rig is avatar.rig and np.array_equal(level.splats.colors, avatar.splats.colors[:100])
    assert np.array_equal(frozen.splats.colors, bound_splats(*trained[:2]).colors)


def test_rig_and_provenance_pass_through(scene, trained):
    made_of = Provenance(seed=9)
    avatar = bake.run(trained[2], scene[2], made_of)
    assert avatar.rig is scene[2].rig and avatar.provenance is made_of


def test_the_textured_mesh_is_kept(scene, trained):
    head = scene[2]
    texture = bake.run(trained[2], head, Provenance()).texture
    assert texture is not None and texture.picture.dtype == np.uint8
    assert np.array_equal(texture.corner_uvs, head.mesh.corner_uvs)
    assert np.abs(texture.picture / 255 - head.mesh.texture).max() <= 0.5 / 255 + 1e-6


def test_numbers_that_are_not_finite_are_refused(scene, trained):
    frozen = trained[2]
    broken = replace(frozen, splats=replace(frozen.splats, colors=np.full_like(frozen.splats.colors, np.nan)))
    with pytest.raises(ValueError, match=r"splats\.colors"):
        bake.run(broken, scene[2], Provenance())
