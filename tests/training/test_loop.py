"""The loop: what a splat is worth, and that training brings the picture nearer."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from training_subject import NO_LPIPS, VIEWS, a_state, a_trainer, mean_error, quiet

from facecraft4d.toolkit import training
from facecraft4d.toolkit.config import DensifyConfig
from facecraft4d.toolkit.core.stages import StageContext
from facecraft4d.toolkit.training import loop
from facecraft4d.toolkit.training.initial import initial_splats
from facecraft4d.toolkit.training.schedule import Sample, Schedule


@pytest.mark.slow
def test_a_splat_is_worth_what_the_picture_that_shows_it_most_shows(scene):
    trainer = a_trainer(scene)
    state = a_state(scene, trainer)
    usual = loop.contributions(trainer, state)
    opening = replace(trainer, schedule=replace(trainer.schedule, openings=(1,)))
    torch.testing.assert_close(loop.contributions(opening, state), usual, msg="frame 1 is among all frames")
    shown = loop.shown(trainer, state, Sample(0, 0, 1), trainer.config.coarse_resolution)
    assert (loop.contributions(opening, state, 1000) >= shown).all() and (usual >= shown).all()


@pytest.mark.slow
def test_the_pixel_difference_can_be_chosen(scene, tmp_path):
    config = replace(NO_LPIPS, static_iterations=2, coin_iterations=0)
    trained = training.run(
        *scene, config, StageContext(0, "cpu", tmp_path, quiet), lambda first, second: 0 * (first - second).sum() + 7
    )
    assert trained.losses["l1"].tolist() == [7.0]


@pytest.mark.slow
def test_training_brings_the_picture_nearer(scene, tmp_path):
    """Forty steps lower the error over all views by a fifth; splats stay within the cap, one on each triangle, and losses are kept."""
    config = replace(
        NO_LPIPS, static_iterations=20, coin_iterations=20, fine_share=0.0, densify=DensifyConfig(begin=5, every=10),
        rates=replace(NO_LPIPS.rates, colors=0.02),
    )  # fmt: skip
    told = []
    trained = training.run(*scene, config, StageContext(0, "cpu", tmp_path, told.append))
    before = initial_splats(scene[2], scene[0], Schedule(config, 0, VIEWS, (), 0).start_count)
    assert mean_error(scene, trained.splats) < 0.8 * mean_error(scene, before)
    assert len(trained.splats.triangles) == len(trained.coin.gaussian_embeddings)
    assert len(trained.splats.triangles) <= config.splats
    assert set(range(len(scene[2].rig.triangles))) == set(trained.splats.triangles.tolist())
    assert trained.coin.view_embeddings.shape == (VIEWS, config.view_embedding)
    assert told[-1].step == told[-1].total == 40
    assert np.isnan(trained.losses["offset"][0]) and np.isfinite(trained.losses["offset"][-1])
