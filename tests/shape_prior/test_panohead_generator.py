"""The generator as its users meet it, narrow and filled by rule: what a picture depends on, and what gradients reach."""

import math

import numpy as np
import pytest
import torch
from panohead_cases import NARROW, rule, ruled
from torch import Tensor

from facecraft4d.toolkit.shape_prior.panohead import generator as room
from facecraft4d.toolkit.shape_prior.panohead.cameras import intrinsics, label, moved, world_from_orbit
from facecraft4d.toolkit.shape_prior.panohead.generator import Generator

SIDE = 16
FRONTAL = label(world_from_orbit(0.0), intrinsics())


@pytest.fixture(scope="module")
def narrow() -> Generator:
    return ruled(NARROW)


@pytest.fixture(scope="module")
def z() -> Tensor:
    return torch.from_numpy(rule("z", 1, (1, NARROW.z_size)).astype(np.float32))


@pytest.fixture(scope="module")
def ws(narrow: Generator, z: Tensor) -> Tensor:
    return narrow.mapping(z, FRONTAL)


@pytest.mark.slow
def test_what_is_seen_lies_in_its_ranges_from_all_around(narrow: Generator, ws: Tensor) -> None:
    grids, background = narrow.grids(ws), narrow.background(ws)
    for step in range(6):
        c = label(world_from_orbit(math.radians(60 * step)), intrinsics())
        seen = narrow.picture(grids, background, ws, c, SIDE)
        assert seen.image.shape == (1, 3, 64, 64) and seen.raw.shape == (1, 3, SIDE, SIDE)
        assert (seen.mask >= -0.001).all() and (seen.mask <= 1.001 + 1e-5).all()
        step_length = (NARROW.sampling.far - NARROW.sampling.near) / (NARROW.sampling.coarse - 1)
        assert (seen.distance >= NARROW.sampling.near).all()
        assert (seen.distance <= NARROW.sampling.far + step_length).all()


@pytest.mark.slow
def test_planes_made_once_show_what_a_whole_synthesis_shows(narrow: Generator, ws: Tensor) -> None:
    whole = narrow.synthesis(ws, FRONTAL, SIDE)
    parts = narrow.picture(narrow.grids(ws), narrow.background(ws), ws, FRONTAL, SIDE)
    assert all(torch.equal(a, b) for a, b in zip(whole, parts, strict=True))


@pytest.mark.slow
def test_heads_of_a_batch_do_not_know_each_other(narrow: Generator, z: Tensor) -> None:
    several = torch.cat([z, -z, z.flip(1)])
    cameras = torch.cat([label(world_from_orbit(yaw), intrinsics()) for yaw in (0.0, 1.0, -2.0)])
    together = narrow.synthesis(narrow.mapping(several, cameras), cameras, SIDE)
    for index in range(3):
        one = slice(index, index + 1)
        alone = narrow.synthesis(narrow.mapping(several[one], cameras[one]), cameras[one], SIDE)
        torch.testing.assert_close(together.raw[one], alone.raw, rtol=1e-4, atol=1e-4)
        torch.testing.assert_close(together.mask[one], alone.mask, rtol=0, atol=1e-4)


@pytest.mark.slow
def test_a_latent_moves_the_camera_it_is_drawn_from_and_not_the_one_it_is_told(narrow: Generator, z: Tensor) -> None:
    found = narrow(z, FRONTAL)
    expected = narrow.synthesis(narrow.mapping(z, FRONTAL), moved(FRONTAL, narrow.translation(z, FRONTAL)))
    assert torch.equal(found.image, expected.image)


def test_truncation_draws_towards_the_mean(narrow: Generator, z: Tensor, ws: Tensor) -> None:
    mean = narrow.mapping(z, FRONTAL, truncation=0.0)
    torch.testing.assert_close(mean, narrow.w_avg.expand_as(mean))
    some = narrow.mapping(z, FRONTAL, truncation=0.0, cutoff=3)
    assert torch.equal(some[:, 3:], ws[:, 3:])
    torch.testing.assert_close(some[:, :3], mean[:, :3])


@pytest.mark.slow
def test_noise_is_stored_and_can_be_left_out(narrow: Generator, ws: Tensor) -> None:
    with_noise, without = narrow.grids(ws), narrow.grids(ws, noise=False)
    assert torch.equal(with_noise, narrow.grids(ws))
    assert not torch.allclose(with_noise, without)


@pytest.mark.slow
def test_gradients_reach_every_row_of_style_and_every_weight_that_is_used(z: Tensor) -> None:
    tuned = ruled(NARROW).requires_grad_(True)
    rows = tuned.mapping(z, FRONTAL).detach().requires_grad_()
    tuned.synthesis(rows, FRONTAL, SIDE).image.square().mean().backward()
    assert rows.grad is not None and (rows.grad.abs().sum(2) > 0).all()
    reached = {name.split(".")[0] for name, each in tuned.named_parameters() if each.grad is not None}
    assert reached == {"backbone", "superresolution", "decoder", "torgb", "bcg_synthesis"}
    asked = {name for name, each in tuned.named_parameters() if each.grad is None}
    assert all(name.startswith(("backbone.mapping.", "t_mapping.")) or "noise_strength" in name for name in asked)


def test_density_is_asked_for_some_at_a_time(narrow: Generator, ws: Tensor, monkeypatch: pytest.MonkeyPatch) -> None:
    grids = narrow.grids(ws)
    points = torch.rand(1, 101, 3, generator=torch.Generator().manual_seed(0)) - 0.5
    whole = narrow.density(grids, points)
    monkeypatch.setattr(room, "POINTS_AT_ONCE", 10)
    torch.testing.assert_close(narrow.density(grids, points), whole)
    assert (whole[(points[:, :, [0, 2]].abs() > 0.4).any(2)] == -1000).all()
