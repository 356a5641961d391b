"""Of pip's settings only those that say where and how the index is reached get into a fetch, from pip.conf and the environment alike."""

import os
from pathlib import Path

import pytest

from facecraft4d.toolkit.core.checks import UserError
from facecraft4d.toolkit.weights import reach as module
from facecraft4d.toolkit.weights.reach import DEFAULT_INDEX, Reach, pips_reach, read_reach


@pytest.fixture(autouse=True)
def unset(monkeypatch: pytest.MonkeyPatch) -> None:
    """None of pip's settings of this machine."""
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)


@pytest.mark.slow
def test_without_settings_it_is_the_public_index() -> None:
    assert pips_reach() == Reach((DEFAULT_INDEX,)) == read_reach("")
    assert pips_reach().timeout == module.DEFAULT_TIMEOUT


@pytest.mark.slow
def test_the_environment_is_honoured(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name, value in {
        "INDEX_URL": "https://anna:secret@index.example/simple/",
        "EXTRA_INDEX_URL": f"https://b.example/simple {tmp_path}",
        "FIND_LINKS": "~/wheels https://c.example/list.html",
        "TRUSTED_HOST": "b.example c.example:444",
        "DEFAULT_TIMEOUT": "7",
        "CERT": "/certs.pem",
        "PROXY": "http://proxy.example",
    }.items():
        monkeypatch.setenv(f"PIP_{name}", value)
    found = pips_reach()
    assert found.indexes == ("https://anna:secret@index.example/simple", "https://b.example/simple", tmp_path.as_uri())
    assert found.find_links == ((Path.home() / "wheels").as_uri(), "https://c.example/list.html")
    assert found.trusted_hosts == {"b.example", "c.example:444"} and found.proxy == "http://proxy.example"
    assert (found.timeout, found.option("cert"), found.option("retries")) == (7.0, "/certs.pem", "")


@pytest.mark.slow
def test_a_file_of_settings_is_honoured_and_the_environment_is_above_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "pip.conf").write_text(
        "[global]\nindex-url = https://a.example/simple\nretries = 2\nquiet = 3\n"
        "extra-index-url =\n  https://b.example/simple\n  https://c.example/simple\n"
        "[download]\nretries = 4\n[install]\nretries = 5\n"
    )
    monkeypatch.setenv("PIP_CONFIG_FILE", str(tmp_path / "pip.conf"))
    found = pips_reach()
    assert found.indexes == ("https://a.example/simple", "https://b.example/simple", "https://c.example/simple")
    assert found.option("retries") == "4"
    monkeypatch.setenv("PIP_INDEX_URL", "https://d.example/simple")
    assert pips_reach().indexes[0] == "https://d.example/simple"


@pytest.mark.slow
def test_settings_of_other_kinds_stay_out(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CONSTRAINT", "NO_BINARY", "PRE", "TARGET", "REQUIREMENT", "CONFIG_SETTINGS", "PYTHON_VERSION", "LOG"):
        monkeypatch.setenv(f"PIP_{name}", "/nowhere/at/all")
    assert pips_reach() == Reach()


@pytest.mark.parametrize(("value", "asked"), [("1", 0), ("true", 0), ("0", 1), ("false", 1)])
def test_no_index_means_none(value: str, asked: int) -> None:
    assert len(read_reach(f"global.no-index='{value}'").indexes) == asked


@pytest.mark.parametrize(
    "listed", ["global.index-url='", "global.cert='a' + 'b'", "global.proxy='\\x'", "global.cert='''"]
)
def test_a_damaged_list_is_one_line(listed: str) -> None:
    with pytest.raises(UserError, match="pip's settings"):
        read_reach(listed)


@pytest.mark.slow
def test_a_damaged_file_of_settings_is_one_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "pip.conf").write_text("nonsense")
    monkeypatch.setenv("PIP_CONFIG_FILE", str(tmp_path / "pip.conf"))
    with pytest.raises(UserError, match="pip config list"):
        pips_reach()


@pytest.mark.parametrize("seconds", ["0", "-1", "nan", "soon"])
def test_a_timeout_is_a_number_of_seconds(seconds: str) -> None:
    with pytest.raises(UserError, match="above 0"):
        _ = Reach(options=(("timeout", seconds),)).timeout
