"""Beards have thickness: skin under a beard is moved outwards until the head covers what the photograph shows of it below chin and jaw.

The moved skin keeps its weights and its expressions, so a beard goes with the jaw.
"""

import numpy as np
from jaxtyping import Bool, Float, Float32, Int

from facecraft4d.toolkit.core.datatypes import Camera
from facecraft4d.toolkit.core.geometry import camera_center, normalized, vertex_normals
from facecraft4d.toolkit.core.rigging import HasRegions, in_regions
from facecraft4d.toolkit.fitting.observation import Segments
from facecraft4d.toolkit.meshes.graph import adjacency, harmonic_fill
from facecraft4d.toolkit.meshes.raster import rasterize
from facecraft4d.toolkit.shape_prior.parametric.shells.grid import picture_values

GROWS, BARE = ("skin",), ("lips", "ears", "neck", "scalp", "eyelids")
"""Regions on which a beard grows, and at which it ends."""
_FADE = 1e-3
"""Pull towards bare skin of what nobody saw, beside an edge of the mesh: felt after some thirty edges, more than from the limb to an ear."""
_BARE_SHARE = 0.1
"""Share of beard below which skin is bare, and of skin below which it is hidden: what is even has no end of its own."""
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
CARRIED = 0.5
"""Part of a beard's thickness by which it carries out what lies wholly under it."""
CALM_ROUNDS = 12
"""Rounds of averaging over neighbours: a beard's surface is smoother than a chin."""


def bearded(
    model: HasRegions,
    posed: Float32[np.ndarray, "v 3"],
    camera: Camera,
    segments: Segments,
    mirror: Int[np.ndarray, " v"],
) -> Float32[np.ndarray, " v"]:
    """How far each vertex of a head, where it is in the photograph (`posed`, metres), is under beard: 0 to 1, nowhere but on skin.

    As the photograph shows it, on this side or, through `mirror`, on the other; from there it goes on evenly as far as to the ears.
    """
    grown = np.zeros(len(posed), np.float32)
    if segments.beard is None or not segments.beard.any():
        return grown
    grows, bare = (_of_regions(model, len(posed), names) for names in (GROWS, BARE))
    inner = grows & ~bare
    towards = normalized(camera_center(camera) - posed.astype(np.float64))
    seen = inner & ((vertex_normals(posed, model.triangles) * towards).sum(-1) > FACING)
    shown = picture_values(camera, segments.beard, posed) * seen
    shown, seen = np.where(seen, shown, shown[mirror]), seen | (seen[mirror] & inner)
    ears = posed[_of_regions(model, len(posed), ("ears",)), 2]
    behind = posed[:, 2] < (np.median(ears) if len(ears) else -np.inf)
    neighbours = adjacency(model.triangles[inner[model.triangles].all(1)], len(posed))
    known = seen | behind | ~inner
    filled = harmonic_fill(neighbours, (shown * seen)[:, None], known, np.zeros((len(posed), 1)), _FADE)[:, 0]
    share = np.clip((filled - _BARE_SHARE) / (1 - 2 * _BARE_SHARE), 0, 1)
    return np.where(inner, share, grown).astype(np.float32)


def beard_offsets(
    model: HasRegions,
    posed: Float32[np.ndarray, "v 3"],
    camera: Camera,
    beard: Bool[np.ndarray, "h w"] | None,
    grown: Float32[np.ndarray, " v"],
    chin: Float[np.ndarray, "3"],
) -> Float32[np.ndarray, "v 3"]:
    """How the posed vertices must move (metres) for the `beard` that the photograph shows and that has `grown`; zero where the chin is bare."""
    still = np.zeros_like(posed)
    front = np.linalg.norm(posed - chin, axis=1) < CHIN_SPAN / 2
    front &= posed[:, 2] > chin[2] - CHIN_SPAN / 4
    if beard is None or not front.any() or grown[front].mean() < LEAST_BEARD:
        return still
    height = np.clip((posed[:, 1] - chin[1]) / CHIN_SPAN, 0, 1)
    share = grown * (1 - (1 - CHEEK) * height)
    neighbours = adjacency(model.triangles, len(posed))
    degrees = np.maximum(np.asarray(neighbours.sum(1)).ravel(), 1)[:, None]
    unit = share[:, None] * vertex_normals(posed, model.triangles)
    for _ in range(CALM_ROUNDS):
        unit = np.where(grown[:, None] > 0, 0.5 * unit + 0.5 * (neighbours @ unit) / degrees, 0)
    unit = (unit / max(float(np.linalg.norm(unit, axis=1).max()), 1e-9)).astype(np.float32)
    covers = [_covered(model, posed + thickness * unit, camera, beard) for thickness in THICKNESSES]
    wanted = covers[0] + COVERED * (max(covers) - covers[0])
    return np.asarray(THICKNESSES[int(np.argmax(np.array(covers) >= wanted))] * unit, np.float32)


def carried(grown: Float32[np.ndarray, " v"], offsets: Float32[np.ndarray, "v 3"]) -> Float32[np.ndarray, " v"]:
    """How far each vertex is under beard once it has moved by the `offsets`: what a beard carries out is no skin."""
    lengths = np.linalg.norm(offsets, axis=1)
    carried_out = np.clip(lengths / max(CARRIED * float(lengths.max()), 1e-9), 0, 1)
    return np.asarray(np.maximum(grown, carried_out), np.float32)


def _of_regions(model: HasRegions, count: int, names: tuple[str, ...]) -> Bool[np.ndarray, " v"]:
    inside = np.zeros(count, bool)
    inside[model.triangles[in_regions(model, *names, optional=True)]] = True
    return inside


def _covered(model: HasRegions, vertices: Float32[np.ndarray, "v 3"], camera: Camera, beard: np.ndarray) -> int:
    """Pixels of the beard that show the face, not the neck behind it or nothing."""
    shown = rasterize(camera, vertices.astype(np.float32), model.triangles).triangle
    skin = (shown >= 0) & in_regions(model, *GROWS)[shown]
    return int((skin & beard).sum())
