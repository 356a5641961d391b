"""Synthetic people: heads of the CC0 model with an identity, a fine texture, hair, glasses or a hat, and expressions of their own."""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float32

from facecraft4d.toolkit.core.datatypes import Pose, Rig
from facecraft4d.toolkit.core.geometry import orbit_camera
from facecraft4d.toolkit.core.rigging import in_regions, neutral_pose, pose_from_weights, pose_vertices, with_part
from facecraft4d.toolkit.face_model.model import FaceModel, personalized_rig
from facecraft4d.toolkit.meshes.raster import rasterize
from facecraft4d.toolkit.subjects.paint import Canvas, Look, canvas, noise, paint
from facecraft4d.toolkit.subjects.wear import Part, above, cap, curtain, glasses

TEXTURE = 1280
"""Side of the texture in texels: five for each of a picture's 256 pixels."""
CHARTS = {
    "head": (0.0, 0.0, 0.75, 0.75),
    "hair": (0.0, 0.75, 0.6, 1.0),
    "long": (0.6, 0.75, 1.0, 1.0),
    "worn": (0.75, 0.0, 1.0, 0.75),
}
"""Left, top, right, bottom of each part's piece of the texture."""
PADDING = 0.004
RADIUS_METRES, TARGET = 1.1, np.array([0.0, 0.012, 0.0])
EVALUATION_POSES: tuple[dict[str, float], ...] = (
    {"mouthSmileLeft": 0.6, "mouthSmileRight": 0.6, "mouthUpperUpLeft": 0.7, "mouthUpperUpRight": 0.7, "mouthLowerDownLeft": 0.6,
     "mouthLowerDownRight": 0.6, "jawOpen": 0.05, "cheekSquintLeft": 0.4},
    {"jawOpen": 0.45, "mouthUpperUpLeft": 0.3, "mouthUpperUpRight": 0.3, "browInnerUp": 0.7, "eyeLookInLeft": 0.5, "eyeLookOutRight": 0.5},
    {"mouthFunnel": 0.4, "jawOpen": 0.2, "browDownLeft": 0.6, "browDownRight": 0.6, "eyeSquintLeft": 0.4},
    {"mouthSmileLeft": 0.8, "mouthLowerDownRight": 0.4, "browOuterUpLeft": 0.7, "eyeBlinkRight": 0.9, "jawLeft": 0.3},
)  # fmt: skip
CULLING_CAMERAS = (
    (0.0, 0.0),
    (0.0, -25.0),
    (0.0, 25.0),
    (60.0, 0.0),
    (-60.0, 0.0),
    (120.0, 0.0),
    (-120.0, 0.0),
    (180.0, 0.0),
)
"""What none of these sees under any evaluation expression, no picture shows."""


@dataclass(frozen=True, slots=True)
class Spec:
    """Who a subject is."""

    look: Look
    seed: int
    masculine: float = 0.0
    wears: tuple[str, ...] = ()
    """Of glasses, hat, long hair."""


SUBJECTS = {
    "glasses": Spec(
        Look((0.83, 0.64, 0.55), (0.72, 0.42, 0.41), (0.2, 0.13, 0.09), (0.3, 0.42, 0.5), stubble=0.22), 11, 0.8, ("glasses",)
    ),
    "hat": Spec(
        Look((0.5, 0.34, 0.26), (0.45, 0.24, 0.22), (0.09, 0.07, 0.06), (0.25, 0.15, 0.08), hat=(0.28, 0.36, 0.55)), 23, 0.2, ("hat",)
    ),
    "long_hair": Spec(
        Look((0.92, 0.75, 0.67), (0.78, 0.42, 0.44), (0.52, 0.33, 0.18), (0.25, 0.45, 0.3), freckles=0.8), 37, -0.7, ("long hair",)
    ),
}  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class Subject:
    """A person."""

    spec: Spec
    truth: Rig
    """How the person moves."""
    rig: Rig
    """What training and players are given: equal at rest, its expressions those of the face model."""
    corner_uvs: Float32[np.ndarray, "f 3 2"]
    canvas: Canvas

    def texture(self, detail_seed: int = 0, detail: float = 1.0) -> Float32[np.ndarray, "s s 3"]:
        """The person's texture (seed 0), or one with other fine detail."""
        rng = np.random.default_rng((self.spec.seed, detail_seed))
        return paint(self.canvas, self.rig, self.spec.look, rng, detail)


def make_subject(spec: Spec, model: FaceModel, size: int = TEXTURE) -> Subject:
    """A head with an identity of its own, what it wears, and expressions that differ from the model's by up to a third."""
    rng = np.random.default_rng(spec.seed)
    base = personalized_rig(model, identity_weights(spec, model, rng))
    rig, uvs = _seen_only(*_dressed(base, model, spec))
    truth = replace(rig, expression_deltas=personal_deltas(rig, rng))
    return Subject(spec, truth, rig, uvs, canvas(rig, uvs, size))


def identity_weights(spec: Spec, model: FaceModel, rng: np.random.Generator) -> Float32[np.ndarray, " i"]:
    """Random weights within a third of the model's ranges; sex as given, adults, the head where it is."""
    low, high = model.identity_ranges.T
    weights = 0.33 * (low + (high - low) * rng.random(len(low)))
    for index, name in enumerate(model.identity_names):
        if name in ("old", "child") or ("-trans-" in name and name.startswith(("head", "neck"))):
            weights[index] = 0
        elif name == "masculine":
            weights[index] = spec.masculine
        elif name.startswith("r-") and f"l-{name[2:]}" in model.identity_names:
            weights[index] = weights[model.identity_names.index(f"l-{name[2:]}")]
    return np.asarray(weights, np.float32)


def personal_deltas(rig: Rig, rng: np.random.Generator) -> Float32[np.ndarray, "k v 3"]:
    """Every expression stronger or weaker by up to 15 %, and unevenly so over the face by about as much."""
    names = len(rig.expression_names)
    overall = 1 + rng.uniform(-0.15, 0.15, names)
    uneven = np.stack([noise(rig.vertices.astype(np.float64), 0.04, rng) for _ in range(names)])
    factor = overall[:, None] * (1 + 0.12 * np.clip(uneven, -1.5, 1.5))
    return np.asarray(rig.expression_deltas * factor[..., None], np.float32)


def _dressed(base: Rig, model: FaceModel, spec: Spec) -> tuple[Rig, Float32[np.ndarray, "kept 3 2"]]:
    """Hair in place of the scalp, and what is worn."""
    vertices, triangles = base.vertices, base.triangles
    scalp = in_regions(model, "scalp") | (in_regions(model, "skin") & above(vertices, triangles, 0.092, 0.2))
    parts: list[tuple[str, str, Part]] = [("hair", "hair", cap(vertices, triangles[scalp], 0.009, 0.03, 0.2))]
    if "long hair" in spec.wears:
        parts[0] = ("hair", "hair", cap(vertices, triangles[scalp], 0.016, 0.03, 0.1))
        parts.append(("hair", "long", curtain(-0.13)))
    if "hat" in spec.wears:
        crown = scalp & above(vertices, triangles, 0.06, 0.0) | in_regions(model, "skin") & above(
            vertices, triangles, 0.075, 0.06
        )
        parts.append(("hat", "worn", cap(vertices, triangles[crown], 0.017, 0.006)))
    if "glasses" in spec.wears:
        eyes = base.joint_positions[[base.joint_names.index(f"eye_{side}") for side in ("left", "right")]]
        bridge = vertices[np.abs(vertices[:, 0]) < 0.004]
        front = float(bridge[np.abs(bridge[:, 1] - eyes[0, 1]) < 0.006, 2].max()) + 0.002
        parts.append(("glasses", "worn", glasses(eyes, front)))
    return _joined(base, model.corner_uvs, ~scalp, parts)


def _joined(
    base: Rig, corner_uvs: Float32[np.ndarray, "f 3 2"], kept: np.ndarray, parts: list[tuple[str, str, Part]]
) -> tuple[Rig, Float32[np.ndarray, "kept 3 2"]]:
    """One rig: the head's kept triangles, then the parts, rigid on the neck; and its texture coordinates."""
    rig = replace(base, triangles=base.triangles[kept], triangle_regions=base.triangle_regions[kept])
    uvs = [_placed(corner_uvs[kept], "head")]
    for region, chart, part in parts:
        rig = with_part(rig, part.vertices, part.triangles, region, "neck")
        uvs.append(_placed(part.corner_uvs, chart))
    return rig, np.concatenate(uvs)


def _placed(uvs: Float32[np.ndarray, "f 3 2"], chart: str) -> Float32[np.ndarray, "f 3 2"]:
    left, top, right, bottom = CHARTS[chart]
    size = np.array([right - left, bottom - top]) - 2 * PADDING
    return (np.array([left, top]) + PADDING + uvs * size).astype(np.float32)


def _seen_only(rig: Rig, uvs: Float32[np.ndarray, "f 3 2"]) -> tuple[Rig, Float32[np.ndarray, "kept 3 2"]]:
    """Without the triangles that no view can show, such as the backs of the eyes, and that touch none that a view shows."""
    seen = np.zeros(len(rig.triangles), bool)
    for pose in (neutral_pose(rig), *(evaluation_pose(rig, index) for index in range(len(EVALUATION_POSES)))):
        posed = pose_vertices(rig, pose)
        for yaw, pitch in CULLING_CAMERAS:
            fragments = rasterize(orbit_camera(yaw, pitch, RADIUS_METRES, 320, TARGET), posed, rig.triangles)
            seen[fragments.triangle[fragments.covered]] = True
    near = np.isin(rig.triangles, rig.triangles[seen]).any(1)
    return replace(rig, triangles=rig.triangles[near], triangle_regions=rig.triangle_regions[near]), uvs[near]


def evaluation_pose(rig: Rig, index: int) -> Pose:
    """The rig at rest but for an evaluation expression."""
    return pose_from_weights(rig, EVALUATION_POSES[index])
