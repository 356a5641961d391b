"""Splats as UsdVol.ParticleField3DGaussianSplat, the schema that came with OpenUSD 26.03: in the world, at rest or posed or sampled in time.

USD binds no splats to a mesh and has no blend shapes for them, so motion is sampled: every frame holds positions, orientations and scales.
https://openusd.org/release/api/class_usd_vol_particle_field3_d_gaussian_splat.html
"""

from typing import Any

import numpy as np

from facecraft4d.toolkit.core.datatypes import Splats
from facecraft4d.toolkit.core.geometry import SH_C0
from facecraft4d.toolkit.core.pixels import linear_from_srgb

REACH = 3.0
"""Standard deviations to which a splat is drawn: its extent."""
BYTES_A_FRAME = 40
"""Of each splat: position, orientation and scale in float32."""


def define_splats(stage: Any, path: str, splats: Splats) -> Any:
    """A prim for these splats: what does not move in time (opacities, colours, hints). Positions come with `set_splats`."""
    from pxr import UsdVol, Vt

    field = UsdVol.ParticleField3DGaussianSplat.Define(stage, path)
    prim = field.GetPrim()
    coefficients = ((splats.colors - 0.5) / SH_C0).astype(np.float32)
    for name, value in (
        ("opacities", Vt.FloatArray.FromNumpy(splats.opacities)),
        ("radiance:sphericalHarmonicsDegree", 0),
        ("radiance:sphericalHarmonicsCoefficients", Vt.Vec3fArray.FromNumpy(coefficients)),
        ("projectionModeHint", "perspective"),
        ("sortingModeHint", "cameraDistance"),
    ):
        prim.GetAttribute(name).Set(value)
    display = field.CreateDisplayColorPrimvar("vertex")
    display.Set(Vt.Vec3fArray.FromNumpy(linear_from_srgb(np.clip(splats.colors, 0, 1)).astype(np.float32)))
    return prim


def set_splats(prim: Any, splats: Splats, time: Any) -> None:
    """Where the splats are at that time code, or by default."""
    from pxr import Vt

    reach = REACH * splats.scales.max(1, keepdims=True)
    extent = np.stack([(splats.means - reach).min(0), (splats.means + reach).max(0)])
    for name, value in (
        ("positions", Vt.Vec3fArray.FromNumpy(splats.means)),
        ("orientations", Vt.QuatfArray.FromNumpy(np.roll(splats.rotations_wxyz, -1, 1))),  # FromNumpy takes xyzw
        ("scales", Vt.Vec3fArray.FromNumpy(splats.scales)),
        ("extent", Vt.Vec3fArray.FromNumpy(extent)),
    ):
        prim.GetAttribute(name).Set(value, time)
