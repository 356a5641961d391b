"""The rasteriser equals its readable twin, in values and gradients."""

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from splat_scenes import SIZE, camera, draw, leaves, splats, twin

from facecraft4d.toolkit.splatting.rasterize import rasterization
from facecraft4d.toolkit.splatting.settings import Settings


def compare_with_twin(dtype: torch.dtype, tolerance: float, channels: int, options: dict[str, Any]) -> None:
    """Values and gradients of a two-camera picture with random weights, relative to the largest."""
    degree = options.get("sh_degree")
    scene = splats(50, 4, dtype, channels)
    if degree is not None:
        scene["colors"] = torch.randn(50, 16, 3, generator=torch.Generator().manual_seed(5), dtype=torch.float64).to(
            dtype
        )
    viewmats, Ks = (t.to(dtype).repeat(2, 1, 1) for t in camera(40, SIZE, 12.0 if "camera_model" in options else 40.0))
    viewmats[1, 0, 3] = 0.3
    extra = {
        "viewmats": viewmats,
        "backgrounds": torch.rand(2, channels, generator=torch.Generator().manual_seed(6)).to(dtype),
    }
    ours, theirs = leaves(scene | extra), leaves(scene | extra)
    image, alpha, _ = rasterization(**ours, Ks=Ks, width=40, height=SIZE, **options)
    s = Settings(40, SIZE, antialiased="rasterize_mode" in options, ortho="camera_model" in options)
    views, behind = theirs["viewmats"], theirs["backgrounds"]
    mode = options.get("render_mode", "RGB")
    expected = twin({k: theirs[k] for k in scene}, views, Ks, s, mode, degree, behind)
    for got, want in zip((image, alpha), expected, strict=True):
        assert float((got - want).detach().abs().max() / want.detach().abs().max()) < tolerance
    weights = [torch.rand(t.shape, generator=torch.Generator().manual_seed(7)).to(dtype) for t in expected]
    for pair in ((image, alpha), expected):
        sum((t * w).sum() for t, w in zip(pair, weights, strict=True)).backward()  # type: ignore[union-attr]
    for name in ours:
        got, want = ours[name].grad, theirs[name].grad
        if want is not None:
            assert got is not None and float((got - want).abs().max() / want.abs().max()) < tolerance, name


OPTIONS: list[dict[str, Any]] = [
    {},
    {"packed": False, "rasterize_mode": "antialiased", "render_mode": "RGB+ED"},
    {"camera_model": "ortho", "sh_degree": 2},
    {"sh_degree": 3, "rasterize_mode": "antialiased", "camera_model": "ortho", "packed": False},
    {"sh_degree": 0},
    {"render_mode": "RGB+D", "sh_degree": 1},
]


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_equals_the_twin_in_float64(options: dict[str, Any]) -> None:
    compare_with_twin(torch.float64, 1e-6, 3, options)


@pytest.mark.parametrize(
    "channels, options", [(3, OPTIONS[0]), (3, OPTIONS[1]), (3, OPTIONS[3]), (6, OPTIONS[0]), (7, OPTIONS[0])], ids=str
)
def test_equals_the_twin_in_float32(channels: int, options: dict[str, Any]) -> None:
    compare_with_twin(torch.float32, 1e-4, channels, options)


@pytest.mark.slow
@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    n=st.integers(1, 12),
    opacity=st.sampled_from([0.0, 1.0, None]),
    size=st.sampled_from([1e-9, 1.0, 1e5]),
    shift=st.sampled_from([0.0, -3.0, 40.0]),
    flat=st.booleans(),
)
def test_any_scene_is_drawn_as_by_the_twin(
    seed: int, n: int, opacity: float | None, size: float, shift: float, flat: bool
) -> None:
    scene = splats(n, seed)
    scene["scales"] = scene["scales"] * size * torch.tensor([1.0, 1.0, 1e-6 if flat else 1.0], dtype=torch.float64)
    scene["means"] = scene["means"] + torch.tensor([0.0, 0.0, shift], dtype=torch.float64)
    if opacity is not None:
        scene["opacities"] = torch.full((n,), opacity, dtype=torch.float64)
    ours = leaves(scene)
    image, alpha, _ = draw(ours)
    viewmats, Ks = camera(SIZE, SIZE)
    expected, expected_alpha = twin(scene, viewmats, Ks, Settings(SIZE, SIZE))
    assert torch.allclose(image, expected, atol=1e-6) and torch.allclose(alpha, expected_alpha, atol=1e-6)
    assert 0 <= float(alpha.detach().min()) and float(alpha.detach().max()) < 1
    (image.sum() + alpha.sum()).backward()
    assert all(bool(torch.isfinite(t.grad).all()) for t in ours.values() if t.grad is not None)
