"""Pictures of an avatar for measuring and for the report, drawn on the CPU the same way on every machine."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float32

from facecraft4d.toolkit.core.asset import Avatar
from facecraft4d.toolkit.core.datatypes import Camera, Pose
from facecraft4d.toolkit.core.rigging import place_splats, pose_vertices
from facecraft4d.toolkit.splatting.cpu import draw as draw_splats

WHITE = (1.0, 1.0, 1.0)


class Render(NamedTuple):
    """A drawn avatar."""

    image: Float32[np.ndarray, "h w 3"]
    """sRGB in [0, 1] on white."""
    alpha: Float32[np.ndarray, "h w"]


def draw(avatar: Avatar, pose: Pose, camera: Camera) -> Render:
    """The avatar in a pose, on white."""
    splats = place_splats(avatar.splats, pose_vertices(avatar.rig, pose), avatar.rig)
    picture = draw_splats(splats, camera, WHITE)
    return Render(picture[..., :3].clip(0, 1), np.ascontiguousarray(picture[..., 3]))
