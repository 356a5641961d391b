"""Draws triangle meshes on the CPU: a z-buffer with exact shared edges, perspective-correct attributes, textures.

Rasterisation in homogeneous coordinates (Olano and Greer 1997): a pixel's ray lies inside a triangle when its three edge
functions agree in sign, whichever side of the camera the corners are on, so the near plane needs no clipped polygons.
"""

from dataclasses import dataclass
from typing import no_type_check

import numba
import numpy as np
from jaxtyping import Float, Float32, Int, Int32

from facecraft4d.toolkit.core.checks import check_shape
from facecraft4d.toolkit.core.datatypes import Camera, Mesh
from facecraft4d.toolkit.core.geometry import resized_camera, transform_points

NEAR_METRES = 0.01
"""Surfaces nearer than this are not drawn."""


@dataclass(frozen=True, slots=True, eq=False)
class Fragments:
    """What each pixel's centre sees."""

    triangle: Int32[np.ndarray, "h w"]
    """Index of the nearest triangle; -1 where there is none."""
    barycentrics: Float32[np.ndarray, "h w 3"]
    """Weights of its corners on the surface itself (perspective-correct); 0 where there is none."""
    depth: Float32[np.ndarray, "h w"]
    """Camera z in metres; 0 where there is none."""

    @property
    def covered(self) -> np.ndarray:
        """Pixels [h, w] that see a triangle."""
        return np.asarray(self.triangle >= 0)


@dataclass(frozen=True, slots=True, eq=False)
class MeshRender:
    """An antialiased picture of a mesh."""

    image: Float32[np.ndarray, "h w 3"]
    """sRGB on white."""
    alpha: Float32[np.ndarray, "h w"]
    depth: Float32[np.ndarray, "h w"]
    """Camera z in metres wherever alpha is above 0, else 0."""


def rasterize(
    camera: Camera,
    vertices: Float[np.ndarray, "v 3"],
    triangles: Int[np.ndarray, "f 3"],
    near: float = NEAR_METRES,
    cull_backfaces: bool = False,
) -> Fragments:
    """Find the nearest triangle through each pixel's centre.

    World `vertices` in metres; corners counter-clockwise seen from outside. A centre exactly on an edge that two triangles share
    belongs to one of them; of two surfaces at equal depth the first wins. ValueError if `triangles` name missing vertices.
    """
    check_shape("vertices", vertices, ("v", 3))
    if triangles.size and not 0 <= int(triangles.min()) <= int(triangles.max()) < len(vertices):
        raise ValueError(f"triangles must index 0..{len(vertices) - 1}, got {triangles.min()}..{triangles.max()}")
    shape = (camera.height, camera.width)
    triangle = np.full(shape, -1, np.int32)
    barycentrics, depth = np.zeros((*shape, 3), np.float32), np.zeros(shape, np.float32)
    points = np.ascontiguousarray(transform_points(camera.camera_from_world, vertices.astype(np.float64)))
    intrinsics = (float(camera.fx), float(camera.fy), float(camera.cx), float(camera.cy))
    _fill(points, triangles.astype(np.int64), intrinsics, float(near), cull_backfaces, triangle, barycentrics, depth)
    return Fragments(triangle, barycentrics, depth)


@numba.njit(cache=True, nogil=True)
@no_type_check
def _bounds(points, corners, intrinsics, near, width, height):
    """Pixel rectangle x0, x1, y0, y1 (ends excluded) that holds a triangle; empty if it lies behind `near`."""
    fx, fy, cx, cy = intrinsics
    low_x, low_y, high_x, high_y, behind = np.inf, np.inf, -np.inf, -np.inf, 0
    for corner in corners:
        x, y, z = points[corner]
        if z < near:
            behind += 1
            continue
        u, v = fx * x / z + cx, fy * y / z + cy
        low_x, high_x, low_y, high_y = min(low_x, u), max(high_x, u), min(low_y, v), max(high_y, v)
    if behind == 3:
        return 0, 0, 0, 0
    if behind > 0:
        return 0, width, 0, height
    x0, x1 = max(0.0, np.floor(low_x - 0.5)), min(float(width), np.floor(high_x + 0.5) + 1)
    y0, y1 = max(0.0, np.floor(low_y - 0.5)), min(float(height), np.floor(high_y + 0.5) + 1)
    return int(x0), int(x1), int(y0), int(y1)


@numba.njit(cache=True, nogil=True)
@no_type_check
def _edge(points, first, second, sign, normal):
    """Write the plane through the camera and an edge to `normal`; return whether rays exactly on it count as inside."""
    ax, ay, az = points[first]
    bx, by, bz = points[second]
    normal[0], normal[1], normal[2] = sign * (ay * bz - az * by), sign * (az * bx - ax * bz), sign * (ax * by - ay * bx)
    if normal[0] != 0.0:
        return normal[0] > 0.0
    return normal[1] > 0.0 or (normal[1] == 0.0 and normal[2] > 0.0)


@numba.njit(cache=True, nogil=True)
@no_type_check
def _fill(points, triangles, intrinsics, near, cull, triangle, barycentrics, depth):
    """The z-buffer: rays d = (x, y, 1); edge function e_i = d . n_i; weights e_i / sum e; depth = determinant / sum e."""
    fx, fy, cx, cy = intrinsics
    height, width = depth.shape
    n0, n1, n2 = np.empty(3), np.empty(3), np.empty(3)
    for f in range(len(triangles)):
        corners = triangles[f]
        a, b, c = corners
        x0, x1, y0, y1 = _bounds(points, corners, intrinsics, near, width, height)
        if x0 >= x1 or y0 >= y1:
            continue
        _edge(points, b, c, 1.0, n0)
        determinant = points[a, 0] * n0[0] + points[a, 1] * n0[1] + points[a, 2] * n0[2]
        if determinant == 0.0 or (cull and determinant > 0.0):
            continue
        sign = 1.0 if determinant > 0.0 else -1.0
        own0, own1, own2 = _edge(points, b, c, sign, n0), _edge(points, c, a, sign, n1), _edge(points, a, b, sign, n2)
        for row in range(y0, y1):
            y = (row + 0.5 - cy) / fy
            r0, r1, r2 = n0[1] * y + n0[2], n1[1] * y + n1[2], n2[1] * y + n2[2]
            for column in range(x0, x1):
                x = (column + 0.5 - cx) / fx
                e0, e1, e2 = n0[0] * x + r0, n1[0] * x + r1, n2[0] * x + r2
                if e0 < 0.0 or e1 < 0.0 or e2 < 0.0:
                    continue
                if (e0 == 0.0 and not own0) or (e1 == 0.0 and not own1) or (e2 == 0.0 and not own2):
                    continue
                total = e0 + e1 + e2
                if total <= 0.0:
                    continue
                z = np.float32(sign * determinant / total)
                if z < near or (triangle[row, column] >= 0 and depth[row, column] <= z):
                    continue
                triangle[row, column], depth[row, column] = f, z
                barycentrics[row, column, 0] = e0 / total
                barycentrics[row, column, 1] = e1 / total
                barycentrics[row, column, 2] = e2 / total


def interpolate(fragments: Fragments, corner_values: Float[np.ndarray, "f 3 k"]) -> Float32[np.ndarray, "h w k"]:
    """Attributes given at triangle corners, at every pixel; 0 where there is no triangle."""
    values = np.ascontiguousarray(corner_values, np.float32)
    out = np.zeros((*fragments.depth.shape, values.shape[2]), np.float32)
    _interpolate(fragments.triangle, fragments.barycentrics, values, out)
    return out


@numba.njit(cache=True, nogil=True)
@no_type_check
def _interpolate(triangle, barycentrics, values, out):
    height, width, channels = out.shape
    for row in range(height):
        for column in range(width):
            f = triangle[row, column]
            if f < 0:
                continue
            for k in range(channels):
                for corner in range(3):
                    out[row, column, k] += barycentrics[row, column, corner] * values[f, corner, k]


def sample_texture(
    texture: Float32[np.ndarray, "th tw c"], uv: Float[np.ndarray, "*n 2"]
) -> Float32[np.ndarray, "*n c"]:
    """Bilinear samples of a texture; uv (0, 0) is the image's top left corner, texel centres at +0.5, edges clamp."""
    flat = np.ascontiguousarray(uv.reshape(-1, 2), np.float32)
    out = np.empty((len(flat), texture.shape[2]), np.float32)
    _sample(np.ascontiguousarray(texture), flat, out)
    return out.reshape(*uv.shape[:-1], texture.shape[2])


@numba.njit(cache=True, nogil=True)
@no_type_check
def _sample(texture, uv, out):
    height, width, channels = texture.shape
    for i in range(len(uv)):
        x = min(max(uv[i, 0] * width - 0.5, 0.0), width - 1.0)
        y = min(max(uv[i, 1] * height - 0.5, 0.0), height - 1.0)
        x0, y0 = int(x), int(y)
        x1, y1 = min(x0 + 1, width - 1), min(y0 + 1, height - 1)
        s, t = x - x0, y - y0
        for k in range(channels):
            top = (1 - s) * texture[y0, x0, k] + s * texture[y0, x1, k]
            bottom = (1 - s) * texture[y1, x0, k] + s * texture[y1, x1, k]
            out[i, k] = (1 - t) * top + t * bottom


def draw_mesh(mesh: Mesh, camera: Camera, supersample: int = 2, cull_backfaces: bool = False) -> MeshRender:
    """Draw a textured mesh unlit on white, `supersample` x `supersample` samples a pixel; depth is that of pixel centres."""
    fine_camera = resized_camera(camera, camera.width * supersample, camera.height * supersample)
    fragments = rasterize(fine_camera, mesh.vertices, mesh.triangles, cull_backfaces=cull_backfaces)
    colors = sample_texture(mesh.texture, interpolate(fragments, mesh.corner_uvs))
    colors[~fragments.covered] = 1.0
    blocks = (camera.height, supersample, camera.width, supersample)
    image = colors.reshape(*blocks, 3).mean((1, 3))
    alpha = fragments.covered.reshape(blocks).mean((1, 3), dtype=np.float32)
    centre = rasterize(camera, mesh.vertices, mesh.triangles, cull_backfaces=cull_backfaces).depth
    nearest = np.where(fragments.covered, fragments.depth, np.inf).reshape(blocks).min((1, 3))
    depth = np.where(alpha > 0, np.where(centre > 0, centre, nearest), 0.0)
    return MeshRender(image.astype(np.float32), alpha, depth.astype(np.float32))
