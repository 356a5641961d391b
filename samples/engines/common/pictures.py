"""Our own pictures of the poses, and how those of an engine compare with them."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Bool, UInt8
from PIL import Image, ImageFilter

from facecraft4d.runtime import Backend, RenderOptions
from facecraft4d.runtime.camera import OrbitCamera, framing
from facecraft4d.runtime.still import render_image
from facecraft4d.toolkit.core.asset import Avatar
from facecraft4d.toolkit.core.datatypes import Pose
from facecraft4d.toolkit.core.rigging import place_splats, pose_vertices

SIZE = 512
"""Side of the pictures in pixels."""
COLOUR = 3.0
"""Mean colours of the head may differ so much, of 255."""
TEXTURE_COLOUR = 10.0
"""The same where the textured mesh is drawn: its picture was painted from the photograph, the splats were trained on it."""
INSIDE = 0.9
"""At least that share of a pose's change lies where its splats move."""
AMOUNT = (0.7, 1.4)
"""How much an engine's picture changes with a pose, against ours."""
ALIKE = 20.0
"""Decibels under which a picture shows something else: the back of a head against its face has ten."""
MOVED = 0.1
"""A splat belongs to a pose's region where it moves by that share of the splat that moves most."""
REACH = 21
"""Pixels around such a splat's centre that its change may show in (an odd number, the side of a square)."""

Picture = UInt8[np.ndarray, "h w 3"]


def read_picture(path: Path) -> Picture:
    """RGB of a PNG that an engine wrote, on white where it is transparent."""
    with Image.open(path) as image:
        rgba = np.asarray(image.convert("RGBA"), np.float32) / 255
    return np.rint(255 * (rgba[..., :3] * rgba[..., 3:] + 1 - rgba[..., 3:])).astype(np.uint8)


def psnr(one: Picture, other: Picture) -> float:
    """Decibels over the whole picture, 8 bit sRGB; 99 for equal ones."""
    error = np.mean((one.astype(np.float64) - other) ** 2)
    return float(min(99.0, 10 * np.log10(255**2 / error))) if error else 99.0


@dataclass(frozen=True)
class Reference:
    """What our renderer shows in one pose, and where."""

    picture: Picture
    head: Bool[np.ndarray, "h w"]
    """Where it is opaque."""
    region: Bool[np.ndarray, "h w"]
    """Where splats move between rest and this pose."""


def references(avatar: Avatar, poses: dict[str, Pose], size: int = SIZE) -> dict[str, Reference]:
    """Our pictures of the poses on white, drawn by the processor."""
    neutral = poses["neutral"]
    return {name: _reference(avatar, neutral, pose, size) for name, pose in poses.items()}


def _reference(avatar: Avatar, neutral: Pose, pose: Pose, size: int) -> Reference:
    options = RenderOptions(size=size, backend=Backend.SOFTWARE, background="transparent")
    rgba = render_image(avatar, pose, options).astype(np.float32) / 255
    alpha = rgba[..., 3:]
    picture = np.rint(255 * (rgba[..., :3] * alpha + 1 - alpha)).astype(np.uint8)
    return Reference(picture, alpha[..., 0] > 0.5, _region(avatar, neutral, pose, size))


def _region(avatar: Avatar, neutral: Pose, pose: Pose, size: int) -> Bool[np.ndarray, "h w"]:
    """Pixels near a splat that moves, at rest or in the pose."""
    means = [place_splats(avatar.splats, pose_vertices(avatar.rig, each), avatar.rig).means for each in (neutral, pose)]
    distance = np.linalg.norm(means[1] - means[0], axis=1)
    if not distance.any():
        return np.ones((size, size), bool)
    moving = distance >= MOVED * distance.max()
    camera = framing(avatar).camera(size, size)
    marks = np.zeros((size, size), np.uint8)
    for each in means:
        local = each[moving] @ camera.camera_from_world[:3, :3].T + camera.camera_from_world[:3, 3]
        x = np.rint(camera.fx * local[:, 0] / local[:, 2] + camera.cx).astype(int)
        y = np.rint(camera.fy * local[:, 1] / local[:, 2] + camera.cy).astype(int)
        marks[np.clip(y, 0, size - 1), np.clip(x, 0, size - 1)] = 255
    return np.asarray(Image.fromarray(marks).filter(ImageFilter.MaxFilter(REACH))) > 0


def upright(shot: Picture, ours: Picture) -> bool:
    """The picture is nearer to ours than to ours mirrored, upside down or turned by half a circle, and near at all."""
    turned = (ours[:, ::-1], ours[::-1], ours[::-1, ::-1])
    decibels = psnr(shot, ours)
    return decibels >= ALIKE and all(decibels > psnr(shot, each) for each in turned)


@dataclass(frozen=True)
class Comparison:
    """An engine's picture of one pose against ours."""

    psnr: float
    """Decibels, whole picture."""
    colour: float
    """Difference of the mean colours over the head, of 255, the worst channel."""
    upright: bool
    """As `upright` says."""
    inside: float
    """Share of the change from neutral that lies in the pose's region; 1 for neutral itself."""
    amount: float
    """Change from neutral against that of our pictures; 1 for neutral itself."""
    most: float = COLOUR
    """What `colour` may be."""

    @property
    def wrong(self) -> str:
        """What is not as it should be; empty where nothing is."""
        reasons = (
            (not self.upright, "not upright"),
            (self.colour > self.most, f"colours are off by {self.colour:.1f}/255"),
            (self.inside < INSIDE, f"only {self.inside:.0%} of the change lies in its region"),
            (not AMOUNT[0] <= self.amount <= AMOUNT[1], f"changes by {self.amount:.0%} of ours"),
        )
        return ", ".join(reason for happens, reason in reasons if happens)


def compared(shots: dict[str, Picture], ours: dict[str, Reference], colour: float = COLOUR) -> dict[str, Comparison]:
    """Every pose's picture against ours; `colour` says how far mean colours may be off, of 255."""
    return {name: _compare(shots[name], shots["neutral"], ours[name], ours["neutral"], colour) for name in ours}


def _compare(shot: Picture, neutral: Picture, ours: Reference, at_rest: Reference, colour: float) -> Comparison:
    mine = ours.picture
    colours = [each[ours.head].mean(0) for each in (shot, mine)]
    change, expected = (np.abs(a.astype(np.float64) - b).sum(-1) for a, b in ((shot, neutral), (mine, at_rest.picture)))
    total = float(change.sum())
    still = not expected.any()
    return Comparison(
        psnr=psnr(shot, mine),
        colour=float(np.abs(colours[0] - colours[1]).max()),
        upright=upright(shot, mine),
        inside=1.0 if still else float(change[ours.region].sum()) / max(total, 1.0),
        amount=1.0 if still else total / float(expected.sum()),
        most=colour,
    )


def camera_parameters(avatar: Avatar) -> dict[str, str]:
    """Our portrait camera for a page's address: position and target in metres, vertical field of view in degrees."""
    orbit: OrbitCamera = framing(avatar)
    x, y, z = orbit.target
    return {
        "position": f"{x!r},{y!r},{z + orbit.distance!r}",
        "target": f"{x!r},{y!r},{z!r}",
        "fov": repr(orbit.fov_y_degrees),
    }
