"""The surface of a generator's head as one closed mesh, and the files that it is kept in."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse
import scipy.sparse.csgraph
import torch
from jaxtyping import Float32, Float64, Int32

from facecraft4d.toolkit.core.checks import UserError
from facecraft4d.toolkit.core.datatypes import ViewSet
from facecraft4d.toolkit.core.files import write_whole
from facecraft4d.toolkit.core.geometry import transform_points, vertex_normals
from facecraft4d.toolkit.core.pixels import to_bytes
from facecraft4d.toolkit.core.similarity import Similarity
from facecraft4d.toolkit.meshes.views import view_colors
from facecraft4d.toolkit.shape_prior.panohead.views import ADVICE, FAILED, Figure
from facecraft4d.toolkit.shape_prior.panohead.volume import DENSITY_SHIFT, EMPTY

NAMES = ("shape.glb", "shape.obj")
GREY = 0.5
"""Where no view looks."""
SLABS_AT_ONCE = 8
"""Layers of the grid whose densities are asked for together."""


@dataclass(frozen=True, slots=True, eq=False)
class Surface:
    """A closed triangle mesh."""

    vertices: Float64[np.ndarray, "v 3"]
    triangles: Int32[np.ndarray, "f 3"]
    """Counter-clockwise seen from outside."""

    def placed(self, world_from_box: Similarity) -> "Surface":
        """In the world, metres."""
        return Surface(world_from_box.points(self.vertices), self.triangles)


@torch.no_grad()
def densities(head: Figure, cells: int) -> Float32[np.ndarray, "x y z"]:
    """Densities before the softplus at the middles of `cells` cells a side of the box, and one layer of emptiness around."""
    generator, device = head.generator, head.ws.device
    centres = ((torch.arange(cells, device=device) + 0.5) / cells - 0.5) * generator.architecture.sampling.box
    grid = np.full((cells + 2,) * 3, EMPTY, np.float32)
    for start in range(0, cells, SLABS_AT_ONCE):
        slab = centres[start : start + SLABS_AT_ONCE]
        points = torch.stack(torch.meshgrid(slab, centres, centres, indexing="ij"), -1).view(1, -1, 3)
        found = generator.density(head.grids, points).view(len(slab), cells, cells)
        grid[start + 1 : start + 1 + len(slab), 1:-1, 1:-1] = found.cpu().numpy()
    return grid


def surface_of(head: Figure, cells: int, level: float) -> Surface:
    """Where the density is `level` (per side of the box), in the box's units: the largest connected part. UserError where it is nowhere."""
    from skimage.measure import marching_cubes

    wanted = DENSITY_SHIFT + float(np.log(np.expm1(level)))  # what the softplus makes `level` of
    grid, box = densities(head, cells), head.generator.architecture.sampling.box
    if not grid.max() > wanted:
        raise UserError(
            f"{FAILED}: nothing of it is as dense as --shape-prior.panohead.surface-density ({level:g}); {ADVICE}"
        )
    found: Any = marching_cubes  # its package has hints, but none for this
    vertices, triangles, _, _ = found(grid, wanted, gradient_direction="ascent", allow_degenerate=False)
    places = ((vertices.astype(np.float64) - 0.5) / cells - 0.5) * box
    return _largest(Surface(places, triangles.astype(np.int32)))


def _largest(surface: Surface) -> Surface:
    """The connected part of the most triangles: others float, or lie within."""
    triangles = surface.triangles
    links = scipy.sparse.coo_array(
        (np.ones(2 * len(triangles), np.int8), (np.repeat(triangles[:, 0], 2), triangles[:, 1:].ravel())),
        (len(surface.vertices),) * 2,
    )
    part = scipy.sparse.csgraph.connected_components(links, directed=False)[1][triangles[:, 0]]
    kept = triangles[part == np.bincount(part).argmax()]
    used, compact = np.unique(kept, return_inverse=True)
    return Surface(surface.vertices[used], compact.reshape(-1, 3).astype(np.int32))


def write_surface(surface: Surface, views: ViewSet, moved: ViewSet, folder: Path) -> None:
    """Write a surface as shape.glb and shape.obj, each whole or not at all: metres, with the colours that `views` show at its vertices.

    `moved` are the same views in the world that the files shall be in, a rigid motion away.
    """
    import trimesh

    normals = vertex_normals(surface.vertices, surface.triangles)
    colors = view_colors(views, surface.vertices, normals, np.full(surface.vertices.shape, GREY, np.float32))
    matrix = np.linalg.inv(moved.views[0].camera.camera_from_world) @ views.views[0].camera.camera_from_world
    mesh = trimesh.Trimesh(
        transform_points(matrix, surface.vertices), surface.triangles, process=False, vertex_colors=to_bytes(colors)
    )
    for name in NAMES:
        data: Any = mesh.export(file_type=Path(name).suffix[1:])
        write_whole(folder / name, data.encode() if isinstance(data, str) else data)
