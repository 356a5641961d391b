"""Densification: clones, splits, pruning and recycling within a budget; resets of opacity."""

from dataclasses import replace
from importlib import metadata

import numpy as np
import pytest
import torch
from training_subject import LOCAL, NO_LPIPS, a_state, a_trainer, ellipsoid_rig, random_splats

from facecraft4d.toolkit.config import DensifyConfig
from facecraft4d.toolkit.core.geometry import rotation_from_wxyz
from facecraft4d.toolkit.training import loop
from facecraft4d.toolkit.training.densify import best_of_each, refine, survivors
from facecraft4d.toolkit.training.frames import frames_of
from facecraft4d.toolkit.training.gaussians import splat_parameters
from facecraft4d.toolkit.training.state import TrainingState


def refined(
    config: DensifyConfig, budget: int, opacity_logit: float = 2.0, size: float = 1.0, worth: torch.Tensor | None = None
) -> tuple[TrainingState, TrainingState]:
    """300 random splats before and after a round on a head of that size."""
    rig = ellipsoid_rig()
    frames = frames_of(torch.from_numpy(size * rig.vertices[rig.triangles]))
    states = []
    for _ in range(2):
        parameters, triangles = splat_parameters(random_splats(300, len(rig.triangles)), "cpu")
        parameters["opacity_logits"].data.fill_(opacity_logit)
        state = TrainingState.begin(parameters, triangles)
        state.gradient_sum += torch.from_numpy(np.random.default_rng(2).random(300).astype(np.float32))
        state.gradient_count += 1
        for name, parameter in parameters.items():
            state.first_moments[name] = torch.ones_like(parameter)
        states.append(state)
    refine(states[1], frames, config, budget, np.random.default_rng(0), worth)
    return states[0], states[1]


def test_clones_copy_their_parent_and_share_its_coverage():
    before, after = refined(DensifyConfig(split_sigma=1e9), 320)
    assert len(after.triangles) == 320
    chosen = torch.argsort(-before.gradient_sum)[:20].sort().values
    assert torch.equal(after.triangles[300:], before.triangles[chosen])
    assert torch.equal(after.parameters["means"][300:], before.parameters["means"][chosen])
    shared = 1 - (1 - after.parameters["opacity_logits"][300:].sigmoid()) ** 2
    torch.testing.assert_close(shared, before.parameters["opacity_logits"][chosen].sigmoid())
    torch.testing.assert_close(after.parameters["opacity_logits"][chosen], after.parameters["opacity_logits"][300:])
    assert after.first_moments["means"][:300].eq(1).all() and after.first_moments["means"][300:].eq(0).all()
    assert after.gradient_sum.eq(0).all() and len(after.gradient_sum) == 320


def test_split_children_stay_on_the_triangle_around_their_parent():
    before, after = refined(DensifyConfig(split_sigma=0.0), 320)
    chosen = torch.argsort(-before.gradient_sum)[:20].sort().values
    assert len(after.triangles) == 320
    first, second = slice(280, 300), slice(300, 320)
    for child in (first, second):
        assert torch.equal(after.triangles[child], before.triangles[chosen])
        torch.testing.assert_close(
            after.parameters["log_scales"][child].exp() * 1.6, before.parameters["log_scales"][chosen].exp()
        )
    means = after.parameters["means"]
    torch.testing.assert_close((means[first] + means[second]) / 2, before.parameters["means"][chosen])
    inverse = torch.from_numpy(rotation_from_wxyz(before.parameters["rotations_wxyz"][chosen].detach().numpy()))
    along = torch.einsum("nji,nj->ni", inverse, means[first] - before.parameters["means"][chosen])
    assert (along.abs() / before.parameters["log_scales"][chosen].exp()).max() < 4
    assert (along.abs() / before.parameters["log_scales"][chosen].exp()).mean() > 0.4


def test_pruning_leaves_one_on_every_triangle_and_frees_the_budget():
    before, after = refined(DensifyConfig(gradient=1e9), 300, opacity_logit=-9.0)
    assert torch.equal(after.triangles.sort().values, before.triangles.unique())
    keep = survivors(torch.tensor([0.9, 0.001, 0.001, 0.002]), torch.tensor([0, 0, 1, 1]), 0.005)
    assert keep.tolist() == [True, False, False, True]


def test_densification_repeats_and_ignores_the_size_of_the_head():
    """Equal states give equal rounds; children are placed in local units, so a head twice as large gets the same ones."""
    config = DensifyConfig(split_sigma=0.0)
    once, again, larger = (refined(config, 320, size=size)[1] for size in (1.0, 1.0, 2.0))
    for name in LOCAL:
        assert torch.equal(once.parameters[name], again.parameters[name])
        assert torch.equal(once.parameters[name], larger.parameters[name])


@pytest.mark.parametrize("budget", [100, 300, 311])
def test_the_budget_is_never_passed(budget):
    _, after = refined(DensifyConfig(), budget)
    assert len(after.triangles) == max(budget, 300)


def test_recycling_moves_the_least_worthy_to_the_largest_gradient():
    """At the cap the count stays; who shows least goes, unless it is the last of its triangle or is itself to be cloned."""
    worth = torch.from_numpy(np.random.default_rng(5).permutation(300).astype(np.float32))
    before, after = refined(DensifyConfig(split_sigma=1e9, recycle=0.1), 300, worth=worth)
    assert len(after.triangles) == 300
    assert torch.equal(after.triangles.unique(), before.triangles.unique())
    chosen = torch.argsort(-before.gradient_sum)[:30].sort().values
    assert torch.equal(after.parameters["means"][270:], before.parameters["means"][chosen])
    spare = torch.ones(300, dtype=torch.bool)
    spare[best_of_each(worth, before.triangles)] = False
    spare[chosen] = False
    least = torch.argsort(torch.where(spare, worth, torch.inf))[:30]
    stayed = torch.ones(300, dtype=torch.bool)
    stayed[least] = False
    assert torch.equal(after.parameters["means"][:270], before.parameters["means"][stayed])


@pytest.mark.parametrize(
    ("config", "count"), [({"recycle": 0.0}, 300), ({"gradient": 1e9}, 300), ({"recycle": 1.0}, 300)]
)
def test_recycling_never_changes_the_count(config, count):
    _, after = refined(DensifyConfig(**config), 300, worth=torch.rand(300, generator=torch.Generator().manual_seed(0)))
    assert len(after.triangles) == count


@pytest.mark.slow
def test_a_reset_hides_splats_and_forgets_their_moments(scene):
    config = replace(NO_LPIPS, densify=replace(NO_LPIPS.densify, reset_every=2))
    trainer = a_trainer(scene, config)
    state = a_state(scene, trainer)
    for opaque in (True, True, False):
        loop.train_step(trainer, state)
        assert (state.parameters["opacity_logits"].sigmoid().max() > 0.02) == opaque
    assert not state.first_moments["opacity_logits"].any() and not state.second_moments["opacity_logits"].any()
    assert state.first_moments["means"].any()


def test_the_default_strategy_of_gsplat_1_5_3_never_resets(monkeypatch):
    """`step % every == 0 & step > 0` compares with `0 & step`: a strategy that relies on it trains without resets."""
    default = pytest.importorskip("gsplat.strategy.default")
    if metadata.version("gsplat") != "1.5.3":
        pytest.skip("another gsplat")
    calls = []
    monkeypatch.setattr(default, "reset_opa", lambda **kw: calls.append(kw))
    monkeypatch.setattr(default.DefaultStrategy, "_update_state", lambda *a, **kw: None)
    strategy = default.DefaultStrategy(refine_start_iter=10**9, reset_every=10)
    for step in range(50):
        strategy.step_post_backward({}, {}, {}, step, {})
    assert calls == []
