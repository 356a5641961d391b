"""What a user may choose when an avatar is drawn, recorded or played; each dataclass is a part of the command line (tyro)."""

from dataclasses import dataclass
from enum import StrEnum

from facecraft4d.toolkit.core.geometry import PORTRAIT_FOV_Y_DEGREES


class Backend(StrEnum):
    """Who draws."""

    AUTO = "auto"
    OPENGL = "opengl"
    SOFTWARE = "software"


@dataclass(frozen=True, slots=True)
class RenderOptions:
    """One picture: where the camera stands and what it sees."""

    yaw: float = 0.0
    """Degrees around the head; positive moves the camera to the subject's left."""
    pitch: float = 0.0
    """Degrees above the horizon, -89 to 89."""
    zoom: float = 1.0
    """2 shows the middle of the picture twice as large (0.1 to 20)."""
    fov: float = PORTRAIT_FOV_Y_DEGREES
    """Vertical field of view in degrees, 5 to 150; the camera steps back or forth so that the head keeps its size."""
    size: int = 512
    """Side of the picture in pixels; even for MP4."""
    background: str = "white"
    """white, black, transparent (not for MP4 or JPEG) or #rrggbb."""
    backend: Backend = Backend.AUTO
    """opengl, software, or auto: OpenGL on a graphics card, the processor's own rasteriser elsewhere."""


@dataclass(frozen=True, slots=True)
class RecordOptions(RenderOptions):
    """A clip as video or pictures."""

    fps: float = 30.0
    """Frames per second of the recording."""
    turns: float = 0.0
    """How often the camera goes around the head during the clip."""


@dataclass(frozen=True, slots=True)
class PlayOptions:
    """A window that plays."""

    window: tuple[int, int] = (1180, 780)
    """Width and height of the window when it opens, in the screen's units."""
    background: str = "white"
    """white, black or #rrggbb."""
    seconds: float = float("inf")
    """Close the window after this time."""
    panel: bool = True
    """Begin with the panel; the Tab key shows and hides it."""
