"""Beards have thickness: skin under a beard is moved outwards until the head covers what the photograph shows of it below chin and jaw.

The moved skin keeps its weights and its expressions, so a beard goes with the jaw.
"""

import numpy as np
import scipy.sparse
from jaxtyping import Bool, Float, Float32

from facecraft4d.toolkit.core.datatypes import Camera
from facecraft4d.toolkit.core.geometry import camera_center, normalized, vertex_normals
from facecraft4d.toolkit.core.rigging import HasRegions, in_regions
from facecraft4d.toolkit.fitting.observation import Segments
from facecraft4d.toolkit.meshes.graph import adjacency, harmonic_fill
from facecraft4d.toolkit.meshes.raster import rasterize
from facecraft4d.toolkit.shape_prior.parametric.shells.grid import picture_values

GROWS, BARE = ("skin",), ("lips", "ears", "neck", "scalp", "eyelids")
"""Regions on which a beard grows, and at which it ends."""
FACING = 0.3
"""Cosine towards the camera from which a vertex' pixel tells whether it is bearded."""
LEAST_BEARD = 0.5
"""Share of the chin's front that must be bearded before a beard has any thickness."""
CHEEK, CHIN_SPAN = 0.3, 0.05
"""Part of the chin's thickness that a beard has on the cheeks, and the metres above the chin over which it grows to the whole."""
THICKNESSES = tuple(0.004 * step for step in range(11))
"""Metres of thickness on the chin that are tried."""
COVERED = 0.97
"""Part of what the thickest beard would cover of the photograph's beard from which a thinner one suffices."""
CALM_ROUNDS = 12
"""Rounds of averaging over neighbours: a beard's surface is smoother than a chin."""


def beard_offsets(
    model: HasRegions,
    posed: Float32[np.ndarray, "v 3"],
    camera: Camera,
    segments: Segments,
    chin: Float[np.ndarray, "3"],
) -> Float32[np.ndarray, "v 3"]:
    """How the vertices of a head, where it is in the photograph (`posed`, metres), must move for its beard; zero without one."""
    still = np.zeros_like(posed)
    if segments.beard is None or not segments.beard.any():
        return still
    neighbours = adjacency(model.triangles, len(posed))
    grown = _bearded(model, posed, camera, segments.beard, neighbours)
    front = np.linalg.norm(posed - chin, axis=1) < CHIN_SPAN / 2
    front &= posed[:, 2] > chin[2] - CHIN_SPAN / 4
    if not front.any() or grown[front].mean() < LEAST_BEARD:
        return still
    height = np.clip((posed[:, 1] - chin[1]) / CHIN_SPAN, 0, 1)
    share = grown * (1 - (1 - CHEEK) * height)
    directions = vertex_normals(posed, model.triangles)
    degrees = np.maximum(np.asarray(neighbours.sum(1)).ravel(), 1)[:, None]
    unit = share[:, None] * directions
    for _ in range(CALM_ROUNDS):
        unit = np.where(grown[:, None] > 0, 0.5 * unit + 0.5 * (neighbours @ unit) / degrees, 0)
    unit = (unit / max(float(np.linalg.norm(unit, axis=1).max()), 1e-9)).astype(np.float32)
    covers = [_covered(model, posed + thickness * unit, camera, segments.beard) for thickness in THICKNESSES]
    wanted = covers[0] + COVERED * (max(covers) - covers[0])
    return np.asarray(THICKNESSES[int(np.argmax(np.array(covers) >= wanted))] * unit, np.float32)


def _bearded(
    model: HasRegions,
    posed: Float32[np.ndarray, "v 3"],
    camera: Camera,
    beard: Bool[np.ndarray, "h w"],
    neighbours: scipy.sparse.csr_array,
) -> Float[np.ndarray, " v"]:
    """How far each vertex is under beard, 0 to 1: as the photograph shows it, evenly on where it does not, nowhere but on skin."""
    grows, bare = (np.zeros(len(posed), bool) for _ in range(2))
    grows[model.triangles[in_regions(model, *GROWS, optional=True)]] = True
    bare[model.triangles[in_regions(model, *BARE, optional=True)]] = True
    towards = normalized(camera_center(camera) - posed.astype(np.float64))
    seen = grows & ~bare & ((vertex_normals(posed, model.triangles) * towards).sum(-1) > FACING)
    shown = picture_values(camera, beard, posed) * seen
    known = seen | bare | ~grows
    filled = harmonic_fill(neighbours, shown[:, None], known, np.zeros((len(posed), 1)), 1e-3)[:, 0]
    return np.asarray(np.where(grows & ~bare, np.clip(filled, 0, 1), 0))


def _covered(model: HasRegions, vertices: Float32[np.ndarray, "v 3"], camera: Camera, beard: np.ndarray) -> int:
    """Pixels of the beard that show the face, not the neck behind it or nothing."""
    shown = rasterize(camera, vertices.astype(np.float32), model.triangles).triangle
    skin = (shown >= 0) & in_regions(model, *GROWS)[shown]
    return int((skin & beard).sum())
