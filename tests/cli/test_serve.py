"""facecraft4d serve: a fixed list of files on the loopback address, for who calls us by our name, and for no other page."""

import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from queue import Queue
from threading import Thread

import pytest

from facecraft4d.cli import main
from facecraft4d.file_server import HEADERS, FileServer

FILES = {"index.html": b"<p>page</p>", "head.js": b"export {}", "avatar.glb": b"glTF"}


@pytest.fixture(scope="module")
def server() -> Iterator[FileServer]:
    with FileServer(FILES.items(), "index.html") as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def ask(
    server: FileServer, path: str, method: str = "GET", host: str | None = None
) -> tuple[http.client.HTTPResponse, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=10)
    connection.putrequest(method, path, skip_host=True)
    connection.putheader("Host", f"127.0.0.1:{server.server_port}" if host is None else host)
    connection.endheaders()
    response = connection.getresponse()
    body = response.read()
    connection.close()
    return response, body


def test_binds_to_the_loopback_address_alone(server: FileServer) -> None:
    assert server.server_address[0] == "127.0.0.1" and server.url == f"http://127.0.0.1:{server.server_port}/"


@pytest.mark.parametrize("name", ["", *FILES])
def test_files_of_the_list(server: FileServer, name: str) -> None:
    kinds = {
        "": "text/html",
        "index.html": "text/html",
        "head.js": "text/javascript",
        "avatar.glb": "model/gltf-binary",
    }
    for method in ("GET", "HEAD"):
        response, body = ask(server, f"/{name}?a=1", method)
        content = FILES[name or "index.html"]
        assert response.status == 200 and body == (content if method == "GET" else b"")
        assert response.headers["Content-Type"].split(";")[0] == kinds[name]
        assert int(response.headers["Content-Length"]) == len(content)
        assert all(response.headers[key] == value for key, value in HEADERS.items())
        assert "Access-Control-Allow-Origin" not in response.headers


@pytest.mark.parametrize(
    "path",
    [
        "/../pyproject.toml",
        "/%2e%2e/etc/passwd",
        "//etc/passwd",
        "/etc/passwd",
        "/head.js/",
        "/HEAD.JS",
        "/.git/config",
    ],
)
def test_no_path_reaches_the_disk(server: FileServer, path: str) -> None:
    response, body = ask(server, path)
    assert response.status == 404 and b"root" not in body
    assert all(response.headers[key] == value for key, value in HEADERS.items())


@pytest.mark.parametrize(
    "host", ["", "evil.example", "127.0.0.1", "127.0.0.1.evil.example:{port}", "evil.example:{port}"]
)
def test_other_names_are_refused(server: FileServer, host: str) -> None:
    """A page whose name was turned to this address (DNS rebinding) sends its own name."""
    response, body = ask(server, "/", host=host.format(port=server.server_port))
    assert response.status == 421 and FILES["index.html"] not in body


@pytest.mark.parametrize("host", ["localhost:{port}", "LOCALHOST:{port}"])
def test_own_names_are_answered(server: FileServer, host: str) -> None:
    assert ask(server, "/", host=host.format(port=server.server_port))[0].status == 200


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "TRACE", "CONNECT"])
def test_other_methods_are_refused(server: FileServer, method: str) -> None:
    assert ask(server, "/", method)[0].status == 501


def test_noise_and_leavers_do_not_end_it(server: FileServer, capfd: pytest.CaptureFixture[str]) -> None:
    for noise in (
        b"\0" * 100_000,
        b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 1000,
        b"GET",
        b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\n\r\n",
    ):
        with socket.create_connection(("127.0.0.1", server.server_port)) as connection:
            connection.sendall(noise)
    assert ask(server, "/")[0].status == 200
    assert capfd.readouterr().err == ""


def test_any_address_knows_no_names() -> None:
    with FileServer(FILES.items(), "index.html", "0.0.0.0") as server:
        assert server.hosts is None


def test_port_that_is_taken_is_one_line(
    server: FileServer, tiny_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["serve", str(tiny_path), "--no-browser", "--port", str(server.server_port)]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1 and str(server.server_port) in lines[0] and "--port" in lines[0]


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_serves_until_it_is_told_to_end(tiny_path: Path, number: signal.Signals) -> None:
    command = [sys.executable, "-m", "facecraft4d.cli", "serve", str(tiny_path), "--no-browser"]
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=dict(os.environ),
        preexec_fn=lambda: signal.signal(
            signal.SIGINT, signal.SIG_DFL
        ),  # what a shell starts in the background ignores it
    )
    assert process.stdout is not None and process.stderr is not None
    url = process.stdout.readline().split()[0]
    connection = http.client.HTTPConnection(url.removeprefix("http://").rstrip("/"), timeout=10)
    connection.request("GET", "/avatar.glb")
    assert connection.getresponse().read(4) == b"glTF"
    process.send_signal(number)
    assert process.wait(20) == (0 if number == signal.SIGINT else 143)
    assert process.stderr.read() == ""


@pytest.mark.slow
@pytest.mark.parametrize(("options", "opened"), [([], True), (["--no-browser"], False)])
def test_opens_the_browser(
    tiny_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    options: list[str],
    opened: bool,
) -> None:
    seen: Queue[str] = Queue()
    monkeypatch.setattr("webbrowser.open", seen.put)
    monkeypatch.setattr(FileServer, "serve_forever", lambda server: time.sleep(0.2))
    assert main(["serve", str(tiny_path), *options]) == 0
    assert seen.qsize() == opened and (not opened or seen.get() in capsys.readouterr().out)


@pytest.mark.slow
def test_other_addresses_are_told(
    tiny_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(FileServer, "serve_forever", lambda server: None)
    assert main(["serve", str(tiny_path), "--no-browser", "--host", "0.0.0.0"]) == 0
    assert "can be fetched by whoever" in capsys.readouterr().err
    for host in ("no such name", "a" * 300):
        assert main(["serve", str(tiny_path), "--no-browser", "--host", host]) == 2
        assert "choose another --host" in capsys.readouterr().err
