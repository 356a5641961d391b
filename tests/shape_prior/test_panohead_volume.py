"""Tri-grids and the rendering of volumes, by what is known of them without a network."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from facecraft4d.toolkit.shape_prior.panohead import volume
from facecraft4d.toolkit.shape_prior.panohead.cameras import intrinsics, label, rays, world_from_orbit
from facecraft4d.toolkit.shape_prior.panohead.volume import AXES, CROP, Sampling

SEEDS = st.integers(0, 2**16)
SAMPLING = Sampling(near=1.0, far=2.0, coarse=24, fine=24)


def ramps(side: int = 16) -> Tensor:
    """Each stack holds its own column, row and layer coordinate, in box halves, as its features."""
    centres = (torch.arange(side) + 0.5) / side * 2 - 1
    layer, row, column = torch.meshgrid(centres, centres, centres, indexing="ij")
    return torch.stack([column, row, layer])[None, None].expand(1, 3, -1, -1, -1, -1).contiguous()


@pytest.mark.slow
@given(SEEDS, st.floats(0.5, 4))
def test_each_stack_reads_the_coordinates_in_its_order(seed: int, box: float) -> None:
    inner = box / 2 * (1 - 1 / 16)
    points = (torch.rand(1, 50, 3, generator=torch.Generator().manual_seed(seed)) * 2 - 1) * inner
    found = volume.sample_grids(ramps(), points, box)
    expected = torch.stack([points[:, :, list(axes)] for axes in AXES], 1) * (2 / box)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-5)


def test_beyond_the_box_nothing_is_stored() -> None:
    outside = torch.tensor([[[0.6, 0.6, 0.6], [-0.7, 0.9, 2.0]]])
    assert not volume.sample_grids(ramps(), outside, 1.0).any()


def test_channels_run_by_stack_then_feature_then_layer() -> None:
    planes = torch.arange(18.0).view(1, 18, 1, 1).expand(-1, -1, 2, 2)
    grids = volume.as_grids(planes.contiguous(), 3)
    assert grids.shape == (1, 3, 2, 3, 2, 2)
    assert grids[0, 1, 1, 2, 0, 0] == 1 * 6 + 1 * 3 + 2


def everywhere(density: float) -> volume.Readout:
    """The same density and a feature of 1 at every point."""
    return lambda rows: (torch.full((len(rows),), density), torch.ones(len(rows), 1))


def render(
    readout: volume.Readout, directions: Tensor, sampling: Sampling = SAMPLING, **options: object
) -> volume.Rendered:
    origin = torch.tensor([[0.0, 0.0, 1.5]])
    return volume.render(ramps(), readout, origin, directions, sampling, **options)  # type: ignore[arg-type]


def fan(count: int, width: float) -> Tensor:
    """Unit directions towards the box, in the plane of x and z."""
    angles = torch.linspace(-width, width, count)
    return torch.stack([angles.sin(), torch.zeros(count), -angles.cos()], 1)[None]


@pytest.mark.slow
@given(st.floats(-3, 3))
def test_even_fog_stops_as_much_as_its_depth_says(density: float) -> None:
    """Beer and Lambert: of a ray that is followed for a length, one part in e^(density * length) passes."""
    found = render(everywhere(density), fan(1, 0.0), Sampling(near=1.11, far=1.89, coarse=200, fine=200))
    softplus = math.log1p(math.exp(density - 1))
    step = 0.78 / 199
    expected = 1 - math.exp(-softplus * 0.78)
    assert found.weight.item() == pytest.approx(expected, abs=2 * softplus * step + 1e-4)
    assert found.features.item() == pytest.approx(found.weight.item(), abs=1e-5)


def test_a_ball_is_seen_where_it_begins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(volume, "query", lambda grids, readout, points, box: _ball(points, 0.3))
    fine = Sampling(near=1.0, far=2.0, coarse=96, fine=96)
    found = render(everywhere(0.0), fan(9, 0.15), fine)
    angles = torch.linspace(-0.15, 0.15, 9)
    expected = 1.5 * angles.cos() - (0.3**2 - (1.5 * angles.sin()) ** 2).sqrt()
    torch.testing.assert_close(found.distance[0], expected, rtol=0, atol=1 / 96)
    torch.testing.assert_close(found.weight[0], torch.ones(9), rtol=0, atol=1e-3)


def _ball(points: Tensor, radius: float) -> tuple[Tensor, Tensor]:
    return torch.where(points.norm(dim=2) < radius, 1e4, -1e4), points


@pytest.mark.parametrize(("yaw", "right"), [(0.0, True), (math.pi, False)])
def test_what_stands_at_plus_x_and_plus_y_is_seen_right_and_up(
    monkeypatch: pytest.MonkeyPatch, yaw: float, right: bool
) -> None:
    """From the front; from behind it is left and up."""
    centre = torch.tensor([0.2, 0.15, 0.0])
    monkeypatch.setattr(volume, "query", lambda grids, readout, points, box: _ball(points - centre, 0.1))
    origins, directions = rays(label(world_from_orbit(yaw), intrinsics()), 32)
    weight = volume.render(ramps(), everywhere(0.0), origins, directions, Sampling()).weight.view(32, 32)
    row, column = (((torch.arange(32) + 0.5) * weight.sum(side)).sum() / weight.sum() for side in (1, 0))
    scale = 4.2647 * 32 / 2.7
    assert row.item() == pytest.approx(16 - 0.15 * scale, abs=0.2)
    assert column.item() == pytest.approx(16 + (0.2 if right else -0.2) * scale, abs=0.2)


def test_rays_beside_the_crop_meet_nothing() -> None:
    aside = torch.tensor([[[0.0, 0.0, -1.0]]])
    origin = torch.tensor([[0.5 - CROP + 0.01, 0.0, 1.5]])
    found = volume.render(ramps(), everywhere(5.0), origin, aside, SAMPLING)
    assert found.weight.item() == 0


@given(SEEDS)
def test_weights_are_shares_and_distances_lie_between_the_limits(seed: int) -> None:
    random = torch.Generator().manual_seed(seed)
    density = 4 * torch.randn(1, 7, 24, generator=random)
    distances = 1 + torch.rand(1, 7, 24, generator=random).sort(2)[0]
    weights = volume.ray_weights(density, distances)
    assert (weights >= 0).all() and (weights.sum(2) <= 1 + 1e-5).all()
    found = volume.composite(density, density[..., None], distances)
    assert (found.distance >= distances.min()).all() and (found.distance <= distances.max()).all()


@given(SEEDS)
def test_second_samples_lie_among_the_first_and_gather_where_they_weigh(seed: int) -> None:
    distances = torch.linspace(1, 2, 24).expand(1, 1, -1)
    weights = torch.zeros(1, 1, 23)
    place = seed % 19 + 2
    weights[..., place] = 1
    found = volume.fine_distances(distances, weights, 200, torch.Generator().manual_seed(seed))
    assert (found >= 1).all() and (found <= 2).all()
    near = (found - (1 + (place + 0.5) / 23)).abs() < 2 / 23
    assert near.float().mean() > 0.7


@pytest.mark.slow
@given(SEEDS)
@settings(max_examples=20)
def test_jitter_follows_from_its_seed_and_rays_do_not_know_each_other(seed: int) -> None:
    def seen(directions: Tensor, random: int | None) -> volume.Rendered:
        generator = None if random is None else torch.Generator().manual_seed(random)
        return render(everywhere(0.5), directions, random=generator)

    directions = fan(12, 0.2)
    once, again = seen(directions, seed), seen(directions, seed)
    assert all(torch.equal(a, b) for a, b in zip(once, again, strict=True))
    whole, part = seen(directions, None), seen(directions[:, 3:7], None)
    torch.testing.assert_close(whole.weight[:, 3:7], part.weight)


def test_many_rays_are_followed_some_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    directions = fan(50, 0.2)
    whole = render(everywhere(0.5), directions)
    monkeypatch.setattr(volume, "RAYS_AT_ONCE", 7)
    for a, b in zip(whole, render(everywhere(0.5), directions), strict=True):
        torch.testing.assert_close(a, b)
