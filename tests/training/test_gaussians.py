"""Splats that ride on triangles: frames, the way into the world and back, regularisers (research: GaussianAvatars)."""

import numpy as np
import pytest
import torch
from places import DATA
from training_subject import LOCAL, ellipsoid_rig, random_splats

from facecraft4d.toolkit.core.geometry import rotation_from_axis_angle, rotation_from_wxyz
from facecraft4d.toolkit.core.rigging import place_splats
from facecraft4d.toolkit.training.frames import frames_of
from facecraft4d.toolkit.training.gaussians import place, placed, position_excess, scale_excess, splat_parameters

GOLDEN = np.load(DATA / "gaussianavatars_binding.npz")


@pytest.mark.parametrize("name", ["shape", "all"])
def test_frames_and_world_transform_equal_gaussian_avatars(name):
    corners = GOLDEN[f"{name}_vertices_used"][GOLDEN["faces"]]
    frames = frames_of(torch.from_numpy(corners))
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
    frames = frames_of(torch.from_numpy(GOLDEN["degenerate_vertices"][GOLDEN["degenerate_faces"]]))
    assert all(bool(torch.isfinite(part).all()) for part in frames)
    parameters, triangles = splat_parameters(random_splats(20, len(frames.scales)), "cpu")
    world = place(parameters, triangles, frames)
    sum(part.square().sum() for part in world).backward()
    assert all(bool(torch.isfinite(part).all()) for part in world)
    assert all(bool(torch.isfinite(parameters[name].grad).all()) for name in LOCAL)


def test_frames_are_rotations():
    """Orthonormal, determinant 1, and the quaternion says the same, on any triangle with area."""
    frames = frames_of(torch.from_numpy(np.random.default_rng(3).normal(size=(200, 3, 3)).astype(np.float32)))
    identity = torch.eye(3).expand(200, 3, 3)
    torch.testing.assert_close(frames.rotations.mT @ frames.rotations, identity, atol=1e-5, rtol=0)
    torch.testing.assert_close(torch.linalg.det(frames.rotations), torch.ones(200), atol=1e-5, rtol=0)
    np.testing.assert_allclose(rotation_from_wxyz(frames.rotations_wxyz.numpy()), frames.rotations, atol=1e-5)


def test_the_way_into_the_world_can_be_undone():
    rig = ellipsoid_rig()
    frames = frames_of(torch.from_numpy(rig.vertices[rig.triangles]))
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
    frames = frames_of(torch.from_numpy(rig.vertices[rig.triangles]))
    parameters, triangles = splat_parameters(random_splats(50, len(rig.triangles)), "cpu")
    world = place(parameters, triangles, frames)

    def covariance(wxyz: torch.Tensor, sigma: torch.Tensor) -> np.ndarray:
        axes = rotation_from_wxyz(wxyz.detach().numpy()) * sigma.detach().numpy()[:, None]
        return axes @ axes.swapaxes(1, 2)

    local = covariance(parameters["rotations_wxyz"], parameters["log_scales"].exp())
    turn, scale = frames.rotations[triangles].numpy(), frames.scales[triangles, None, None].numpy()
    expected = scale**2 * (turn @ local @ turn.swapaxes(1, 2))
    np.testing.assert_allclose(covariance(world.rotations_wxyz, world.scales), expected, atol=1e-6)


def test_torch_and_numpy_place_splats_alike():
    rig = ellipsoid_rig()
    splats = random_splats(50, len(rig.triangles))
    world = place(*splat_parameters(splats, "cpu"), frames_of(torch.from_numpy(rig.vertices[rig.triangles])))
    twin = place_splats(splats, rig.vertices, rig)
    np.testing.assert_allclose(world.means.detach(), twin.means, atol=1e-6)
    np.testing.assert_allclose(world.scales.detach(), twin.scales, rtol=1e-5)
    sign = np.sign((world.rotations_wxyz.detach().numpy() * twin.rotations_wxyz).sum(1, keepdims=True))
    np.testing.assert_allclose(world.rotations_wxyz.detach().numpy() * sign, twin.rotations_wxyz, atol=1e-5)


def test_compiled_and_plain_place_splats_alike_and_so_their_gradients():
    rig = ellipsoid_rig()
    frames = frames_of(torch.from_numpy(rig.vertices[rig.triangles]))
    found = []
    for way in (place, placed):
        parameters, triangles = splat_parameters(random_splats(80, len(rig.triangles)), "cpu")
        with torch.no_grad():
            parameters["rotations_wxyz"] *= torch.linspace(0.2, 5, 80)[:, None]  # training lets go of their length
        world = way(parameters, triangles, frames)
        weights = [torch.linspace(-1, 2, part.numel()).view(part.shape) for part in world]
        sum((weight * part).sum() for weight, part in zip(weights, world, strict=True)).backward()
        found.append([*world, *(parameters[name].grad for name in LOCAL)])
    for compiled, plain in zip(*found, strict=True):
        torch.testing.assert_close(compiled, plain, atol=1e-6, rtol=1e-5)


def test_rigid_motion_and_scale_carry_over():
    rig = ellipsoid_rig()
    corners = rig.vertices[rig.triangles]
    splats = splat_parameters(random_splats(50, len(rig.triangles)), "cpu")
    turn, shift, scale = rotation_from_axis_angle(np.array([0.3, -1.2, 0.5])), np.array([0.1, 0.2, -0.3]), 1.7
    rest = place(*splats, frames_of(torch.from_numpy(corners)))
    moved = place(*splats, frames_of(torch.from_numpy((scale * corners @ turn.T + shift).astype(np.float32))))
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
