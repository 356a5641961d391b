"""facecraft4d serve: an avatar in the browser."""

import sys
import webbrowser
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from typing import Annotated

import tyro

from facecraft4d.cli_common import check_option, complain, load_avatar, parse, say
from facecraft4d.exporters import ExportOptions
from facecraft4d.exporters.format import File
from facecraft4d.exporters.motions import find_motion
from facecraft4d.exporters.web import PAGE, web_files
from facecraft4d.file_server import LOOPBACK, LOOPBACK_NAMES, FileServer
from facecraft4d.toolkit.core.checks import UserError

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
    options = ExportOptions(clips=tuple(find_motion(name) for name in command.clip))
    avatar = load_avatar(command.avatar, command.splats)
    with _listening(web_files(avatar, options), command) as server:
        if command.host not in LOOPBACK_NAMES:
            complain(f"{command.host}: the head can be fetched by whoever reaches this address")
        say(f"{server.url}  (Ctrl-C ends it)")
        sys.stdout.flush()  # whoever started us through a pipe waits for the address
        if command.browser:
            Thread(target=webbrowser.open, args=(server.url,), daemon=True).start()  # some browsers keep the terminal
        with suppress(KeyboardInterrupt):
            server.serve_forever()
    return 0


def _listening(files: Iterable[File], command: ServeCommand) -> FileServer:
    """A server of these files. UserError where the address or the port is not to be had."""
    try:
        return FileServer(files, PAGE, command.host, command.port)
    except (OSError, UnicodeError) as error:  # the latter for a name that none can be
        reason = getattr(error, "strerror", None) or error
        raise UserError(f"{command.host}:{command.port}: {reason}; choose another --host or --port") from error
