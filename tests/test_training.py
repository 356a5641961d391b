"""Laws of training: binding, densification, COIN, checkpoints (research: GaussianAvatars; the paper's section 3.4)."""

from dataclasses import replace
from importlib import metadata
from pathlib import Path

import numpy as np
import pytest
import torch
from training_subject import SIZE, TINY, VIEWS, ellipsoid_rig, subject

from facecraft4d.toolkit import bake, training
from facecraft4d.toolkit.config import DensifyConfig, LearningRates, LevelsConfig, Preset, TrainingConfig, preset
from facecraft4d.toolkit.core.asset import Avatar, Provenance
from facecraft4d.toolkit.core.checks import UserError
from facecraft4d.toolkit.core.datatypes import BoundSplats, Mesh, View
from facecraft4d.toolkit.core.geometry import resized_camera, rotation_from_axis_angle, rotation_from_wxyz
from facecraft4d.toolkit.core.rigging import carry_splats, pose_vertices
from facecraft4d.toolkit.face_model.parts import EYEWEAR
from facecraft4d.toolkit.meshes.raster import rasterize, sample_texture
from facecraft4d.toolkit.training import loop
from facecraft4d.toolkit.training.checkpoint import FILE_NAME
from facecraft4d.toolkit.training.coin import color_offsets
from facecraft4d.toolkit.training.densify import best_of_each, refine, survivors
from facecraft4d.toolkit.training.footage import Footage
from facecraft4d.toolkit.training.gaussians import (
    bound_splats,
    frames_of,
    place,
    position_excess,
    scale_excess,
    splat_parameters,
)
from facecraft4d.toolkit.training.initial import (
    Opening,
    allocate,
    beneath_eyewear,
    initial_splats,
    opened_colors,
    surface_points,
    unfolding,
    with_openings,
)
from facecraft4d.toolkit.training.levels import halve, level_order, reorder
from facecraft4d.toolkit.training.objective import draw, loss_terms, perceptual_term
from facecraft4d.toolkit.training.schedule import LEVELS, REFERENCE, STATIC, Sample, Schedule, anchor_views
from facecraft4d.toolkit.training.state import TrainingState

GOLDEN = np.load(Path(__file__).parent / "data" / "gaussianavatars_binding.npz")
LOCAL = ("means", "rotations_wxyz", "log_scales", "opacity_logits")
NO_LPIPS = replace(TINY, losses=replace(TINY.losses, lpips=0.0))


def quiet(progress) -> None:
    pass


@pytest.fixture(scope="module")
def scene(tmp_path_factory):
    torch.manual_seed(0)
    return subject(tmp_path_factory.mktemp("frames"))


def random_splats(count: int, triangles: int, seed: int = 0) -> BoundSplats:
    rng = np.random.default_rng(seed)
    normal = lambda *shape: rng.normal(size=shape).astype(np.float32)  # noqa: E731
    return BoundSplats(
        normal(count, 3), normal(count, 4), normal(count, 3) - 2, normal(count), normal(count, 3),
        rng.integers(0, triangles, count).astype(np.int32),
    )  # fmt: skip


def a_trainer(scene, config=NO_LPIPS, seed=0) -> loop.Trainer:
    views, frames, head = scene
    schedule = Schedule(config, seed, len(views.views), frames.view_indices, len(frames.track.expressions))
    return loop.Trainer(config, schedule, Footage(views, frames, head, "cpu"), None)


def a_state(scene, trainer) -> TrainingState:
    return loop.begin(trainer, scene[2], scene[0], "cpu")


# binding


@pytest.mark.parametrize("name", ["shape", "all"])
def test_frames_and_world_transform_equal_gaussian_avatars(name):
    corners = GOLDEN[f"{name}_vertices_used"][GOLDEN["faces"]]
    frames = frames_of(corners, "cpu")
    np.testing.assert_allclose(frames.rotations, GOLDEN[f"{name}_face_rotation"], atol=1e-6)
    np.testing.assert_allclose(frames.scales, GOLDEN[f"{name}_face_scale"][:, 0], atol=1e-6)
    np.testing.assert_allclose(frames.centroids, GOLDEN[f"{name}_face_center"], atol=1e-6)
    local = {
        "means": GOLDEN["local_xyz"], "rotations_wxyz": GOLDEN["local_rotation"],
        "log_scales": GOLDEN["local_log_scale"], "opacity_logits": GOLDEN["local_opacity_logit"][:, 0],
    }  # fmt: skip
    world = place({k: torch.from_numpy(v) for k, v in local.items()}, torch.from_numpy(GOLDEN["binding"]), frames)
    np.testing.assert_allclose(world.means, GOLDEN[f"{name}_world_xyz"], atol=1e-6)
    np.testing.assert_allclose(world.scales, GOLDEN[f"{name}_world_scale"], atol=1e-6)
    np.testing.assert_allclose(world.opacities, GOLDEN["opacity"][:, 0], atol=1e-6)
    expected = GOLDEN[f"{name}_world_rotation_wxyz"]
    sign = np.sign((world.rotations_wxyz.numpy() * expected).sum(1, keepdims=True))
    np.testing.assert_allclose(world.rotations_wxyz.numpy() * sign, expected, atol=2e-6)


def test_degenerate_triangles_stay_finite():
    """Frames, splats and their gradients on triangles without area; frames stay rotations."""
    frames = frames_of(GOLDEN["degenerate_vertices"][GOLDEN["degenerate_faces"]], "cpu")
    assert all(bool(torch.isfinite(part).all()) for part in frames)
    parameters, triangles = splat_parameters(random_splats(20, len(frames.scales)), "cpu")
    world = place(parameters, triangles, frames)
    sum(part.square().sum() for part in world).backward()
    assert all(bool(torch.isfinite(part).all()) for part in world)
    assert all(bool(torch.isfinite(parameters[name].grad).all()) for name in LOCAL)


def test_frames_are_rotations():
    """Orthonormal, determinant 1, and the quaternion says the same, on any triangle with area."""
    frames = frames_of(np.random.default_rng(3).normal(size=(200, 3, 3)).astype(np.float32), "cpu")
    identity = torch.eye(3).expand(200, 3, 3)
    torch.testing.assert_close(frames.rotations.mT @ frames.rotations, identity, atol=1e-5, rtol=0)
    torch.testing.assert_close(torch.linalg.det(frames.rotations), torch.ones(200), atol=1e-5, rtol=0)
    np.testing.assert_allclose(rotation_from_wxyz(frames.rotations_wxyz.numpy()), frames.rotations, atol=1e-5)


def test_the_way_into_the_world_can_be_undone():
    rig = ellipsoid_rig()
    frames = frames_of(rig.vertices[rig.triangles], "cpu")
    parameters, triangles = splat_parameters(random_splats(50, len(rig.triangles)), "cpu")
    world = place(parameters, triangles, frames)
    scale, turn = frames.scales[triangles, None], frames.rotations[triangles].mT
    local = (turn @ (world.means - frames.centroids[triangles])[:, :, None])[:, :, 0] / scale
    torch.testing.assert_close(local, parameters["means"], atol=1e-4, rtol=1e-4)
    torch.testing.assert_close((world.scales / scale).log(), parameters["log_scales"], atol=1e-5, rtol=1e-5)
    rotations = rotation_from_wxyz(parameters["rotations_wxyz"].detach().numpy())
    carried = rotation_from_wxyz(world.rotations_wxyz.detach().numpy())
    np.testing.assert_allclose(turn.numpy() @ carried, rotations, atol=1e-5)


def test_covariance_follows_the_triangle():
    """World covariance = scale^2 R (local covariance) R^T: the rotation that counts is the world's."""
    rig = ellipsoid_rig()
    frames = frames_of(rig.vertices[rig.triangles], "cpu")
    parameters, triangles = splat_parameters(random_splats(50, len(rig.triangles)), "cpu")
    world = place(parameters, triangles, frames)

    def covariance(wxyz: torch.Tensor, sigma: torch.Tensor) -> np.ndarray:
        axes = rotation_from_wxyz(wxyz.detach().numpy()) * sigma.detach().numpy()[:, None]
        return axes @ axes.swapaxes(1, 2)

    local = covariance(parameters["rotations_wxyz"], parameters["log_scales"].exp())
    turn, scale = frames.rotations[triangles].numpy(), frames.scales[triangles, None, None].numpy()
    expected = scale**2 * (turn @ local @ turn.swapaxes(1, 2))
    np.testing.assert_allclose(covariance(world.rotations_wxyz, world.scales), expected, atol=1e-6)


def test_torch_and_numpy_carry_splats_alike():
    rig = ellipsoid_rig()
    splats = random_splats(50, len(rig.triangles))
    world = place(*splat_parameters(splats, "cpu"), frames_of(rig.vertices[rig.triangles], "cpu"))
    twin = carry_splats(splats, rig.vertices, rig)
    np.testing.assert_allclose(world.means.detach(), twin.means, atol=1e-6)
    np.testing.assert_allclose(world.scales.detach(), twin.scales, rtol=1e-5)
    sign = np.sign((world.rotations_wxyz.detach().numpy() * twin.rotations_wxyz).sum(1, keepdims=True))
    np.testing.assert_allclose(world.rotations_wxyz.detach().numpy() * sign, twin.rotations_wxyz, atol=1e-5)


def test_rigid_motion_and_scale_carry_over():
    rig = ellipsoid_rig()
    corners = rig.vertices[rig.triangles]
    splats = splat_parameters(random_splats(50, len(rig.triangles)), "cpu")
    turn, shift, scale = rotation_from_axis_angle(np.array([0.3, -1.2, 0.5])), np.array([0.1, 0.2, -0.3]), 1.7
    rest = place(*splats, frames_of(corners, "cpu"))
    moved = place(*splats, frames_of((scale * corners @ turn.T + shift).astype(np.float32), "cpu"))
    np.testing.assert_allclose(moved.means.detach(), scale * rest.means.detach().numpy() @ turn.T + shift, atol=1e-6)
    np.testing.assert_allclose(moved.scales.detach(), scale * rest.scales.detach(), rtol=1e-4)
    rotations = [rotation_from_wxyz(world.rotations_wxyz.detach().numpy()) for world in (rest, moved)]
    np.testing.assert_allclose(rotations[1], turn @ rotations[0], atol=1e-5)


def test_regularisers_are_free_within_their_limits_and_see_only_what_is_visible():
    parameters, _ = splat_parameters(random_splats(3, 1), "cpu")
    parameters["means"].data[:] = torch.tensor([[0.5, 0, 0], [0, 3, 0], [0, 0, 9]])
    parameters["log_scales"].data[:] = torch.tensor([[0.5] * 3, [0.9, 1.0, 0.1], [5.0] * 3]).log()
    visible = torch.tensor([True, True, False])
    assert position_excess(parameters, visible, 1.0).item() == pytest.approx((0 + 2) / 2)
    assert scale_excess(parameters, visible, 0.6).item() == pytest.approx(0.5 / 2, rel=1e-5)


# the start


@pytest.mark.parametrize("count", [10, 57, 58, 5000])
def test_every_triangle_gets_its_share(count):
    weights = np.random.default_rng(1).random(57) ** 3
    counts = allocate(weights, count)
    assert counts.sum() == count
    assert counts.min() >= (count >= 57)
    assert np.abs(counts - weights / weights.sum() * count).max() <= (1 if count == 10 else 0.05 * count + 1)


def test_a_single_splat_starts_at_its_triangles_centroid(scene):
    views, _, head = scene
    splats = initial_splats(head, views, len(head.rig.triangles))
    single = np.flatnonzero(np.bincount(splats.triangles) == 1)
    assert len(single) and set(splats.triangles.tolist()) == set(range(len(head.rig.triangles)))
    np.testing.assert_allclose(splats.means[np.isin(splats.triangles, single)], 0, atol=1e-5)


def test_points_spread_evenly_inside_their_triangles():
    triangles, barycentrics = surface_points(np.array([1, 0, 300]))
    assert (np.bincount(triangles) == [1, 0, 300]).all()
    assert barycentrics.min() >= 0
    np.testing.assert_allclose(barycentrics.sum(1), 1)
    np.testing.assert_allclose(barycentrics[0], 1 / 3)
    np.testing.assert_allclose(barycentrics[1:].mean(0), 1 / 3, atol=0.01)


@pytest.mark.parametrize(("count", "error", "spill"), [(40, 0.06, 0.25), (2000, 0.02, 0.08)])
def test_the_head_looks_right_before_the_first_step(scene, count, error, spill):
    views, _, head = scene
    trainer = a_trainer(scene)
    parameters, triangles = splat_parameters(initial_splats(head, views, count), "cpu")
    for view in range(VIEWS):
        picture = trainer.footage.picture(Sample(view), SIZE)
        with torch.no_grad():
            drawn = draw(parameters, triangles, trainer.footage.posed(STATIC), picture, None)
        image = drawn.consistent + 1 - drawn.alpha
        inside = picture.mask > 0.99
        assert (((image - picture.image) ** 2) * inside).sum() / (3 * inside.sum()) < error
        assert ((1 - drawn.alpha) * inside).sum() / inside.sum() < 0.03, "holes"
        assert (drawn.alpha - picture.mask).abs().mean() < spill


@pytest.mark.parametrize("count", [40, 100, 130, 4000])
def test_what_only_another_pose_shows_gets_a_share_beside_one_splat_for_each_triangle(count):
    weights, opened = np.ones(100), np.where(np.arange(100) < 7, 2.0, 0)
    counts = with_openings(weights, count, opened)
    assert counts.sum() == count and counts.min() >= (count >= 100)
    if count > 100:
        assert counts[:7].mean() > 1.5 * counts[7:].mean() - 0.5
    np.testing.assert_array_equal(with_openings(weights, count, 0 * opened), allocate(weights, count))


def test_hidden_surfaces_start_with_the_colour_of_the_pose_that_shows_them(scene):
    views, _, head = scene
    posed = pose_vertices(head.rig, head.pose)[head.rig.triangles].astype(np.float64)
    green = np.zeros_like(views.views[0].image) + np.array([0, 1, 0], np.float32)
    opening = Opening(replace(views.views[0], image=green), posed)
    triangles, centers = np.arange(len(posed)), np.full((len(posed), 3), 1 / 3)
    colors = opened_colors((opening,), triangles, centers, np.zeros((len(posed), 3), np.float32))
    seen = opening.seen(triangles, centers)
    assert (colors[seen > 0.5, 1] > 0.9).all() and not colors[seen == 0].any()


def test_what_unfolds_is_what_another_pose_shows_several_times_as_large(scene):
    views, _, head = scene
    posed = pose_vertices(head.rig, head.pose)[head.rig.triangles].astype(np.float64)
    opening = Opening(views.views[0], posed)
    seen = opening.seen(np.arange(len(posed)), np.full((len(posed), 3), 1 / 3))
    for folded, expected in ((posed, seen < 0), (posed * [1, 0.3, 1], seen > 0)):
        unfolded, widest = unfolding((opening,), folded, np.ones(len(posed)))
        np.testing.assert_array_equal(unfolded > 0, expected & (unfolded > 0))
        np.testing.assert_array_equal(widest[unfolded > 0], posed[unfolded > 0])
        np.testing.assert_array_equal(widest[unfolded == 0], folded[unfolded == 0])
    assert (unfolded > 0).any()
    hidden, _ = unfolding((opening,), posed, np.zeros(len(posed)))
    np.testing.assert_array_equal(hidden > 0, seen > 0)


def test_below_eyewear_splats_start_with_what_a_blink_shows(scene):
    views, _, head = scene
    camera = resized_camera(views.views[0].camera, 400, 400)
    blue = np.tile(np.array([0, 0, 1], np.float32), (400, 400, 1))
    posed = pose_vertices(head.rig, head.pose)
    seen = Opening(views.views[0], posed[head.rig.triangles].astype(np.float64)).seen(
        np.arange(len(head.rig.triangles)), np.full((len(head.rig.triangles), 3), 1 / 3)
    )
    worn = int(seen.argmax())
    copied = len(posed) + np.arange(3)
    rig = replace(
        head.rig,
        vertices=np.concatenate([head.rig.vertices, posed[head.rig.triangles[worn]]]),
        triangles=np.concatenate([head.rig.triangles, copied[None]]).astype(np.int32),
        triangle_regions=np.append(head.rig.triangle_regions, np.uint8(len(head.rig.region_names))),
        region_names=(*head.rig.region_names, EYEWEAR),
        expression_deltas=np.pad(head.rig.expression_deltas, ((0, 0), (0, 3), (0, 0))),
        skin_weights=np.concatenate([head.rig.skin_weights, head.rig.skin_weights[head.rig.triangles[worn]]]),
    )
    corners = pose_vertices(rig, head.pose)[rig.triangles].astype(np.float64)
    np.testing.assert_array_equal(np.flatnonzero(beneath_eyewear(rig, corners)), [worn])
    uvs = np.concatenate([head.mesh.corner_uvs, head.mesh.corner_uvs[worn][None]])
    mesh = Mesh(rig.vertices, rig.triangles, uvs, head.mesh.texture)
    depth = rasterize(camera, posed, head.rig.triangles).depth
    opening = Opening(View(camera, blue, np.ones((400, 400), np.float32), depth), corners)
    splats = initial_splats(replace(head, rig=rig, mesh=mesh), views, 4 * len(rig.triangles), (opening,))
    assert (splats.colors[splats.triangles == worn, 2] > 0.9).all(), "the opening's blue"
    on_top = splats.colors[splats.triangles == len(rig.triangles) - 1]
    own = sample_texture(head.mesh.texture, head.mesh.corner_uvs[worn].mean(0)[None])[0]
    np.testing.assert_allclose(on_top.mean(0), own, atol=0.1)


# densification


def refined(
    config: DensifyConfig, budget: int, opacity_logit: float = 2.0, size: float = 1.0, worth: torch.Tensor | None = None
) -> tuple[TrainingState, TrainingState]:
    """300 random splats before and after a round on a head of that size."""
    rig = ellipsoid_rig()
    frames = frames_of(size * rig.vertices[rig.triangles], "cpu")
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


def resetting(**options) -> list[int]:
    config = replace(TINY, static_iterations=500, coin_iterations=500, densify=DensifyConfig(**options))
    schedule = Schedule(config, 0, 4, (0,), 3)
    return [step for step in range(schedule.total) if schedule.resets(step)]


def test_opacities_are_reset_at_exactly_these_steps():
    assert resetting(end_share=0.9) == []
    assert resetting(end_share=0.9, reset_every=100) == [100, 200, 300, 400], "not at 0, not under COIN"
    assert resetting(end_share=0.3, reset_every=100) == [100, 200], "not after densification"
    paper = preset(Preset.PAPER).training
    schedule = Schedule(paper, 0, 24, (0,), 3)
    assert [s for s in range(0, schedule.total, 500) if schedule.resets(s)] == list(range(3000, 30_000, 3000))


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


# levels of detail


def test_every_prefix_takes_from_each_cell_its_share_of_what_shows():
    rng = np.random.default_rng(0)
    points = torch.from_numpy(rng.random((4000, 3)).astype(np.float32))
    worth = torch.from_numpy(rng.random(4000).astype(np.float32)) * (0.2 + points[:, 0])
    order = level_order(worth, points, 0.25)
    assert torch.equal(order.sort().values, torch.arange(4000))
    cells = (points / 0.25).floor().long() @ torch.tensor([16, 4, 1])
    total = torch.zeros(64).index_add_(0, cells, worth)
    for count in (500, 1000):
        taken = torch.bincount(cells[order[:count]], minlength=64)
        assert (taken - total / total.sum() * count).abs().max() < 1.5
    for cell in (0, 17, 63):
        inside = order[cells[order] == cell]
        assert (worth[inside].diff() <= 0).all()


def test_levels_follow_the_whole():
    config = replace(TINY, static_iterations=20, coin_iterations=40, resolution=64, coarse_resolution=32)
    single = Schedule(config, 0, 24, (0, 3, 5), 9, triangles=1000)
    schedule = replace(single, config=replace(config, levels=LevelsConfig(iterations=10)))
    assert (single.total, schedule.total) == (60, 60 + 10 * LEVELS)
    assert [step for step in range(100) if schedule.begins_level(step)] == [60, 70, 80]
    assert not any(single.begins_level(step) for step in range(100))
    for step in range(60):
        assert schedule.rate_factor(step) == single.rate_factor(step) and schedule.refines(step) == single.refines(step)
        assert schedule.rates(step, 10) == config.rates
    factors = [schedule.rate_factor(step) for step in range(60, 90)]
    assert factors[:10] == factors[10:20] == factors[20:] and (factors[0], factors[9]) == (1, config.rates.final)
    assert schedule.resolution(59) == 64 and schedule.resolution(60) == 32
    rates = schedule.rates(60, 250)
    assert (rates.coin, rates.gaussian_embeddings, rates.colors) == (0, 0, config.rates.colors)
    assert rates.means == 2 * config.rates.means  # each splat stands for four triangles


LEVELED = replace(NO_LPIPS, splats=400, levels=LevelsConfig(iterations=3))


def test_a_level_starts_as_the_avatar_draws_it(scene):
    """halve() keeps what Avatar.level shows, puts the whole aside unchanged, and later orders reach every level."""
    state = a_state(scene, a_trainer(scene))
    before = Avatar(scene[2].rig, bound_splats(state.parameters, state.triangles), Provenance())
    state.first_moments["means"] = torch.ones_like(state.parameters["means"])
    halve(state)
    half = len(before.splats.means) // 2
    after, level = bound_splats(state.parameters, state.triangles), before.level(half).splats
    for name in LOCAL:
        np.testing.assert_allclose(getattr(after, name), getattr(level, name), atol=1e-6)
    assert state.first_moments["means"].eq(0).all() and state.parameters["means"].requires_grad
    whole = bound_splats(state.larger[0], state.larger[0]["triangles"])
    np.testing.assert_array_equal(whole.log_scales, before.splats.log_scales)
    backwards = torch.arange(half - 1, -1, -1)
    reorder(state, backwards)
    np.testing.assert_array_equal(state.triangles, after.triangles[::-1])
    moved = bound_splats(state.larger[0], state.larger[0]["triangles"])
    np.testing.assert_array_equal(moved.means[:half], whole.means[half - 1 :: -1])
    np.testing.assert_array_equal(moved.means[half:], whole.means[half:])


def test_levels_leave_the_whole_as_it_is(scene, tmp_path):
    """The same splats and network as without levels; every level is the first half of the one before, and other than it."""
    plain = training.run(*scene, replace(LEVELED, levels=LevelsConfig()), 0, "cpu", tmp_path / "plain", quiet)
    trained = training.run(*scene, LEVELED, 0, "cpu", tmp_path / "levels", quiet)
    assert plain.levels == () and len(trained.levels) == LEVELS

    def sorted_rows(head) -> np.ndarray:
        rows = np.concatenate([head.splats.means, head.splats.colors, head.coin.gaussian_embeddings], 1)
        return rows[np.lexsort(rows.T)]

    np.testing.assert_array_equal(sorted_rows(plain), sorted_rows(trained))
    np.testing.assert_array_equal(plain.coin.offset_from_hidden, trained.coin.offset_from_hidden)
    avatar = bake.run(trained, scene[2], Provenance())
    larger = avatar.splats
    for level in avatar.levels:
        count = len(larger.means) // 2
        assert np.array_equal(level.triangles, larger.triangles[:count])
        assert (level.colors != larger.colors[:count]).any() and (level.means != larger.means[:count]).any()
        larger = level


def test_a_tuned_level_is_nearer_than_a_plain_prefix(scene, tmp_path):
    config = replace(LEVELED, static_iterations=60, coin_iterations=40, levels=LevelsConfig(iterations=100))
    avatar = bake.run(training.run(*scene, config, 0, "cpu", tmp_path, quiet), scene[2], Provenance())
    plain = replace(avatar, levels=())
    for level in avatar.levels:
        count = len(level.means)
        assert mean_error(scene, avatar.level(count).splats) < 0.85 * mean_error(scene, plain.level(count).splats)


def test_the_budget_grows_to_the_cap():
    schedule = Schedule(
        replace(TINY, static_iterations=600, coin_iterations=600, densify=DensifyConfig()), 0, 4, (0,), 3
    )
    rounds = [schedule.budget(step) for step in range(schedule.total) if schedule.refines(step)]
    assert rounds == sorted(rounds) and rounds[-1] == TINY.splats and rounds[0] > schedule.start_count


@pytest.mark.parametrize(("triangles", "start"), [(10, 280), (350, 370), (9000, 400)])
def test_training_starts_with_a_splat_on_each_triangle_where_the_cap_allows(triangles, start):
    assert Schedule(TINY, 0, 4, (0,), 3, triangles).start_count == start


# the schedule


def test_samples_keep_the_back_and_favour_the_photograph():
    config = replace(TINY, static_iterations=2000, coin_iterations=4000)
    schedule = Schedule(config, 0, 24, (0, 3, 5), 9)
    static = [schedule.sample(step) for step in range(2000)]
    coin = [schedule.sample(step) for step in range(2000, 6000)]
    assert {s.camera for s in static} == {STATIC}
    assert {s.view for s in coin if s.camera == STATIC} == set(range(24))
    assert {s.frame for s in coin} == {STATIC, *range(9)} and {s.view for s in coin if s.frame >= 0} == {0, 3, 5}
    assert np.mean([s == REFERENCE for s in coin]) == pytest.approx(0.25, abs=0.03)
    assert np.mean([s.frame >= 0 for s in coin]) == pytest.approx(0.5, abs=0.03)


def test_openings_are_seen_in_both_stages():
    config = replace(TINY, static_iterations=2000, coin_iterations=2000, opening_share=0.2)
    schedule = Schedule(config, 0, 24, (0, 3, 5), 9, openings=(2, 7))
    static, coin = ([schedule.sample(step) for step in range(first, first + 2000)] for first in (0, 2000))
    assert {s.frame for s in static} == {STATIC, 2, 7} and {s.view for s in static if s.frame >= 0} == {0, 3, 5}
    assert np.mean([s.frame >= 0 for s in static]) == pytest.approx(0.2, abs=0.03)
    assert {s.frame for s in coin} == {STATIC, *range(9)}
    others = 0.55 - config.static_share
    assert np.mean([s.frame in (2, 7) for s in coin]) == pytest.approx(0.2 + others * 2 / 9, abs=0.03)


# descent


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


def test_a_splat_is_worth_what_the_picture_that_shows_it_most_shows(scene):
    trainer = a_trainer(scene)
    state = a_state(scene, trainer)
    usual = loop.contributions(trainer, state)
    opening = replace(trainer, schedule=replace(trainer.schedule, openings=(1,)))
    torch.testing.assert_close(loop.contributions(opening, state), usual, msg="frame 1 is among all frames")
    shown = loop.shown(trainer, state, Sample(0, 0, 1), trainer.config.coarse_resolution)
    assert (loop.contributions(opening, state, 1000) >= shown).all() and (usual >= shown).all()


# COIN


def test_a_fresh_network_changes_nothing(scene):
    trainer = a_trainer(scene)
    state = a_state(scene, trainer)
    picture = trainer.footage.picture(Sample(2), SIZE)
    drawn = draw(state.parameters, state.triangles, trainer.footage.posed(STATIC), picture, 2)
    assert torch.equal(drawn.consistent, drawn.combined)


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


def test_views_beside_the_anchors_shape_the_consistent_model_less():
    schedule = Schedule(replace(TINY, consistent_share=0.2), 0, 24, (0, 3, 5), 9, anchors=(0, 7))
    first = TINY.static_iterations
    assert schedule.consistent_share(first, Sample(3)) == schedule.consistent_share(first, Sample(5, 2, 4)) == 0.2
    for anchor in (REFERENCE, Sample(0, 0, 4), Sample(7)):
        assert schedule.consistent_share(first, anchor) == 1
    assert schedule.consistent_share(first - 1, Sample(3)) == 1  # the static stage shapes the head
    assert schedule.consistent_share(schedule.whole, Sample(3)) == 1  # so do levels
    plain = replace(schedule, config=replace(TINY, rates=replace(TINY.rates, coin=0.0), consistent_share=0.2))
    assert plain.consistent_share(first, Sample(3)) == 1


def test_anchors_divide_the_circle():
    orbit = tuple(15.0 * index for index in range(24))
    assert anchor_views(orbit, 1) == (0,)
    assert anchor_views(orbit, 4) == (0, 6, 12, 18)
    assert anchor_views(orbit, 5) == (0, 5, 10, 14, 19)
    assert anchor_views(orbit, 24) == tuple(range(24))
    turned = [30.0 + yaw for yaw in orbit]
    assert anchor_views(turned, 5) == anchor_views(orbit, 5)
    order = np.random.default_rng(0).permutation(23) + 1
    mixed = [0.0, *(orbit[index] for index in order)]
    assert {mixed[index] for index in anchor_views(mixed, 5)} == {orbit[index] for index in anchor_views(orbit, 5)}
    assert anchor_views((0.0, 20.0), 5) == (0, 1)  # fewer views than directions


def test_an_offset_costs_what_it_costs_in_the_picture(scene):
    """The same offset on every splat costs as much as the same difference all over the head does as L1."""
    trainer = a_trainer(scene)
    state = a_state(scene, trainer)
    state.parameters["offset_bias"].data.fill_(-0.2)
    picture = trainer.footage.picture(REFERENCE, SIZE)
    drawn = draw(state.parameters, state.triangles, trainer.footage.posed(STATIC), picture, 0)
    terms = loss_terms(drawn, picture, state.parameters, trainer.config.losses, torch.ones(3))
    assert float(terms["offset"].detach()) == pytest.approx(float((0.2 * picture.mask).mean()), rel=1e-4)


def test_a_large_offset_weight_drives_offsets_to_zero(scene):
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
        trained = training.run(*tinted(scene, seed), chosen, seed, "cpu", tmp_path, quiet)
        baked = bake.run(trained, scene[2], Provenance())
        parameters = splat_parameters(baked.splats, "cpu")
        footage = Footage(*scene, "cpu")
        picture = footage.picture(REFERENCE, SIZE)
        with torch.no_grad():
            drawn = draw(*parameters, footage.posed(STATIC), picture, None)
        inside = picture.mask * drawn.alpha > 0.95
        errors[rate > 0] = float(((drawn.consistent - picture.image).abs() * inside).sum() / (3 * inside.sum()))
    assert errors[True] < 0.85 * errors[False], errors


def test_without_a_rate_the_network_is_left_out(scene, tmp_path):
    config = replace(NO_LPIPS, rates=replace(NO_LPIPS.rates, coin=0.0))
    trained = training.run(*scene, config, 0, "cpu", tmp_path, quiet)
    assert "offset" not in trained.losses
    assert not bake.color_offsets(trained.coin, trained.splats.colors, 0).any()


def test_the_pixel_difference_can_be_chosen(scene, tmp_path):
    config = replace(NO_LPIPS, static_iterations=2, coin_iterations=0)
    trained = training.run(
        *scene, config, 0, "cpu", tmp_path, quiet, lambda first, second: 0 * (first - second).sum() + 7
    )
    assert trained.losses["l1"].tolist() == [7.0]


# the loop


def arrays_of(trained) -> dict[str, np.ndarray]:
    found = {f"splats.{n}": getattr(trained.splats, n) for n in trained.splats.__slots__}
    found |= {f"coin.{n}": getattr(trained.coin, n) for n in trained.coin.__slots__}
    return found | {f"loss.{n}": c for n, c in trained.losses.items()}


def assert_same(one, other) -> None:
    first, second = arrays_of(one), arrays_of(other)
    assert first.keys() == second.keys()
    for name in first:
        np.testing.assert_array_equal(first[name], second[name], err_msg=name)


class KilledError(Exception):
    pass


def test_training_repeats_and_resumes_bit_for_bit(scene, tmp_path):
    config = replace(NO_LPIPS, checkpoint_every=4, levels=LevelsConfig(iterations=2))
    whole = training.run(*scene, config, 7, "cpu", tmp_path / "whole", quiet)
    again = training.run(*scene, config, 7, "cpu", tmp_path / "again", quiet)
    assert_same(whole, again)
    for _ in range(3):  # in the static stage, under COIN, in a level
        with pytest.raises(KilledError), pytest.MonkeyPatch.context() as patch:
            calls = iter(range(100))
            real = loop.train_step

            def dying(trainer, state, calls=calls, real=real):
                if next(calls) == 5:
                    raise KilledError
                return real(trainer, state)

            patch.setattr(loop, "train_step", dying)
            training.run(*scene, config, 7, "cpu", tmp_path / "killed", quiet)
    assert_same(whole, training.run(*scene, config, 7, "cpu", tmp_path / "killed", quiet))


def test_a_foreign_or_damaged_checkpoint_is_not_taken_up(scene, tmp_path):
    config = replace(NO_LPIPS, static_iterations=3, coin_iterations=2, checkpoint_every=2)
    fresh = training.run(*scene, config, 1, "cpu", tmp_path / "a", quiet)
    training.run(*scene, config, 2, "cpu", tmp_path / "b", quiet)
    assert (tmp_path / "b" / FILE_NAME).exists()
    assert_same(fresh, training.run(*scene, config, 1, "cpu", tmp_path / "b", quiet))
    (tmp_path / "b" / FILE_NAME).write_bytes(b"half a file")
    assert_same(fresh, training.run(*scene, config, 1, "cpu", tmp_path / "b", quiet))


def mean_error(scene, splats: BoundSplats) -> float:
    """Mean squared error over all static views, on white."""
    footage, errors = Footage(*scene, "cpu"), []
    for view in range(VIEWS):
        picture = footage.picture(Sample(view), SIZE)
        with torch.no_grad():
            drawn = draw(*splat_parameters(splats, "cpu"), footage.posed(STATIC), picture, None)
        errors.append(float(((drawn.consistent + 1 - drawn.alpha - picture.image) ** 2).mean()))
    return float(np.mean(errors))


def test_training_brings_the_picture_nearer(scene, tmp_path):
    config = replace(
        NO_LPIPS, static_iterations=20, coin_iterations=20, fine_share=0.0, densify=DensifyConfig(begin=5, every=10),
        rates=replace(NO_LPIPS.rates, colors=0.02),
    )  # fmt: skip
    told = []
    trained = training.run(*scene, config, 0, "cpu", tmp_path, told.append)
    before = initial_splats(scene[2], scene[0], Schedule(config, 0, VIEWS, (), 0).start_count)
    assert mean_error(scene, trained.splats) < 0.8 * mean_error(scene, before)
    assert len(trained.splats.triangles) == len(trained.coin.gaussian_embeddings)
    assert len(trained.splats.triangles) <= config.splats
    assert set(range(len(scene[2].rig.triangles))) == set(trained.splats.triangles.tolist())
    assert trained.coin.view_embeddings.shape == (VIEWS, config.view_embedding)
    assert told[-1].step == told[-1].total == 40
    assert np.isnan(trained.losses["offset"][0]) and np.isfinite(trained.losses["offset"][-1])


def test_a_missing_frame_is_named(scene, tmp_path):
    views, frames, head = scene
    footage = Footage(views, replace(frames, folder=tmp_path), head, "cpu")
    with pytest.raises(UserError, match=r"frame_0001\.png"):
        footage.picture(Sample(0, 0, 1), SIZE)
