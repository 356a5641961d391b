"""Make tiny_avatar.glb: a small head of simple shapes that shows and tests everything a player must do.

    python samples/make_tiny_avatar.py

It is drawn by formulas alone (CC0): a turned head with lips, eyeballs and a cap of hair, 52 expressions, 5 joints.
"""

from pathlib import Path

import numpy as np

from facecraft4d.exporters import export
from facecraft4d.toolkit.core.arkit import ARKIT_NAMES
from facecraft4d.toolkit.core.asset import Avatar, Provenance, Texture
from facecraft4d.toolkit.core.datatypes import BoundSplats, Rig
from facecraft4d.toolkit.core.ingredients import Commercial, Ingredient
from facecraft4d.toolkit.core.pixels import to_bytes

REGIONS = ("skin", "lips", "mouth", "eyes", "hair", "neck")
SKIN, LIPS, MOUTH, EYES, HAIR, NECK = range(6)
JOINTS = ("root", "neck", "jaw", "eye_left", "eye_right")
JOINT_POSITIONS = np.array(
    [(0, -0.15, -0.02), (0, -0.08, -0.02), (0, -0.01, 0.0), (0.032, 0.02, 0.068), (-0.032, 0.02, 0.068)], np.float32
)
EYE_RADIUS = 0.0125
EYE_RINGS, EYE_COLUMNS = (150.0, 110.0, 85.0, 65.0, 48.0, 33.0, 18.0), 12
MOUTH_Y = -0.055
# height, half width, half depth of the head's outline from the neck up; the rows about MOUTH_Y are lips and mouth
OUTLINE = (
    (-0.150, 0.052, 0.050), (-0.125, 0.047, 0.048), (-0.105, 0.048, 0.052), (-0.092, 0.044, 0.080), (-0.080, 0.050, 0.088),
    (-0.070, 0.055, 0.091), (-0.063, 0.058, 0.093), (-0.0565, 0.060, 0.094), (-0.0535, 0.060, 0.094), (-0.047, 0.062, 0.093),
    (-0.038, 0.065, 0.091), (-0.027, 0.068, 0.091), (-0.016, 0.070, 0.091), (-0.005, 0.072, 0.090), (0.005, 0.073, 0.088),
    (0.013, 0.074, 0.086), (0.020, 0.075, 0.085), (0.027, 0.075, 0.086), (0.036, 0.076, 0.091), (0.047, 0.076, 0.093),
    (0.060, 0.075, 0.093), (0.075, 0.073, 0.091), (0.090, 0.068, 0.085), (0.105, 0.058, 0.074), (0.118, 0.043, 0.056),
    (0.127, 0.022, 0.030),
)  # fmt: skip
COLUMNS = 32


def head_surface() -> tuple[np.ndarray, np.ndarray]:
    """Vertices of rows turned about the vertical axis, and triangles that face outwards; denser in front."""
    even = np.linspace(-np.pi, np.pi, COLUMNS, endpoint=False)
    angle = even - 0.45 * np.sin(even)
    y, width, depth = (np.array(column)[:, None] for column in zip(*OUTLINE, strict=True))
    x, z = width * np.sin(angle), depth * np.cos(angle)
    z = np.where(z < 0, z * 1.05, z)
    nose = np.exp(-((x / 0.011) ** 2) - ((y + 0.018) / 0.018) ** 2) * (z > 0)
    sockets = sum(np.exp(-(((x - side) / 0.018) ** 2) - ((y - 0.02) / 0.013) ** 2) for side in (-0.032, 0.032))
    lips = np.exp(-((x / 0.022) ** 2) - ((y - MOUTH_Y) / 0.008) ** 2)
    z = z + 0.022 * nose + (z > 0) * (0.004 * lips - 0.009 * sockets)
    vertices = np.stack(np.broadcast_arrays(x, y, z), -1).reshape(-1, 3)
    return np.vstack([vertices, [(0, 0.130, 0.0)]]), grid_triangles(len(OUTLINE), COLUMNS, closed_top=True)


def grid_triangles(rows: int, columns: int, closed_top: bool) -> np.ndarray:
    """Two triangles for each cell of a grid that closes around, and a fan to one last vertex at the top."""
    cells = [
        (row * columns + column, row * columns + (column + 1) % columns)
        for row in range(rows - 1)
        for column in range(columns)
    ]
    triangles = [t for a, b in cells for t in ((a, b, b + columns), (a, b + columns, a + columns))]
    if closed_top:
        last = (rows - 1) * columns
        triangles += [(last + column, last + (column + 1) % columns, rows * columns) for column in range(columns)]
    return np.array(triangles)


def grid_uvs(rows: int, columns: int) -> np.ndarray:
    """Column and row [f, 3, 2] of the corners of `grid_triangles` with a closed top, from 0 to 1; the last column closes the circle."""
    column, row = (each.ravel() for each in np.meshgrid(np.arange(columns), np.arange(rows - 1)))
    cells = [[(0, 0), (1, 0), (1, 1)], [(0, 0), (1, 1), (0, 1)]] + np.stack([column, row], -1)[:, None, None]
    top = [[(0.0, 0.0), (1.0, 0.0), (0.5, 1.0)]] + np.stack([np.arange(columns), np.full(columns, rows - 1)], -1)[
        :, None
    ]
    return np.concatenate([cells.reshape(-1, 3, 2), top]) / (columns, rows)


def eyeball(center: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A sphere whose pole looks forward."""
    polar = np.radians(EYE_RINGS)[:, None]
    around = np.linspace(0, 2 * np.pi, EYE_COLUMNS, endpoint=False)
    sphere = np.stack(
        np.broadcast_arrays(np.sin(polar) * np.cos(around), np.sin(polar) * np.sin(around), np.cos(polar)), -1
    )
    vertices = np.vstack([sphere.reshape(-1, 3), [(0, 0, 1)]]) * EYE_RADIUS + center
    return vertices, grid_triangles(len(polar), EYE_COLUMNS, closed_top=True)


def bump(vertices: np.ndarray, center: tuple[float, float, float], radius: float) -> np.ndarray:
    """A smooth weight of 1 at `center` that ends at `radius`."""
    distance = np.linalg.norm((vertices - center) * (1, 1, 0.6), axis=1) / radius
    return np.asarray(np.clip(1 - distance**2, 0, None) ** 2)


# centre of the action on the subject's left (mirrored for the right), its radius, and the displacement at its centre in millimetres
LEFT_ACTIONS = {
    "browDown": ((0.028, 0.045, 0.085), 0.024, (-2, -5, 1)), "browOuterUp": ((0.048, 0.047, 0.075), 0.024, (0, 6, 1)),
    "cheekSquint": ((0.040, -0.010, 0.075), 0.025, (0, 4, 3)), "eyeBlink": ((0.036, 0.020, 0.076), 0.027, (1, -1, 20)),
    "eyeSquint": ((0.032, 0.008, 0.080), 0.015, (0, 4, 2)), "eyeWide": ((0.032, 0.033, 0.080), 0.016, (0, 4, 0)),
    "eyeLookDown": ((0.032, 0.030, 0.080), 0.015, (0, -3, 2)), "eyeLookUp": ((0.032, 0.030, 0.080), 0.015, (0, 2, 0)),
    "eyeLookIn": ((0.032, 0.020, 0.080), 0.012, (-1, 0, 0)), "eyeLookOut": ((0.032, 0.020, 0.080), 0.012, (1, 0, 0)),
    "mouthDimple": ((0.030, -0.055, 0.080), 0.018, (3, 0, -3)), "mouthFrown": ((0.026, -0.058, 0.080), 0.020, (1, -6, 0)),
    "mouthLowerDown": ((0.012, -0.061, 0.092), 0.016, (0, -5, 1)), "mouthPress": ((0.014, -0.055, 0.092), 0.016, (0, 1, -2)),
    "mouthSmile": ((0.028, -0.053, 0.080), 0.026, (6, 6, -2)), "mouthStretch": ((0.028, -0.056, 0.080), 0.024, (6, -2, -2)),
    "mouthUpperUp": ((0.012, -0.049, 0.092), 0.016, (0, 4, 1)), "noseSneer": ((0.012, -0.018, 0.095), 0.018, (0, 4, 0)),
}  # fmt: skip
MIDDLE_ACTIONS = {
    "browInnerUp": ((0, 0.047, 0.093), 0.030, (0, 6, 1)), "cheekPuff": ((0, -0.035, 0.090), 0.060, (0, 0, 6)),
    "jawForward": ((0, -0.080, 0.085), 0.045, (0, 0, 6)), "jawLeft": ((0, -0.080, 0.085), 0.045, (6, 0, 0)),
    "jawRight": ((0, -0.080, 0.085), 0.045, (-6, 0, 0)), "mouthClose": ((0, -0.062, 0.093), 0.022, (0, 4, 0)),
    "mouthFunnel": ((0, -0.055, 0.093), 0.026, (0, 0, 8)), "mouthPucker": ((0, -0.055, 0.093), 0.024, (0, 0, 10)),
    "mouthLeft": ((0, -0.055, 0.093), 0.030, (6, 0, 0)), "mouthRight": ((0, -0.055, 0.093), 0.030, (-6, 0, 0)),
    "mouthRollLower": ((0, -0.061, 0.094), 0.018, (0, 2, -4)), "mouthRollUpper": ((0, -0.049, 0.094), 0.018, (0, -2, -4)),
    "mouthShrugLower": ((0, -0.064, 0.094), 0.020, (0, 4, 2)), "mouthShrugUpper": ((0, -0.047, 0.094), 0.018, (0, 3, 2)),
    "tongueOut": ((0, -0.057, 0.094), 0.012, (0, -3, 10)),
}  # fmt: skip


def expression_deltas(vertices: np.ndarray, is_eye: np.ndarray) -> np.ndarray:
    """Displacement of each expression [52, v, 3]; eyeballs stay, the joints turn them."""
    deltas = np.zeros((len(ARKIT_NAMES), *vertices.shape), np.float32)
    for index, name in enumerate(ARKIT_NAMES):
        side = name.removesuffix("Left").removesuffix("Right")
        if name == "jawOpen":
            deltas[index] = jaw_drop(vertices)
            continue
        center, radius, move = LEFT_ACTIONS[side] if side in LEFT_ACTIONS else MIDDLE_ACTIONS[name]
        sign = -1 if side in LEFT_ACTIONS and name.endswith("Right") else 1
        mirror = np.array((sign, 1, 1))
        deltas[index] = bump(vertices, tuple(mirror * center), radius)[:, None] * mirror * move * 1e-3
    deltas[:, is_eye] = 0
    return deltas


def jaw_drop(vertices: np.ndarray) -> np.ndarray:
    """The chin and lower lip swing down by 22 mm."""
    below = np.clip((MOUTH_Y - vertices[:, 1]) / 0.001, 0, 1) * (vertices[:, 1] > -0.11)
    weight = below * np.clip(vertices[:, 2] / 0.06, 0, 1) * np.clip(1.15 - np.abs(vertices[:, 0]) / 0.045, 0, 1)
    return np.asarray(weight[:, None] * np.array((0, -0.022, -0.006)))


def skin_weights(vertices: np.ndarray, eye_of_vertex: np.ndarray) -> np.ndarray:
    """Root below, neck above, jaw at the chin, one joint for each eyeball."""
    weights = np.zeros((len(vertices), len(JOINTS)))
    turn = np.clip((vertices[:, 1] + 0.150) / 0.06, 0, 1)
    jaw = np.clip((MOUTH_Y - vertices[:, 1]) / 0.001, 0, 1) * np.clip((vertices[:, 2] - 0.02) / 0.04, 0, 1) * turn
    weights[:, 0], weights[:, 1], weights[:, 2] = 1 - turn, turn - jaw, jaw
    for eye in (0, 1):
        weights[eye_of_vertex == eye] = np.eye(len(JOINTS))[3 + eye]
    return weights


def regions_of(centers: np.ndarray, is_eye: np.ndarray) -> np.ndarray:
    """Region of each triangle from where it lies."""
    x, y, z = centers.T
    regions = np.full(len(centers), SKIN)
    regions[(np.abs(y - MOUTH_Y) < 0.010) & (np.abs(x) < 0.025) & (z > 0.06)] = LIPS
    regions[(np.abs(y - MOUTH_Y) < 0.0015) & (np.abs(x) < 0.022) & (z > 0.06)] = MOUTH
    regions[(y > 0.072) | ((z < 0.015 + 0.3 * (y - 0.02)) & (y > -0.07))] = HAIR
    regions[(y < -0.095)] = NECK
    regions[is_eye] = EYES
    return regions


def paint(centers: np.ndarray, regions: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """sRGB of each splat, with a soft light from above left and a little grain."""
    palette = np.array(
        [
            (0.87, 0.66, 0.56),
            (0.74, 0.38, 0.36),
            (0.25, 0.08, 0.08),
            (0.93, 0.92, 0.90),
            (0.25, 0.16, 0.11),
            (0.80, 0.59, 0.50),
        ]
    )
    colors = palette[regions]
    for side, joint in ((1, 3), (-1, 4)):
        off_axis = np.hypot(*(centers - JOINT_POSITIONS[joint]).T[:2])
        colors[(regions == EYES) & (off_axis < 0.0062) & (side * centers[:, 0] > 0)] = (0.25, 0.42, 0.55)
        colors[(regions == EYES) & (off_axis < 0.0030) & (side * centers[:, 0] > 0)] = (0.04, 0.04, 0.05)
        brow = (
            (np.abs(centers[:, 1] - 0.041) < 0.005) & (np.abs(side * centers[:, 0] - 0.032) < 0.017) & (regions == SKIN)
        )
        colors[brow & (centers[:, 2] > 0)] = (0.34, 0.23, 0.17)
    light = (
        0.92 + 0.10 * centers[:, 1] / 0.12 + 0.06 * centers[:, 0] / 0.08 + 0.04 * np.clip(centers[:, 2] / 0.1, -1, 1)
    )
    return np.asarray(np.clip(colors * light[:, None] + rng.normal(0, 0.008, colors.shape), 0, 1))


# left, top, width, height of each part in the picture
CHARTS = ((0.0, 0.0, 1.0, 0.75), (0.0, 0.76, 0.5, 0.24), (0.5, 0.76, 0.5, 0.24))
PICTURE = 128


def painted(parts: list[tuple[np.ndarray, np.ndarray]]) -> Texture:
    """A small picture: each texel shows the colour of the place on the surface that it stands for."""
    grids = ((len(OUTLINE), COLUMNS), (len(EYE_RINGS), EYE_COLUMNS), (len(EYE_RINGS), EYE_COLUMNS))
    picture, uvs = np.zeros((PICTURE, PICTURE, 3), np.uint8), []
    for part, ((rows, columns), (left, top, width, height)) in enumerate(zip(grids, CHARTS, strict=True)):
        uvs.append(grid_uvs(rows, columns) * (width, height) + (left, top))
        y, x = np.mgrid[
            round(top * PICTURE) : round((top + height) * PICTURE),
            round(left * PICTURE) : round((left + width) * PICTURE),
        ]
        places = on_grid(
            parts[part][0], rows, columns,
            np.clip(((y + 0.5) / PICTURE - top) / height, 0, 1).ravel(), np.clip(((x + 0.5) / PICTURE - left) / width, 0, 1).ravel(),
        )  # fmt: skip
        regions = regions_of(places, np.full(len(places), part > 0))
        picture[y.ravel(), x.ravel()] = to_bytes(paint(places, regions, np.random.default_rng(part)))
    return Texture(np.concatenate(uvs).astype(np.float32), picture)


def on_grid(vertices: np.ndarray, rows: int, columns: int, down: np.ndarray, across: np.ndarray) -> np.ndarray:
    """Points [n, 3] between a grid's vertices, the last row being its pole; `down` and `across` from 0 to 1."""
    grid = np.concatenate([vertices[:-1].reshape(rows, columns, 3), np.tile(vertices[-1], (1, columns, 1))])
    row, column = (
        np.minimum((down * rows).astype(int), rows - 1),
        np.minimum((across * columns).astype(int), columns - 1),
    )
    v, u = (down * rows - row)[:, None], (across * columns - column)[:, None]
    ends = [(1 - u) * grid[r, column] + u * grid[r, (column + 1) % columns] for r in (row, row + 1)]
    return np.asarray((1 - v) * ends[0] + v * ends[1])


def tiny_avatar() -> Avatar:
    """One splat for each triangle, thin along the normal."""
    parts = [head_surface(), eyeball(JOINT_POSITIONS[3]), eyeball(JOINT_POSITIONS[4])]
    starts = np.cumsum([0] + [len(vertices) for vertices, _ in parts])
    vertices = np.vstack([vertices for vertices, _ in parts]).astype(np.float32)
    triangles = np.vstack([part[1] + start for part, start in zip(parts, starts, strict=False)]).astype(np.int32)
    eye_of_vertex = np.repeat([-1, 0, 1], [len(part[0]) for part in parts])
    centers = vertices[triangles].mean(1)
    regions = regions_of(centers, (eye_of_vertex >= 0)[triangles[:, 0]])
    weights = skin_weights(vertices, eye_of_vertex).astype(np.float32)
    rig = Rig(
        vertices=vertices,
        triangles=triangles,
        triangle_regions=regions.astype(np.uint8),
        region_names=REGIONS,
        expression_names=ARKIT_NAMES,
        expression_deltas=expression_deltas(vertices, eye_of_vertex >= 0),
        joint_names=JOINTS,
        joint_parents=(-1, 0, 1, 1, 1),
        joint_positions=JOINT_POSITIONS,
        skin_weights=weights / weights.sum(1, keepdims=True),
    )
    maker = Ingredient("tiny head", "rig and splats", "CC0-1.0", Commercial.YES, "samples/make_tiny_avatar.py")
    return Avatar(rig, splats_on(rig, centers, regions), Provenance((maker,), seed=7), texture=painted(parts))


def splats_on(rig: Rig, centers: np.ndarray, regions: np.ndarray) -> BoundSplats:
    """A flat splat in the middle of each triangle."""
    count = len(rig.triangles)
    rng = np.random.default_rng(7)
    flat = np.log(np.where((regions == MOUTH)[:, None], (0.30, 0.05, 0.16), (0.42, 0.06, 0.42)))
    return BoundSplats(
        means=np.zeros((count, 3), np.float32),
        rotations_wxyz=np.tile(np.array([1, 0, 0, 0], np.float32), (count, 1)),
        log_scales=flat.astype(np.float32),
        opacity_logits=rng.normal(3.5, 0.3, count).astype(np.float32),
        colors=paint(centers, regions, rng).astype(np.float32),
        triangles=np.arange(count, dtype=np.int32),
    )


if __name__ == "__main__":
    export(tiny_avatar(), Path(__file__).with_name("tiny_avatar.glb"))
