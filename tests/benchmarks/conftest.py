"""Benchmarks are run as scripts, so their own folder is where they import from; and a subject as small as that of the tests of training."""

import sys
from pathlib import Path

import pytest
from training_subject import subject

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

from gpu import kept

from facecraft4d.toolkit.losses import Lpips, Trunk


@pytest.fixture
def tiny(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> kept.Kept:
    """The small subject of the tests of training, as if a build had kept it; LPIPS without its weights."""
    monkeypatch.setattr(kept.losses, "lpips", lambda trunk, device="cpu": Lpips(Trunk(trunk)).to(device))
    views, frames, head = subject(tmp_path / "frames")
    first = views.views[0]
    front = kept.Front(first.image, first.mask, first.camera, head.pose)
    return kept.Kept(views, frames, head, front, 20.0)
