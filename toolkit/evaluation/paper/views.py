"""The pictures that the paper's measures compare with the photograph: a finished head from all around, still and moving.

The paper names five viewpoints (frontal, left-frontal, left, right-frontal, right) and gives no angles; here they are 45 and 90 degrees. Of the moving
head it names 60 to 180 degrees.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from jaxtyping import Float32, Float64, Int64

from facecraft4d.toolkit.core.asset import Avatar
from facecraft4d.toolkit.core.datatypes import Camera, Pose, Rig, View
from facecraft4d.toolkit.core.geometry import project, resized_camera, rotation_from_axis_angle, unproject
from facecraft4d.toolkit.core.rigging import pose_vertices
from facecraft4d.toolkit.evaluation.drawing import draw
from facecraft4d.toolkit.evaluation.identity import five_points
from facecraft4d.toolkit.evaluation.kept import Kept
from facecraft4d.toolkit.images import resized

FIVE = {"frontal": 0.0, "left-frontal": 45.0, "left": 90.0, "right-frontal": -45.0, "right": -90.0}
"""Yaws in degrees by the paper's names; left is the subject's."""
BEYOND = {f"yaw {yaw:+.0f}": yaw for yaw in (60.0, 120.0, 180.0, -120.0, -60.0)}
"""Of the moving head, where the paper looks at what a photograph does not show."""
GROUPS = {"still": FIVE, "moving": FIVE, "moving, 60 to 180 degrees": BEYOND}
"""Viewpoints of each row of the table; the first shows the photograph's pose, the others moments of the track."""
MOST_YAW = 90.0
"""Beyond it no face is seen, and identity is not measured."""


class Places(NamedTuple):
    """Five points of a face that stay on its head: a vertex and a distance from it each."""

    vertices: Int64[np.ndarray, "5"]
    offsets: Float64[np.ndarray, "5 3"]

    def seen(self, rig: Rig, pose: Pose, camera: Camera) -> Float64[np.ndarray, "5 2"]:
        """Where a camera sees them, in pixels."""
        return np.asarray(project(camera, pose_vertices(rig, pose)[self.vertices] + self.offsets)[0], np.float64)


@dataclass(frozen=True, slots=True, eq=False)
class Shown:
    """A picture of the head."""

    name: str
    yaw: float
    """Degrees from the photograph's camera."""
    image: Float32[np.ndarray, "s s 3"]
    points: Float64[np.ndarray, "5 2"] | None
    """Where its face has the five points; None where nobody knows, or no face is seen."""


def reference(view: View, size: int) -> Shown:
    """The photograph, aligned and on white, with the five points that YuNet finds in it."""
    image = resized(view.image, size)
    return Shown("photograph", 0.0, image, five_points(image))


def turned_camera(camera: Camera, yaw_degrees: float) -> Camera:
    """The camera, carried about the vertical axis through the world's origin; positive moves it towards the subject's left."""
    turn = np.eye(4)
    turn[:3, :3] = rotation_from_axis_angle(np.array([0.0, -np.radians(yaw_degrees), 0.0]))
    return replace(camera, camera_from_world=camera.camera_from_world @ turn)


def face_places(photograph: Shown, view: View, rig: Rig, pose: Pose) -> Places | None:
    """The photograph's five points on the head's surface, at the depth of the head in its own view; None where they are not known."""
    if photograph.points is None or not (view.depth > 0).any():
        return None
    pixels = photograph.points * view.depth.shape[0] / photograph.image.shape[0]
    rows, columns = np.nonzero(view.depth > 0)
    nearest = [np.argmin((columns + 0.5 - x) ** 2 + (rows + 0.5 - y) ** 2) for x, y in pixels]
    camera = resized_camera(view.camera, view.depth.shape[1], view.depth.shape[0])
    points = unproject(camera, pixels, view.depth[rows[nearest], columns[nearest]].astype(np.float64))
    vertices = pose_vertices(rig, pose).astype(np.float64)
    chosen = np.array([np.argmin(((vertices - point) ** 2).sum(-1)) for point in points])
    return Places(chosen, points - vertices[chosen])


def shown(avatar: Avatar, kept: Kept, photograph: Shown, moments: int) -> Iterator[tuple[str, Shown]]:
    """Every picture with its group, drawn when it is asked for; `moments` of the track, none for 0."""
    size, front = photograph.image.shape[0], kept.views.views[0]
    camera = resized_camera(front.camera, size, size)
    places = face_places(photograph, front, avatar.rig, kept.head.pose)
    for group, viewpoints in GROUPS.items():
        poses = {"": kept.head.pose} if group == "still" else _moments(kept, moments)
        for when, pose in poses.items():
            for name, yaw in viewpoints.items():
                here = turned_camera(camera, yaw)
                points = places.seen(avatar.rig, pose, here) if places and abs(yaw) <= MOST_YAW else None
                yield group, Shown(f"{name}{when}", yaw, draw(avatar, pose, here).image, points)


def _moments(kept: Kept, count: int) -> dict[str, Pose]:
    """Poses of the track, evenly spread, by what their pictures' names end in."""
    track = kept.frames.known_track
    frames = sorted({round(frame) for frame in np.linspace(0, len(track.expressions) - 1, count)}) if count else []
    return {f", frame {frame}": track.pose(frame) for frame in frames}
