"""Options of the shape prior panohead."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated

from facecraft4d.toolkit.config.bounds import SHARE, Bounds


class LatentSpace(StrEnum):
    """What an inversion looks for."""

    W = "w"
    W_PLUS = "w+"


INVERSION_STEPS = Bounds(0, 10_000)
"""Published code takes 500 to 1000."""
MOST_RAYS = 1024
"""A side: memory for the depths of one view."""


@dataclass(frozen=True)
class PanoHeadConfig:
    """Inverts PanoHead, a generator of heads that can be seen from all around, in two phases (latent, then pivotal tuning).

    Its checkpoint is yours to bring, and for non-commercial use alone (docs/paper_priors.md).
    """

    checkpoint: Path | None = None
    """PanoHead's easy-khair-180-gpc0.8-trans10-025000.pkl or SphereHead's spherehead-ckpt-025000.pkl. Keep its name: the licence is known by it."""
    space: LatentSpace = LatentSpace.W_PLUS
    """w+: a row of style for each layer, as PanoHead's own inversion; w: one for all, a likelier head that is less like the photograph."""
    inversion_steps: Annotated[int, INVERSION_STEPS] = 500
    """Steps that look for the rows of style."""
    camera_steps: Annotated[int, INVERSION_STEPS] = 50
    """So many of them, the first, may also turn the camera, by 15 degrees at most."""
    pitch_offset: Annotated[float, Bounds(-45.0, 45.0)] = 0.0
    """Degrees by which PanoHead's camera stands higher than the landmarks say: detectors do not agree about where frontal is."""
    tuning_steps: Annotated[int, INVERSION_STEPS] = 500
    """Steps of pivotal tuning on the generator itself."""
    tuning_stop: Annotated[float, SHARE] = 0.06
    """Tuning ends where LPIPS (VGG16) is at most this: more of it distorts the sides, which no photograph shows. 0: it never ends early."""
    depth_rays: Annotated[int, Bounds(32, MOST_RAYS)] = 256
    """Rays a side that each view's depth is made of."""
    # A cell is half a metre / mesh_cells: below 32 there is no nose. Memory grows with the cube.
    mesh_cells: Annotated[int, Bounds(32, 512)] = 256
    """Cells a side of the grid that the surface (shape.glb, shape.obj) is taken from."""
    surface_density: Annotated[float, Bounds(0.1, 1000.0)] = 10.0
    """Density, per side of the generator's box, at which its surface lies."""
