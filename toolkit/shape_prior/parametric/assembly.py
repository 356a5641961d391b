"""Joins the personalised face model and its shells into one rig with one texture atlas."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float32, Int, Int32, Int64, UInt8

from facecraft4d.toolkit.core.datatypes import Pose, Rig
from facecraft4d.toolkit.core.rigging import pose_vertices, with_part
from facecraft4d.toolkit.face_model.model import FaceModel
from facecraft4d.toolkit.shape_prior.parametric.neck import above_ring, cut_at_ring
from facecraft4d.toolkit.shape_prior.parametric.shells.sheet import Shell

SKIN, HAIR, TORSO = range(3)
"""The parts of an assembled head."""
CHARTS = {SKIN: (0.0, 0.0, 0.7, 0.7), HAIR: (0.0, 0.7, 0.7, 1.0), TORSO: (0.7, 0.0, 1.0, 1.0)}
"""Left, top, right, bottom of each part's piece of the texture."""
_PADDING = 0.006
"""Free space around each chart, as a fraction of the texture: samples at its rim must not mix with the next one's."""
_HIDDEN = 0.1
"""A shell's triangles whose corners are all less present than this lie inside the head and are left out."""
_CLEARANCE, _DEEPEST = 0.004, 0.3
"""Metres that covered skin stays below a shell, and the part of its own distance from the middle that it keeps at least."""
_COVERED, _COVER_FADE = 0.55, 0.2
"""Presence of a shell from which skin below it is tucked in, and over which that grows: its edge, at one half, meets the skin itself."""
_JOINTS = {HAIR: "neck", TORSO: "root"}
_REGIONS = {HAIR: "hair", TORSO: "torso"}


@dataclass(frozen=True, slots=True, eq=False)
class Assembly:
    """The whole head."""

    rig: Rig
    posed: Float32[np.ndarray, "v 3"]
    """The vertices as the photograph shows them."""
    corner_uvs: Float32[np.ndarray, "f 3 2"]
    triangle_parts: UInt8[np.ndarray, " f"]
    vertex_parts: UInt8[np.ndarray, " v"]
    mirror: Int64[np.ndarray, " v"]
    """The vertex on the other side."""
    covered: Float32[np.ndarray, " v"]
    """How far each vertex shows no skin but beard, no hair but a hat, 0 to 1."""


def tuck(
    vertices: Float32[np.ndarray, "v 3"], shell: Shell, triangles: Int32[np.ndarray, "f 3"]
) -> Float32[np.ndarray, "v 3"]:
    """How the vertices of `triangles` must move so that none pokes through a shell that covers them (metres)."""
    rows, columns, radii = shell.grid.locate(vertices)
    sheet = np.linalg.norm(shell.vertices[:-2].reshape(*shell.present.shape, 3) - shell.grid.origins, axis=-1)
    covered = shell.grid.sample(shell.present, rows, columns) * (rows > -0.5)
    # between rays a plane's reciprocal distance is nearly linear
    allowed = np.maximum(
        1 / shell.grid.sample(1 / np.maximum(sheet, 1e-6), rows, columns) - _CLEARANCE, _DEEPEST * radii
    )
    share = np.clip((covered - _COVERED) / _COVER_FADE, 0, 1) * np.isin(np.arange(len(vertices)), triangles)
    origin = shell.grid.feet(vertices)
    moved = origin + (vertices - origin) * np.minimum(1, allowed / np.maximum(radii, 1e-9))[:, None]
    floor = shell.vertices[:-2, 1].min() + _CLEARANCE
    if not shell.crown:
        moved[:, 1] = np.maximum(moved[:, 1], floor)
    return np.asarray((moved - vertices) * share[:, None], np.float32)


def assemble(
    model: FaceModel, rig: Rig, pose: Pose, hair: Shell, torso: Shell | None, bearded: Float32[np.ndarray, " m"]
) -> Assembly:
    """One mesh: the model's vertices first, then the hair's, then the torso's; each shell rides rigidly on one joint.

    `bearded` says how far each of the model's vertices is under beard.

    Without a torso the skin ends at the base of the neck.
    """
    whole, uvs, mirror = (rig, model.corner_uvs, model.mirror_vertices) if torso else cut_at_ring(model, rig)
    covered = bearded if torso else bearded[above_ring(model)]
    pieces = [_Piece(whole.vertices, whole.triangles, _placed(uvs, SKIN), mirror, covered)]
    for part, shell in ((HAIR, hair), (TORSO, torso)):
        if shell is None:
            continue
        piece = _shell_piece(shell, part, len(whole.vertices))
        whole = with_part(whole, piece.vertices, piece.triangles, _REGIONS[part], _JOINTS[part])
        pieces.append(piece)
    return Assembly(
        rig=whole,
        posed=pose_vertices(whole, pose),
        corner_uvs=np.concatenate([piece.corner_uvs for piece in pieces]),
        triangle_parts=np.repeat(np.arange(len(pieces)), [len(piece.triangles) for piece in pieces]).astype(np.uint8),
        vertex_parts=np.repeat(np.arange(len(pieces)), [len(piece.vertices) for piece in pieces]).astype(np.uint8),
        mirror=np.concatenate([piece.mirror for piece in pieces]).astype(np.int64),
        covered=np.concatenate([piece.covered for piece in pieces]),
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Piece:
    """One part of the mesh; triangles count its own vertices, mirror those of the whole."""

    vertices: Float32[np.ndarray, "v 3"]
    triangles: Int32[np.ndarray, "f 3"]
    corner_uvs: Float32[np.ndarray, "f 3 2"]
    mirror: Int[np.ndarray, " v"]
    covered: Float32[np.ndarray, " v"]


def _shell_piece(shell: Shell, part: int, start: int) -> _Piece:
    """The visible surface of a shell, whose vertices are those from `start` on of the whole."""
    kept, chart = _shell_surface(shell)
    used, compact = np.unique(kept, return_inverse=True)
    triangles = compact.reshape(-1, 3).astype(np.int32)
    mirror = _shell_mirror(shell, used) + start
    worn = np.append(shell.worn.ravel(), shell.worn[[0, -1]].mean(1))[used].astype(np.float32)
    return _Piece(shell.vertices[used].astype(np.float32), triangles, _placed(chart, part), mirror, worn)


def _placed(uvs: Float32[np.ndarray, "f 3 2"], part: int) -> Float32[np.ndarray, "f 3 2"]:
    """Chart coordinates in [0, 1] to the part's piece of the atlas."""
    left, top, right, bottom = CHARTS[part]
    low = np.array([left, top]) + _PADDING
    size = np.array([right - left, bottom - top]) - 2 * _PADDING
    placed: Float32[np.ndarray, "f 3 2"] = (low + uvs * size).astype(np.float32)
    return placed


def chart_position(uvs: Float[np.ndarray, "n 2"], part: int) -> tuple[Float[np.ndarray, " n"], Float[np.ndarray, " n"]]:
    """How far around a shell (0..1, the middle of its front is one half) and how far down its chart texture coordinates lie."""
    left, top, right, bottom = CHARTS[part]
    low, size = np.array([left, top]) + _PADDING, np.array([right - left, bottom - top]) - 2 * _PADDING
    x, y = ((uvs - low) / size).T
    return (x, y) if part == HAIR else (y, x)


def _shell_surface(shell: Shell) -> tuple[Int32[np.ndarray, "f 3"], Float32[np.ndarray, "f 3 2"]]:
    """The triangles outside the head and their chart coordinates: the grid itself with one more row for the closed end."""
    rows, columns = shell.present.shape
    count = 2 * (rows - 1) * columns
    lid = slice(count, count + columns) if shell.crown else slice(count + columns, None)
    body = np.concatenate([shell.triangles[:count], shell.triangles[lid]])
    middle = body >= rows * columns
    row = np.where(middle, -1 if shell.crown else rows, body // columns) + (1 if shell.crown else 0)
    column = np.where(middle, 0, body % columns).astype(np.float64)
    wraps = (column.max(1, keepdims=True) == columns - 1) & (column == 0) & ~middle
    column = np.where(wraps, columns, column)
    column = np.where(middle, column.sum(1, keepdims=True) / 2, column)
    across, down = column / columns, row / rows
    presence = np.append(shell.present.ravel(), [1.0, 1.0])
    kept = (presence[body] > _HIDDEN).any(1)
    uvs = np.stack([across, down] if shell.crown else [down, across], -1)
    return body[kept], uvs[kept].astype(np.float32)


def _shell_mirror(shell: Shell, used: Int[np.ndarray, " n"]) -> Int[np.ndarray, " n"]:
    """Position in `used` of the vertex at the opposite azimuth; a vertex whose twin was left out mirrors to itself."""
    rows, columns = shell.present.shape
    twin = np.where(used < rows * columns, used // columns * columns + (-used) % columns, used)
    position = np.minimum(np.searchsorted(used, twin), len(used) - 1)
    found = used[position] == twin
    return np.where(found, position, np.arange(len(used)))
