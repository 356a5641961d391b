"""How much of each triangle anybody can see: the rest (a scalp under hair, a body under cloth) needs no splats of the budget."""

import numpy as np
from jaxtyping import Float64

from facecraft4d.toolkit.core.datatypes import Camera, FrameSet, Head, Pose, ViewSet
from facecraft4d.toolkit.core.geometry import orbit_camera
from facecraft4d.toolkit.core.rigging import pose_vertices
from facecraft4d.toolkit.meshes.raster import rasterize

YAWS, PITCHES = tuple(map(float, range(0, 360, 30))), (-30.0, 0.0, 30.0)
"""Degrees of the directions that the head is looked at from: players orbit no further up or down."""
SIDE = 512
"""Pixels of the picture of a direction."""


def shown_areas(views: ViewSet, frames: FrameSet, head: Head) -> Float64[np.ndarray, " f"]:
    """Square metres that the direction or frame which shows most of each triangle shows of it, across the line of sight; 0 where none does.

    Directions look at the photograph's pose, the first camera at the frames of the track.
    """
    first = views.views[0].camera.camera_from_world
    radius = float(np.linalg.norm(first[:3, 3]))
    around = [(orbit_camera(yaw, pitch, radius, SIDE), head.pose) for pitch in PITCHES for yaw in YAWS]
    track = frames.known_track
    moments = [(camera, track.pose(i)) for camera in frames.cameras[:1] for i in range(len(track.expressions))]
    areas = np.zeros(len(head.rig.triangles))
    for camera, pose in around + moments:
        np.maximum(areas, areas_in(camera, head, pose), out=areas)
    return areas


def areas_in(camera: Camera, head: Head, pose: Pose) -> Float64[np.ndarray, " f"]:
    """Square metres across the line of sight that pixels show of each triangle."""
    found = rasterize(camera, pose_vertices(head.rig, pose), head.rig.triangles)
    sides = found.depth[found.covered].astype(np.float64) ** 2 / (camera.fx * camera.fy)
    return np.bincount(found.triangle[found.covered], sides, len(head.rig.triangles)).astype(np.float64)
