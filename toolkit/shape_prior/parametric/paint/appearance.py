"""Colours of what the photograph hides or shows too small: eyeballs, teeth, tongue, the inside of the mouth."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float32

from facecraft4d.toolkit.core.datatypes import Portrait
from facecraft4d.toolkit.core.rigging import in_regions, vertices_in_regions
from facecraft4d.toolkit.landmarks.points import EYE_RIMS, IRISES
from facecraft4d.toolkit.shape_prior.parametric.assembly import Assembly
from facecraft4d.toolkit.shape_prior.parametric.paint.texels import Texels
from facecraft4d.toolkit.shape_prior.parametric.segment import polygon

_IRIS_RADIANS, _PUPIL_RADIANS = 0.47, 0.17
"""Half angles seen from the middle of the eyeball (a 5.9 mm iris on a 12 mm ball)."""
_TEETH, _TONGUE, _CAVITY = np.array([[0.88, 0.84, 0.76], [0.68, 0.36, 0.34], [0.22, 0.07, 0.07]], np.float32)
_TOOTH_RADIANS, _ARCH_DEPTH = 0.19, 0.032
"""A tooth's width seen from the middle of the dental arch, which lies that far (metres) behind its front."""
_SHADE_DEPTH = 0.06
"""Metres behind the lips over which teeth and tongue fade into the dark."""
_CAVITY_DEPTH = 0.012
"""Metres behind the lips at which the inside of the mouth is dark."""
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
    front = float(np.quantile(lips, 0.3)) if len(lips) else 0.0
    for mine, color in (
        (of("teeth"), _TEETH * _tooth_gaps(points, of("teeth"))[:, None]),
        (of("tongue"), np.tile(_TONGUE, (len(points), 1))),
    ):
        shade = np.clip(1 - (front - points[mine, 2]) / _SHADE_DEPTH, 0.55, 1)[:, None]
        colors[mine], covers[mine] = color[mine] * shade * brightness, 1
    mouth, sockets = of("mouth_interior"), of("eye_sockets")
    depth = (front - points[mouth, 2]) / _CAVITY_DEPTH
    colors[mouth], covers[mouth] = _CAVITY * brightness, np.clip(depth, 0, 1)
    colors[sockets], covers[sockets] = 1.6 * _CAVITY * brightness, 1
    for eye, joint in enumerate(("eye_left", "eye_right")):
        center = rig.joint_positions[rig.joint_names.index(joint)]
        mine = of("eyes") & ((points[:, 0] > 0) == (center[0] > 0))
        colors[mine], covers[mine] = _eyeball(points[mine] - center, portrait, eye), 1
    return Paint(colors, covers)


def _tooth_gaps(points: Float32[np.ndarray, "n 3"], teeth: Bool[np.ndarray, " n"]) -> Float32[np.ndarray, " n"]:
    """1 on a tooth, darker between two, by the angle around the dental arch."""
    front = float(points[teeth, 2].max()) if teeth.any() else 0.0
    angle = np.arctan2(points[:, 0], points[:, 2] - front + _ARCH_DEPTH)
    off_gap = np.abs((angle / _TOOTH_RADIANS + 0.5) % 1 - 0.5)
    return np.asarray(1 - 0.3 * np.exp(-((off_gap / 0.08) ** 2)), np.float32)


def _brightness(portrait: Portrait) -> float:
    """How bright the photograph's face is beside a well lit one."""
    points = portrait.landmarks[:, :2].astype(int).clip(0, portrait.image.shape[0] - 1)
    return float(np.clip(np.median(portrait.image[points[:, 1], points[:, 0]].max(1)) / 0.8, 0.4, 1.05))


def _eyeball(directions: Float32[np.ndarray, "n 3"], portrait: Portrait, eye: int) -> Float32[np.ndarray, "n 3"]:
    """White, iris with a dark rim, pupil; colours from the photograph where it shows them."""
    ahead = directions[:, 2] / np.maximum(np.linalg.norm(directions, axis=1), 1e-9)
    angle = np.arccos(np.clip(ahead, -1, 1))
    iris, white = _eye_colors(portrait, eye)
    rim = np.clip((angle - 0.75 * _IRIS_RADIANS) / (0.25 * _IRIS_RADIANS), 0, 1)[:, None]
    colors = iris * (1 - 0.45 * rim)
    colors = colors * (1 - np.clip((_PUPIL_RADIANS + 0.04 - angle) / 0.04, 0, 1) * 0.85)[:, None]
    outside = np.clip((angle - _IRIS_RADIANS + 0.03) / 0.06, 0, 1)[:, None]
    shaded = white * (1 - 0.25 * np.clip(angle - 0.8, 0, 1))[:, None]
    return np.asarray(colors * (1 - outside) + shaded * outside, np.float32)


def _eye_colors(portrait: Portrait, eye: int) -> tuple[np.ndarray, np.ndarray]:
    """Median colour of the iris' ring, and a bright quantile of the rest of the open eye."""
    points = portrait.landmarks[:, :2].astype(np.float64)
    center, rim = points[IRISES[eye][0]], points[list(IRISES[eye][1:])]
    radius = np.linalg.norm(rim - center, axis=1).mean()
    size = portrait.image.shape[0]
    distance = np.hypot(*np.moveaxis(np.stack(np.meshgrid(*[np.arange(size) + 0.5] * 2), -1) - center, -1, 0))
    opening = polygon(points[list(EYE_RIMS[eye])], size)
    ring = opening & (distance < 0.85 * radius) & (distance > 0.35 * radius)
    white = opening & (distance > 1.15 * radius)
    iris = np.median(portrait.image[ring], 0) if ring.sum() > 8 else np.array([0.3, 0.22, 0.16])
    sclera = np.quantile(portrait.image[white], 0.75, axis=0) if white.sum() > 8 else np.array([0.8, 0.78, 0.75])
    # A closed or shaded eye would give a grey white: keep it light and nearly neutral.
    return iris.astype(np.float32), (
        0.5 * sclera + 0.5 * np.maximum(sclera.max(), 0.7) * np.array([1, 0.97, 0.95])
    ).astype(np.float32)
