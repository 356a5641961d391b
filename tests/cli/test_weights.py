"""weights list names every file."""

import pytest

from facecraft4d import cli


def test_weights_list_names_every_file(capsys: pytest.CaptureFixture[str]) -> None:
    from facecraft4d.toolkit import weights

    assert cli.main(["weights", "list"]) == 0
    said = capsys.readouterr().out
    for row in weights.TABLE:
        known = row.sha256 if isinstance(row, weights.WeightFile) else row.ask
        assert row.name in said and row.licence in said and known in said


def test_each_edition_of_flame_says_where_it_is_asked_for_and_whether_it_may_be_sold(
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name, verdict in (
        ("flame_2023_open", "yes"),
        ("flame_2023", "no"),
        ("flame_2020", "no"),
        ("ict_facekit", "yes"),
    ):
        assert cli.main(["weights", "list", name]) == 0
        said = capsys.readouterr().out
        assert f"commercial use: {verdict}" in said and "ask for it" in said and "--face-model.file" in said
