"""facecraft4d serve: an avatar in the browser."""

import webbrowser
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from facecraft4d.cli_common import check_option, complain, load_avatar, parse, say
from facecraft4d.exporters import ExportOptions
from facecraft4d.exporters.web import PAGE, web_files
from facecraft4d.file_server import LOOPBACK, LOOPBACK_NAMES, FileServer
from facecraft4d.toolkit.core.motion import find_clip

MOST_PORT = 65535


@dataclass(frozen=True)
class ServeCommand:
    """Play an avatar in the browser, from this machine alone. Ctrl-C ends it.

    examples:
      facecraft4d serve my_head/avatar.glb
      facecraft4d serve my_head/avatar.glb --clip face_cap --clip visemes
      facecraft4d serve my_head/avatar.glb --port 8000 --no-browser
    """

    avatar: Annotated[Path, tyro.conf.Positional]
    """An avatar.glb."""
    clip: Annotated[tuple[str, ...], tyro.conf.UseAppendAction] = ()
    """A clip to choose in the page: one that comes with the package, or the path of a CSV file; may be given several times."""
    splats: int | None = None
    """Show at most so many splats: a level of detail; default: all."""
    port: int = 0
    """Where to listen; 0 is a free port."""
    host: str = LOOPBACK
    """The address to listen on. Whoever reaches another than the default can fetch the head."""
    browser: bool = True
    """Open the page."""


def main(arguments: list[str]) -> int:
    """Run the command."""
    command = parse(ServeCommand, "serve", arguments)
    check_option("port", command.port, 0, MOST_PORT)
    options = ExportOptions(clips=tuple(find_clip(name) for name in command.clip))
    avatar = load_avatar(command.avatar, command.splats)
    with FileServer(web_files(avatar, options), PAGE, command.host, command.port) as server:
        if command.host not in LOOPBACK_NAMES:
            complain(f"{command.host}: the head can be fetched by whoever reaches this address")
        say(f"{server.url}  (Ctrl-C ends it)")
        if command.browser:
            webbrowser.open(server.url)
        with suppress(KeyboardInterrupt):
            server.serve_forever()
    return 0
