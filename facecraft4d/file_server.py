"""A few files over HTTP, from memory: no path of a request ever reaches the disk (docs/security.md, "The network")."""

import socket
import sys
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import PurePosixPath
from typing import Any

LOOPBACK = "127.0.0.1"
LOOPBACK_NAMES = (LOOPBACK, "localhost", "::1")
"""What a browser on this machine may call us. A page elsewhere whose name was turned to this address (DNS rebinding) sends its own name."""
ANY_ADDRESS = ("0.0.0.0", "::", "")
"""Addresses that stand for all of a machine's: then its names are not known."""

CONTENT_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".vert": "text/plain; charset=utf-8",
    ".frag": "text/plain; charset=utf-8",
    ".txt": "text/plain; charset=utf-8",
    ".glb": "model/gltf-binary",
}

HEADERS = {
    "Content-Security-Policy": "default-src 'self'; img-src 'self' data:; worker-src 'self'; object-src 'none'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'self'",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
"""Of every answer. There is no Access-Control-Allow-Origin: other pages cannot read the head."""

IDLE_SECONDS = 30.0
"""A connection that says nothing for so long is closed."""


class FileServer(ThreadingHTTPServer):
    """Serves a fixed list of files until `shutdown`; `url` is where."""

    daemon_threads = True

    def __init__(self, files: Iterable[tuple[str, bytes]], index: str, host: str = LOOPBACK, port: int = 0) -> None:
        """Bind, port 0 to a free one. OSError where that is not possible."""
        table = dict(files)
        self.files: Mapping[str, bytes] = {"/": table[index]} | {f"/{name}": data for name, data in table.items()}
        self.types = {"/": CONTENT_TYPES[".html"]} | {
            f"/{name}": CONTENT_TYPES[PurePosixPath(name).suffix] for name in table
        }
        if ":" in host:
            self.address_family = socket.AF_INET6
        super().__init__((host, port), FileHandler)
        self.url = f"http://{self._place(host)}/"
        self.hosts = None if host in ANY_ADDRESS else {self._place(name) for name in (*LOOPBACK_NAMES, host.lower())}
        """Values of the header Host that are answered; None for every one."""

    def _place(self, name: str) -> str:
        """Host and port as a URL has them."""
        return f"[{name}]:{self.server_port}" if ":" in name else f"{name}:{self.server_port}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A browser that goes away in the middle is no news; a mistake of ours is."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


class FileHandler(BaseHTTPRequestHandler):
    """Answers GET and HEAD of what is on the list, and nothing else."""

    server: FileServer
    protocol_version = "HTTP/1.1"
    server_version, sys_version = "facecraft4d", ""
    timeout = IDLE_SECONDS

    def do_GET(self) -> None:
        self._answer(with_body=True)

    def do_HEAD(self) -> None:
        self._answer(with_body=False)

    def _answer(self, with_body: bool) -> None:
        name = self.path.partition("?")[0]
        if self.server.hosts is not None and self.headers.get("Host", "").lower() not in self.server.hosts:
            self.send_error(HTTPStatus.MISDIRECTED_REQUEST)
        elif name not in self.server.files:
            self.send_error(HTTPStatus.NOT_FOUND)
        else:
            self.send_response(HTTPStatus.OK)
            self.send_header("Content-Type", self.server.types[name])
            self.send_header("Content-Length", str(len(self.server.files[name])))
            self.end_headers()
            if with_body:
                self.wfile.write(self.server.files[name])

    def end_headers(self) -> None:
        """With what every answer says."""
        for name, value in HEADERS.items():
            self.send_header(name, value)
        super().end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Requests are not listed."""
