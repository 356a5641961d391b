"""The rasteriser behind gsplat's call: closed forms, thresholds, symmetries, its twin, its borders."""

import inspect
import math
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numba
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from splat_scenes import SMOOTH, camera, leaves, splats, twin
from torch import Tensor

from facecraft4d.toolkit.core import geometry
from facecraft4d.toolkit.core.datatypes import Camera, Splats
from facecraft4d.toolkit.splatting import backend, cpu, rasterize
from facecraft4d.toolkit.splatting.rasterize import rasterization
from facecraft4d.toolkit.splatting.settings import Settings

SIZE = 33
"""Odd, so that the optical axis meets the centre of a pixel and tiles hang over the edge."""
CENTRE = SIZE // 2


def on_axis(depths: list[float], opacities: list[float], scale: float = 0.1) -> dict[str, Tensor]:
    """Round splats on the optical axis with colours 1, 10, 100, ..."""
    n = len(depths)
    means = torch.zeros(n, 3, dtype=torch.float64)
    means[:, 2] = torch.tensor(depths)
    quats = torch.tensor([[1.0, 0, 0, 0]], dtype=torch.float64).repeat(n, 1)
    colors = (10.0 ** torch.arange(n, dtype=torch.float64))[:, None].repeat(1, 3)
    return {"means": means, "quats": quats, "scales": torch.full((n, 3), scale, dtype=torch.float64),
            "opacities": torch.tensor(opacities, dtype=torch.float64), "colors": colors}  # fmt: skip


def draw(scene: dict[str, Tensor], **options: Any) -> tuple[Tensor, Tensor, dict[str, Any]]:
    """One picture by the camera on the axis."""
    return rasterization(
        **scene, **dict(zip(("viewmats", "Ks"), camera(SIZE, SIZE), strict=True)), width=SIZE, height=SIZE, **options
    )


def spread(depth: float, scale: float = 0.1) -> float:
    """Variance in square pixels of an on-axis round splat."""
    return (40.0 * scale / depth) ** 2 + 0.3


def test_signature_is_gsplats() -> None:
    gsplat = pytest.importorskip("gsplat")
    ours, theirs = (inspect.signature(f).parameters for f in (rasterization, gsplat.rasterization))
    assert list(ours) == list(theirs)
    for name in ours:
        assert ours[name].kind == theirs[name].kind
        defaults = (ours[name].default, theirs[name].default)
        assert defaults[0] == defaults[1] or defaults[0].name == defaults[1].name


def test_one_splat_has_its_closed_form() -> None:
    image, alpha, _ = draw(on_axis([2.0], [0.8]))
    offsets = torch.arange(SIZE, dtype=torch.float64) - CENTRE
    expected = 0.8 * torch.exp(-(offsets**2 + offsets[:, None] ** 2) / (2 * spread(2.0)))
    expected = torch.where(expected >= 1 / 255, expected, 0.0)
    assert torch.allclose(alpha[0, ..., 0], expected, atol=1e-12)
    assert torch.allclose(image[0, ..., 2], expected, atol=1e-12)


def test_the_nearer_of_two_covers_the_other() -> None:
    image, alpha, _ = draw(on_axis([3.0, 2.0], [0.5, 0.25]), backgrounds=torch.full((1, 3), 7.0, dtype=torch.float64))
    assert float(image[0, CENTRE, CENTRE, 0]) == pytest.approx(0.25 * 10 + 0.75 * (0.5 * 1 + 0.5 * 7))
    assert float(alpha[0, CENTRE, CENTRE, 0]) == pytest.approx(1 - 0.75 * 0.5)


def test_fainter_than_the_cutoff_is_nothing() -> None:
    distance = 5
    falloff = math.exp(-(distance**2) / (2 * spread(2.0)))
    for factor, seen in ((1.001, True), (0.999, False)):
        alpha = draw(on_axis([2.0], [factor / 255 / falloff]))[1]
        assert (float(alpha[0, CENTRE, CENTRE + distance, 0]) > 0) == seen
    assert draw(on_axis([2.0], [0.999 / 255]))[1].max() == 0


def test_no_splat_covers_more_than_the_cap() -> None:
    scene = leaves(on_axis([2.0], [1.0]))
    alpha = draw(scene)[1][0, CENTRE, CENTRE, 0]
    assert alpha.item() == pytest.approx(0.999, abs=1e-15)
    alpha.backward()
    assert scene["opacities"].grad is not None and float(scene["opacities"].grad) == 0


@pytest.mark.parametrize("opacity, drawn", [(0.989, 2), (0.991, 1)])
def test_a_pixel_stops_before_its_transmittance_is_used_up(opacity: float, drawn: int) -> None:
    """0.011 squared is above 1e-4, 0.009 squared is below: the second splat is then left out, and so are all behind it."""
    alpha = draw(on_axis([2.0, 2.1, 2.2], [opacity] * 3))[1]
    assert float(alpha[0, CENTRE, CENTRE, 0]) == pytest.approx(1 - (1 - opacity) ** drawn, rel=1e-12)


def test_what_is_left_out() -> None:
    scene = on_axis([2.0, -1.0, 0.005, 50.0], [0.5, 0.5, 0.5, 0.5])
    meta = draw(scene, far_plane=40.0)[2]
    assert meta["gaussian_ids"].tolist() == [0]
    radius = int(meta["radii"].max())
    assert radius == math.ceil(math.sqrt(2 * math.log(0.5 * 255) * spread(2.0)))
    assert len(draw(scene, far_plane=40.0, radius_clip=float(radius))[2]["gaussian_ids"]) == 0
    assert len(draw(scene, far_plane=40.0, radius_clip=radius - 1.0)[2]["gaussian_ids"]) == 1
    assert draw(on_axis([2.0], [0.0]))[1].max() == 0


def test_nothing_shows_the_background() -> None:
    empty = {name: value[:0] for name, value in on_axis([2.0], [0.5]).items()}
    behind = torch.tensor([[0.1, 0.2, 0.3]], dtype=torch.float64)
    for packed in (True, False):
        image, alpha, _ = draw(empty, backgrounds=behind, packed=packed)
        assert torch.equal(image, behind.expand(1, SIZE, SIZE, 3)) and not alpha.any()


def test_depth_of_one_splat_is_its_z() -> None:
    scene = on_axis([2.5], [0.7])
    expected, accumulated, both = (draw(scene, render_mode=mode)[0] for mode in ("ED", "D", "RGB+ED"))
    assert expected.shape[-1] == accumulated.shape[-1] == 1 and both.shape[-1] == 4
    alpha = draw(scene)[1]
    seen = alpha > 0
    assert torch.allclose(expected[seen], torch.tensor(2.5, dtype=torch.float64)) and not expected[~seen].any()
    assert torch.allclose(accumulated, 2.5 * alpha) and torch.allclose(both[..., 3:], expected)


def test_antialiasing_keeps_the_energy_of_a_small_splat() -> None:
    """The low-pass filter widens it; the compensation lowers its opacity by the ratio of the areas."""
    small = 0.001
    ratio = (40.0 * small / 2) ** 2 / spread(2.0, small)
    alpha = draw(on_axis([2.0], [0.9], small), rasterize_mode="antialiased")[1]
    assert float(alpha[0, CENTRE, CENTRE, 0]) == 0 if 0.9 * ratio < 1 / 255 else pytest.approx(0.9 * ratio)
    larger = 0.02
    ratio = (40.0 * larger / 2) ** 2 / spread(2.0, larger)
    alpha = draw(on_axis([2.0], [0.9], larger), rasterize_mode="antialiased")[1]
    assert float(alpha[0, CENTRE, CENTRE, 0]) == pytest.approx(0.9 * ratio)


def test_order_of_the_input_does_not_matter() -> None:
    scene, order = splats(40, 0), torch.randperm(40, generator=torch.Generator().manual_seed(1))
    first, second = leaves(scene), leaves({name: value[order] for name, value in scene.items()})
    images = [draw(s, packed=packed)[0] for s, packed in ((first, True), (second, False))]
    assert torch.equal(*images)
    for image in images:
        image.square().sum().backward()
    for name in scene:
        assert torch.equal(first[name].grad[order], second[name].grad), name  # type: ignore[index]


def test_moving_world_and_camera_together_changes_nothing() -> None:
    scene = splats(30, 2)
    viewmats, Ks = camera(SIZE, SIZE)
    turn = torch.from_numpy(geometry.rotation_from_axis_angle(np.array([0.3, -0.8, 0.5])))
    moved = {**scene, "means": scene["means"] @ turn.T + torch.tensor([0.2, -1.0, 3.0])}
    turn_wxyz = geometry.wxyz_from_rotation(turn.numpy())
    unit = torch.nn.functional.normalize(scene["quats"], dim=-1).numpy()
    moved["quats"] = torch.from_numpy(geometry.multiply_wxyz(turn_wxyz, unit))
    world = torch.eye(4, dtype=torch.float64)
    world[:3, :3], world[:3, 3] = turn, torch.tensor([0.2, -1.0, 3.0])
    here = rasterization(**scene, viewmats=viewmats, Ks=Ks, width=SIZE, height=SIZE)[0]
    there = rasterization(**moved, viewmats=viewmats @ torch.linalg.inv(world), Ks=Ks, width=SIZE, height=SIZE)[0]
    assert torch.allclose(here, there, atol=1e-9)


def test_rolling_the_camera_by_a_quarter_turns_the_picture() -> None:
    scene = splats(30, 3)
    viewmats, Ks = camera(SIZE, SIZE)
    quarter = torch.eye(4, dtype=torch.float64)
    quarter[:2, :2] = torch.tensor([[0.0, 1.0], [-1.0, 0.0]])
    image = rasterization(**scene, viewmats=viewmats, Ks=Ks, width=SIZE, height=SIZE)[0]
    rolled = rasterization(**scene, viewmats=quarter @ viewmats, Ks=Ks, width=SIZE, height=SIZE)[0]
    assert torch.allclose(rolled[0], torch.rot90(image[0], 1), atol=1e-9)


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
            backend.Scene(**given_scene, Ks=Ks, sh_degree=sh_degree), s, backend.Options("RGB+D")
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
        return (backend.render(given_scene, s, backend.Options())[0] * weights).sum((1, 2, 3))

    assert float(loss(scene["means"]).max()) > 0.01
    assert torch.autograd.gradcheck(loss, (scene["means"].requires_grad_(),), eps=1e-6, atol=1e-6)


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


def test_same_bits_again_and_with_other_threads() -> None:
    scene, results = splats(300, 10, torch.float32), []
    viewmats, Ks = camera(64, 64, dtype=torch.float32)
    threads = numba.get_num_threads()
    for count in (threads, threads, 1):
        numba.set_num_threads(count)
        ours = leaves(scene)
        image, alpha, _ = rasterization(**ours, viewmats=viewmats, Ks=Ks, width=64, height=64)
        (image.square().sum() + alpha.sum()).backward()
        results.append([image.detach(), alpha.detach(), *(t.grad for t in ours.values())])
    numba.set_num_threads(threads)
    for other in results[1:]:
        assert all(torch.equal(a, b) for a, b in zip(results[0], other, strict=True))


def test_packing_and_batches_change_only_the_layout() -> None:
    scenes = [splats(20, seed) for seed in (11, 12)]
    viewmats, Ks = (t.repeat(3, 1, 1) for t in camera(SIZE, SIZE))
    viewmats[1:, 0, 3] = torch.tensor([0.4, 5.0])
    batch = {name: torch.stack([s[name] for s in scenes]) for name in scenes[0]}
    cameras = {"viewmats": viewmats.expand(2, 3, 4, 4), "Ks": Ks.expand(2, 3, 3, 3), "width": SIZE, "height": SIZE}
    packed_scene, full_scene = leaves(batch), leaves(batch)
    packed, full = rasterization(**packed_scene, **cameras), rasterization(**full_scene, **cameras, packed=False)
    for results in (packed, full):
        results[2]["means2d"].retain_grad()
        (results[0].square().sum() + results[1].sum()).backward()
    single = rasterization(**scenes[1], viewmats=viewmats[1:2], Ks=Ks[1:2], width=SIZE, height=SIZE)[0]
    assert torch.equal(packed[0], full[0]) and torch.equal(packed[0][1, 1], single[0])
    for name in batch:
        assert torch.equal(packed_scene[name].grad, full_scene[name].grad)  # type: ignore[arg-type]
    meta, whole = packed[2], full[2]
    where = meta["batch_ids"], meta["camera_ids"], meta["gaussian_ids"]
    assert whole["means2d"].shape == (2, 3, 20, 2) and meta["n_cameras"] == 3 and meta["n_batches"] == 2
    for name in ("radii", "depths", "conics", "opacities", "means2d"):
        assert torch.equal(meta[name], whole[name][where])
    assert torch.equal(meta["means2d"].grad, whole["means2d"].grad[where])


@pytest.mark.parametrize("packed", [True, False])
def test_gsplats_own_strategy_reads_our_meta(packed: bool) -> None:
    strategies = pytest.importorskip("gsplat.strategy")
    ours, (viewmats, Ks) = leaves(splats(20, 13, torch.float32)), camera(SIZE, SIZE, dtype=torch.float32)
    meta = rasterization(**ours, viewmats=viewmats, Ks=Ks, width=SIZE, height=SIZE, packed=packed, absgrad=True)
    strategy = strategies.DefaultStrategy(absgrad=True)
    state, info = strategy.initialize_state(), meta[2]
    params = torch.nn.ParameterDict({"means": torch.nn.Parameter(ours["means"].detach())})
    strategy.step_pre_backward(params, {}, state, 0, info)
    meta[0].square().sum().backward()
    assert bool((info["means2d"].absgrad >= info["means2d"].grad.abs() * 0.9999 - 1e-7).all())
    strategy._update_state(params, state, info, packed=packed)
    assert int((state["count"] > 0).sum()) == int((info["radii"] > 0).all(-1).sum())
    assert bool((state["grad2d"][state["count"] > 0] > 0).any())


def test_channels_are_independent() -> None:
    scene = splats(25, 14, torch.float32, 7)
    viewmats, Ks = camera(SIZE, SIZE, dtype=torch.float32)
    cameras = {"viewmats": viewmats, "Ks": Ks, "width": SIZE, "height": SIZE}
    image = rasterization(**scene, **cameras)[0]
    part = rasterization(**(scene | {"colors": scene["colors"][:, 4:]}), **cameras)[0]
    assert torch.equal(image[..., 4:], part)


UNSUPPORTED: list[tuple[str, Any]] = [
    ("tile_size", 8), ("sparse_grad", True), ("distributed", True), ("segmented", True), ("with_ut", True),
    ("with_eval3d", True), ("covars", torch.eye(3)), ("radial_coeffs", torch.zeros(6)), ("tangential_coeffs", torch.zeros(2)),
    ("thin_prism_coeffs", torch.zeros(4)), ("ftheta_coeffs", object()), ("viewmats_rs", torch.eye(4)),
    ("rolling_shutter", rasterize.RollingShutterType.ROLLING_TOP_TO_BOTTOM), ("camera_model", "fisheye"),
    ("channel_chunk", 0), ("sh_degree", 4), ("sh_degree", 1),
    ("backgrounds", torch.zeros(1, 4, dtype=torch.float64)), ("backgrounds", torch.zeros(1, 3)),
]  # fmt: skip


@pytest.mark.parametrize("name, value", UNSUPPORTED, ids=lambda v: v if isinstance(v, str) else "")
def test_what_is_not_supported_is_refused_by_name(name: str, value: Any) -> None:
    scene = on_axis([2.0], [0.5])
    if name == "sh_degree":
        scene["colors"] = torch.zeros(1, 3, 3, dtype=torch.float64)
    with pytest.raises(ValueError, match=name if name != "sh_degree" or value == 4 else "colors"):
        draw(scene, **{name: value})


@pytest.mark.parametrize("name", ["means", "quats", "scales", "opacities", "colors"])
@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_numbers_that_are_none_are_refused_by_name(name: str, bad: float) -> None:
    scene = on_axis([2.0, 3.0], [0.5, 0.5])
    scene[name][1] = bad
    with pytest.raises(ValueError, match=name):
        draw(scene)


@pytest.mark.parametrize("name", ["means", "quats", "scales", "opacities", "colors"])
def test_wrong_shapes_are_refused(name: str) -> None:
    scene = on_axis([2.0, 3.0], [0.5, 0.5])
    scene[name] = scene[name][:1] if name != "means" else scene[name][:, :2]
    with pytest.raises(ValueError):
        draw(scene)


@pytest.mark.parametrize("name", ["render_mode", "rasterize_mode"])
def test_unknown_modes_are_refused_by_name(name: str) -> None:
    arguments = {n: p.default for n, p in inspect.signature(rasterization).parameters.items()}
    with pytest.raises(ValueError, match=name):
        rasterize._refuse_unsupported(arguments | {name: "blurry"})


def test_cuda_goes_to_gsplat_unchanged(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also to a gsplat whose parameters differ: what it lacks must stand at its default."""
    calls: list[dict[str, Any]] = []

    def newer(means: Any, quats: Any, scales: Any, opacities: Any, colors: Any, viewmats: Any, Ks: Any, width: int, height: int,
              tile_size: Any = None, packed: bool = True) -> Any:  # fmt: skip
        calls.append(dict(locals()))
        return torch.zeros(1), torch.zeros(1), {}

    monkeypatch.setitem(sys.modules, "gsplat", SimpleNamespace(rasterization=newer, __version__="1.6.0"))
    scene: dict[str, Any] = dict.fromkeys(
        ("means", "quats", "scales", "opacities", "colors", "viewmats", "Ks"), SimpleNamespace(is_cuda=True)
    )
    arguments = {**scene, "width": 4, "height": 5, "packed": False}
    defaults = {n: p.default for n, p in inspect.signature(rasterization).parameters.items() if n not in arguments}
    rasterize._gsplat(arguments | defaults)
    assert calls[0]["packed"] is False and calls[0]["tile_size"] is None
    with pytest.raises(ValueError, match="segmented"):
        rasterize._gsplat(arguments | defaults | {"segmented": True})


def test_drawing_without_torch_is_the_same_picture() -> None:
    scene = splats(60, 15, torch.float32)
    view = geometry.camera_from_world_looking_at(np.array([0.4, 0.2, 0.0]), np.array([0.0, 0.0, 2.5]))
    shot = Camera(view, 40.0, 42.0, 17.0, 15.0, SIZE, 28)
    numbers = [scene[name].numpy() for name in ("means", "quats", "scales", "opacities", "colors")]
    image, alpha = cpu.draw(Splats(*numbers), shot, (0.2, 0.4, 0.6))
    Ks = torch.tensor([[[40.0, 0, 17.0], [0, 42.0, 15.0], [0, 0, 1]]])
    viewmats, behind = torch.from_numpy(view)[None], torch.tensor([[0.2, 0.4, 0.6]])
    expected = rasterization(**scene, viewmats=viewmats.float(), Ks=Ks, width=SIZE, height=28, backgrounds=behind)
    assert np.abs(image - expected[0][0, ..., :3].numpy()).max() < 1e-5
    assert np.abs(alpha - expected[1][0, ..., 0].numpy()).max() < 1e-5
    with pytest.raises(ValueError, match=r"splats\.scales"):
        cpu.draw(Splats(numbers[0], numbers[1], numbers[2] * np.float32(np.nan), *numbers[3:]), shot)


def test_drawing_does_not_import_torch() -> None:
    code = "import sys, facecraft4d.toolkit.splatting.cpu; sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_machine_without_compiled_kernels_is_told_so(tmp_path: Path) -> None:
    """Before the first call a fresh cache says no, afterwards yes, in the next process too."""
    (tmp_path / "tiny.py").write_text(
        "from facecraft4d.toolkit.splatting.compiling import serial\n@serial\ndef double(x):\n    return 2 * x\n"
    )
    code = "import tiny, sys\nfrom facecraft4d.toolkit.splatting.compiling import is_kept as kept\n"
    code += "print(kept(tiny.double), tiny.double(3), kept(tiny.double))"
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(tmp_path), *sys.path])}
    for before in (False, True):
        found = subprocess.run(
            [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
        )
        assert found.stdout.split() == [str(before), "6", "True"]
