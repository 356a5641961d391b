"""Which triangles anybody can see: the others (a scalp under hair, a body under cloth) need no splats of the budget."""

from collections.abc import Iterable

import numpy as np
from jaxtyping import Bool

from facecraft4d.toolkit.core.datatypes import Camera, FrameSet, Head, Pose, ViewSet
from facecraft4d.toolkit.core.geometry import orbit_camera
from facecraft4d.toolkit.core.rigging import pose_vertices
from facecraft4d.toolkit.meshes.raster import rasterize

YAWS, PITCHES = tuple(map(float, range(0, 360, 30))), (-30.0, 0.0, 30.0)
"""Degrees of the directions that the head is looked at from: players orbit no further up or down."""
SIDE = 512
"""Pixels of the picture of a direction; what is missed because it is smaller neighbours something seen."""


def shown_triangles(views: ViewSet, frames: FrameSet, head: Head) -> Bool[np.ndarray, " f"]:
    """Triangles of the rig that a direction shows in the photograph's pose or a camera in a frame of the track, and all that touch them."""
    triangles = head.rig.triangles
    first = views.views[0].camera.camera_from_world
    radius = float(np.linalg.norm(first[:3, 3]))
    around = ((orbit_camera(yaw, pitch, radius, SIDE), head.pose) for pitch in PITCHES for yaw in YAWS)
    track = frames.known_track
    moments = ((camera, track.pose(i)) for camera in frames.cameras[:1] for i in range(len(track.expressions)))
    seen = seen_in(head, around) | seen_in(head, moments)
    touched = np.zeros(int(triangles.max()) + 1, bool)
    touched[triangles[seen]] = True
    return np.asarray(touched[triangles].any(1))


def seen_in(head: Head, pictures: Iterable[tuple[Camera, Pose]]) -> Bool[np.ndarray, " f"]:
    """Triangles nearest to the camera at a pixel of any picture."""
    seen = np.zeros(len(head.rig.triangles), bool)
    for camera, pose in pictures:
        nearest = rasterize(camera, pose_vertices(head.rig, pose), head.rig.triangles).triangle
        seen[nearest[nearest >= 0]] = True
    return seen
