"""DDIM as SDXL needs it: golden vectors, and the laws of going up and down again."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from places import DATA
from sdxl_cases import NOISE

from facecraft4d.toolkit.core.checks import UserError
from facecraft4d.toolkit.image_prior.sdxl.schedule import Schedule, read_schedule

GOLDEN = np.load(DATA / "ddim_sdxl.npz")


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The configuration of an Euler scheduler, as SDXL has one."""
    from diffusers import EulerDiscreteScheduler

    folder = tmp_path_factory.mktemp("scheduler")
    EulerDiscreteScheduler(**NOISE).save_pretrained(folder)
    return folder / "scheduler_config.json"


def risen(
    schedule: Schedule, start: torch.Tensor, eps: Callable[[torch.Tensor, int, int], torch.Tensor]
) -> torch.Tensor:
    """The trajectory upwards; `eps` is given latents, time and the step."""
    levels = [start]
    for level in range(schedule.levels):
        levels.append(schedule.risen(eps(levels[-1], schedule.rising_time(level), level), level, levels[-1]))
    return torch.stack(levels)


def fallen(
    schedule: Schedule, start: torch.Tensor, eps: Callable[[torch.Tensor, int, int], torch.Tensor]
) -> torch.Tensor:
    """The trajectory downwards, noisiest first."""
    levels = [start]
    for step in range(schedule.levels):
        level = schedule.levels - step
        levels.append(schedule.fallen(eps(levels[-1], schedule.falling_time(level), step), level, levels[-1]))
    return torch.stack(levels)


def test_levels_and_times_are_the_golden_ones(file: Path) -> None:
    schedule = read_schedule(file, 25, 10)
    up, down = (
        [each(level) for level in levels]
        for each, levels in ((schedule.rising_time, range(10)), (schedule.falling_time, range(10, 0, -1)))
    )
    assert up == GOLDEN["strength0.4_inverse"].tolist() and down == GOLDEN["strength0.4_denoise"].tolist()
    np.testing.assert_allclose(schedule.falling.alphas_cumprod, GOLDEN["alphas_cumprod"], atol=1e-6)
    assert schedule.falling.alphas_cumprod[361] == pytest.approx(0.488, abs=1e-3)
    for steps, name in ((25, ""), (10, "_T10"), (50, "_T50")):
        whole = read_schedule(file, steps, steps)
        assert [whole.falling_time(level) for level in range(steps, 0, -1)] == GOLDEN[
            f"timesteps_denoise{name}"
        ].tolist()
        assert [whole.rising_time(level) for level in range(steps)] == GOLDEN[f"timesteps_inverse{name}"].tolist()


def test_trajectories_are_the_golden_ones(file: Path) -> None:
    schedule = read_schedule(file, 25, 10)
    start = torch.from_numpy(GOLDEN["z0"])
    up = risen(schedule, start, lambda z, time, step: torch.from_numpy(GOLDEN["eps_inverse"][step]))
    np.testing.assert_allclose(up, GOLDEN["inverse_trajectory"], atol=1e-5)
    down = fallen(schedule, up[-1], lambda z, time, step: torch.from_numpy(GOLDEN["eps_denoise"][step]))
    np.testing.assert_allclose(down, GOLDEN["denoise_trajectory"], atol=1e-5)

    def seen(z: torch.Tensor, time: int, step: int) -> torch.Tensor:
        return 0.3 * torch.tanh(z) + 0.1 * time / 1000

    up = risen(schedule, start, seen)
    np.testing.assert_allclose(up, GOLDEN["tanh_inverse_trajectory"], atol=1e-5)
    np.testing.assert_allclose(fallen(schedule, up[-1], seen), GOLDEN["tanh_denoise_trajectory"], atol=1e-5)


@pytest.mark.parametrize(("steps", "levels"), [(25, 10), (25, 25), (10, 3), (999, 5)])
def test_with_constant_noise_down_is_the_way_back(file: Path, steps: int, levels: int) -> None:
    start, noise = torch.randn(2, 1, 4, 8, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    schedule = read_schedule(file, steps, levels)
    there = risen(schedule, start, lambda *_: noise)
    back = fallen(schedule, there[-1], lambda *_: noise)
    np.testing.assert_allclose(back.flip(0), there, atol=1e-12)


def test_twice_the_steps_is_half_the_error(file: Path) -> None:
    start = torch.randn(1, 4, 8, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    errors = []
    for steps in (25, 50, 100):
        schedule = read_schedule(file, steps, int(0.4 * steps))
        there = risen(schedule, start, lambda z, time, step: torch.tanh(z) + time / 1000)[-1]
        errors.append(
            float((fallen(schedule, there, lambda z, time, step: torch.tanh(z) + time / 1000)[-1] - start).norm())
        )
    assert errors[1] < 0.65 * errors[0] and errors[2] < 0.65 * errors[1]


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("{}", "beta_schedule"),
        ('{"beta_schedule": "scaled_linear", "num_train_timesteps": 1000, "beta_start": 0.1}', "beta_end"),
        (
            '{"beta_schedule": "scaled_linear", "num_train_timesteps": 1000, "beta_start": 2.0, "beta_end": 0.1}',
            "noise from",
        ),
        ('{"beta_schedule": "scaled_linear", "num_train_timesteps": 10}', "num_train_timesteps"),
        ("<html>", "a web page"),
    ],
)
def test_a_noise_that_is_none_is_refused(tmp_path: Path, text: str, match: str) -> None:
    (tmp_path / "scheduler_config.json").write_text(text)
    with pytest.raises(UserError, match=match):
        read_schedule(tmp_path / "scheduler_config.json", 25, 10)
