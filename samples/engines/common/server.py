"""A server of files on loopback, for as long as a browser looks at them."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from http import HTTPStatus
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from os import PathLike
from pathlib import Path
from threading import Thread
from typing import BinaryIO

LOOPBACK = "127.0.0.1"


class _Handler(SimpleHTTPRequestHandler):
    """Files below the folders of a table of prefixes; the longest prefix wins, and everything else is not found."""

    extensions_map = SimpleHTTPRequestHandler.extensions_map | {".mjs": "text/javascript", ".js": "text/javascript"}

    def __init__(self, *arguments: object, folders: Mapping[str, Path]) -> None:
        self.folders = folders
        super().__init__(*arguments)  # type: ignore[arg-type]

    def send_head(self) -> BinaryIO | BytesIO | None:
        """Headers of the answer, and the file."""
        prefix = max((each for each in self.folders if self.path.startswith(each)), key=len, default=None)
        if prefix is None:
            self.send_error(HTTPStatus.NOT_FOUND)
            return None
        self.directory, self.path = str(self.folders[prefix]), self.path.removeprefix(prefix.rstrip("/"))
        return super().send_head()  # which drops every .. from the path

    def list_directory(self, path: str | PathLike[str]) -> None:
        """No folder is shown."""
        self.send_error(HTTPStatus.NOT_FOUND)

    def log_message(self, format: str, *arguments: object) -> None:
        """Silence."""


@contextmanager
def served(folders: Mapping[str, Path]) -> Iterator[str]:
    """The address (http://127.0.0.1:port) under which the folders can be read, by their prefixes."""
    server = ThreadingHTTPServer((LOOPBACK, 0), partial(_Handler, folders=folders))
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://{LOOPBACK}:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
