"""How the viewer shows a head: what of it is drawn, how large and dense its splats are, on which background."""

from dataclasses import dataclass
from enum import StrEnum

from facecraft4d.runtime.gl.drawing import LOOK, Look
from facecraft4d.runtime.picture import Color


class Layer(StrEnum):
    """What of a head is drawn."""

    SPLATS = "splats"
    ELLIPSES = "ellipses"
    MESH = "mesh"


SCALES, OPACITIES = (0.1, 2.0), (0.02, 1.0)
"""What the sliders reach."""

DISK = Look(scale=0.38, gain=30.0, inscribed=1.0)
"""An ellipse of one standard deviation with an edge: 30 times its opacity, a Gaussian stays opaque for 1 / 0.38 deviations."""


@dataclass(slots=True)
class Appearance:
    """What the user chose."""

    background: Color
    layer: Layer = Layer.SPLATS
    wireframe: bool = False
    scale: float = 1.0
    opacity: float = 1.0
    level: int = 0
    """0: all splats; 1 and on: the avatar's levels of detail, the largest first."""

    fitting: bool = True
    """Let the time for a frame decide the level."""

    @property
    def look(self) -> Look:
        """For the renderer."""
        disk = DISK if self.layer is Layer.ELLIPSES else LOOK
        return disk._replace(scale=self.scale * disk.scale, gain=self.opacity * disk.gain)

    def toggle(self, layer: Layer) -> None:
        """That layer, or splats again."""
        self.layer = Layer.SPLATS if self.layer is layer else layer
