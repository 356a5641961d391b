"""Random people whole, and pictures of them: a lamp that casts shadows, a sky, hair of strands, labels of parts, backgrounds."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Float32, UInt8
from scipy import ndimage

from facecraft4d.toolkit.core.datatypes import Camera
from facecraft4d.toolkit.core.geometry import (
    camera_center,
    camera_from_world_looking_at,
    normalized,
    pixel_centers,
    project,
    resized_camera,
    unproject,
    vertex_normals,
)
from facecraft4d.toolkit.meshes.raster import interpolate, rasterize, sample_texture
from facecraft4d.toolkit.subjects.random_people import Person
from facecraft4d.toolkit.subjects.strands import WIDTH, Strands
from facecraft4d.toolkit.subjects.strokes import draw_strokes

PARTS = {
    "background": 0,
    "skin": 30,
    "eyes": 60,
    "teeth_tongue": 90,
    "hair": 120,
    "brows_lashes": 150,
    "clothes": 180,
    "accessory": 210,
}
"""Labels in pictures of parts."""
SUPERSAMPLE = 2
SHADOW_SIZE, SHADOW_HALF, SHADOW_AWAY, SHADOW_BIAS = 700, 0.33, 4.0, 0.006
"""Pixels of the lamp's own picture, metres that it shows to each side, its distance, and how far behind the lit surface is still lit."""
GAMMA = 2.2
WRAP = 0.25
"""How far light reaches round skin and hair beyond where the lamp sees them."""


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """One picture of a person."""

    image: Float32[np.ndarray, "h w 3"]
    """sRGB on white."""
    alpha: Float32[np.ndarray, "h w"]
    parts: UInt8[np.ndarray, "h w"]
    """By `PARTS`."""
    depth: Float32[np.ndarray, "h w"]
    """Camera z in metres of what is nearest; 0 where there is nothing."""


def photograph(person: Person, camera: Camera, weights: Float32[np.ndarray, " k"]) -> Picture:
    """The person with an expression, on white."""
    fine = resized_camera(camera, camera.width * SUPERSAMPLE, camera.height * SUPERSAMPLE)
    rig = person.rig
    moved = np.tensordot(weights, rig.expression_deltas, 1).astype(np.float32)
    posed = (rig.vertices + moved).astype(np.float32)
    shadow = _Shadow(person, posed)
    mesh = rasterize(fine, posed, rig.triangles)
    depth, inside = np.where(mesh.covered, mesh.depth, np.inf), mesh.covered
    colors = np.ones((*depth.shape, 3), np.float32)
    labels = np.zeros(depth.shape, np.uint8)
    values = interpolate(
        mesh, np.concatenate([person.corner_uvs, vertex_normals(posed, rig.triangles)[rig.triangles]], -1)
    )
    colors[inside] = _lit_skin(person, values[inside], *_places(fine, mesh.depth, inside), shadow)
    labels[inside] = _labels(person, values[inside, :2])
    for strands in person.strands:
        points = (
            strands.points + np.einsum("nc,ncx->nx", strands.barycentrics, moved[rig.triangles[strands.roots]])[:, None]
        )
        hair = draw_strokes(fine, points, WIDTH * person.scale)
        before = hair.depth < depth
        lit = _lit_hair(person, strands, points, camera_center(camera), shadow)
        drawn = np.zeros_like(colors)
        drawn[hair.covered] = hair.colors(lit.reshape(-1, 3))
        colors[before], depth[before] = drawn[before], hair.depth[before]
        labels[before], inside = PARTS["hair"], inside | before
    blocks = (camera.height, SUPERSAMPLE, camera.width, SUPERSAMPLE)
    colors[inside] = np.clip(colors[inside], 0, 1) ** (1 / GAMMA)
    alpha = inside.reshape(blocks).mean((1, 3), dtype=np.float32)
    image = colors.reshape(*blocks, 3).mean((1, 3))
    parts = labels.reshape(blocks).max((1, 3)) * (alpha >= 0.5)
    nearest = depth.reshape(blocks).min((1, 3))
    nearest = np.where(np.isfinite(nearest), nearest, 0).astype(np.float32)
    return Picture(image.astype(np.float32), alpha, parts.astype(np.uint8), nearest)


def _places(camera: Camera, depth: np.ndarray, inside: Bool[np.ndarray, "h w"]) -> tuple[np.ndarray, np.ndarray]:
    """World places [n, 3] of the covered pixels, and unit vectors to the camera."""
    places = unproject(camera, pixel_centers(camera.width, camera.height)[inside], depth[inside])
    return places, normalized(camera_center(camera) - places)


class _Shadow:
    """What the lamp sees of a posed person."""

    def __init__(self, person: Person, posed: Float32[np.ndarray, "v 3"]) -> None:
        direction = np.array(person.traits.light.direction)
        focal = SHADOW_SIZE / 2 / SHADOW_HALF * SHADOW_AWAY
        eye = direction * SHADOW_AWAY + [0, -0.06, -0.06]
        look = camera_from_world_looking_at(eye, np.array([0, -0.06, -0.06]))
        self._camera = Camera(look, focal, focal, SHADOW_SIZE / 2, SHADOW_SIZE / 2, SHADOW_SIZE, SHADOW_SIZE)
        depth = rasterize(self._camera, posed, person.rig.triangles).depth
        depth = np.where(depth > 0, depth, np.inf)
        for strands in person.strands:
            depth = np.minimum(depth, draw_strokes(self._camera, strands.points, WIDTH * person.scale).depth)
        self._depth = depth

    def lit(self, places: Float[np.ndarray, "n 3"]) -> Float[np.ndarray, " n"]:
        """Share of the lamp that reaches a place, smoothed over three by three pixels."""
        pixels, depth = project(self._camera, places)
        total = np.zeros(len(places))
        for shift in np.ndindex(3, 3):
            x, y = ((pixels + np.array(shift) - 1.0) * 1.0).astype(int).clip(0, SHADOW_SIZE - 1).T
            total += depth < self._depth[y, x] + SHADOW_BIAS
        return total / 9


def _lit_skin(
    person: Person, values: np.ndarray, places: np.ndarray, to_eye: np.ndarray, shadow: _Shadow
) -> np.ndarray:
    light, normals = person.traits.light, normalized(values[:, 2:5].astype(np.float64))
    normals = np.where((normals * to_eye).sum(1, keepdims=True) < 0, -normals, normals)
    lamp = np.array(light.direction)
    albedo = sample_texture(person.texture, values[:, :2]).astype(np.float64) ** GAMMA
    facing = np.clip((normals @ lamp + WRAP) / (1 + WRAP), 0, 1) * shadow.lit(places + 0.002 * normals)
    half = normalized(lamp + to_eye)
    shine = 0.05 * np.clip((normals * half).sum(1), 0, 1) ** 24 * facing
    return np.asarray(albedo * _received(person, normals, facing) + shine[:, None] * np.array(light.key))


def _received(person: Person, normals: np.ndarray, facing: np.ndarray) -> np.ndarray:
    light = person.traits.light
    up = 0.5 + 0.5 * normals[:, 1:2]
    return np.asarray(
        up * np.array(light.sky) + (1 - up) * np.array(light.ground) + facing[:, None] * np.array(light.key)
    )


def _lit_hair(person: Person, strands: Strands, points: np.ndarray, eye: np.ndarray, shadow: _Shadow) -> np.ndarray:
    """Linear colours [n, p, 3]: strands shine where they run across the middle between lamp and eye, and are lit by which way their place faces."""
    lamp = np.array(person.traits.light.direction)
    along = normalized(np.gradient(points, axis=1)).reshape(-1, 3)
    flat = points.reshape(-1, 3).astype(np.float64)
    axis = np.stack([0 * flat[:, 0], np.minimum(flat[:, 1], 0.02), np.full(len(flat), -0.08 * person.scale)], 1)
    outward = normalized(flat - axis)
    facing = np.clip((outward @ lamp + WRAP) / (1 + WRAP), 0, 1) * shadow.lit(flat + 0.004 * outward)
    half = normalized(lamp + normalized(eye - flat))
    across = np.sqrt(np.clip(1 - (along * half).sum(1) ** 2, 0, 1))
    shine = 0.14 * across**60 * facing
    albedo = (np.array(person.traits.look.hair) ** GAMMA) * strands.shades.reshape(-1, 1)
    lit = albedo * _received(person, outward, facing) * 1.15 + shine[:, None] * np.array(person.traits.light.key)
    return np.asarray(lit.reshape(*points.shape), np.float32)


def _labels(person: Person, uvs: Float32[np.ndarray, "n 2"]) -> UInt8[np.ndarray, " n"]:
    size = len(person.labels)
    column, row = (uvs * size).astype(int).clip(0, size - 1).T
    return np.asarray(person.labels[row, column])


def behind(picture: Picture, kind: str, rng: np.random.Generator) -> Float32[np.ndarray, "h w 3"]:
    """The picture before a background of a kind (`traits.BACKGROUNDS`), out of focus."""
    size = len(picture.alpha)
    base, other = rng.uniform(0.15, 0.85, 3), rng.uniform(0.1, 0.9, 3)
    base = 0.5 * base + 0.5 * base.mean()
    row, column = np.mgrid[0:size, 0:size] / size
    scene = base * (1 + 0.25 * (row - 0.5)[..., None])
    if kind == "blobs":
        coarse = rng.random((6, 6, 3)) * other
        scene = 0.6 * scene + 0.5 * np.stack(
            [ndimage.zoom(layer, size / 6, order=1) for layer in coarse.transpose(2, 0, 1)], -1
        )
    elif kind == "shelves":
        books = rng.uniform(0.1, 0.8, (6, 40, 3)) * [1, 0.85, 0.75]
        scene = np.where(
            ((row * 6) % 1 > 0.12)[..., None], books[(row * 6).astype(int), (column * 40).astype(int)], base * 0.6
        )
    elif kind == "bricks":
        line = (row * 18).astype(int)
        across = column * 9 + 0.5 * (line % 2)
        joint = ((row * 18) % 1 < 0.12) | (across % 1 < 0.06)
        tone = rng.uniform(0.75, 1.2, (18, 11))[line, across.astype(int)]
        scene = np.where(joint[..., None], 0.65, tone[..., None] * base)
    blur = rng.uniform(1, 9)
    scene = np.stack([ndimage.gaussian_filter(scene[..., c], blur) for c in range(3)], -1) + rng.normal(
        0, 0.012, (size, size, 1)
    )
    alpha = picture.alpha[..., None]
    own = picture.image - (1 - alpha)
    return np.asarray(np.clip(own + (1 - alpha) * scene, 0, 1), np.float32)


def on_orbit(
    person: Person,
    yaw: float,
    pitch: float,
    distance: float,
    focal: float,
    size: int,
    centre: Float[np.ndarray, "3"],
    roll: float = 0.0,
) -> Camera:
    """A camera about `centre` (origin between the eyes); yaw > 0 stands towards the subject's left, pitch > 0 above; roll in degrees."""
    a, b, c = np.radians([yaw, pitch, roll])
    offset = distance * np.array([np.sin(a) * np.cos(b), np.sin(b), np.cos(a) * np.cos(b)])
    look = camera_from_world_looking_at(centre + offset, centre)
    turn = np.eye(4)
    turn[:2, :2] = [[np.cos(c), -np.sin(c)], [np.sin(c), np.cos(c)]]
    return Camera(turn @ look, focal, focal, size / 2, size / 2, size, size)
