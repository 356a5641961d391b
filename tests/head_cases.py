"""Small synthetic heads for tests."""

from dataclasses import fields, replace

import numpy as np

from facecraft4d.toolkit.core.arkit import ARKIT_NAMES, JOINT_NAMES
from facecraft4d.toolkit.core.asset import Avatar
from facecraft4d.toolkit.core.datatypes import BoundSplats, Coarse, Head, Mesh, Pose, Rig, View, ViewSet
from facecraft4d.toolkit.core.geometry import normalized, orbit_camera
from facecraft4d.toolkit.core.rigging import neutral_pose, pose_vertices
from facecraft4d.toolkit.meshes.raster import draw_mesh

REGION_NAMES = ("skin", "lips", "eyes", "teeth", "mouth", "neck")
VIEW_SIZE, RADIUS = 96, 1.6
"""Pixels and metres: the cameras of `tiny_head`."""
RADII = np.array([0.075, 0.11, 0.095])


def ellipsoid_rig(rings: int = 24, columns: int = 36) -> Rig:
    """A head-sized ellipsoid whose jawOpen pulls the chin down; every other expression is a bump on the face."""
    v, u = np.meshgrid(np.linspace(0, np.pi, rings + 1), np.arange(columns) * 2 * np.pi / columns, indexing="ij")
    vertices = (np.stack([np.sin(v) * np.sin(u), np.cos(v), np.sin(v) * np.cos(u)], -1) * RADII).reshape(-1, 3)
    row, column = np.meshgrid(np.arange(rings), np.arange(columns), indexing="ij")
    a, b, c, d = (
        (row + down) * columns + (column + right) % columns for down, right in ((0, 0), (1, 0), (1, 1), (0, 1))
    )
    triangles = np.concatenate([np.stack([a, b, c], -1), np.stack([a, c, d], -1)]).reshape(-1, 3)
    deltas = np.zeros((52, len(vertices), 3))
    for index in range(52):
        bump = np.array([0.05 * np.cos(index), 0.07 * np.sin(index), 0.07])
        deltas[index] = 0.004 * np.exp(-((vertices - bump) ** 2).sum(-1) / 0.02**2)[:, None] * [1, 0, 0]
    chin = np.clip(-vertices[:, 1] / RADII[1], 0, 1) * (vertices[:, 2] > 0)
    deltas[ARKIT_NAMES.index("jawOpen")] = chin[:, None] * [0, -0.02, 0]
    weights = np.zeros((len(vertices), len(JOINT_NAMES)))
    weights[:, 1] = 1
    return Rig(
        vertices=vertices.astype(np.float32),
        triangles=triangles.astype(np.int32),
        triangle_regions=np.zeros(len(triangles), np.uint8),
        region_names=REGION_NAMES,
        expression_names=ARKIT_NAMES,
        expression_deltas=deltas.astype(np.float32),
        joint_names=JOINT_NAMES,
        joint_parents=(-1, 0, 1, 1, 1),
        joint_positions=np.zeros((5, 3), np.float32),
        skin_weights=weights.astype(np.float32),
    )


def head_of(rig: Rig, mesh: Mesh, size: int, pose: Pose, yaws: tuple[float, ...]) -> Coarse:
    """A head whose coarse views are unlit renders of its mesh in that pose."""
    posed = replace(mesh, vertices=pose_vertices(rig, pose))
    views = []
    for yaw in yaws:
        camera = orbit_camera(yaw, 0.0, 1.3, size)
        drawing = draw_mesh(posed, camera)
        views.append(View(camera, drawing.image, drawing.alpha, drawing.depth))
    return Coarse(ViewSet(tuple(views), yaws), Head(rig, mesh, pose))


def painted_head(size: int, **weights: float) -> Coarse:
    """The ellipsoid with smooth colours, photographed with the given expression weights; views at 0, 15, 30, 180, 345 degrees."""
    rig = ellipsoid_rig()
    rows, columns = np.meshgrid(np.linspace(0, 3, 128), np.linspace(0, 6, 128), indexing="ij")
    texture = np.stack([0.5 + 0.3 * np.sin(rows * 3), 0.5 + 0.3 * np.cos(columns * 3), 0.4 + 0.05 * rows], -1)
    unit = normalized(rig.vertices[rig.triangles] / RADII)
    uvs = np.stack([0.5 + 0.45 * unit[..., 0], 0.5 - 0.45 * unit[..., 1]], -1)
    mesh = Mesh(rig.vertices, rig.triangles, uvs.astype(np.float32), texture.astype(np.float32))
    pose = neutral_pose(rig)
    for name, weight in weights.items():
        pose.expression[ARKIT_NAMES.index(name)] = weight
    return head_of(rig, mesh, size, pose, (0.0, 15.0, 30.0, 180.0, 345.0))


def curtain_head(size: int, **weights: float) -> Coarse:
    """Two red sheets (lips) that meet at half height and a white sheet (teeth) 20 mm behind; jawOpen lowers the lower one by 30 mm."""
    corners = np.array([[-1, 0], [1, 0], [1, 1], [-1, 1]])
    sheets = ((0.0, 0.2, 0.0), (-0.2, 0.0, 0.0), (-0.2, 0.2, -0.02))
    vertices = np.concatenate([np.c_[corners * [0.2, top - low] + [0, low], np.full(4, z)] for low, top, z in sheets])
    quad = np.array([[0, 1, 2], [0, 2, 3]])
    deltas = np.zeros((52, 12, 3))
    deltas[ARKIT_NAMES.index("jawOpen"), 4:8, 1] = -0.03
    skin = np.zeros((12, 5))
    skin[:, 1] = 1
    rig = replace(
        ellipsoid_rig(),
        vertices=vertices.astype(np.float32),
        triangles=np.concatenate([quad, quad + 4, quad + 8]).astype(np.int32),
        triangle_regions=np.array([1, 1, 1, 1, 3, 3], np.uint8),
        expression_deltas=deltas.astype(np.float32),
        skin_weights=skin.astype(np.float32),
    )
    uvs = np.repeat([0.25, 0.25, 0.25, 0.25, 0.75, 0.75], 6).reshape(6, 3, 2).astype(np.float32)
    texture = np.zeros((2, 2, 3), np.float32)
    texture[0, 0], texture[1, 1] = (0.8, 0.2, 0.2), (0.9, 0.9, 0.85)
    pose = neutral_pose(rig)
    for name, weight in weights.items():
        pose.expression[ARKIT_NAMES.index(name)] = weight
    return head_of(rig, Mesh(rig.vertices, rig.triangles, uvs, texture), size, pose, (0.0,))


def mixed(avatar: Avatar, rng: np.random.Generator) -> Avatar:
    """The avatar with its splats in an order that has nothing to do with their triangles, as training leaves them."""
    order = rng.permutation(len(avatar.splats.means))
    rows = {each.name: getattr(avatar.splats, each.name)[order] for each in fields(avatar.splats)}
    return replace(avatar, splats=BoundSplats(**rows), levels=())


def random_pose(rng: np.random.Generator, expressions: int = 52) -> Pose:
    weights = rng.uniform(-0.2, 1.2, expressions) * (rng.uniform(size=expressions) < 0.3)
    rotations, translation = rng.normal(scale=0.3, size=(5, 3)), rng.normal(scale=0.05, size=3)
    return Pose(weights.astype(np.float32), rotations.astype(np.float32), translation.astype(np.float32))
