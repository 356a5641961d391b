"""The derived head on disk: it comes back exactly, and what is damaged is refused."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from facecraft4d.toolkit import cache
from facecraft4d.toolkit.core.checks import UserError
from facecraft4d.toolkit.face_model import FaceModel


def test_cache_round_trip(head: FaceModel, tmp_path: Path) -> None:
    cache.save(tmp_path / "head.npz", head)
    again = cache.load(tmp_path / "head.npz", FaceModel)
    for field in dataclasses.fields(FaceModel):
        kept, read = getattr(head, field.name), getattr(again, field.name)
        if isinstance(kept, np.ndarray):
            np.testing.assert_array_equal(kept, read)
        elif not dataclasses.is_dataclass(kept):
            assert kept == read
    np.testing.assert_array_equal(head.landmarks_478.triangles, again.landmarks_478.triangles)  # type: ignore[union-attr]
    assert [path.name for path in tmp_path.iterdir()] == ["head.npz"]


@pytest.mark.parametrize("content", [b"", b"PK\x05\x06" + bytes(18), b"rubbish"])
def test_damaged_cache_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "head.npz").write_bytes(content)
    with pytest.raises(UserError, match=r"head\.npz: expected a kept result"):
        cache.load(tmp_path / "head.npz", FaceModel)
