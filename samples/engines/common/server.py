"""A server of files on loopback, for as long as a browser looks at them."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

LOOPBACK = "127.0.0.1"


class _Handler(SimpleHTTPRequestHandler):
    """Files below the folders of a table of prefixes; the longest prefix wins, and everything else is not found."""

    extensions_map = SimpleHTTPRequestHandler.extensions_map | {".mjs": "text/javascript", ".js": "text/javascript"}

    def __init__(self, *arguments: object, folders: Mapping[str, Path]) -> None:
        self.folders = folders
        super().__init__(*arguments)  # type: ignore[arg-type]

    def translate_path(self, path: str) -> str:
        """The file that a path of the address names; the base class drops every .. from it."""
        for prefix in sorted(self.folders, key=len, reverse=True):
            if path.startswith(prefix):
                self.directory = str(self.folders[prefix])
                return super().translate_path(path.removeprefix(prefix.rstrip("/")))
        return "/nowhere"

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
