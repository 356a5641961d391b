"""One picture of an avatar."""

from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np

from facecraft4d.runtime.camera import MAX_PITCH_DEGREES, OrbitCamera, framing
from facecraft4d.runtime.options import RenderOptions
from facecraft4d.runtime.picture import background_color, composite
from facecraft4d.runtime.renderer import open_renderer
from facecraft4d.toolkit.core.asset import Avatar
from facecraft4d.toolkit.core.checks import UserError
from facecraft4d.toolkit.core.datatypes import Pose
from facecraft4d.toolkit.core.files import whole_file
from facecraft4d.toolkit.core.pixels import encoded_bytes

MAX_SIZE = 8192
"""Largest side of a picture in pixels."""

OPAQUE_FORMATS = (".jpg", ".jpeg")


def render_image(
    avatar: Avatar, pose: Pose, options: RenderOptions, tell: Callable[[str], None] = lambda text: None
) -> np.ndarray:
    """The avatar in that pose as 8 bit RGB [h, w, 3], or RGBA [h, w, 4] on a transparent background; `tell` hears who draws, before it does."""
    background = background_color(options.background)
    camera = option_camera(avatar, options).camera(options.size, options.size)
    with closing(open_renderer((avatar,), options.size, options.size, options.backend)) as renderer:
        tell(renderer.note)
        return composite(renderer.draw((pose,), camera), background)


def render_still(
    avatar: Avatar, pose: Pose, path: Path, options: RenderOptions, tell: Callable[[str], None] = lambda text: None
) -> None:
    """Write `render_image` as PNG or JPEG: whole or not at all. Raises UserError for another suffix or options that do not fit."""
    suffix = path.suffix.lower()
    if suffix not in (".png", *OPAQUE_FORMATS):
        raise UserError(f"{path}: a picture must end in .png, {', '.join(OPAQUE_FORMATS)}")
    if suffix in OPAQUE_FORMATS and background_color(options.background) is None:
        raise UserError(f"{path}: JPEG cannot be transparent; take .png or another background")
    option_camera(avatar, options)  # wrong ones are refused before a folder is made
    with whole_file(path) as temporary:  # a path that cannot be written is refused before anything is drawn
        image = render_image(avatar, pose, options, tell)
        temporary.write_bytes(encoded_bytes(image, "PNG" if suffix == ".png" else "JPEG"))


def option_camera(avatar: Avatar, options: RenderOptions) -> OrbitCamera:
    """The camera that the options ask for. Raises UserError for values out of range."""
    for name, value, low, high in (
        ("size", options.size, 16, MAX_SIZE),
        ("pitch", options.pitch, -MAX_PITCH_DEGREES, MAX_PITCH_DEGREES),
        ("yaw", options.yaw, -3600, 3600),
        ("zoom", options.zoom, 0.1, 20),
        ("fov", options.fov, 5, 150),
    ):
        if not low <= value <= high:
            raise UserError(f"{name} must be between {low} and {high}, got {value}")
    narrow = 2 * np.degrees(np.arctan(np.tan(np.radians(options.fov) / 2) / options.zoom))
    return replace(framing(avatar, options.fov).turned(options.yaw, options.pitch), fov_y_degrees=float(narrow))
