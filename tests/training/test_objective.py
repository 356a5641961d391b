"""The losses: which part of the model each of them shapes, and what an offset costs."""

import pytest
import torch
from training_subject import SIZE, a_state, a_trainer

from facecraft4d.toolkit.training import objective
from facecraft4d.toolkit.training.objective import draw, loss_terms, perceptual_term
from facecraft4d.toolkit.training.schedule import REFERENCE, STATIC, Sample


@pytest.mark.slow
def test_structure_loss_does_not_reach_the_network(scene):
    from facecraft4d.toolkit.losses import Lpips, Trunk

    trainer = a_trainer(scene)
    state = a_state(scene, trainer)
    torch.nn.init.normal_(state.parameters["offset_from_hidden"].data)
    picture = trainer.footage.picture(REFERENCE, SIZE)
    drawn = draw(state.parameters, state.triangles, trainer.footage.posed(STATIC), picture, 0)
    assert not torch.equal(drawn.consistent, drawn.combined)
    network = (
        "view_embeddings",
        "hidden_from_color",
        "hidden_bias",
        "offset_from_hidden",
        "offset_bias",
        "gaussian_embeddings",
    )
    perceptual_term(drawn, picture, Lpips(Trunk.ALEXNET), (0.0, 0.0)).backward(retain_graph=True)
    for name in network:
        gradient = state.parameters[name].grad
        assert gradient is None or not gradient.any()
    assert state.parameters["colors"].grad.any() and state.parameters["means"].grad.any()
    state.parameters["means"].grad = None
    terms = loss_terms(drawn, picture, state.parameters, trainer.config.losses, torch.ones(3))
    terms["l1"].backward()
    assert all(state.parameters[name].grad.any() for name in (*network, "means"))


@pytest.mark.slow
@pytest.mark.parametrize("share", [0.1, 0.5])
def test_a_share_of_the_pixels_gradient_reaches_the_consistent_model(scene, share):
    """Offsets get the same gradient, geometry and base colours a share of it; the pictures, LPIPS' and coverage's gradients stay as they are."""
    trainer = a_trainer(scene)
    state = a_state(scene, trainer)
    torch.nn.init.normal_(state.parameters["offset_from_hidden"].data)
    picture = trainer.footage.picture(Sample(2), SIZE)

    def gradients(part: str, share: float) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        drawn = draw(state.parameters, state.triangles, trainer.footage.posed(STATIC), picture, 2, share)
        if part == "pixels":
            terms = loss_terms(drawn, picture, state.parameters, trainer.config.losses, torch.rand(3))
            (terms["l1"] + terms["ssim"]).backward()
        else:
            (drawn.consistent.square().sum() + drawn.alpha.square().sum()).backward()
        found = {name: each.grad.clone() for name, each in state.parameters.items() if each.grad is not None}
        for each in state.parameters.values():
            each.grad = None
        return drawn.combined.detach(), found

    for part in ("pixels", "others"):
        torch.manual_seed(0)
        image, whole = gradients(part, 1.0)
        torch.manual_seed(0)
        same, damped = gradients(part, share)
        assert torch.equal(image, same) and whole.keys() == damped.keys()
        for name, gradient in whole.items():
            consistent = name in ("means", "rotations_wxyz", "log_scales", "opacity_logits", "colors")
            expected = gradient * share if consistent and part == "pixels" else gradient
            torch.testing.assert_close(damped[name], expected, rtol=1e-3, atol=1e-6 * float(gradient.abs().max()))
            assert part == "others" or gradient.any()


def test_an_offset_costs_what_it_costs_in_the_picture(scene):
    """The same offset on every splat costs as much as the same difference all over the head does as L1."""
    trainer = a_trainer(scene)
    state = a_state(scene, trainer)
    state.parameters["offset_bias"].data.fill_(-0.2)
    picture = trainer.footage.picture(REFERENCE, SIZE)
    drawn = draw(state.parameters, state.triangles, trainer.footage.posed(STATIC), picture, 0)
    terms = loss_terms(drawn, picture, state.parameters, trainer.config.losses, torch.ones(3))
    assert float(terms["offset"].detach()) == pytest.approx(float((0.2 * picture.mask).mean()), rel=1e-4)


@pytest.mark.slow
def test_empty_margins_are_exact_without_looking(scene, monkeypatch):
    """The terms and their gradients are those of the whole picture, also with a splat that floats beside the head."""
    trainer = a_trainer(scene)
    state = a_state(scene, trainer)
    state.parameters["means"].data[0] += 3.0
    picture = trainer.footage.picture(REFERENCE, 2 * SIZE)
    found = []
    for box in (objective.occupied, lambda coverage, margin: (slice(None), slice(None))):
        monkeypatch.setattr(objective, "occupied", box)
        drawn = draw(state.parameters, state.triangles, trainer.footage.posed(STATIC), picture, None)
        background = torch.tensor([0.2, 0.7, 0.4])
        terms = loss_terms(drawn, picture, state.parameters, trainer.config.losses, background)
        (terms["l1"] + terms["ssim"] + terms["alpha"]).backward()
        found.append((terms, {name: each.grad for name, each in state.parameters.items() if each.grad is not None}))
        for each in state.parameters.values():
            each.grad = None
    (cut, some), (whole, every) = found
    for name in ("l1", "ssim", "alpha"):
        torch.testing.assert_close(cut[name], whole[name], rtol=1e-5, atol=1e-7)
    for name, gradient in every.items():
        torch.testing.assert_close(some[name], gradient, rtol=1e-3, atol=1e-5 * float(gradient.abs().max()))


def test_what_is_occupied():
    coverage = torch.zeros(40, 50, 1)
    assert objective.occupied(coverage, 3) == (slice(0, 40), slice(0, 50))
    coverage[10:12, 5] = coverage[30, 48] = 0.1
    rows, columns = objective.occupied(coverage, 3)
    assert (rows, columns) == (slice(7, 34), slice(2, 50)) and coverage[rows, columns].sum() == coverage.sum()


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_the_window_of_lpips_lies_on_the_head(share):
    assert objective._window(slice(100, 480), 512, share) == slice(100 + round(124 * share), 356 + round(124 * share))
    assert objective._window(slice(300, 400), 512, share) == slice(256, 512)
    assert objective._window(slice(20, 90), 128, share).start == 0
