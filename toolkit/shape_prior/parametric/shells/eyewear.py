"""Glasses as geometry: rims in a plane before the eyes, a bridge, temples to the ears. They turn with the head and know no expression.

Nothing is drawn for lenses: what lies behind them is what the photograph shows there.
"""

from dataclasses import dataclass, replace

import cv2
import numpy as np
from jaxtyping import Bool, Float, Float32, Int32

from facecraft4d.toolkit.core.asset import GLASSES
from facecraft4d.toolkit.core.datatypes import Camera, Mesh, Portrait, Pose, Rig
from facecraft4d.toolkit.core.geometry import project
from facecraft4d.toolkit.core.rigging import joint_transforms, vertices_in_regions, with_part
from facecraft4d.toolkit.meshes.raster import rasterize
from facecraft4d.toolkit.shape_prior.parametric.shells.rims import ANGLES, HALF_WIDTHS, Rims, find_rims, line_strength

SKIN = ("skin", "lips", "eyelids", "ears", "scalp")
"""What glasses are worn on."""
BEFORE_LIDS, BEFORE_SKIN = 0.010, 0.002
"""Metres from the lids, and at least from brows and cheeks, to the plane of the glasses (opticians: 12 mm before the cornea)."""
BELOW_EYES = 0.004
"""Metres that the middles of lenses lie below those of the eyes."""
BESIDE = (0.017, 0.027)
"""Metres from the middle of an eye between which brows and cheeks must lie behind that plane."""
THICKNESS = 0.002
"""Metres from the front of a rim to its back."""
ASIDE = 0.0015
"""Metres that temples keep from the skin."""
BRIDGE_SPAN, HINGE_SPAN = (-0.006, 0.018), (0.001, 0.019)
"""Metres from the middle of a lens upwards between which the bridge, and a temple, leaves the rim."""
OWN = 0.3
"""Distance in sRGB from the rim's colour at which a line counts 1/e."""
BRIDGE_ARCH = 0.002
"""Metres that the middle of a bridge lies above its ends."""
STUB = 0.004
"""Metres beside a rim at which the temple is seen from the front."""
EAR_ROOT = 0.005
"""Metres below the top of the ear at which a temple lies on it."""
BAND = 4
"""Rows of the texture for each bar."""
SPILL = 3
"""Side in pixels of the square by which the glasses in the picture are taken wider than they were found."""


@dataclass(frozen=True, slots=True, eq=False)
class Glasses:
    """Bars in the photograph's pose."""

    vertices: Float32[np.ndarray, "v 3"]
    triangles: Int32[np.ndarray, "f 3"]
    along: Float32[np.ndarray, "f 3"]
    """How far along its bar each corner lies, 0 to 1."""
    bars: Int32[np.ndarray, " f"]
    colors: tuple[Float32[np.ndarray, "_ 3"], ...]
    """Of each bar along its way."""


def find_glasses(portrait: Portrait, camera: Camera, rig: Rig, posed: Float32[np.ndarray, "v 3"]) -> Glasses | None:
    """The glasses that the photograph shows on a head whose vertices are `posed`; None without any, and for a head without eyelids."""
    lids = vertices_in_regions(rig, "eyelids", optional=True)
    if not lids.any():
        return None
    eyes = np.stack([rig.joint_positions[rig.joint_names.index(name)] for name in ("eye_left", "eye_right")])
    eyes = eyes.astype(np.float64)
    skin, ears = (posed[vertices_in_regions(rig, *names, optional=True)] for names in (SKIN, ("ears",)))
    eyes[:, 2] = _plane(eyes, skin, posed[lids])
    rims = find_rims(portrait, camera, eyes - [0, BELOW_EYES, 0])
    return None if rims is None else glasses_of(rims, portrait.image, camera, skin, ears)


def _plane(eyes: Float[np.ndarray, "2 3"], skin: Float32[np.ndarray, "n 3"], lids: Float32[np.ndarray, "m 3"]) -> float:
    """Height of the plane of the glasses before lids, brows and cheeks."""
    plane = float(lids[:, 2].max()) + BEFORE_LIDS
    for eye in eyes:
        away = skin[:, :2] - eye[:2]
        distance, outwards = np.linalg.norm(away, axis=1), away[:, 0] * np.sign(eye[0])
        beside = (distance > BESIDE[0]) & (distance < BESIDE[1]) & (outwards > -0.5 * distance)
        plane = max(plane, float(skin[beside, 2].max(initial=-1.0)) + BEFORE_SKIN)
    return plane


def glasses_of(
    rims: Rims,
    image: Float32[np.ndarray, "h w 3"],
    camera: Camera,
    skin: Float32[np.ndarray, "n 3"],
    ears: Float32[np.ndarray, "m 3"],
) -> Glasses:
    """Rims with a bridge and temples where lines leave the rims in the picture; all points in metres, in the photograph's pose."""
    inner, outer = rims.points(rims.inner), rims.points(rims.outer)
    back = np.array([0, 0, THICKNESS])
    bars = [
        _Bar(np.stack([outer[k], outer[k] - back, inner[k] - back, inner[k]], 1), rims.colors[k], True) for k in (0, 1)
    ]
    bars.append(_bridge(rims, image, camera, skin))
    for k, side in enumerate((1, -1)):
        ear = ears[ears[:, 0] * side > 0]
        if len(ear):
            bars.append(_temple(rims, k, image, camera, skin, ear))
    return _joined(bars)


@dataclass(frozen=True, slots=True, eq=False)
class _Bar:
    sections: Float[np.ndarray, "n 4 3"]
    """Four corners at each step of the way."""
    colors: Float32[np.ndarray, "n 3"]
    closed: bool = False


def _bar(middle: Float[np.ndarray, "n 3"], high: float, deep: np.ndarray, color: np.ndarray) -> _Bar:
    """A bar of one colour along `middle`, `high` metres to either side in y and `deep` (a vector) to either side."""
    up = np.array([0, high, 0])
    corners = [middle + up + deep, middle + up - deep, middle - up - deep, middle - up + deep]
    return _Bar(np.stack(corners, 1), np.tile(color, (len(middle), 1)).astype(np.float32))


def _crossing(
    image: Float32[np.ndarray, "h w 3"], camera: Camera, middle: np.ndarray, span: tuple[float, float], rim: np.ndarray
) -> float:
    """Height (metres) at which the clearest line of about the rim's colour crosses the vertical through `middle`."""
    heights = middle[1] + np.arange(*span, 0.0004)
    points = np.stack(np.broadcast_arrays(middle[0], heights, middle[2]), -1)
    pixels = (project(camera, points)[0] - 0.5).astype(np.float32)
    column = cv2.remap(image, pixels[None, :, 0], pixels[None, :, 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    strength = line_strength(np.asarray(column, np.float32))[0]
    strength *= np.exp(-((np.linalg.norm(column[0] - rim, axis=-1) / OWN) ** 2))
    end = len(heights) // 6
    return float(heights[end + int(strength[end:-end].argmax())])


def _half_height(rims: Rims) -> float:
    return float(np.clip(np.median(rims.outer - rims.inner) / 2, *HALF_WIDTHS))


def _bridge(rims: Rims, image: Float32[np.ndarray, "h w 3"], camera: Camera, skin: np.ndarray) -> _Bar:
    """Between the rims where a line crosses the middle of the face, before the nose."""
    middle = rims.centers.mean(0)
    color = np.median(rims.colors[:, ANGLES // 4 : 3 * ANGLES // 4], (0, 1))
    height = _crossing(image, camera, middle, BRIDGE_SPAN, color)
    ends = []
    for points in rims.points((rims.inner + rims.outer) / 2):
        inside = points[np.abs(points[:, 0]) < np.median(np.abs(points[:, 0]))]
        ends.append(inside[np.abs(inside[:, 1] - height + BRIDGE_ARCH).argmin()])
    share = np.linspace(0, 1, 9)
    way, bow = ends[0] + share[:, None] * (ends[1] - ends[0]), 4 * share * (1 - share)
    nose = np.abs(skin[:, :2] - [middle[0], height]).max(1) < STUB
    before = max(0.0, float(skin[nose, 2].max(initial=-1.0)) + BEFORE_SKIN + THICKNESS - middle[2])
    way += bow[:, None] * [0, height - way[4, 1], before] - [0, 0, THICKNESS / 2]
    return _bar(way, _half_height(rims), np.array([0, 0, THICKNESS / 2]), color)


def _temple(
    rims: Rims, k: int, image: Float32[np.ndarray, "h w 3"], camera: Camera, skin: np.ndarray, ear: np.ndarray
) -> _Bar:
    """From the rim, where the picture shows it leave, back to the top of the ear, beside the skin."""
    side = (1, -1)[k]
    points = rims.points((rims.inner + rims.outer) / 2)[k]
    widest = rims.points(rims.outer)[k, 0]
    aside = np.array([widest[0] + side * STUB, *rims.centers[k, 1:]])
    color = np.median(rims.colors[k, : ANGLES // 4], 0)
    height = _crossing(image, camera, aside, HINGE_SPAN, color)
    outside = (points[:, 0] - rims.centers[k, 0]) * side > 0
    hinge = points[np.where(outside, np.abs(points[:, 1] - height), np.inf).argmin()]
    share = np.linspace(0, 1, 14)[:, None]
    end = ear[ear[:, 1].argmax()] - [0, EAR_ROOT, 0]
    way = hinge + share * (end - hinge) - [0, 0, THICKNESS / 2]
    for step in way[2:]:
        near = np.hypot(*(skin[:, 1:] - step[1:]).T) < 2 * STUB
        step[0] = side * max(step[0] * side, float((skin[near, 0] * side).max(initial=0.0)) + ASIDE)
    way[1, 0] = side * max(way[1, 0] * side, widest[0] * side)
    way[2:-1, 0] = np.convolve(way[1:, 0], [0.25, 0.5, 0.25], "valid")
    return _bar(way, _half_height(rims), np.array([side * ASIDE / 2, 0, 0]), color)


def _joined(bars: list[_Bar]) -> Glasses:
    """Bars as one mesh, outsides outwards."""
    vertices, triangles, along, owners = [], [], [], []
    start = 0
    for number, bar in enumerate(bars):
        count = len(bar.sections)
        step, side = (grid.ravel() for grid in np.mgrid[: count if bar.closed else count - 1, :4])
        following = (step + 1) % count
        index = np.stack(
            [4 * step + side, 4 * step + (side + 1) % 4, 4 * following + (side + 1) % 4, 4 * following + side]
        )
        place = np.stack([step, step, step + 1, step + 1]) / (count if bar.closed else count - 1)
        halves = ((0, 1, 2), (0, 2, 3))
        corners = np.concatenate([index[list(half)].T for half in halves])
        if _volume(bar.sections.reshape(-1, 3)[corners]) < 0:
            halves = ((2, 1, 0), (3, 2, 0))
            corners = np.concatenate([index[list(half)].T for half in halves])
        vertices.append(bar.sections.reshape(-1, 3))
        triangles.append(corners + start)
        along.append(np.concatenate([place[list(half)].T for half in halves]))
        owners.append(np.full(len(corners), number))
        start += 4 * count
    return Glasses(
        np.concatenate(vertices).astype(np.float32),
        np.concatenate(triangles).astype(np.int32),
        np.concatenate(along).astype(np.float32),
        np.concatenate(owners).astype(np.int32),
        tuple(np.concatenate([bar.colors, bar.colors[:1]]) if bar.closed else bar.colors for bar in bars),
    )


def _volume(corners: Float[np.ndarray, "f 3 3"]) -> float:
    """Signed volume of a closed surface, positive if its triangles are counter-clockwise from outside."""
    middle = corners - corners.mean((0, 1))
    return float(np.linalg.det(middle).sum())


def in_picture(
    glasses: Glasses, camera: Camera, posed: Float32[np.ndarray, "v 3"], triangles: Int32[np.ndarray, "f 3"]
) -> Bool[np.ndarray, "h w"]:
    """Pixels that show glasses before a head."""
    count, following = len(triangles), glasses.triangles + np.int32(len(posed))
    whole = rasterize(camera, np.concatenate([posed, glasses.vertices]), np.concatenate([triangles, following]))
    shown = (whole.triangle >= count).astype(np.uint8)
    return np.asarray(cv2.dilate(shown, np.ones((SPILL, SPILL), np.uint8)) > 0)


def without(portrait: Portrait, hidden: Bool[np.ndarray, "h w"]) -> Portrait:
    """The portrait with what is around the hidden pixels going on over them."""
    smooth = cv2.inpaint((255 * portrait.image + 0.5).astype(np.uint8), hidden.astype(np.uint8), 4, cv2.INPAINT_TELEA)
    return replace(portrait, image=np.where(hidden[..., None], smooth.astype(np.float32) / 255, portrait.image))


def with_glasses(rig: Rig, mesh: Mesh, pose: Pose, glasses: Glasses) -> tuple[Rig, Mesh]:
    """The rig with the glasses, in region "glasses" and rigid on the neck, and the mesh with bands of their colours below its texture."""
    neck = joint_transforms(rig, pose)[rig.joint_names.index("neck")]
    rest = (glasses.vertices - neck[:3, 3]) @ neck[:3, :3]
    whole = with_part(rig, rest.astype(np.float32), glasses.triangles, GLASSES, "neck")
    height, width = mesh.texture.shape[:2]
    place = (np.arange(width) + 0.5) / width
    bands = [
        np.stack([np.interp(place, np.linspace(0, 1, len(color)), channel) for channel in color.T], -1)
        for color in glasses.colors
    ]
    texture = np.concatenate([mesh.texture, *(np.tile(band[None], (BAND, 1, 1)) for band in bands)])
    rows = (height + BAND * (glasses.bars + 0.5)) / len(texture)
    uvs = np.stack([glasses.along, np.broadcast_to(rows[:, None], glasses.along.shape)], -1)
    kept = mesh.corner_uvs * np.array([1, height / len(texture)])
    corner_uvs = np.concatenate([kept, uvs]).astype(np.float32)
    return whole, Mesh(whole.vertices, whole.triangles, corner_uvs, texture.astype(np.float32))
