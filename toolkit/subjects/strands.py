"""Hair and beards of strands: roots on the skin, growth by style over what lies below, locks, and waves."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Float32, Int
from scipy.spatial import cKDTree

from facecraft4d.toolkit.core.datatypes import Rig
from facecraft4d.toolkit.core.geometry import area_vectors, normalized, vertex_normals
from facecraft4d.toolkit.core.rigging import in_regions
from facecraft4d.toolkit.face_model.regions import HAIRLINE_CENTER
from facecraft4d.toolkit.subjects.falling import DOWN, fallen, tied
from facecraft4d.toolkit.subjects.paint import noise
from facecraft4d.toolkit.subjects.traits import Hairdo
from facecraft4d.toolkit.subjects.wear import Part, subdivided

WIDTH = 0.0009
"""Of a ribbon at its root, metres: each stands for several hairs."""
LOCK = 28
"""Strands that share a lock."""
COUNTS = {"buzzed": 26000, "short": 17000, "medium": 14000, "long": 14000, "tied": 12000, "curls": 13000, "afro": 16000}
STEPS = {"buzzed": 2, "short": 6, "medium": 14, "long": 22, "tied": 12, "curls": 26, "afro": 14}
BEARD_STRANDS = 9000
FRONT_LINE = ((-10.0, 49.0), (28.0, 47.0), (45.0, 35.0), (54.0, 24.0), (59.0, 10.0))
"""(azimuth from the face, elevation) in degrees along the hairline from the middle of the forehead to the temple, about `HAIRLINE_CENTER`."""
SIDEBURN = (62.0, 72.0)
"""Azimuths between which hair grows before the ear; the ear begins behind."""
BACK_LINE = ((76.0, 9.0), (100.0, 5.0), (112.0, -10.0), (125.0, -28.0))
"""The hairline over and behind the ear."""


@dataclass(frozen=True, slots=True, eq=False)
class Strands:
    """Polylines that grow out of triangles of the skin; metres."""

    points: Float32[np.ndarray, "n p 3"]
    roots: Int[np.ndarray, " n"]
    """The triangle of each root."""
    barycentrics: Float32[np.ndarray, "n 3"]
    shades: Float32[np.ndarray, "n p"]
    """Brightness of the strand's colour beside the person's."""


def hairline(points: Float[np.ndarray, "n 3"], hair: Hairdo) -> Float[np.ndarray, " n"]:
    """Degrees above the line at which hair ends; `points` of an adult's head, origin between the ears.

    Down from the forehead to the temple, before the ear to the sideburn's end, over and behind the ear, level at the nape.
    """
    x, y, z = (points - (0.0, *HAIRLINE_CENTER)).T
    azimuth = np.degrees(np.arctan2(np.abs(x), z))
    elevation = np.degrees(np.arctan2(y, np.hypot(x, z)))
    temples = hair.receding * np.exp(-(((azimuth - 42) / 22) ** 2)) + 0.4 * hair.receding * np.exp(
        -((azimuth / 25) ** 2)
    )
    front, back = np.add(FRONT_LINE, (hair.temple, 0)), (*BACK_LINE, (145.0, hair.nape + 2), (180.0, hair.nape))
    before_ear = [(azimuth + hair.temple, hair.sideburn) for azimuth in SIDEBURN]
    line = np.concatenate([front, before_ear, back])
    return np.asarray(elevation - np.interp(azimuth, *line.T) - temples)


def bearded(points: Float[np.ndarray, "n 3"], eyes: Float[np.ndarray, "2 3"]) -> Float[np.ndarray, " n"]:
    """1 where a beard grows, falling to 0 at its edge; `points` of an adult's head."""
    x, y, z = (points - eyes.mean(0)).T
    cheek = np.interp(z, [-0.09, -0.05, 0.0, 0.02], [-0.015, -0.045, -0.066, -0.058])
    line = np.where((np.abs(x) < 0.03) & (z > -0.005), -0.056, cheek)
    inside = np.clip((line - y) / 0.006, 0, 1) * np.clip((z + 0.092) / 0.01, 0, 1) * np.clip((y + 0.152) / 0.01, 0, 1)
    return np.asarray(inside)


def grown(
    rig: Rig, hair: Hairdo, worn: list[Part], bare: Bool[np.ndarray, " f"], scale: float, rng: np.random.Generator
) -> Strands | None:
    """The head's hair over skin and what is worn; `bare` triangles let none grow. None for who is bald."""
    if hair.style == "bald":
        return None
    count, steps = COUNTS[hair.style], STEPS[hair.style]
    scalp = in_regions(rig, "skin", "scalp") & ~bare & (rig.vertices[rig.triangles].mean(1)[:, 1] > -0.09 * scale)
    triangles, weights, points, normals = scattered(rig, scalp, 2 * count, rng)
    uneven = 2.5 * noise(points / scale, 0.006, rng) + rng.normal(0, 1.0, len(points))
    kept = np.flatnonzero(hairline(points / scale, hair) + uneven > 0)[:count]
    triangles, weights, points, normals = triangles[kept], weights[kept], points[kept], normals[kept]
    if hair.style == "tied":
        paths = tied(points, hair, steps, scale, rng)
    else:
        body = _obstacle(rig, worn)
        paths = fallen(points, normals, hair, body, steps, scale, rng)
    paths, shades = _locks(paths, points, hair, scale, rng)
    return Strands(paths.astype(np.float32), triangles, weights.astype(np.float32), shades.astype(np.float32))


def beard(rig: Rig, length: float, scale: float, rng: np.random.Generator) -> Strands:
    """Short strands on cheeks, chin and above the lips."""
    triangles, weights, points, normals = scattered(rig, in_regions(rig, "skin"), 8 * BEARD_STRANDS, rng)
    share = bearded(points / scale, rig.joint_positions[1:3] / scale)
    kept = np.flatnonzero(share > rng.random(len(points)))[: int(BEARD_STRANDS * min(1, 0.4 + length / 0.02))]
    triangles, weights, points, normals = triangles[kept], weights[kept], points[kept], normals[kept]
    side = normalized(points * [1.0, 0, 0.2])
    along = normalized(0.75 * normals + 0.8 * DOWN + 0.15 * side + rng.normal(0, 0.2, points.shape))
    low = np.clip((rig.joint_positions[1:3, 1].mean() - 0.06 * scale - points[:, 1]) / (0.06 * scale), 0.3, 1)
    lengths = (length * scale * low * rng.uniform(0.6, 1.1, len(points)))[:, None, None]
    share = np.linspace(0, 1, 4)[None, :, None]
    paths = points[:, None] + lengths * (share * along[:, None] + 0.35 * share**2 * (DOWN - along[:, None]))
    shades = rng.uniform(0.7, 1.3, (len(points), 1)) * np.linspace(0.6, 1.1, 4)
    return Strands(paths.astype(np.float32), triangles, weights.astype(np.float32), shades.astype(np.float32))


def scattered(
    rig: Rig, chosen: Bool[np.ndarray, " f"], count: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Random places evenly over triangles: triangle, barycentrics, place, normal."""
    index = np.flatnonzero(chosen)
    areas = np.linalg.norm(area_vectors(rig.vertices[rig.triangles[index]]), axis=1)
    triangles = rng.choice(index, count, p=areas / areas.sum())
    weights = rng.dirichlet((1.0, 1.0, 1.0), count)
    corners = rig.triangles[triangles]
    smooth = vertex_normals(rig.vertices, rig.triangles)[corners]
    points = np.einsum("nc,ncx->nx", weights, rig.vertices[corners])
    return (
        triangles,
        weights,
        points.astype(np.float64),
        normalized(np.einsum("nc,ncx->nx", weights, smooth)).astype(np.float64),
    )


def _obstacle(rig: Rig, worn: list[Part]) -> tuple[cKDTree, np.ndarray, np.ndarray]:
    """Places on the body and the clothes, with their normals."""
    sheets = [
        (rig.vertices, rig.triangles[in_regions(rig, "skin", "scalp", "ears", "neck")]),
        *((part.vertices, part.triangles) for part in worn),
    ]
    points, normals = [], []
    for vertices, triangles in sheets:
        finer = subdivided(vertices, triangles)
        points.append(finer[0])
        normals.append(vertex_normals(*finer))
    places = np.concatenate(points).astype(np.float64)
    return cKDTree(places), places, np.concatenate(normals).astype(np.float64)


def _locks(
    paths: Float[np.ndarray, "n p 3"],
    roots: Float[np.ndarray, "n 3"],
    hair: Hairdo,
    scale: float,
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray]:
    """Strands drawn together to locks that wave, and each strand's shades."""
    guides = rng.choice(len(paths), max(1, len(paths) // LOCK), replace=False)
    own = cKDTree(roots[guides]).query(roots)[1]
    share = np.linspace(0, 1, paths.shape[1])[None, :, None]
    together = {"buzzed": 0.0, "short": 0.45, "tied": 0.0, "afro": 0.55, "curls": 0.8}.get(hair.style, 0.5)
    paths = paths + together * share**1.2 * (paths[guides][own] - paths) * rng.uniform(0.6, 1, (len(paths), 1, 1))
    if hair.wave:
        turns = hair.length / (4 * hair.wave) if hair.style == "curls" else 12 * hair.length
        phase = rng.uniform(0, 2 * np.pi, len(guides))[own][:, None, None] + rng.normal(0, 0.25, (len(paths), 1, 1))
        along = normalized(np.gradient(paths, axis=1))
        first = normalized(np.cross(along, [0.31, 0.2, 0.93]))
        second = np.cross(along, first)
        turn = phase + 2 * np.pi * turns * share
        paths = paths + hair.wave * scale * np.clip(3 * share, 0, 1) * (np.cos(turn) * first + np.sin(turn) * second)
    locks = rng.uniform(0.75, 1.25, len(guides))[own]
    single = rng.uniform(0.75, 1.25, len(paths))
    shades = (locks * single)[:, None] * np.linspace(0.72, 1.12, paths.shape[1])
    return paths, shades
