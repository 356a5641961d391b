"""gsplat is taken where it drew a splat; otherwise the reason and the cure are named, once in a process."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import wraps
from pathlib import Path
from typing import Any

import pytest
from one_splat import does_not_compile, draws, draws_nothing, has_no_nvcc, pretend_cuda

from facecraft4d.toolkit.splatting import trial


@pytest.fixture(autouse=True)
def undecided() -> Iterator[None]:
    """Every test tries for itself."""
    trial._failure.cache_clear()
    yield
    trial._failure.cache_clear()


def test_nothing_stands_against_a_gsplat_that_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    pretend_cuda(monkeypatch, draws)
    assert trial.obstacle() == ""


def test_without_a_card_nothing_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "gsplat", None)
    assert trial.is_decided() and "no CUDA device" in trial.obstacle()


@pytest.mark.parametrize(
    ("gsplat", "reason"),
    [
        (None, 'pip install "facecraft4d[cuda]"'),
        (has_no_nvcc, "nvcc"),
        (does_not_compile, "Unsupported gpu architecture 'compute_120'"),
        (draws_nothing, "wrong"),
    ],
)
def test_what_stands_against_it_is_named(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], gsplat: Callable[..., Any] | None, reason: str
) -> None:
    pretend_cuda(monkeypatch, gsplat)
    assert reason in trial.obstacle() and len(trial.obstacle()) < 500
    assert capfd.readouterr() == ("", ""), "the screen belongs to the progress"


@pytest.mark.parametrize("gsplat", [draws, has_no_nvcc])
def test_a_process_tries_once(monkeypatch: pytest.MonkeyPatch, gsplat: Callable[..., Any]) -> None:
    calls: list[int] = []

    @wraps(gsplat)
    def counted(*arguments: Any, **named: Any) -> Any:
        calls.append(1)
        return gsplat(*arguments, **named)

    pretend_cuda(monkeypatch, counted)
    assert not trial.is_decided()
    first = trial.obstacle()
    assert trial.is_decided() and trial.obstacle() == first and len(calls) == 1


@pytest.mark.slow
def test_the_real_gsplat_without_nvcc_is_told_from_one_that_draws(tmp_path: Path) -> None:
    pytest.importorskip("gsplat")
    program = (
        "import torch; torch.cuda.is_available = lambda: True\n"
        "from facecraft4d.toolkit.splatting import trial; trial.DEVICE = 'cpu'; print(trial.obstacle())"
    )
    nowhere = {"PATH": str(tmp_path), "CUDA_HOME": str(tmp_path), "TORCH_EXTENSIONS_DIR": str(tmp_path)}
    ended = subprocess.run(
        [sys.executable, "-c", program], env=os.environ | nowhere, capture_output=True, text=True, check=True
    )
    assert ended.stdout.startswith("gsplat is there as source only and finds no nvcc")
