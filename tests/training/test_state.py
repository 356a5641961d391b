"""Descent: how far a step moves a splat."""

import copy
from dataclasses import replace

import pytest
import torch
from training_subject import a_state, a_trainer

from facecraft4d.toolkit.config import LearningRates
from facecraft4d.toolkit.training.state import BETA1, BETA2, EPSILON, HIDDEN, RATE_OF, TrainingState


def one_after_the_other(state: TrainingState, rates: LearningRates, factor: float) -> None:
    """Adam as the paper has it, with the floor under the spread, parameter by parameter: the readable twin of `descend`."""
    for name, parameter in state.parameters.items():
        rate, gradient, parameter.grad = factor * getattr(rates, RATE_OF.get(name, "coin")), parameter.grad, None
        if gradient is None or rate == 0:
            continue
        state.updates[name] = count = state.updates.get(name, 0) + 1
        zeros = torch.zeros_like(parameter)
        first = state.first_moments.get(name, zeros).lerp(gradient, 1 - BETA1)
        second = (state.second_moments.get(name, zeros) * BETA2).addcmul(gradient, gradient, value=1 - BETA2)
        state.first_moments[name], state.second_moments[name] = first, second
        unbiased = second / (1 - BETA2**count)
        spread = (unbiased + HIDDEN**2 * unbiased.mean()).sqrt() + EPSILON
        parameter.data.addcdiv_(first, spread, value=-rate / (1 - BETA1**count))


@pytest.mark.slow
def test_all_parameters_at_once_move_as_one_after_the_other(scene):
    """To the last bit, over steps in which some have no gradient or no rate; gradients are gone afterwards, the same tensors live on."""
    together = a_state(scene, a_trainer(scene))
    apart, rng = copy.deepcopy(together), torch.Generator().manual_seed(1)
    leaves = {name: id(parameter) for name, parameter in together.parameters.items()}
    for step in range(6):
        rates = LearningRates() if step % 3 else replace(LearningRates(), coin=0.0, opacities=0.0)
        for index, (name, parameter) in enumerate(together.parameters.items()):
            gradient = torch.randn(parameter.shape, generator=rng) if (index + step) % 5 else None
            parameter.grad, apart.parameters[name].grad = gradient, None if gradient is None else gradient.clone()
        together.descend(rates, 0.5**step)
        one_after_the_other(apart, rates, 0.5**step)
        assert all(parameter.grad is None for parameter in together.parameters.values())
    assert together.updates == apart.updates and len(set(together.updates.values())) > 1
    for group in ("parameters", "first_moments", "second_moments"):
        for name, tensor in getattr(together, group).items():
            assert torch.equal(tensor, getattr(apart, group)[name]), (group, name)
    assert leaves == {name: id(parameter) for name, parameter in together.parameters.items()}


def test_without_gradients_nothing_moves(scene):
    state = a_state(scene, a_trainer(scene))
    before = copy.deepcopy(state.parameters)
    state.descend(LearningRates(), 1.0)
    assert not state.updates and all(torch.equal(state.parameters[name], tensor) for name, tensor in before.items())


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
