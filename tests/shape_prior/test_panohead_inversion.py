"""Inversion and pivotal tuning, with a narrow generator of random weights that can show the portrait: at rows w*, of which nobody is told."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from panohead_cases import NARROW, rule, ruled
from stand_in_stages import Killed
from torch import Tensor

from facecraft4d.toolkit.config import LatentSpace, PanoHeadConfig
from facecraft4d.toolkit.core.checks import UserError
from facecraft4d.toolkit.losses import Lpips, Trunk, lpips
from facecraft4d.toolkit.repeatable import repeatable
from facecraft4d.toolkit.shape_prior.panohead import inversion, tuning
from facecraft4d.toolkit.shape_prior.panohead.cameras import (
    intrinsics,
    label,
    moved,
    orbited,
    world_from_orbit,
)
from facecraft4d.toolkit.shape_prior.panohead.descent import Course, Descent
from facecraft4d.toolkit.shape_prior.panohead.generator import Generator
from facecraft4d.toolkit.shape_prior.panohead.inversion import Inverted, invert, mean_latent, near_sampling
from facecraft4d.toolkit.shape_prior.panohead.likeness import COMPARED_SIDE, Likeness

STEPS, TUNING = 14, 4
CONFIG = PanoHeadConfig(
    space=LatentSpace.W, inversion_steps=STEPS, camera_steps=0, tuning_steps=TUNING, tuning_stop=0.0
)
FADED = 0.05
"""Times the weights of the layers that make colours: with random ones colours would lie far beyond 0 to 1."""
SEED = 3


class Sought(NamedTuple):
    """A generator, the camera, and what is to be found."""

    generator: Generator
    labels: Tensor
    row: Tensor
    likeness: Likeness


@pytest.fixture(scope="module", autouse=True)
def fixed_order() -> Iterator[None]:
    with repeatable():
        yield


@pytest.fixture(scope="module")
def sought() -> Sought:
    generator = ruled(replace(NARROW, rays=16))
    sr = generator.superresolution
    with torch.no_grad():
        for layer in (generator.torgb, sr.block0.torgb, sr.block1.torgb):
            layer.weight.mul_(FADED)
        labels = label(world_from_orbit(0.3), intrinsics())
        mean = mean_latent(generator, labels, SEED)
        drawn = generator.mapping(torch.from_numpy(rule("z", 0, (1, NARROW.z_size)).astype(np.float32)), labels)
        row = mean.row.lerp(drawn[0, 0], 0.6)
        camera = moved(labels, generator.translation(mean.z, labels))
        target = generator.synthesis(row.expand(1, generator.ws_count, -1), camera, sampling=near_sampling(generator))
    return Sought(generator, labels, row, Likeness((target.image + 1) / 2, lpips(Trunk.VGG16)))


def silent(*told: object) -> None:
    pass


def inverted(sought: Sought, folder: Path, config: PanoHeadConfig = CONFIG, tell=silent, say=silent) -> Inverted:
    return invert(sought.generator, sought.likeness, sought.labels, config, Course(SEED, folder, tell, say))


def tuned(sought: Sought, pivot: Inverted, folder: Path, config: PanoHeadConfig = CONFIG, tell=silent) -> Generator:
    return tuning.tune(sought.generator, sought.likeness, pivot, config, Course(SEED, folder, tell, silent))[0]


@pytest.fixture(scope="module")
def found(sought: Sought, tmp_path_factory: pytest.TempPathFactory) -> Inverted:
    return inverted(sought, tmp_path_factory.mktemp("whole"))


def dies_after(steps: int):
    def tell(step: int, message: str, losses: dict[str, float]) -> None:
        if step == steps:
            raise Killed

    return tell


@pytest.mark.slow
def test_the_loss_falls_and_the_rows_come_nearer(sought: Sought, found: Inverted) -> None:
    like = np.add(found.losses["square"], found.losses["perceptual"])
    assert like[-3:].mean() < 0.4 * like[0]
    mean = mean_latent(sought.generator, sought.labels, SEED)
    assert (found.rows[0, 0] - sought.row).norm() < 0.8 * (mean.row - sought.row).norm()
    assert torch.equal(found.rows, found.rows[:, :1].expand_as(found.rows)), "one row for all in w"


@pytest.mark.slow
def test_killed_and_taken_up_it_finds_the_same_bytes(
    sought: Sought, found: Inverted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inversion, "KEPT_EVERY", 4)
    with pytest.raises(Killed):
        inverted(sought, tmp_path, tell=dies_after(10))
    steps: list[int] = []
    again = inverted(sought, tmp_path, tell=lambda step, *_: steps.append(step))
    assert steps == list(range(9, STEPS + 1)), "from the last file on"
    assert torch.equal(again.rows, found.rows) and torch.equal(again.labels, found.labels)
    assert again.losses == found.losses
    assert not inverted(sought, tmp_path, tell=dies_after(STEPS)).losses.keys() ^ found.losses.keys(), "finished"


@pytest.mark.slow
def test_only_the_first_steps_turn_the_camera(sought: Sought, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    still = inverted(sought, tmp_path / "still", replace(CONFIG, inversion_steps=1))
    assert torch.equal(still.labels, moved(sought.labels, still.translation))
    config = replace(CONFIG, inversion_steps=3, camera_steps=2)
    monkeypatch.setattr(inversion, "KEPT_EVERY", 1)
    turns: list[Tensor] = []
    save = Descent.save

    def kept(self: Descent, path: Path) -> None:
        turns.append(self.tensors["turn"].detach().clone())
        save(self, path)

    monkeypatch.setattr(Descent, "save", kept)
    turned = inverted(sought, tmp_path / "turned", config)
    assert turns[0].abs().sum() == 0, "the rate begins at nothing"
    assert turns[1].abs().min() > 0 and torch.equal(turns[1], turns[2])
    expected = moved(orbited(sought.labels, turns[2][0], turns[2][1]), turned.translation)
    torch.testing.assert_close(turned.labels, expected, rtol=0, atol=0)
    assert turned.rows.shape == still.rows.shape


@pytest.mark.slow
def test_in_w_plus_every_layer_has_its_own_row(sought: Sought, tmp_path: Path) -> None:
    found = inverted(sought, tmp_path, replace(CONFIG, space=LatentSpace.W_PLUS, inversion_steps=2))
    assert not torch.equal(found.rows, found.rows[:, :1].expand_as(found.rows))


@pytest.mark.slow
def test_tuning_leaves_the_pivot_and_the_generator_and_comes_nearer(
    sought: Sought, found: Inverted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = {name: each.clone() for name, each in sought.generator.state_dict().items()}
    rows, heard = found.rows.clone(), []
    result = tuned(sought, found, tmp_path / "whole", tell=lambda step, message, losses: heard.append(losses))
    assert torch.equal(found.rows, rows)
    assert all(torch.equal(value, before[name]) for name, value in sought.generator.state_dict().items())
    assert not any(each.requires_grad for each in (*sought.generator.parameters(), *result.parameters()))
    assert sum(heard[-1].values()) < 0.95 * sum(heard[0].values())
    assert all(torch.equal(value, before[name]) for name, value in result.named_buffers()), "noise is not tuned"
    monkeypatch.setattr(tuning, "KEPT_EVERY", 2)
    with pytest.raises(Killed):
        tuned(sought, found, tmp_path / "killed", tell=dies_after(3))
    again = tuned(sought, found, tmp_path / "killed")
    other = again.state_dict()
    assert all(torch.equal(value, other[name]) for name, value in result.state_dict().items()), "the same bytes"


@pytest.mark.slow
def test_tuning_stops_where_it_is_like_enough(sought: Sought, found: Inverted, tmp_path: Path) -> None:
    result = tuned(sought, found, tmp_path, replace(CONFIG, tuning_stop=1.0), tell=dies_after(1))
    assert all(torch.equal(a, b) for a, b in zip(result.parameters(), sought.generator.parameters(), strict=True))


@pytest.mark.slow
def test_a_loss_that_is_no_number_is_named(sought: Sought, tmp_path: Path) -> None:
    broken = replace_weights(sought.generator)
    with pytest.raises(FloatingPointError, match="is nan at step 0"):
        inverted(sought._replace(generator=broken), tmp_path)


def replace_weights(generator: Generator) -> Generator:
    other = ruled(generator.architecture)
    with torch.no_grad():
        other.decoder.net[2].bias.fill_(float("nan"))
    return other


@pytest.mark.slow
@given(st.integers(1, 1000))
def test_schedules(steps: int) -> None:
    shares = np.arange(steps + 1) / steps
    rates, noises = [inversion.rate(s) for s in shares], [inversion.noise_level(s) for s in shares]
    assert rates[0] == 0 and rates[-1] == pytest.approx(0) and max(rates) <= 1
    assert all(rate == 1 for rate, s in zip(rates, shares, strict=True) if 0.05 <= s <= 0.75)
    assert noises[0] == inversion.NOISE and all(a >= b for a, b in pairwise(noises))
    assert all(noise == 0 for noise, s in zip(noises, shares, strict=True) if s >= 0.75)


def test_chance_is_of_the_step_and_not_of_what_was_before() -> None:
    draws = {(phase, step): torch.rand(4, generator=inversion.chance(SEED, phase, step, torch.device("cpu"))) for phase in (0, 1) for step in (0, 1, 7)}  # fmt: skip
    again = torch.rand(4, generator=inversion.chance(SEED, 1, 7, torch.device("cpu")))
    assert torch.equal(draws[1, 7], again)
    assert len({tuple(draw.tolist()) for draw in draws.values()}) == len(draws)


def test_the_mean_latent_is_that_of_its_rows() -> None:
    generator = ruled(NARROW)
    labels = label(world_from_orbit(0.0), intrinsics())
    mean = mean_latent(generator, labels, SEED)
    z = torch.from_numpy(np.random.default_rng(SEED).standard_normal((inversion.LATENTS, NARROW.z_size), np.float32))
    rows = generator.backbone.mapping(z, labels.expand(len(z), -1))
    torch.testing.assert_close(mean.row, rows.mean(0), rtol=0, atol=1e-5)
    assert mean.spread == pytest.approx((rows - rows.mean(0)).norm(dim=1).square().mean().sqrt().item(), rel=1e-4)


@pytest.mark.slow
@given(st.floats(-3, 3), st.floats(-1, 1), st.floats(-1, 1))
def test_orbited_labels_are_those_of_an_orbit(yaw: float, more: float, pitch: float) -> None:
    start = label(world_from_orbit(yaw), intrinsics())
    found = orbited(start, torch.tensor(more), torch.tensor(0.0))
    torch.testing.assert_close(found, label(world_from_orbit(yaw + more), intrinsics()), rtol=0, atol=2e-6)
    lower = orbited(start, torch.tensor(0.0), torch.tensor(pitch))
    height = -2.7 * np.sin(pitch)
    wanted = label(world_from_orbit(yaw, np.pi / 2 * np.sin(pitch)), intrinsics())
    assert lower[0, 7] == pytest.approx(height, abs=1e-5)
    torch.testing.assert_close(lower, wanted, rtol=0, atol=1e-5)


def test_gradients_by_the_turn_are_differences() -> None:
    start, weights = label(world_from_orbit(0.4, 0.2), intrinsics()), torch.linspace(-1, 1, 25)
    turn = torch.tensor([0.1, -0.2], requires_grad=True)
    (orbited(start, turn[0], turn[1]) @ weights).sum().backward()
    for axis in range(2):
        step = 1e-2 * torch.eye(2)[axis]
        ends = [(orbited(start, *(turn.detach() + sign * step)) @ weights).item() for sign in (1, -1)]
        assert turn.grad[axis].item() == pytest.approx((ends[0] - ends[1]) / 2e-2, abs=1e-3)


@pytest.mark.slow
def test_likeness_weighs_as_published() -> None:
    network = Lpips(Trunk.VGG16)
    target = torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    likeness = Likeness(target, network)
    same = likeness.terms(2 * target - 1)
    assert same["square"] == 0 and same["perceptual"] == 0
    off = likeness.terms(2 * target - 1 + 0.5)
    assert off["square"].item() == pytest.approx(0.1 * 0.25, rel=1e-4)
    assert off["perceptual"].item() == pytest.approx(network(target + 0.25, target).item(), rel=1e-4)


@pytest.mark.slow
def test_large_pictures_are_compared_at_256_pixels() -> None:
    network = Lpips(Trunk.VGG16)
    coarse = torch.rand(1, 3, COMPARED_SIDE, COMPARED_SIDE, generator=torch.Generator().manual_seed(0))
    fine = coarse.repeat_interleave(2, 2).repeat_interleave(2, 3)
    terms = Likeness(fine, network).terms(2 * coarse.repeat_interleave(2, 2).repeat_interleave(2, 3) - 1)
    assert terms["perceptual"] == 0
    seen = Likeness(coarse, network).terms(1 - 2 * coarse)["perceptual"]
    assert Likeness(fine, network).terms(1 - 2 * fine)["perceptual"].item() == pytest.approx(seen.item(), rel=1e-4)


def a_descent() -> tuple[Descent, Tensor, Tensor]:
    one, other = torch.tensor([3.0, -2.0], requires_grad=True), torch.tensor([[1.0]], requires_grad=True)
    return Descent({"one": one, "other": other}), one, other


def go(descent: Descent, one: Tensor, other: Tensor, steps: int) -> None:
    for _ in range(steps):
        terms = {"a": one.square().sum(), "b": (other * one[0]).square().sum()}
        descent.descend(terms, {"one": 0.1} | ({"other": 0.01} if descent.step < 3 else {}))


def test_a_descent_goes_on_as_if_it_had_not_stopped(tmp_path: Path) -> None:
    whole, part = a_descent(), a_descent()
    go(*whole, 9)
    go(*part, 5)
    part[0].save(tmp_path / "d.npz")
    after = a_descent()
    after[0].go_on(tmp_path / "d.npz", silent)
    assert after[0].step == 5
    go(*after, 4)
    assert torch.equal(whole[1], after[1]) and torch.equal(whole[2], after[2])
    assert whole[0].losses == after[0].losses


def test_a_damaged_descent_begins_anew_and_says_so(tmp_path: Path) -> None:
    (tmp_path / "d.npz").write_bytes(b"PK\x03\x04 nothing")
    descent, notes = a_descent()[0], []
    descent.go_on(tmp_path / "d.npz", notes.append)
    assert descent.step == 0 and len(notes) == 1 and "begins anew" in notes[0]
    other = Descent({"one": torch.zeros(3, requires_grad=True)})
    other.save(tmp_path / "d.npz")
    with pytest.raises(UserError, match="found one of others"):
        descent.take_up(tmp_path / "d.npz")
