"""Paints a synthetic head: pores, freckles, brows, irises, single teeth, strands of hair; functions of the place on the head at rest.

All that is fine is drawn from a detail generator, all that is coarse comes from the look: two generators give one person with other
pores, strands and gaps between the teeth, as two generated views do.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float32, Int64
from scipy import ndimage

from facecraft4d.toolkit.core.datatypes import Camera, Rig
from facecraft4d.toolkit.core.geometry import normalized
from facecraft4d.toolkit.meshes.raster import interpolate, rasterize

LATTICE = 32
"""Side of the repeating cube of random numbers behind `noise`."""
TOOTH_METRES, GAP_METRES, GUM_METRES = 0.0085, 0.0016, 0.0085
ARCH_METRES = 0.036
"""Radius of the dental arch: angles about its middle become lengths along the teeth."""
IRIS, PUPIL, LIMBUS = 0.52, 0.2, 0.46
"""Radii in radians, seen from the eye's middle."""

Points = Float[np.ndarray, "n 3"]
Colors = Float[np.ndarray, "n 3"]


@dataclass(frozen=True, slots=True)
class Look:
    """Colours of a person, sRGB in [0, 1]."""

    skin: tuple[float, float, float]
    lips: tuple[float, float, float]
    hair: tuple[float, float, float]
    iris: tuple[float, float, float]
    freckles: float = 0.0
    """How dark freckles are, 0 to 1."""
    stubble: float = 0.0
    hat: tuple[float, float, float] = (0.5, 0.1, 0.1)
    frame: tuple[float, float, float] = (0.08, 0.07, 0.07)


@dataclass(frozen=True, slots=True, eq=False)
class Canvas:
    """Texels of an atlas and the places on the head that they show."""

    size: int
    points: Float32[np.ndarray, "n 3"]
    """Metres, at rest."""
    regions: Int64[np.ndarray, " n"]
    fill: Int64[np.ndarray, "s s"]
    """For every texel of the atlas the row of the nearest painted one."""


def canvas(rig: Rig, corner_uvs: Float32[np.ndarray, "f 3 2"], size: int) -> Canvas:
    """Find the place on the rig of every texel that a triangle covers."""
    corners = np.concatenate([corner_uvs.reshape(-1, 2), np.ones((3 * len(corner_uvs), 1))], 1)
    flat = Camera(np.eye(4), float(size), float(size), 0.0, 0.0, size, size)
    fragments = rasterize(flat, corners, np.arange(len(corners)).reshape(-1, 3))
    covered = fragments.covered
    points = interpolate(fragments, rig.vertices[rig.triangles])[covered]
    row = np.full(covered.shape, -1)
    row[covered] = np.arange(len(points))
    nearest = ndimage.distance_transform_edt(~covered, return_distances=False, return_indices=True)
    regions = rig.triangle_regions[fragments.triangle[covered]].astype(np.int64)
    return Canvas(size, points, regions, row[tuple(nearest)])


def noise(points: Float[np.ndarray, "n d"], wavelength: float, rng: np.random.Generator) -> Float[np.ndarray, " n"]:
    """Smooth random values of unit variance at lattice points `wavelength` apart; any number of dimensions."""
    dimensions = points.shape[1]
    lattice = rng.normal(size=(LATTICE,) * dimensions).astype(np.float32)
    return np.asarray(ndimage.map_coordinates(lattice, points.T / wavelength, order=1, mode="grid-wrap"), np.float64)


def paint(
    canvas: Canvas, rig: Rig, look: Look, rng: np.random.Generator, detail: float = 1.0
) -> Float32[np.ndarray, "s s 3"]:
    """The texture; `detail` scales all that is fine (0 leaves the coarse colours)."""
    return np.asarray(np.clip(colored(canvas, rig, look, rng, detail), 0, 1)[canvas.fill], np.float32)


def colored(canvas: Canvas, rig: Rig, look: Look, rng: np.random.Generator, detail: float = 1.0) -> Colors:
    """The colours of the canvas' places."""
    eyes = {side: rig.joint_positions[rig.joint_names.index(f"eye_{side}")] for side in ("left", "right")}
    brushes: dict[str, Callable[[Points], Colors]] = {
        "lips": lambda p: _lips(p, look, rng, detail),
        "eyes": lambda p: _eyes(p, eyes, look, rng, detail),
        "teeth": lambda p: _teeth(p, rng, detail),
        "hair": lambda p: _hair(p, look, rng, detail),
        "hat": lambda p: _hat(p, look, rng, detail),
        "glasses": lambda p: np.tile(look.frame, (len(p), 1)),
        "tongue": lambda p: (
            np.tile((0.62, 0.32, 0.33), (len(p), 1)) * (1 + 0.1 * detail * noise(p, 0.002, rng))[:, None]
        ),
        "mouth_interior": lambda p: np.tile((0.22, 0.07, 0.07), (len(p), 1)),
        "eye_sockets": lambda p: np.tile((0.25, 0.12, 0.1), (len(p), 1)),
    }
    colors = np.empty((len(canvas.points), 3))
    for index, name in enumerate(rig.region_names):
        chosen = canvas.regions == index
        places = canvas.points[chosen].astype(np.float64)
        brush = brushes.get(name)
        colors[chosen] = brush(places) if brush else _skin(places, name, eyes, look, rng, detail)
    return colors


def _skin(
    points: Points, region: str, eyes: dict[str, np.ndarray], look: Look, rng: np.random.Generator, detail: float
) -> Colors:
    coarse = np.random.default_rng(5)
    tone = np.asarray(look.skin) * (1 + 0.035 * noise(points, 0.02, coarse))[:, None]
    cheeks = sum(
        np.exp(-(((points - eye - [np.sign(eye[0]) * 0.01, -0.035, 0.0]) / 0.018) ** 2).sum(1)) for eye in eyes.values()
    )
    tone = tone * (1 - np.outer(0.16 * np.asarray(cheeks), [0.1, 1, 0.8]))
    pores = 0.05 * noise(points, 0.0016, rng) + 0.04 * noise(points, 0.0035, rng)
    spots = np.clip(noise(points, 0.0028, rng) - 0.9, 0, 1) * look.freckles * (points[:, 2] > 0.02)
    beard = np.clip(noise(points, 0.0015, rng) + 0.3, 0, 1.5) * look.stubble
    beard = (
        beard
        * np.clip((eyes["left"][1] - 0.045 - points[:, 1]) / 0.015, 0, 1)
        * (points[:, 2] > 0.0)
        * (points[:, 1] > -0.1)
    )
    tone = tone * (1 + detail * (pores - beard))[:, None] * (1 - detail * np.outer(spots, [0.35, 0.55, 0.6]))
    if region == "eyelids":
        return np.asarray(tone * 0.72)
    for side, eye in eyes.items():
        share = _brow(points, eye, side)
        hairs = 0.75 + 0.45 * detail * noise(points @ _lean(side), 0.0013, rng)
        opaque = np.clip(share * hairs, 0, 0.9)[:, None]
        tone = tone * (1 - opaque) + opaque * np.asarray(look.hair) * 0.6
    return np.asarray(tone)


def _lean(side: str) -> Float[np.ndarray, "3 3"]:
    """Squeezes places so that noise becomes short hairs that lean outwards."""
    angle = 0.6 if side == "left" else -0.6
    turn = np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]])
    return np.asarray(turn @ np.diag([1.0, 0.25, 0.1]))


def _brow(points: Points, eye: np.ndarray, side: str) -> Float[np.ndarray, " n"]:
    """1 on the brow, falling to 0 at its edge."""
    outward = (points[:, 0] - eye[0]) * (1 if side == "left" else -1) / 0.022
    middle = eye[1] + 0.0185 + 0.0045 * (1 - (outward - 0.25) ** 2)
    half = 0.0042 - 0.0022 * np.clip(outward, -0.2, 1)
    inside = np.clip(1.6 * (1 - np.abs(points[:, 1] - middle) / half), 0, 1)
    return np.asarray(inside * np.clip((1.05 - np.abs(outward)) / 0.2, 0, 1) * (points[:, 2] > 0.04))


def _lips(points: Points, look: Look, rng: np.random.Generator, detail: float) -> Colors:
    lines = noise(points * [1, 0.25, 0.25], 0.0014, rng)
    rim = np.clip((np.abs(points[:, 1] - points[:, 1].mean()) - 0.003) / 0.012, 0, 1)
    return np.asarray(look.lips * (1 + 0.12 * detail * lines - 0.1 * rim)[:, None])


def _eyes(points: Points, eyes: dict[str, np.ndarray], look: Look, rng: np.random.Generator, detail: float) -> Colors:
    middle = np.where(points[:, :1] > 0, eyes["left"], eyes["right"])
    gaze = normalized(points - middle)
    radius = np.arccos(np.clip(gaze[:, 2], -1, 1))
    around = np.arctan2(gaze[:, 1], gaze[:, 0])
    rays = noise(np.stack([around, np.sign(points[:, 0]) * 9.3 + radius * 0.3], -1), 0.16, rng)
    iris = np.asarray(look.iris) * (1 + 0.3 * detail * rays)[:, None]
    iris = np.where((radius > LIMBUS)[:, None], iris * 0.4, iris)
    white = np.array([0.9, 0.88, 0.86]) * (1 - 0.12 * np.clip(radius - 0.7, 0, 1))[:, None]
    veins = np.clip(noise(points, 0.0012, rng) - 1.1, 0, 1)
    white = white * (1 - detail * np.outer(veins, [0.05, 0.3, 0.3]))
    color = np.where((radius < IRIS)[:, None], iris, white)
    color = np.where((radius < PUPIL)[:, None], 0.03, color)
    glint = ((gaze[:, :2] - [0.12, 0.16]) ** 2).sum(1) < 0.07**2
    return np.where(glint[:, None], 0.97, color)


def _teeth(points: Points, rng: np.random.Generator, detail: float) -> Colors:
    """Single teeth: dark gaps along the arch, a shade for each tooth, gums away from the biting edge."""
    middle = (points[:, 1].min() + points[:, 1].max()) / 2
    behind = points[:, 2].max() - ARCH_METRES
    along = ARCH_METRES * np.arctan2(points[:, 0], np.maximum(points[:, 2] - behind, 1e-4))
    upper = points[:, 1] > middle
    width = np.where(upper, TOOTH_METRES, 0.75 * TOOTH_METRES)
    shift = rng.uniform(-0.5, 0.5, 2) * width.max()
    place = (along + np.where(upper, *shift)) / width
    from_gap = np.abs(place - np.round(place)) * width
    shades = rng.uniform(0.88, 1.04, 64)[(np.floor(place) + 32).astype(int).clip(0, 63)]
    enamel = np.array([0.93, 0.9, 0.82]) * (1 + detail * (shades - 1))[:, None]
    gap = np.clip(1.5 - 1.5 * from_gap / GAP_METRES, 0, 1)[:, None] * detail
    teeth = enamel * (1 - gap) + gap * [0.25, 0.12, 0.1]
    scallop = 0.0018 * np.cos(2 * np.pi * place)
    gums = np.clip((np.abs(points[:, 1] - middle) - GUM_METRES + scallop) / 0.0008, 0, 1)[:, None]
    return np.asarray(teeth * (1 - gums) + gums * [0.72, 0.4, 0.4])


def _hair(points: Points, look: Look, rng: np.random.Generator, detail: float) -> Colors:
    """Strands down from the crown, about 2 mm wide, with brighter locks between."""
    azimuth = np.arctan2(points[:, 0], points[:, 2] + 0.015)
    strand = np.stack([0.09 * np.sin(azimuth), 0.09 * np.cos(azimuth), 0.05 * points[:, 1]], -1)
    fine = noise(strand, 0.0021, rng)
    locks = noise(strand * [1, 1, 0.6], 0.006, rng)
    return np.asarray(look.hair * np.clip(1 + detail * (0.33 * fine + 0.3 * locks), 0.25, 2.2)[:, None])


def _hat(points: Points, look: Look, rng: np.random.Generator, detail: float) -> Colors:
    """Knitted ribs with uneven stitches."""
    around = np.arctan2(points[:, 0], points[:, 2] + 0.01)
    ribs = np.cos(46 * around + rng.uniform(0, 2 * np.pi))
    stitches = np.cos(points[:, 1] / 0.0007 + rng.uniform(0, 2 * np.pi)) * 0.5
    wool = noise(points, 0.002, rng)
    return np.asarray(look.hat * (1 + detail * (0.28 * ribs + 0.1 * stitches + 0.15 * wool))[:, None])
