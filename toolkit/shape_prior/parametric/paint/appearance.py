"""Colours of what the photograph hides or shows too small: eyeballs, teeth, tongue, the inside of the mouth."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float32

from facecraft4d.toolkit.core.datatypes import Portrait
from facecraft4d.toolkit.core.rigging import in_regions, vertices_in_regions
from facecraft4d.toolkit.face_model.mouth import CAVITY_RGB, crowns, tongue_colors, tooth_colors
from facecraft4d.toolkit.landmarks.points import EYE_RIMS, IRISES
from facecraft4d.toolkit.shape_prior.parametric.assembly import Assembly
from facecraft4d.toolkit.shape_prior.parametric.paint.texels import Texels
from facecraft4d.toolkit.shape_prior.parametric.segment import polygon

_IRIS_RADIANS, _PUPIL_RADIANS = 0.47, 0.17
"""Half angles seen from the middle of the eyeball (a 5.9 mm iris on a 12 mm ball)."""
_CAVITY_LIGHT = 0.4
"""Light on the walls of the mouth beside that on the teeth: what is seen of them lies deep."""
_SHADE_DEPTH = 0.06
"""Metres behind the lips over which teeth and tongue fade into the dark."""
_CAVITY_DEPTH = 0.012
"""Metres behind the lips at which the inside of the mouth is dark."""
_FRONT = 0.3
"""Quantile of the lips' vertices, from behind, at which the inside of the mouth begins."""
_DARKEST = 0.55
"""Part of their light that teeth and tongue keep however far behind they lie."""
_SOCKET_LIGHT = 1.6
"""Light on the walls of the eye sockets, beside the inside of the mouth."""
_WELL_LIT, _BRIGHTNESS_LIMITS = 0.8, (0.4, 1.05)
"""The brightest channel of a well lit face, and limits of brightness beside it for dark skin and dark pictures."""
_RIM_FROM, _RIM_DARK = 0.75, 0.45
"""Part of the iris' radius from which its rim grows dark, and how dark."""
_PUPIL_EDGE, _PUPIL_DARK = 0.04, 0.85
"""Radians over which the pupil fades into the iris, and how dark it is."""
_IRIS_EDGE = 0.03
"""Radians on each side of the iris' border over which it fades into the white."""
_WHITE_FADE, _WHITE_DARK = 0.8, 0.25
"""Radians from the gaze at which the white begins to fall into the lids' shadow, and how much darker it is one radian on."""
_RING, _BEYOND_IRIS = (0.35, 0.85), 1.15
"""Parts of the iris' radius between which the picture shows its colour (no pupil, no rim), and beyond which it shows the white."""
_LEAST_PIXELS = 8
"""Pixels from which the picture tells a colour of the eye."""
_USUAL_IRIS, _USUAL_WHITE = (0.3, 0.22, 0.16), (0.8, 0.78, 0.75)
"""Colours where the picture shows none: brown, and white in a room."""
_LIT_WHITE = 0.75
"""Quantile of the white's pixels that is neither lashes' shadow nor glint."""
_PURE_WHITE, _LEAST_WHITE = (1, 0.97, 0.95), 0.7
"""The white's own colour, mixed half and half with what the picture shows, and its least brightness."""
SPECIAL_REGIONS = ("eyes", "teeth", "tongue", "mouth_interior", "eye_sockets")


@dataclass(frozen=True, slots=True, eq=False)
class Paint:
    """Colours for some of the texels."""

    colors: Float32[np.ndarray, "n 3"]
    covers: Float32[np.ndarray, " n"]
    """How far the paint replaces the completed skin colour, 0..1."""


def eye_mask(portrait: Portrait) -> Bool[np.ndarray, "h w"]:
    """Pixels inside the open eyes."""
    points = portrait.landmarks[:, :2].astype(np.float64)
    size = portrait.image.shape[0]
    return np.asarray(polygon(points[list(EYE_RIMS[0])], size) | polygon(points[list(EYE_RIMS[1])], size))


def paint_inside(assembly: Assembly, table: Texels, portrait: Portrait) -> Paint:
    """Procedural colours of eyes, teeth, tongue, mouth and sockets, with the photograph's brightness."""
    rig = assembly.rig

    def of(region: str) -> Bool[np.ndarray, " n"]:
        return np.asarray(in_regions(rig, region, optional=True)[table.triangles])

    points = table.spread(rig.vertices, rig.triangles)
    colors, covers = np.zeros((len(points), 3), np.float32), np.zeros(len(points), np.float32)
    brightness = _brightness(portrait)
    lips = rig.vertices[vertices_in_regions(rig, "lips", optional=True), 2]
    front = float(np.quantile(lips, _FRONT)) if len(lips) else 0.0
    teeth, tongue = of("teeth"), of("tongue")
    heights = table.spread(crowns(rig)[:, None], rig.triangles)
    arch = float(points[teeth, 2].max(initial=-1.0))
    for mine, color in (
        (teeth, tooth_colors(points[teeth].astype(np.float32), heights[teeth].astype(np.float32), arch)),
        (tongue, tongue_colors(points[tongue].astype(np.float32))),
    ):
        shade = np.clip(1 - (front - points[mine, 2]) / _SHADE_DEPTH, _DARKEST, 1)[:, None]
        colors[mine], covers[mine] = color * shade * brightness, 1
    mouth, sockets = of("mouth_interior"), of("eye_sockets")
    depth = (front - points[mouth, 2]) / _CAVITY_DEPTH
    colors[mouth], covers[mouth] = CAVITY_RGB * _CAVITY_LIGHT * brightness, np.clip(depth, 0, 1)
    colors[sockets], covers[sockets] = _SOCKET_LIGHT * CAVITY_RGB * _CAVITY_LIGHT * brightness, 1
    for eye, joint in enumerate(("eye_left", "eye_right")):
        center = rig.joint_positions[rig.joint_names.index(joint)]
        mine = of("eyes") & ((points[:, 0] > 0) == (center[0] > 0))
        colors[mine], covers[mine] = _eyeball(points[mine] - center, portrait, eye), 1
    return Paint(colors, covers)


def _brightness(portrait: Portrait) -> float:
    """How bright the photograph's face is beside a well lit one."""
    points = portrait.landmarks[:, :2].astype(int).clip(0, portrait.image.shape[0] - 1)
    return float(np.clip(np.median(portrait.image[points[:, 1], points[:, 0]].max(1)) / _WELL_LIT, *_BRIGHTNESS_LIMITS))


def _eyeball(directions: Float32[np.ndarray, "n 3"], portrait: Portrait, eye: int) -> Float32[np.ndarray, "n 3"]:
    """White, iris with a dark rim, pupil; colours from the photograph where it shows them."""
    ahead = directions[:, 2] / np.maximum(np.linalg.norm(directions, axis=1), 1e-9)
    angle = np.arccos(np.clip(ahead, -1, 1))
    iris, white = _eye_colors(portrait, eye)
    rim = np.clip((angle - _RIM_FROM * _IRIS_RADIANS) / ((1 - _RIM_FROM) * _IRIS_RADIANS), 0, 1)[:, None]
    colors = iris * (1 - _RIM_DARK * rim)
    colors = colors * (1 - np.clip((_PUPIL_RADIANS + _PUPIL_EDGE - angle) / _PUPIL_EDGE, 0, 1) * _PUPIL_DARK)[:, None]
    outside = np.clip((angle - _IRIS_RADIANS + _IRIS_EDGE) / (2 * _IRIS_EDGE), 0, 1)[:, None]
    shaded = white * (1 - _WHITE_DARK * np.clip(angle - _WHITE_FADE, 0, 1))[:, None]
    return np.asarray(colors * (1 - outside) + shaded * outside, np.float32)


def _eye_colors(portrait: Portrait, eye: int) -> tuple[np.ndarray, np.ndarray]:
    """Median colour of the iris' ring, and a bright quantile of the rest of the open eye."""
    points = portrait.landmarks[:, :2].astype(np.float64)
    center, rim = points[IRISES[eye][0]], points[list(IRISES[eye][1:])]
    radius = np.linalg.norm(rim - center, axis=1).mean()
    size = portrait.image.shape[0]
    distance = np.hypot(*np.moveaxis(np.stack(np.meshgrid(*[np.arange(size) + 0.5] * 2), -1) - center, -1, 0))
    opening = polygon(points[list(EYE_RIMS[eye])], size)
    ring = opening & (distance < _RING[1] * radius) & (distance > _RING[0] * radius)
    white = opening & (distance > _BEYOND_IRIS * radius)
    iris = np.median(portrait.image[ring], 0) if ring.sum() > _LEAST_PIXELS else np.array(_USUAL_IRIS)
    sclera = (
        np.quantile(portrait.image[white], _LIT_WHITE, axis=0)
        if white.sum() > _LEAST_PIXELS
        else np.array(_USUAL_WHITE)
    )
    # A closed or shaded eye would give a grey white: keep it light and nearly neutral.
    return iris.astype(np.float32), (
        0.5 * sclera + 0.5 * np.maximum(sclera.max(), _LEAST_WHITE) * np.array(_PURE_WHITE)
    ).astype(np.float32)
