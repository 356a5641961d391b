"""The rasteriser behind gsplat's call: closed forms, thresholds, symmetries, its borders."""

import inspect
import math
import sys
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from splat_scenes import CENTRE, SIZE, camera, draw, leaves, on_axis, splats, spread

from facecraft4d.toolkit.core import geometry
from facecraft4d.toolkit.splatting import rasterize
from facecraft4d.toolkit.splatting.rasterize import rasterization


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
    rasterize.through_gsplat(arguments | defaults)
    assert calls[0]["packed"] is False and calls[0]["tile_size"] is None
    with pytest.raises(ValueError, match="segmented"):
        rasterize.through_gsplat(arguments | defaults | {"segmented": True})


@pytest.mark.parametrize("mode", ["RGB", "RGB+D", "D"])
@pytest.mark.parametrize("packed", [False, True])
def test_gsplat_is_never_given_a_background_and_the_picture_has_it(
    monkeypatch: pytest.MonkeyPatch, mode: Any, packed: bool
) -> None:
    """gsplat 1.5.3 on CUDA takes backgrounds without packing alone."""

    def on_cuda(**given: Any) -> Any:
        assert "backgrounds" not in given
        return rasterization(**given)

    on_cuda.__signature__ = inspect.signature(rasterization)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "gsplat", SimpleNamespace(rasterization=on_cuda, __version__="1.5.3"))
    views, intrinsics = (each.repeat(2, *(1,) * (each.dim() - 1)) for each in camera(24, 20))
    arguments: dict[str, Any] = {
        **splats(40, seed=3), "viewmats": views, "Ks": intrinsics, "width": 24, "height": 20, "packed": packed,
        "render_mode": mode, "backgrounds": torch.tensor([[0.2, 0.4, 0.9], [1.0, 0.0, 0.5]], dtype=torch.float64),
    }  # fmt: skip
    defaults = {n: p.default for n, p in inspect.signature(rasterization).parameters.items() if n not in arguments}
    image, alpha, _ = rasterize.through_gsplat(arguments | defaults)
    wanted, wanted_alpha, _ = rasterization(**arguments)
    assert torch.allclose(image, wanted, atol=1e-6) and torch.equal(alpha, wanted_alpha)
