"""Make parity.json, and parity_avatar.glb and parity_correctives.glb: what a port of the deformation is compared with.

    python samples/make_parity.py

A ball with two eyeballs, drawn by formulas alone (CC0), in twelve poses; then the same ball with FLAME's two additions, pose correctives and
joints that follow the face, in three. docs/embedding.md says how to read it.
"""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from facecraft4d.exporters import export
from facecraft4d.toolkit.core.asset import Avatar, Provenance
from facecraft4d.toolkit.core.datatypes import BoundSplats, Pose, Rig
from facecraft4d.toolkit.core.ingredients import Commercial, Ingredient
from facecraft4d.toolkit.core.rigging import place_splats, pose_vertices

TOLERANCE = 1e-5
"""Largest error of any number of a port; quaternions up to their sign."""
DECIMALS = 6
"""Kept of every number, a tenth of the tolerance."""

JOINTS = ("root", "neck", "jaw", "eye_left", "eye_right")
PARENTS = (-1, 0, 1, 1, 1)
JOINT_POSITIONS = ((0, -0.15, -0.02), (0, -0.08, -0.02), (0, -0.01, 0), (0.032, 0.02, 0.068), (-0.032, 0.02, 0.068))
RADII = (0.075, 0.12, 0.09)
"""Of the ball, metres."""
EYE_RADIUS = 0.0125
ROWS, COLUMNS = 5, 8
"""Of the ball's vertices between its poles."""
SPLATS = 48

EXPRESSIONS = {
    # centre and reach of what moves, and how far it moves at weight 1, metres
    "jawOpen": ((0, -0.07, 0.07), 0.06, (0, -0.03, -0.005)),
    "eyeBlinkLeft": ((0.04, 0.03, 0.07), 0.06, (0, -0.012, 0.004)),
    "mouthSmileLeft": ((0.03, -0.05, 0.075), 0.05, (0.008, 0.012, -0.003)),
    "browInnerUp": ((0, 0.06, 0.08), 0.05, (0, 0.01, 0.003)),
}

Weights = dict[str, float]
POSES: tuple[tuple[str, Weights, Weights, tuple[float, float, float]], ...] = (
    # name, expressions, angle in radians of each entry "joint axis", translation
    ("neutral", {}, {}, (0, 0, 0)),
    ("jawOpen", {"jawOpen": 1}, {}, (0, 0, 0)),
    ("half a blink", {"eyeBlinkLeft": 0.5}, {}, (0, 0, 0)),
    ("several at once", {"jawOpen": 0.4, "mouthSmileLeft": 0.9, "browInnerUp": 0.7}, {}, (0, 0, 0)),
    ("beyond 1 and negative", {"jawOpen": 1.6, "mouthSmileLeft": -0.5, "browInnerUp": -1}, {}, (0, 0, 0)),
    ("root turned", {}, {"root y": 2.5, "root x": 0.4}, (0, 0, 0)),
    ("neck turned", {}, {"neck y": -0.5, "neck z": 0.2}, (0, 0, 0)),
    ("jaw turned", {}, {"jaw x": 0.3, "jaw y": 0.05}, (0, 0, 0)),
    ("left eye turned", {}, {"eye_left x": 0.2, "eye_left y": 0.4}, (0, 0, 0)),
    ("right eye turned", {}, {"eye_right x": -0.3, "eye_right y": 0.1}, (0, 0, 0)),
    ("translation", {}, {}, (0.1, -0.05, 0.3)),
    (
        "all together",
        {"jawOpen": 0.7, "eyeBlinkLeft": 1, "mouthSmileLeft": 0.3, "browInnerUp": 1.2},
        {"root y": 0.6, "neck x": -0.3, "jaw x": 0.15, "eye_left y": -0.3, "eye_right y": -0.3},
        (-0.02, 0.04, 0.01),
    ),
)
CORRECTED = ("several at once", "jaw turned", "all together")
"""Poses of the ball with correctives."""


def ball(rows: int, columns: int, radii: np.ndarray, center: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Vertices from the lower pole to the upper one, and triangles that face outwards."""
    down, around = np.meshgrid(
        np.pi * np.arange(1, rows + 1) / (rows + 1), 2 * np.pi * np.arange(columns) / columns, indexing="ij"
    )
    rings = np.stack([np.sin(down) * np.sin(around), -np.cos(down), np.sin(down) * np.cos(around)], -1).reshape(-1, 3)
    vertices = np.vstack([rings, [(0, -1, 0), (0, 1, 0)]]) * radii + center
    low, high = rows * columns, rows * columns + 1
    faces = []
    for column in range(columns):
        after = (column + 1) % columns
        faces += [(low, after, column), (high, (rows - 1) * columns + column, (rows - 1) * columns + after)]
        for a, b in ((row * columns + column, row * columns + after) for row in range(rows - 1)):
            faces += [(a, b, b + columns), (a, b + columns, a + columns)]
    return vertices, np.array(faces)


def skin_weights(vertices: np.ndarray, head: int) -> np.ndarray:
    """[v, 5]: from the root at the chin up to the neck, in front below to the jaw; each eyeball is rigid."""
    weights = np.zeros((len(vertices), len(JOINTS)))
    up = np.clip((vertices[:head, 1] + 0.12) / 0.06, 0, 1)
    jaw = np.clip(vertices[:head, 2] / 0.09, 0, 1) * np.clip((0.0 - vertices[:head, 1]) / 0.05, 0, 1)
    weights[:head, 0], weights[:head, 1], weights[:head, 2] = 1 - up, up * (1 - jaw), up * jaw
    eyes = (len(vertices) - head) // 2
    weights[head : head + eyes, 3] = weights[head + eyes :, 4] = 1
    return weights


def rounded(array: np.ndarray) -> np.ndarray:
    """As a reader of the file has them."""
    return np.round(array, DECIMALS).astype(np.float32)


def parity_rig() -> Rig:
    """The ball without correctives."""
    positions = np.array(JOINT_POSITIONS)
    parts = [ball(ROWS, COLUMNS, np.array(RADII), np.zeros(3))]
    parts += [ball(1, 4, np.full(3, EYE_RADIUS), positions[joint]) for joint in (3, 4)]
    starts = np.cumsum([0, *(len(vertices) for vertices, _ in parts)])
    vertices = np.vstack([vertices for vertices, _ in parts])
    triangles = np.vstack([faces + start for (_, faces), start in zip(parts, starts[:-1], strict=True)])
    weights = np.round(skin_weights(vertices, starts[1]), 3)
    weights[:, 1] += 1 - weights.sum(1)
    deltas = np.zeros((len(EXPRESSIONS), len(vertices), 3))
    for delta, (center, reach, motion) in zip(deltas, EXPRESSIONS.values(), strict=True):
        nearness = np.clip(1 - np.linalg.norm(vertices - center, axis=1) / reach, 0, 1)
        delta[: starts[1]] = nearness[: starts[1], None] * motion
    return Rig(
        vertices=rounded(vertices),
        triangles=triangles.astype(np.int32),
        triangle_regions=np.repeat([0, 1], [len(parts[0][1]), len(triangles) - len(parts[0][1])]).astype(np.uint8),
        region_names=("skin", "eyes"),
        expression_names=tuple(EXPRESSIONS),
        expression_deltas=rounded(deltas),
        joint_names=JOINTS,
        joint_parents=PARENTS,
        joint_positions=rounded(positions),
        skin_weights=rounded(weights),
    )


def with_correctives(rig: Rig) -> Rig:
    """The same ball as FLAME would move it: vertices follow the turning of neck and jaw, and joints follow the face."""
    rng = np.random.default_rng(13)
    poses = np.zeros((9 * (len(JOINTS) - 1), len(rig.vertices), 3))
    turning = np.flatnonzero(rig.skin_weights[:, 2] > 0)
    poses[:18, turning] = rng.normal(scale=0.003, size=(18, len(turning), 3))  # those of neck and jaw
    joints = rng.normal(scale=0.002, size=(len(EXPRESSIONS), len(JOINTS), 3))
    return replace(rig, pose_deltas=rounded(poses), joint_deltas=rounded(joints))


def parity_splats(rig: Rig) -> BoundSplats:
    """Splats of every shape, off their triangles' planes, at least one on each part; the first two share a triangle."""
    rng = np.random.default_rng(7)
    triangles = np.linspace(0, len(rig.triangles) - 1, SPLATS).astype(np.int32)
    triangles[1] = triangles[0]
    return BoundSplats(
        means=rounded(rng.normal(scale=0.3, size=(SPLATS, 3))),
        rotations_wxyz=rounded(rng.normal(size=(SPLATS, 4))),
        log_scales=rounded(rng.uniform(-3, 0, (SPLATS, 3))),
        opacity_logits=rounded(rng.normal(2, 1, SPLATS)),
        colors=rounded(rng.uniform(0, 1, (SPLATS, 3))),
        triangles=triangles,
    )


def pose_of(rig: Rig, weights: Weights, turns: Weights, translation: tuple[float, float, float]) -> Pose:
    """One row of POSES."""
    rotations = np.zeros((len(JOINTS), 3))
    for turn, angle in turns.items():
        joint, axis = turn.split()
        rotations[JOINTS.index(joint), "xyz".index(axis)] = angle
    expression = np.array([weights.get(name, 0.0) for name in rig.expression_names])
    return Pose(rounded(expression), rounded(rotations), rounded(np.array(translation)))


def numbers(array: np.ndarray) -> Any:
    """Nested lists for JSON; no negative zeros."""
    return (np.round(array.astype(np.float64), DECIMALS) + 0.0 if array.dtype.kind == "f" else array).tolist()


def expected(rig: Rig, splats: BoundSplats, rows: tuple[str, ...]) -> list[dict[str, Any]]:
    """Each pose with what it gives."""
    found = []
    for name, weights, turns, translation in POSES:
        if name in rows:
            pose = pose_of(rig, weights, turns, translation)
            vertices = pose_vertices(rig, pose)
            world = place_splats(splats, vertices, rig)
            found.append(
                {
                    "name": name,
                    "expression": numbers(pose.expression),
                    "joint_rotations": numbers(pose.joint_rotations),
                    "translation": numbers(pose.translation),
                    "vertices": numbers(vertices),
                    "means": numbers(world.means),
                    "rotations_wxyz": numbers(world.rotations_wxyz),
                    "scales": numbers(world.scales),
                }
            )
    return found


RIG_ARRAYS = ("vertices", "triangles", "expression_deltas", "joint_positions", "skin_weights")
SPLAT_ARRAYS = ("triangles", "means", "rotations_wxyz", "log_scales", "opacity_logits", "colors")


def parity() -> dict[str, Any]:
    """The content of parity.json."""
    rig = parity_rig()
    splats, corrected = parity_splats(rig), with_correctives(rig)
    names = {each: list(getattr(rig, each)) for each in ("expression_names", "joint_names", "joint_parents")}
    return {
        "about": "what a port of the deformation must give: docs/embedding.md. Metres, radians, +Y up, +Z front; quaternions wxyz, equal up to their sign",
        "tolerance": TOLERANCE,
        "rig": names | {each: numbers(getattr(rig, each)) for each in RIG_ARRAYS},
        "splats": {each: numbers(getattr(splats, each)) for each in SPLAT_ARRAYS},
        "poses": expected(rig, splats, tuple(row[0] for row in POSES)),
        "correctives": {
            **{each: numbers(getattr(corrected, each)) for each in ("pose_deltas", "joint_deltas")},
            "poses": expected(corrected, splats, CORRECTED),
        },
    }


def avatar_of(rig: Rig) -> Avatar:
    """The ball as an avatar."""
    maker = Ingredient("parity ball", "rig and splats", "CC0-1.0", Commercial.YES, "samples/make_parity.py")
    return Avatar(rig, parity_splats(rig), Provenance((maker,), seed=7))


def main() -> None:
    """Write the three files beside this one."""
    here = Path(__file__).parent
    text = json.dumps(parity(), separators=(",", ":"), allow_nan=False)
    for key in ("rig", "splats", "poses", "correctives"):
        text = text.replace(f'"{key}":', f'\n"{key}":')
    (here / "parity.json").write_text(text + "\n", encoding="utf-8")
    rig = parity_rig()
    export(avatar_of(rig), here / "parity_avatar.glb")
    export(avatar_of(with_correctives(rig)), here / "parity_correctives.glb")


if __name__ == "__main__":
    main()
