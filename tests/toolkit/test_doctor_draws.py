"""The diagnosis draws a splat: neither a card nor a module alone builds anything."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from one_splat import draws, has_no_nvcc, pretend_cuda

from facecraft4d.toolkit import doctor
from facecraft4d.toolkit.core.stages import Progress
from facecraft4d.toolkit.doctor import State
from facecraft4d.toolkit.splatting import trial


@pytest.mark.parametrize(
    ("gsplat", "state", "said"),
    [(draws, State.WORKS, "drew a splat"), (has_no_nvcc, State.BROKEN, "nvcc"), (None, State.BROKEN, "facecraft4d[cuda]")],
)  # fmt: skip
def test_cuda_works_where_a_splat_was_drawn(
    monkeypatch: pytest.MonkeyPatch, gsplat: Callable[..., Any] | None, state: State, said: str
) -> None:
    trial._failure.cache_clear()
    pretend_cuda(monkeypatch, gsplat)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "a card")
    reports: list[Progress] = []
    found = next(finding for finding in doctor.diagnose(reports.append) if finding.name == "CUDA")
    trial._failure.cache_clear()
    assert found.state is state and said in found.detail
    assert doctor.can_play((found,))
    assert bool(reports) == (gsplat is not None), "a trial that may compile is announced"
