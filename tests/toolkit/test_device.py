"""CUDA means that gsplat draws on it; who asks for CUDA and cannot have it is told what to install, before anything is done."""

from collections.abc import Callable, Iterator
from functools import wraps
from typing import Any

import pytest
import torch
from one_splat import draws, has_no_nvcc, pretend_cuda

from facecraft4d import cli_paper
from facecraft4d.toolkit import device
from facecraft4d.toolkit.config import Device, Preset, preset
from facecraft4d.toolkit.core.checks import UserError
from facecraft4d.toolkit.core.stages import Progress
from facecraft4d.toolkit.splatting import trial


@pytest.fixture(autouse=True)
def undecided() -> Iterator[None]:
    """Every test tries for itself."""
    trial._failure.cache_clear()
    yield
    trial._failure.cache_clear()


@pytest.mark.parametrize("asked", [Device.AUTO, Device.CPU])
def test_without_a_card_it_is_the_cpu_and_nothing_is_said(monkeypatch: pytest.MonkeyPatch, asked: Device) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    said: list[Progress] = []
    assert device.resolve(asked, said.append) is Device.CPU and said == []


def test_cuda_without_a_card_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(UserError, match=r"--device cuda: .*no CUDA device.*--device cpu"):
        device.resolve(Device.CUDA, lambda _: None)


@pytest.mark.parametrize("asked", [Device.AUTO, Device.CUDA])
def test_a_card_on_which_gsplat_draws_is_taken(monkeypatch: pytest.MonkeyPatch, asked: Device) -> None:
    pretend_cuda(monkeypatch, draws)
    assert device.resolve(asked, lambda _: None) is Device.CUDA


@pytest.mark.parametrize(("gsplat", "cure"), [(None, r'pip install "facecraft4d\[cuda\]"'), (has_no_nvcc, "nvcc")])
def test_a_card_without_gsplat_is_not_taken(
    monkeypatch: pytest.MonkeyPatch, gsplat: Callable[..., Any] | None, cure: str
) -> None:
    pretend_cuda(monkeypatch, gsplat)
    said: list[Progress] = []
    assert device.resolve(Device.AUTO, said.append) is Device.CPU
    assert "the CPU, not CUDA" in said[-1].message, "who has a card hears why it is not used"
    with pytest.raises(UserError, match=cure):
        device.resolve(Device.CUDA, lambda _: None)


def test_compiling_is_announced_before_it_begins_and_once(monkeypatch: pytest.MonkeyPatch) -> None:
    events: list[str] = []

    @wraps(draws)
    def slow(*arguments: Any, **named: Any) -> Any:
        events.append("compiled")
        return draws(*arguments, **named)

    pretend_cuda(monkeypatch, slow)
    for _ in range(2):
        device.resolve(Device.AUTO, lambda progress: events.append(progress.message))
    assert events == [device.COMPILING, "compiled", "gsplat draws on CUDA"]


def test_the_papers_schedule_is_refused_where_the_card_cannot_draw(monkeypatch: pytest.MonkeyPatch) -> None:
    pretend_cuda(monkeypatch, None)
    with pytest.raises(UserError, match="hours"):
        cli_paper.refuse_cpu(preset(Preset.PAPER), lambda _: None)
