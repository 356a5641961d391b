"""What a random person wears: a garment on the body's own shoulders, a beanie or a cap on the skull's hull, glasses. Metres, origin between the ears."""

import numpy as np
from jaxtyping import Float, Float32
from scipy import ndimage
from scipy.spatial import cKDTree

from facecraft4d.toolkit.core.datatypes import Rig
from facecraft4d.toolkit.core.geometry import normalized, smoothstep, vertex_normals
from facecraft4d.toolkit.core.rigging import in_regions, vertices_in_regions
from facecraft4d.toolkit.face_model.mesh_cut import cut_quads
from facecraft4d.toolkit.meshes.graph import border, laplacian
from facecraft4d.toolkit.subjects.paint import noise
from facecraft4d.toolkit.subjects.traits import Frames
from facecraft4d.toolkit.subjects.wear import Part, grid, joined, tube

CLOTH, FOLD = 0.007, 0.003
"""Metres by which cloth stands off the skin, and height of its folds."""
HULL_CENTER = np.array([0.0, 0.02, -0.005])
"""What the skull's hull is told about, in an adult."""
FOLD_BAND, VISOR = 0.05, 0.075
"""Metres of a beanie that are turned up; length of a cap's visor."""


def collar_field(rig: Rig, collar: str, scale: float) -> Float[np.ndarray, " v"]:
    """Height above the collar's line in metres: negative where the garment lies."""
    x, y, z = (rig.vertices / scale).T.astype(np.float64)
    base = rig.joint_positions[0] / scale
    ahead = z - base[2]
    rise = {"round": -0.012, "v": -0.02, "boat": -0.03, "high": 0.022}[collar]
    slope = {"round": 0.38, "v": 0.35, "boat": 0.2, "high": 0.3}[collar]
    line = base[1] + rise - slope * ahead
    if collar == "v":
        line = line - 0.085 * np.clip(1 - np.abs(x) / 0.062, 0, 1) * (ahead > 0)
    return np.asarray((y - line) * scale)


def garment(rig: Rig, collar: str, scale: float, rng: np.random.Generator) -> Part:
    """Cloth over the body below the collar's line, with folds and a round edge."""
    field = collar_field(rig, collar, scale)
    body = in_regions(rig, "skin", "neck")
    below = body & (rig.vertices[rig.triangles].mean(1)[:, 1] < rig.joint_positions[0, 1] + 0.06 * scale)
    smooth = rig.vertices.astype(np.float64)
    flow = laplacian(rig.triangles[body], len(smooth))
    for _ in range(4):
        smooth = smooth - 0.5 * (flow @ smooth)
    normals = vertex_normals(smooth, rig.triangles[body])
    low = smoothstep(-field / (0.08 * scale))
    folds = FOLD * (noise(smooth, 0.05, rng) + 0.5 * noise(smooth, 0.022, rng)) * low
    cloth = smooth + (scale * (CLOTH + folds + 0.006 * low))[:, None] * normals
    triangles = rig.triangles[below].astype(np.int64)
    quads = np.concatenate([triangles, triangles[:, 2:]], 1)
    mesh = cut_quads(cloth, quads, np.zeros((len(quads), 4, 2)), np.where(field == 0, 1e-9, -field))
    whole = (mesh.triangles[:, 0] != mesh.triangles[:, 1]) & (mesh.triangles[:, 1] != mesh.triangles[:, 2])
    whole &= mesh.triangles[:, 0] != mesh.triangles[:, 2]
    vertices, kept = mesh.interpolate(cloth), mesh.triangles[whole]
    uvs = vertices[kept][..., :2].astype(np.float32)
    return Part(vertices.astype(np.float32), kept.astype(np.int32), uvs - uvs.min((0, 1)))


def collar_edge(dress: Part, rig: Rig, scale: float) -> Float[np.ndarray, "n 3"]:
    """The places of the garment's open edge around the neck."""
    edge = dress.vertices[border(dress.triangles)]
    from_neck = np.linalg.norm(edge[:, [0, 2]] - rig.joint_positions[0, [0, 2]], axis=1)
    return np.asarray(edge[(from_neck < 0.17 * scale) & (edge[:, 1] > rig.joint_positions[0, 1] - 0.16 * scale)])


def hull(rig: Rig, scale: float, rows: int = 48, columns: int = 96) -> Float[np.ndarray, "r c"]:
    """Distance of the skull (ears left out) from its centre by elevation (-40 to 90 degrees) and azimuth (0 is the face, then left)."""
    skull = vertices_in_regions(rig, "skin", "scalp") & (rig.vertices[:, 1] > -0.09 * scale)
    offset = rig.vertices[skull] - HULL_CENTER * scale
    tree = cKDTree(normalized(offset))
    distance, index = tree.query(hull_directions(rows, columns).reshape(-1, 3), k=4)
    share = 1 / (distance + 1e-3)
    radius = (np.linalg.norm(offset, axis=1)[index] * share).sum(1) / share.sum(1)
    radius = radius.reshape(rows, columns)
    return np.asarray(ndimage.gaussian_filter(radius, (1.0, 1.5), mode=("nearest", "wrap")))


def hull_directions(rows: int, columns: int) -> Float[np.ndarray, "r c 3"]:
    """Unit vectors of the hull's rows, from below, and columns."""
    elevation, azimuth = np.radians(np.linspace(-40, 90, rows)), np.arange(columns) * 2 * np.pi / columns
    up, turn = np.meshgrid(elevation, azimuth, indexing="ij")
    return np.stack([np.cos(up) * np.sin(turn), np.sin(up), np.cos(up) * np.cos(turn)], -1)


def hat_rim(kind: str, azimuth: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
    """Elevation in degrees of a hat's rim by azimuth in radians."""
    front, side, back = {"beanie": (38, 10, -16), "cap": (40, 20, -2)}[kind]
    ahead = np.cos(azimuth)
    return np.asarray(np.where(ahead > 0, side + (front - side) * ahead**2, side + (back - side) * ahead**2))


def hat(rig: Rig, kind: str, scale: float, rng: np.random.Generator) -> Part:
    """A closed dome on the hull from the rim to the top, its edge turned in; a beanie has a band, a cap a visor."""
    columns, rows = 96, 40
    radius = hull(rig, scale, columns=columns)
    azimuth = np.arange(columns) * 2 * np.pi / columns
    rim = hat_rim(kind, azimuth)
    share = np.linspace(0, 1, rows)[:, None]
    elevation = rim + (90 - rim) * share
    place = np.stack([(elevation + 40) / 130 * (len(radius) - 1), np.broadcast_to(np.arange(columns), elevation.shape)])
    base = ndimage.map_coordinates(radius, place, order=1, mode="nearest")
    along = share * (90 - rim) / 180 * np.pi * 0.1
    slack = rng.uniform(0.002, 0.022) if kind == "beanie" else 0.006
    off = 0.008 + slack * share**2
    if kind == "beanie":
        off = off + 0.006 * (1 - smoothstep((along - FOLD_BAND) / 0.004))
    up = np.radians(elevation)
    directions = np.stack([np.cos(up) * np.sin(azimuth), np.sin(up), np.cos(up) * np.cos(azimuth)], -1)
    points = directions * (base + off * scale)[..., None] + HULL_CENTER * scale
    inner = directions[:1] * (base[:1] - 0.004 * scale)[..., None] + HULL_CENTER * scale
    dome = grid(np.concatenate([inner, points]), closed=True)
    dome = Part(dome.vertices, dome.triangles[:, ::-1].copy(), dome.corner_uvs[:, ::-1].copy())
    return joined([dome, _visor(points[0], scale)]) if kind == "cap" else dome


def _visor(rim: Float[np.ndarray, "c 3"], scale: float) -> Part:
    """A bent board in front of a cap's rim, two sheets thick."""
    turn = np.arange(-15, 16)
    edge = rim[turn % len(rim)]
    share = np.linspace(0, 1, 8)[:, None]
    length = VISOR * scale * np.cos(turn / 15 * np.pi / 2) ** 0.6
    out = share * length
    sheet = edge[None] + np.stack([0 * out, -0.35 * out - 1.5 * out**2, out], -1)
    lower = sheet[::-1] - [0, 0.003 * scale, 0]
    return grid(np.concatenate([sheet, lower]), closed=False)


def spectacles(rig: Rig, frames: Frames, scale: float) -> Part:
    """Rims before the eyes, a bridge, and temples that end behind the ears."""
    eyes = rig.joint_positions[1:3].astype(np.float64)
    skin = rig.vertices[vertices_in_regions(rig, "skin", "eyelids")]
    bridge = skin[(np.abs(skin[:, 0]) < 0.006 * scale) & (np.abs(skin[:, 1] - eyes[0, 1]) < 0.008 * scale)]
    front = max(float(bridge[:, 2].max()), float(eyes[:, 2].max()) + 0.02 * scale) + 0.003 * scale
    ears = rig.vertices[vertices_in_regions(rig, "ears")]
    turn = np.linspace(0, 2 * np.pi, 40, endpoint=False)
    ring = np.stack([np.cos(turn), np.sin(turn)], -1)
    half = np.array([frames.half_width, frames.half_height]) * scale
    ring = np.sign(ring) * np.abs(ring) ** (2 / frames.squareness) * half
    bar, parts = frames.bar * scale, []
    for eye, side in zip(eyes, (1, -1), strict=True):
        parts.append(
            tube(np.c_[ring + eye[:2] - np.array([0, 0.003 * scale]), np.full(len(turn), front)], bar, closed=True)
        )
        own = ears[ears[:, 0] * side > 0]
        high = own[own[:, 1] > own[:, 1].max() - 0.02 * scale]
        ear = np.array(
            [np.abs(own[:, 0]).min() * side + side * 0.004 * scale, high[:, 1].min(), high[:, 2].mean() - 0.01 * scale]
        )
        hinge = np.array([eye[0] + side * half[0], eye[1] + 0.004 * scale, front])
        wide = max(abs(hinge[0]), abs(ear[0]) + 0.002) * side
        share = np.linspace(0, 1, 16)[:, None]
        path = np.c_[
            hinge[0] + (wide - hinge[0]) * smoothstep(share * 2.5),
            hinge[1] + (ear[1] - hinge[1]) * share,
            hinge[2] + (ear[2] - hinge[2]) * share,
        ]
        parts.append(tube(path, bar, closed=False))
    left, right = eyes[0] - [half[0], 0, 0], eyes[1] + [half[0], 0, 0]
    share = np.linspace(0, 1, 8)[:, None]
    middle = left + (right - left) * share + [0, 0.004 * scale, 0] * np.sin(np.pi * share)
    parts.append(tube(np.c_[middle[:, :2], np.full(len(share), front)], bar, closed=False))
    return joined(parts)


def covered(rig: Rig, points: Float32[np.ndarray, "n 3"], kind: str, scale: float) -> np.ndarray:
    """Which places a hat covers [n]."""
    offset = points - HULL_CENTER * scale
    elevation = np.degrees(np.arctan2(offset[:, 1], np.hypot(offset[:, 0], offset[:, 2])))
    return np.asarray(elevation > hat_rim(kind, np.arctan2(offset[:, 0], offset[:, 2])))
