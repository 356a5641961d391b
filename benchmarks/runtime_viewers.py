"""Splat viewers for browsers, timed in a headless Chromium: the pages of samples/engines, and viewers/ for one that is no engine."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from facecraft4d import exporters
from facecraft4d.exporters import ExportOptions
from facecraft4d.exporters.options import Frame, PlyOptions
from facecraft4d.samples.engines.common.browser import JAW
from facecraft4d.samples.engines.common.pictures import camera_parameters
from facecraft4d.samples.engines.common.places import ENGINES, FLAGS, WEB_PLAYER, find_chromium, installed, run_node
from facecraft4d.samples.engines.common.server import served
from facecraft4d.toolkit.core.asset import Avatar

HOME = Path(__file__).parent / "viewers"
PAGES, DATA = "/samples/engines/", "/data/"
SECONDS = 300.0
"""For a page to load and draw all of its frames."""


@dataclass(frozen=True)
class Viewer:
    """A page that draws a file of splats."""

    name: str
    engine: str
    """Folder of its page."""
    home: Path = ENGINES
    moves: bool = True
    """It can draw an avatar that moves, too."""
    frame: Frame = Frame.Y_UP
    """In which PLY, whose format names no axes, a head stands upright."""

    @property
    def path(self) -> str:
        """Where its page is served."""
        return f"{PAGES if self.home == ENGINES else '/benchmarks/viewers/'}{self.engine}/"


VIEWERS = (
    Viewer("Babylon.js", "babylon", frame=Frame.Y_DOWN),
    Viewer("three.js", "three"),
    Viewer("Spark", "spark"),
    Viewer("GaussianSplats3D", "mkkellogg", HOME, moves=False),
    Viewer("PlayCanvas", "playcanvas"),
)


class Stand:
    """The files of one head on loopback, and browsers that look at them."""

    def __init__(self, address: str, avatar: Avatar) -> None:
        self._address, self._camera = address, camera_parameters(avatar)

    def orbit(self, viewer: Viewer, size: tuple[int, int], frames: int, picture: Path | None = None) -> list[float]:
        """Milliseconds of each frame of a still head, around which the camera goes."""
        found: list[float] = self._visit(
            viewer, {"still": f"{DATA}{viewer.frame.value}.ply"}, size, {"orbit": frames}, picture
        )["orbit"]
        return found

    def talking(self, viewer: Viewer, size: tuple[int, int], frames: int) -> float:
        """Median milliseconds of a frame in which the head moves: posed, uploaded, sorted, drawn."""
        measure = {"measure": {"frames": frames, "expression": JAW}}
        return float(self._visit(viewer, {"avatar": f"{DATA}head.glb"}, size, measure, None)["milliseconds"])

    def _visit(
        self, viewer: Viewer, what: dict[str, str], size: tuple[int, int], job: dict[str, Any], picture: Path | None
    ) -> dict[str, Any]:
        width, height = size
        query = urlencode(what | {"width": str(width), "height": str(height)} | self._camera)
        whole = {
            "modules": str(installed("common")), "chromium": str(find_chromium()), "flags": FLAGS, "width": width, "height": height,
            "url": f"{self._address}{viewer.path}index.html?{query}", "shots": [{"file": str(picture)}] if picture else [],
            "wait": 1000 * SECONDS, **job,
        }  # fmt: skip
        answer: dict[str, Any] = json.loads(
            run_node(ENGINES / "common" / "browser.mjs", json.dumps(whole), 2 * SECONDS)
        )
        return answer


@contextmanager
def stand(avatar: Avatar, scratch: Path) -> Iterator[Stand]:
    """The avatar as head.glb and, at rest, as PLY in both frames in `scratch`, served beside all pages."""
    for frame in Frame:
        exporters.export(avatar, scratch / f"{frame.value}.ply", options=ExportOptions(ply=PlyOptions(ply_frame=frame)))
    exporters.export(avatar, scratch / "head.glb")
    folders = {DATA: scratch, PAGES: ENGINES, "/benchmarks/viewers/": HOME, "/exporters/web_player/": WEB_PLAYER}
    for viewer in VIEWERS:
        folders[f"{viewer.path}node_modules/"] = installed(viewer.engine, viewer.home)
    with served(folders) as address:
        yield Stand(address, avatar)
