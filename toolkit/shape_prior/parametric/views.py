"""The 24 views on the horizon orbit; view 0 is the photograph with the mesh's depth."""

import numpy as np
import scipy.ndimage
from jaxtyping import Float

from facecraft4d.toolkit.core.datatypes import Camera, Mesh, Portrait, View, ViewSet
from facecraft4d.toolkit.core.geometry import camera_center, orbit_camera
from facecraft4d.toolkit.meshes.raster import draw_mesh

SUPERSAMPLE = 2
"""Samples along each side of a pixel."""


def orbit(camera: Camera, center: Float[np.ndarray, "3"], count: int) -> tuple[Camera, ...]:
    """The photograph's camera, then cameras level with `center` at its distance and azimuth plus equal steps of 360 / count degrees."""
    arm = camera_center(camera) - center
    azimuth, radius = float(np.degrees(np.arctan2(arm[0], arm[2]))), float(np.linalg.norm(arm))
    around = [orbit_camera(azimuth + 360.0 / count * i, 0.0, radius, camera.width, center) for i in range(1, count)]
    return (camera, *around)


def draw_views(posed: Mesh, portrait: Portrait, cameras: tuple[Camera, ...]) -> ViewSet:
    """Draw the posed head for every camera; the first one shows the photograph itself."""
    views = [_photograph_view(posed, portrait, cameras[0])]
    for camera in cameras[1:]:
        drawing = draw_mesh(posed, camera, SUPERSAMPLE)
        views.append(View(camera, drawing.image, drawing.alpha, drawing.depth))
    step = 360.0 / len(cameras)
    return ViewSet(tuple(views), tuple(step * i for i in range(len(cameras))))


def _photograph_view(posed: Mesh, portrait: Portrait, camera: Camera) -> View:
    """The photograph; wisps outside the mesh take the depth of the nearest pixel that has one."""
    depth = draw_mesh(posed, camera, SUPERSAMPLE).depth
    index = scipy.ndimage.distance_transform_edt(depth <= 0, return_distances=False, return_indices=True)
    filled = np.where(portrait.alpha > 0, depth[tuple(index)], 0).astype(np.float32)
    return View(camera, portrait.image, portrait.alpha, filled)
