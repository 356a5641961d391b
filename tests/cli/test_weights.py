"""weights list names every file."""

import pytest

from facecraft4d import cli


def test_weights_list_names_every_file(capsys: pytest.CaptureFixture[str]) -> None:
    from facecraft4d.toolkit import weights

    assert cli.main(["weights", "list"]) == 0
    said = capsys.readouterr().out
    for row in weights.TABLE:
        assert row.name in said and row.licence in said and row.sha256 in said
