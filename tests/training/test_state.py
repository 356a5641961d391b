"""Descent: how far a step moves a splat."""

import torch
from training_subject import a_state, a_trainer

from facecraft4d.toolkit.config import LearningRates


def test_what_leaks_through_hardly_moves_a_hidden_splat(scene):
    """Adam takes steps of the same size for small and large gradients; a gradient a thousandth of the others' moves next to nothing."""
    state = a_state(scene, a_trainer(scene))
    before = state.parameters["colors"].detach().clone()
    gradient = torch.ones_like(before)
    gradient[:10] = 1e-3
    for _ in range(20):
        state.parameters["colors"].grad = gradient.clone()
        state.descend(LearningRates(), 1.0)
    moved = (before - state.parameters["colors"]).detach()
    torch.testing.assert_close(moved[10:], torch.full_like(moved[10:], 20 * LearningRates().colors), rtol=0.01, atol=0)
    assert (moved[:10] > 0).all() and (moved[:10] < 0.03 * moved[-1]).all()
