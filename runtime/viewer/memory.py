"""What the viewer remembers from one window to the next: its size, the panel, from where the head was seen."""

import json
import os
import sys
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from facecraft4d.runtime.camera import MAX_PITCH_DEGREES, OrbitCamera
from facecraft4d.toolkit.core.checks import UserError
from facecraft4d.toolkit.core.files import write_whole
from facecraft4d.toolkit.core.untrusted.door import at_the_border, read_untrusted

MOST_BYTES = 64 << 10
"""Larger files are none of ours."""
SIDES = (160, 16_384)
"""Pixels of a window's side."""
ZOOMS, MOVES = (0.02, 50.0), (-2.0, 2.0)
"""How near the camera may be to where it first stood, and how far moved, metres."""


@dataclass(frozen=True, slots=True)
class Remembered:
    """All of it; the defaults are what somebody sees who opens a viewer for the first time."""

    width: int = 1180
    height: int = 780
    panel: bool = True
    yaw_degrees: float = 0.0
    pitch_degrees: float = 0.0
    zoom: float = 1.0
    """How much nearer the camera is than where an avatar is first seen from."""
    moved: tuple[float, float, float] = (0.0, 0.0, 0.0)
    """The camera's target, counted from where it first was, metres."""

    def camera(self, home: OrbitCamera) -> OrbitCamera:
        """The remembered place around any head that is first seen from `home`."""
        x, y, z = (a + b for a, b in zip(home.target, self.moved, strict=True))
        nearer = home.zoomed(self.zoom)
        return replace(nearer, target=(x, y, z), yaw_degrees=self.yaw_degrees, pitch_degrees=self.pitch_degrees)

    def seen_from(self, camera: OrbitCamera, home: OrbitCamera) -> "Remembered":
        """The same with the camera's place."""
        x, y, z = (min(max(a - b, MOVES[0]), MOVES[1]) for a, b in zip(camera.target, home.target, strict=True))
        zoom = min(max(home.distance / camera.distance, ZOOMS[0]), ZOOMS[1])
        return replace(
            self, yaw_degrees=camera.yaw_degrees, pitch_degrees=camera.pitch_degrees, zoom=zoom, moved=(x, y, z)
        )


def memory_path() -> Path:
    """Where the user's programs keep their settings: %APPDATA%, Application Support, XDG_CONFIG_HOME or ~/.config."""
    if sys.platform == "win32":
        base = Path(os.environ.get("APPDATA") or Path.home() / "AppData" / "Roaming")
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Application Support"
    else:
        base = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")
    return base / "facecraft4d" / "viewer.json"


def remember(path: Path, seen: Remembered) -> None:
    """Write it; a folder that cannot be written to remembers nothing."""
    try:
        write_whole(path, json.dumps(asdict(seen), indent=1).encode(), durable=False)
    except UserError:
        pass


def recall(path: Path) -> Remembered:
    """What is in the file; the defaults where there is none. UserError for a file that is none of ours or has values out of range."""
    if not path.exists():
        return Remembered()
    data = read_untrusted(path, "the viewer's settings", MOST_BYTES, "delete it")
    with at_the_border(path, "the viewer's settings", "delete it"):
        return _remembered(json.loads(data))


def _remembered(block: Any) -> Remembered:
    """The settings in a JSON object; what is missing is as at first, what is unknown is left out. ValueError, TypeError or KeyError."""
    if not isinstance(block, dict):
        raise ValueError(f"no object, but {type(block).__name__}")
    first = asdict(Remembered())
    known = first | {name: value for name, value in block.items() if name in first}
    x, y, z = (_number(value, *MOVES) for value in _three(known["moved"]))
    return Remembered(
        width=int(_number(known["width"], *SIDES)),
        height=int(_number(known["height"], *SIDES)),
        panel=known["panel"] is True,
        yaw_degrees=_number(known["yaw_degrees"], -360.0, 360.0),
        pitch_degrees=_number(known["pitch_degrees"], -MAX_PITCH_DEGREES, MAX_PITCH_DEGREES),
        zoom=_number(known["zoom"], *ZOOMS),
        moved=(x, y, z),
    )


def _three(value: Any) -> list[Any]:
    if not isinstance(value, list | tuple) or len(value) != 3:
        raise ValueError("no three numbers where they are needed")
    return list(value)


def _number(value: Any, low: int | float, high: int | float) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise ValueError(f"{str(value)[:40]} where a number from {low:g} to {high:g} is needed")
    return float(value)
