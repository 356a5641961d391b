"""A FLAME file with a face: the CC0 head meshed anew to FLAME's keys, counts and ranges, so that a build can run where no licensed data is.

Another person than the mean one, on another mesh, about another origin; eyes as shells of their own; no teeth, no tongue, an open mouth.
"""

import functools
import itertools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import synthetic_flame
from remeshing import remeshed

from facecraft4d.toolkit.core.geometry import smoothstep, vertex_normals
from facecraft4d.toolkit.core.rigging import in_regions
from facecraft4d.toolkit.face_model import FaceModel, load_default_head
from facecraft4d.toolkit.face_model.adopted.surface import Places, places_on
from facecraft4d.toolkit.face_model.model import neutral_vertices

VERTICES, FACES = 5023, 9976
EYE_RINGS, EYE_SECTORS = 17, 32
"""An eye's shell: two poles and rings, 546 vertices."""
EYE = 2 + EYE_RINGS * EYE_SECTORS
SHELLS = ("eyes", "teeth", "tongue")
FINE = 1.8
"""How many times shorter than elsewhere edges are at lips and lids."""
COLLAR = 0.014
"""Metres below the ring around the neck at which the mesh ends."""
SHIFT, SCALE = np.array([0.001, -0.021, -0.044]), 1.04
"""From the midpoint between the ears to the file's own origin; this head is a little larger."""
PERSON, SEED = 0.7, 11
"""Standard deviations of this person from the average, and who it is."""
REACHED = 26
"""Of the directions in which ARKit's expressions differ most, how many the file's own have; the others are none that a face makes."""
SHAPES, EXPRESSIONS = 300, 100


Whole = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Skin:
    """The person's skin, and where it lies on the CC0 head: the truth that adopting has to find."""

    person: np.ndarray
    vertices: np.ndarray
    faces: np.ndarray
    places: Places

    def carried(self, values: np.ndarray) -> np.ndarray:
        """Values of the CC0 head's vertices [..., v, c] at the skin's."""
        head = load_default_head()
        return self.places.of(values, head.triangles[~in_regions(head, *SHELLS)])


@functools.cache
def skin() -> Skin:
    """Another person than the mean one."""
    head = load_default_head()
    drawn = np.random.default_rng(SEED).standard_normal(len(head.identity_mean))
    weights = head.identity_mean + PERSON * np.linalg.solve(head.identity_whitening, drawn)
    person = neutral_vertices(head, weights.astype(np.float32)).astype(np.float64)
    return Skin(person, *_skin(head, person))


@functools.cache
def order() -> np.ndarray:
    """The file's vertices among the skin's and the eyes': the skin's in no order, the eyes' last."""
    count = VERTICES - 2 * EYE
    return np.append(np.random.default_rng(SEED).permutation(count), np.arange(count, VERTICES))


@functools.cache
def model() -> dict[str, np.ndarray]:
    """The arrays of a FLAME file."""
    head, rng = load_default_head(), np.random.default_rng(SEED)
    of, carried = skin(), skin().carried
    shape, faces = of.person, of.faces

    eyes = [_eye(head, shape, side) for side in (3, 4)]
    template = np.concatenate([of.vertices, *(vertices for vertices, _ in eyes)])
    count = len(of.vertices)
    faces = np.concatenate([faces, *(quads + count + EYE * i for i, (_, quads) in enumerate(eyes))])
    weights = np.concatenate([carried(head.skin_weights.astype(np.float64)), np.repeat(np.eye(5)[3:], EYE, 0)])

    def whole(values: np.ndarray) -> np.ndarray:
        """Displacements [n, v, 3] of the CC0 head on the new mesh; eyes move as wholes."""
        means = [np.repeat(values[:, head.skin_weights[:, side] > 0.5].mean(1)[:, None], EYE, 1) for side in (3, 4)]
        return np.concatenate([carried(values), *means], 1) * SCALE

    shapedirs = np.concatenate([_shapes(head, whole, template, rng), _expressions(head, whole, template, rng)])
    joints = (head.joint_regressor @ shape).astype(np.float64)
    kept = order()
    return {
        "v_template": (SCALE * template + SHIFT)[kept].astype(np.float32),
        "f": np.argsort(kept)[faces][rng.permutation(len(faces))].astype(np.uint32),
        "shapedirs": np.moveaxis(shapedirs[:, kept], 0, 2).astype(np.float32),
        "posedirs": _correctives(template, weights, rng)[kept].astype(np.float32),
        "J_regressor": _regressor(template, joints, count)[:, kept].astype(np.float32),
        "weights": (weights / weights.sum(1, keepdims=True))[kept].astype(np.float32),
        "kintree_table": np.array([[4294967295, 0, 1, 1, 1], [0, 1, 2, 3, 4]], np.int64),
    }


def write(folder: Path, name: str = "flame2023_Open.pkl") -> Path:
    """The file as the published ones are written: an old pickle with chumpy's arrays and a sparse regressor."""
    path = folder / name
    path.write_bytes(synthetic_flame.old_style(model()))
    return path


def _skin(head: FaceModel, shape: np.ndarray) -> tuple[np.ndarray, np.ndarray, Places]:
    """The outer skin with eye sockets on a mesh of its own down to below the neck, and where it lies on the CC0 head without `SHELLS`."""
    ring = head.vertices[head.neck_ring]
    around = np.arctan2(head.vertices[:, 0], head.vertices[:, 2] - ring[:, 2].mean())
    angles = np.arctan2(ring[:, 0], ring[:, 2] - ring[:, 2].mean())
    nearest = np.abs(np.angle(np.exp(1j * (around[:, None] - angles)))).argmin(1)
    above = head.vertices[:, 1] > ring[nearest, 1] - COLLAR
    surface = head.triangles[~in_regions(head, *SHELLS)]
    kept = head.triangles[~in_regions(head, *SHELLS, "mouth_interior") & above[head.triangles].any(1)]
    fine = np.ones(len(shape))
    fine[head.triangles[in_regions(head, "lips", "eyelids", "eye_sockets")]] = FINE
    skin, faces = remeshed(shape, kept, fine, (VERTICES - 2 * EYE, FACES - 2 * (2 * EYE - 4)))
    return skin, faces, places_on(skin, vertex_normals(skin, faces), shape, surface)


def _eye(head: FaceModel, shape: np.ndarray, joint: int) -> tuple[np.ndarray, np.ndarray]:
    """A ball with a cornea, poles before and behind."""
    ball = shape[head.skin_weights[:, joint] > 0.5]
    center, radius = ball.mean(0), np.median(np.linalg.norm(ball - ball.mean(0), axis=1))
    turn = np.linspace(0, 2 * np.pi, EYE_SECTORS, endpoint=False)
    tilt = np.linspace(0, np.pi, EYE_RINGS + 2)[1:-1]
    rings = np.stack(
        [
            np.outer(np.sin(tilt), np.cos(turn)),
            np.outer(np.sin(tilt), np.sin(turn)),
            np.outer(np.cos(tilt), np.ones_like(turn)),
        ],
        -1,
    )
    unit = np.concatenate([[(0, 0, 1)], rings.reshape(-1, 3), [(0, 0, -1)]])
    bulge = 1 + 0.06 * smoothstep((unit[:, 2] - np.cos(np.radians(35))) / (1 - np.cos(np.radians(35))))
    here = np.arange(EYE_SECTORS)
    there = np.roll(here, -1)
    rows = 1 + EYE_SECTORS * np.arange(EYE_RINGS)
    caps = [
        np.stack([np.zeros_like(here), 1 + here, 1 + there], 1),
        np.stack([np.full_like(here, EYE - 1), rows[-1] + there, rows[-1] + here], 1),
    ]
    strips = [
        np.concatenate([np.stack([a + here, b + here, a + there], 1), np.stack([a + there, b + here, b + there], 1)])
        for a, b in itertools.pairwise(rows)
    ]
    return center + radius * bulge[:, None] * unit, np.concatenate([*caps, *strips])


def _bumps(template: np.ndarray, count: int, size: float, rng: np.random.Generator) -> np.ndarray:
    """Smooth displacements [count, v, 3] of about `size` metres, a few centimetres wide."""
    fields = np.zeros((count, len(template), 3))
    for field in fields:
        for _ in range(3):
            away = ((template - template[rng.integers(len(template))]) ** 2).sum(1)
            field += np.exp(-0.5 * away / rng.uniform(0.025, 0.05) ** 2)[:, None] * rng.normal(0, size, 3)
    return fields


def _shapes(head: FaceModel, whole: Whole, template: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Principal components of the CC0 head's people, each in its standard deviation, then small bumps."""
    spread = np.linalg.inv(head.identity_whitening.astype(np.float64)).T
    people = np.tensordot(spread, head.identity_deltas, 1).reshape(len(spread), -1)
    _, vectors = np.linalg.eigh(people @ people.T)
    turned = np.tensordot(vectors[:, ::-1].T, people, 1).reshape(len(spread), -1, 3)
    return np.concatenate([whole(turned), _bumps(template, SHAPES - len(spread), 1e-4, rng)])


def _expressions(head: FaceModel, whole: Whole, template: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Mixtures of the strongest directions of ARKit's expressions without the opening of the jaw, then bumps."""
    still = [name not in ("jawOpen", "tongueOut") and not name.startswith("eyeLook") for name in head.expression_names]
    moved = whole(head.expression_deltas[still].astype(np.float64))
    moved[:, -2 * EYE :] = 0
    _, sizes, axes = np.linalg.svd(moved.reshape(len(moved), -1), full_matrices=False)
    reached = (sizes[:REACHED, None] / np.sqrt(len(moved)) * axes[:REACHED]).reshape(REACHED, -1, 3)
    return np.concatenate([reached, _bumps(template, EXPRESSIONS - REACHED, 1e-4, rng)])


def _correctives(template: np.ndarray, weights: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Where two joints share the skin it bulges a little when they turn [v, 3, 36]; eyes never."""
    shared = 4 * weights * (1 - weights)
    fields = _bumps(template, 36, 2e-3, rng).reshape(4, 9, len(template), 3)
    fields = fields * shared.T[1:, None, :, None]
    fields[:, :, -2 * EYE :] = 0
    return np.moveaxis(fields.reshape(36, len(template), 3), 0, 2)


def _regressor(template: np.ndarray, joints: np.ndarray, skin: int) -> np.ndarray:
    """Forty vertices near each joint tell where it is; of the eyes, all of their shells."""
    rows = np.zeros((5, len(template)))
    for row, joint in zip(rows[:3], joints, strict=False):
        near = np.argsort(((template[:skin] - joint) ** 2).sum(1))[:400:10]
        arms = np.column_stack([np.ones(len(near)), template[near] - joint])
        row[near] = arms @ np.linalg.solve(arms.T @ arms, np.array([1.0, 0, 0, 0]))
    for side in range(2):
        rows[3 + side, skin + EYE * side : skin + EYE * (side + 1)] = 1 / EYE
    return rows
