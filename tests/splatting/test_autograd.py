"""Gradients are finite differences."""

import pytest
import torch
from splat_scenes import SMOOTH, camera, leaves, on_axis, splats
from torch import Tensor

from facecraft4d.toolkit.splatting import backend
from facecraft4d.toolkit.splatting.settings import Settings


@pytest.mark.slow
@pytest.mark.parametrize("ortho, antialiased, sh_degree", [(False, True, 3), (True, False, None), (False, False, None)])
def test_gradients_are_finite_differences(ortho: bool, antialiased: bool, sh_degree: int | None) -> None:
    """Of all inputs, through two random sums over colours, depth and alpha."""
    scene, g = splats(3, 8), torch.Generator().manual_seed(9)
    scene["opacities"] = scene["opacities"].clamp(0.2, 0.8)
    if sh_degree is not None:
        scene["colors"] = 0.2 * torch.randn(3, 16, 3, generator=g, dtype=torch.float64)
    viewmats, Ks = camera(18, 10, 6.0 if ortho else 20.0)
    scene |= {"viewmats": viewmats, "backgrounds": torch.tensor([[0.2, 0.5, 0.9]], dtype=torch.float64)}
    s = Settings(18, 10, antialiased=antialiased, ortho=ortho)._replace(**SMOOTH)
    names, weights = list(scene), torch.randn(2, 10, 18, 5, generator=g, dtype=torch.float64)

    def loss(*values: Tensor) -> Tensor:
        given_scene = dict(zip(names, values, strict=True))
        image, alpha, _ = backend.render(
            backend.Scene(**given_scene, Ks=Ks, sh_degree=sh_degree), s, backend.RasterOptions("RGB+D")
        )
        return (torch.cat([image, alpha], -1) * weights).sum((1, 2, 3))

    assert torch.autograd.gradcheck(loss, tuple(leaves(scene).values()), eps=1e-6, atol=1e-5, rtol=1e-4)


def test_the_projection_is_not_linearised_far_outside_the_image() -> None:
    """There the clamped slope counts, in value and gradient."""
    scene = on_axis([1.0], [0.9], 0.6)
    scene["means"][0, :2] = torch.tensor([1.1, -1.2])
    s, (viewmats, Ks) = Settings(18, 18)._replace(**SMOOTH), camera(18, 18, 20.0)
    weights = torch.rand(2, 18, 18, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64)

    def loss(means: Tensor) -> Tensor:
        given_scene = backend.Scene(
            **(scene | {"means": means}), viewmats=viewmats, Ks=Ks, backgrounds=None, sh_degree=None
        )
        return (backend.render(given_scene, s, backend.RasterOptions())[0] * weights).sum((1, 2, 3))

    assert float(loss(scene["means"]).max()) > 0.01
    assert torch.autograd.gradcheck(loss, (scene["means"].requires_grad_(),), eps=1e-6, atol=1e-6)
