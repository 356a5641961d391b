"""A camera on a sphere around the head."""

from dataclasses import dataclass, replace

import numpy as np

from facecraft4d.toolkit.core.asset import Avatar
from facecraft4d.toolkit.core.checks import check_range
from facecraft4d.toolkit.core.datatypes import Camera
from facecraft4d.toolkit.core.geometry import PORTRAIT_FOV_Y_DEGREES, camera_from_world_on_orbit, intrinsics
from facecraft4d.toolkit.core.rigging import in_regions, place_splats

MAX_PITCH_DEGREES = 89.0
"""Beyond, the camera would tip over."""

DISTANCES = (1e-3, 1e3)
"""From the target, metres."""

MOST_TARGET = 10.0
"""Metres from the origin that panning reaches."""

MARGIN = 1.1
"""How much larger than the head the picture is."""


SHOULDERS = "torso"
"""Region that a picture need not hold."""


@dataclass(frozen=True, slots=True)
class OrbitCamera:
    """Where the viewer stands. Yaw 0 sees the face, +90 degrees sits on the subject's left (+X); pitch lifts the camera."""

    target: tuple[float, float, float]
    """Point in the middle of the picture, metres, world."""
    distance: float
    """From the target, metres."""
    yaw_degrees: float = 0.0
    pitch_degrees: float = 0.0
    fov_y_degrees: float = PORTRAIT_FOV_Y_DEGREES

    def __post_init__(self) -> None:
        check_range("pitch_degrees", self.pitch_degrees, -MAX_PITCH_DEGREES, MAX_PITCH_DEGREES)
        check_range("fov_y_degrees", self.fov_y_degrees, 0.1, 170.0)
        check_range("distance", self.distance, *DISTANCES)

    def camera(self, width: int, height: int) -> Camera:
        """The pinhole camera for an image of that size."""
        place = camera_from_world_on_orbit(self.yaw_degrees, self.pitch_degrees, self.distance, np.array(self.target))
        return Camera(place, *intrinsics(self.fov_y_degrees, width, height), width, height)

    def turned(self, yaw_degrees: float, pitch_degrees: float) -> "OrbitCamera":
        """Moved on around the sphere; the pitch stops short of the poles."""
        pitch = min(max(self.pitch_degrees + pitch_degrees, -MAX_PITCH_DEGREES), MAX_PITCH_DEGREES)
        yaw = (self.yaw_degrees + yaw_degrees + 180) % 360 - 180
        return replace(self, yaw_degrees=yaw, pitch_degrees=pitch)

    def zoomed(self, factor: float) -> "OrbitCamera":
        """Nearer by that factor, between 5 centimetres and 50 metres."""
        return replace(self, distance=min(max(self.distance / factor, 0.05), 50.0))

    def panned(self, right: float, up: float) -> "OrbitCamera":
        """Moved along the picture, in heights of it at the target's distance; the target stays within 10 metres of the origin."""
        height = 2 * self.distance * np.tan(np.radians(self.fov_y_degrees) / 2)
        axes = camera_from_world_on_orbit(self.yaw_degrees, self.pitch_degrees, self.distance, np.array(self.target))
        moved = np.array(self.target) + height * (right * axes[0, :3] - up * axes[1, :3])
        x, y, z = np.clip(moved, -MOST_TARGET, MOST_TARGET).tolist()
        return replace(self, target=(x, y, z))


def framing(avatar: Avatar, fov_y_degrees: float = PORTRAIT_FOV_Y_DEGREES) -> OrbitCamera:
    """A camera from which the head at rest, but for a thousandth of its splats on each side, fills the picture at every yaw.

    As in a portrait the head with its hair and neck counts; shoulders may reach beyond the picture.
    """
    rig, splats = avatar.rig, avatar.splats
    framed = ~in_regions(rig, SHOULDERS, optional=True)[splats.triangles]
    means = place_splats(splats, rig.vertices, rig).means
    means = means[framed] if framed.any() else means
    low, high = np.quantile(means, [0.001, 0.999], axis=0)
    half = (high - low) / 2
    radius = max(float(half[1]), float(np.hypot(half[0], half[2])))
    distance = MARGIN * radius / np.tan(np.radians(fov_y_degrees) / 2) + float(np.hypot(half[0], half[2]))
    distance = min(
        max(distance, DISTANCES[0]), DISTANCES[1]
    )  # a file may hold a head of no extent, or splats a mile away
    x, y, z = ((low + high) / 2).tolist()
    return OrbitCamera((x, y, z), float(distance), fov_y_degrees=fov_y_degrees)
