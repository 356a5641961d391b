"""COIN: offsets of colour take up what the views disagree about (the paper's section 3.4)."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from training_subject import NO_LPIPS, SIZE, VIEWS, a_state, a_trainer, quiet

from facecraft4d.toolkit import bake, training
from facecraft4d.toolkit.config import TrainingConfig
from facecraft4d.toolkit.core.asset import Provenance
from facecraft4d.toolkit.core.stages import StageContext
from facecraft4d.toolkit.training import loop, offsets
from facecraft4d.toolkit.training.coin import color_offsets, offsets_of
from facecraft4d.toolkit.training.footage import Footage
from facecraft4d.toolkit.training.gaussians import splat_parameters
from facecraft4d.toolkit.training.objective import draw
from facecraft4d.toolkit.training.offsets import BLOCK, Offsets
from facecraft4d.toolkit.training.schedule import REFERENCE, STATIC, Sample


def test_a_fresh_network_changes_nothing(scene):
    trainer = a_trainer(scene)
    state = a_state(scene, trainer)
    picture = trainer.footage.picture(Sample(2), SIZE)
    drawn = draw(state.parameters, state.triangles, trainer.footage.posed(STATIC), picture, 2)
    assert torch.equal(drawn.consistent, drawn.combined)


@pytest.mark.parametrize(
    ("splats", "hidden", "embedding"), [(0, 4, 1), (1, 3, 2), (BLOCK + 3, 7, 5), (2 * BLOCK, 64, 27)]
)
def test_the_compiled_network_is_the_readable_one(splats, hidden, embedding):
    """Values and gradients, for blocks that are full, begun and none, and layers of any width."""
    generator = torch.Generator().manual_seed(splats)
    shapes = ((splats, 3), (splats, embedding), (hidden, 4 + embedding), (3, hidden))
    colors, *learned = (torch.randn(shape, generator=generator, dtype=torch.float64) for shape in shapes)
    given = torch.randn(splats, 3, generator=generator, dtype=torch.float64)
    for each in learned:
        each.requires_grad_()
    results = [network(colors, *learned) for network in (offsets_of, Offsets.apply)]
    gradients = [torch.autograd.grad((result * given).sum(), learned) for result in results]
    torch.testing.assert_close(results[1], results[0], rtol=1e-12, atol=1e-12)
    for compiled, readable in zip(gradients[1], gradients[0], strict=True):
        torch.testing.assert_close(compiled, readable, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(("coin", "told"), [(1, 1), (0, 0)])
def test_its_compiling_is_told_before_the_first_step_if_there_is_a_coin_step(scene, tmp_path, monkeypatch, coin, told):
    monkeypatch.setattr(offsets, "is_compiled", lambda: False)
    config = replace(NO_LPIPS, static_iterations=1, coin_iterations=coin, resolution=24, coarse_resolution=24)
    said = []
    training.run(*scene, config, StageContext(0, "cpu", tmp_path, lambda progress: said.append(progress)))
    assert [each.step for each in said if each.message == training.COMPILING_COIN] == [0] * told
    assert said[-1].step == 1 + coin


@pytest.mark.slow
def test_a_large_offset_weight_drives_offsets_to_zero(scene):
    """A hundred steps from the same random offsets: a large weight leaves less than half of what none leaves."""

    def largest_offset(weight: float) -> float:
        config = replace(
            NO_LPIPS, static_iterations=0, coin_iterations=100, losses=replace(NO_LPIPS.losses, offset=weight)
        )
        trainer = a_trainer(scene, replace(config, resolution=24, coarse_resolution=24))
        state = a_state(scene, trainer)
        generator = torch.Generator().manual_seed(0)
        state.parameters["offset_from_hidden"].data.normal_(0, 0.2, generator=generator)
        for _ in range(config.coin_iterations):
            loop.train_step(trainer, state)
        return float(color_offsets(state.parameters, 0).detach().abs().mean())

    assert largest_offset(100.0) < 0.4 * largest_offset(0.0)


def tinted(scene, seed: int):
    """The photograph and three copies of it in other tints, without animated frames."""
    views, frames, head = scene
    photo, rng = views.views[0], np.random.default_rng(seed)
    gains = rng.uniform(0.6, 1.1, (VIEWS - 1, 3)).astype(np.float32)
    others = (photo.image * gain * photo.mask[..., None] + 1 - photo.mask[..., None] for gain in gains)
    copies = (replace(photo, image=np.clip(image, 0, 1)) for image in others)
    return replace(views, views=(photo, *copies)), replace(frames, cameras=(), view_indices=()), head


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_offsets_take_up_the_tints_of_the_views(scene, tmp_path, seed):
    """With the photograph's offsets the colours are nearer to the truth than those that plain L1 and SSIM leave."""
    config = replace(
        NO_LPIPS, static_iterations=0, coin_iterations=100, resolution=24, coarse_resolution=24, checkpoint_every=1000,
        anchors=1,  # the four views there are would all be anchors
    )  # fmt: skip
    errors = {}
    for rate in (0.0, TrainingConfig().rates.coin):
        chosen = replace(config, rates=replace(TrainingConfig().rates, coin=rate))
        trained = training.run(*tinted(scene, seed), chosen, StageContext(seed, "cpu", tmp_path, quiet))
        baked = bake.run(trained, scene[2], Provenance())
        parameters = splat_parameters(baked.splats, "cpu")
        footage = Footage(*scene, "cpu")
        picture = footage.picture(REFERENCE, SIZE)
        with torch.no_grad():
            drawn = draw(*parameters, footage.posed(STATIC), picture, None)
        inside = picture.mask * drawn.alpha > 0.95
        errors[rate > 0] = float(((drawn.consistent - picture.image).abs() * inside).sum() / (3 * inside.sum()))
    assert errors[True] < 0.85 * errors[False], errors


@pytest.mark.slow
def test_without_a_rate_the_network_is_left_out(scene, tmp_path):
    config = replace(NO_LPIPS, rates=replace(NO_LPIPS.rates, coin=0.0))
    trained = training.run(*scene, config, StageContext(0, "cpu", tmp_path, quiet))
    assert "offset" not in trained.losses
    assert not bake.color_offsets(trained.coin, trained.splats.colors, 0).any()
