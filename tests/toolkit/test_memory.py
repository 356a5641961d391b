"""Peaks of memory: the host's is known, a GPU's where something used one, and asking begins nothing."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from facecraft4d.toolkit import cache, memory

KEY = "c" * 64


@pytest.fixture
def a_card(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """A GPU in use, by what torch says of one: what tensors take now and took at most."""
    taken = [5 << 20, 9 << 20]
    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: True)
    monkeypatch.setattr(torch.cuda, "max_memory_allocated", lambda: taken[1])
    monkeypatch.setattr(torch.cuda, "reset_peak_memory_stats", lambda: taken.__setitem__(1, taken[0]))
    return taken


def test_without_a_gpu_nothing_was_taken() -> None:
    memory.restart_device_peak()
    assert memory.device_peak() == 0 and not torch.cuda.is_initialized()


def test_asking_imports_no_torch() -> None:
    code = "import sys; from facecraft4d.toolkit import memory; assert memory.device_peak() == 0; memory.restart_device_peak(); assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_stage_keeps_its_own_peak_of_the_gpu(tmp_path: Path, a_card: list[int]) -> None:
    """Counted from the stage's start, written beside the host's, and the same when the result is recalled."""

    def takes(files: Path) -> str:
        assert memory.device_peak() == a_card[0], "what was taken before does not count"
        a_card[1] = 7 << 20
        return "result"

    made = cache.stage(tmp_path, "training", KEY, str, takes)
    assert made.device_peak_bytes == 7 << 20 and made.peak_bytes > 0
    facts = json.loads((tmp_path / "training" / KEY[:16] / "stage.json").read_text())
    assert facts["device_peak_bytes"] == 7 << 20
    a_card[1] = 50 << 20
    again = cache.stage(tmp_path, "training", KEY, str, takes)
    assert again.cached and again.device_peak_bytes == 7 << 20
