"""The format web: a folder that any static server serves, with our player for WebGL2 (web_player/) and the avatar in the player's form."""

from collections.abc import Iterator
from dataclasses import replace
from importlib.resources import files

from facecraft4d.exporters.format import File
from facecraft4d.exporters.gltf.writing import export_gltf
from facecraft4d.exporters.options import ExportOptions, GltfOptions, Purpose
from facecraft4d.exporters.rights import rights_of
from facecraft4d.toolkit.core.asset import Avatar

AVATAR, PAGE, README = "avatar.glb", "index.html", "README.txt"
SUFFIXES = (".html", ".css", ".js", ".vert", ".frag")
"""Of the player's files."""

EMBEDDING = """\
A head for your page. Put this folder on any web server, offline or not, and open index.html.

To show it in a page of your own, on the same server:

    <canvas id="head" style="width: 400px; height: 400px"></canvas>
    <script type="module">
      import { createAvatar } from "./this_folder/player.js";
      const head = await createAvatar(document.getElementById("head"), "./this_folder/avatar.glb");
      head.setExpression("jawOpen", 0.7);
    </script>

    head.play(head.clips[0])       plays a clip of the file; head.stop() ends it
    head.setPose({...})            expressions (0 to 1), joints (x, y, z in radians), translation (metres)
    head.setIdle(false)            no blinks, no breath
    head.dispose()                 gives back everything

A window that shows the head also takes weights from others of its origin:

    frame.contentWindow.postMessage({ type: "facecraft4d", weights: { jawOpen: 0.7 }, joints: { neck: [0, 0.2, 0] } }, origin);

A page opened as file:// shows nothing: browsers load modules from servers only. `facecraft4d serve avatar.glb` is such a server.

Rights: {rights}
"""


def web_files(avatar: Avatar, options: ExportOptions) -> Iterator[File]:
    """The page, the player's modules and shaders, the avatar with what the player needs alone, and a note for who embeds it."""
    yield from player_files()
    bound = replace(avatar, levels=(), texture=None)
    yield AVATAR, export_gltf(bound, replace(options, gltf=GltfOptions(purpose=Purpose.PLAYER)))
    rights = rights_of(avatar.provenance, options)
    yield README, EMBEDDING.replace("{rights}", f"{rights.rights}\nLicences: {rights.license}").encode()


def lost_in_web(avatar: Avatar, options: ExportOptions) -> str:
    """What the player does not draw is left out."""
    left = ["levels of detail"] * bool(avatar.levels) + ["the rig's texture"] * (avatar.texture is not None)
    return f"without {' and '.join(left)}: the player draws the splats alone" if left else ""


def player_files() -> Iterator[File]:
    """The player itself, by name."""
    for source in sorted(files("facecraft4d.exporters.web_player").iterdir(), key=lambda entry: entry.name):
        if source.name.endswith(SUFFIXES):
            yield source.name, source.read_bytes()
