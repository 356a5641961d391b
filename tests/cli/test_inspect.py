"""inspect names what matters."""

from pathlib import Path

import pytest

from facecraft4d import cli


def test_inspect_names_what_matters(tiny_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["inspect", str(tiny_path)]) == 0
    said = capsys.readouterr().out
    for word in ("splats", "jawOpen", "eye_left", "CC0-1.0", "commercial", "bytes"):
        assert word in said
