"""Any number of people with known truth, each told by a seed: bust, clothes, hair of strands, a painted skin."""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float, Float32, UInt8
from scipy.spatial import cKDTree

from facecraft4d.toolkit.core.datatypes import Rig
from facecraft4d.toolkit.core.geometry import smoothstep
from facecraft4d.toolkit.core.rigging import in_regions, with_part
from facecraft4d.toolkit.subjects import clothes, strands
from facecraft4d.toolkit.subjects.bust import make_bust
from facecraft4d.toolkit.subjects.paint import Canvas, canvas, colored, noise
from facecraft4d.toolkit.subjects.strands import Strands
from facecraft4d.toolkit.subjects.traits import Traits, draw_traits
from facecraft4d.toolkit.subjects.wear import Part

TEXTURE = 1536
"""Side of a person's texture in texels."""
SPLIT = 0.72
"""The head's chart takes this share of the texture's width; what is worn lies beside it."""
LABELS = {
    "eyes": 60, "teeth": 90, "tongue": 90, "mouth_interior": 90, "clothes": 180, "hat": 210, "glasses": 210,
}  # fmt: skip
"""Of `portraits.PARTS`, by region; all others are skin."""
BROWS, SKIN, HAIR = 150, 30, 120


@dataclass(frozen=True, slots=True, eq=False)
class Person:
    """Somebody; metres, origin between the eyes, face along +Z."""

    traits: Traits
    rig: Rig
    corner_uvs: Float32[np.ndarray, "f 3 2"]
    texture: Float32[np.ndarray, "s s 3"]
    """Albedo, sRGB."""
    labels: UInt8[np.ndarray, "s s"]
    """Part that each texel shows."""
    strands: tuple[Strands, ...]
    scale: float
    """Size of the head beside an adult's."""


def make_person(seed: int, traits: Traits | None = None, size: int = TEXTURE) -> Person:
    """The person of a seed, or the one that `traits` describe."""
    who = traits or draw_traits(seed)
    rng = np.random.default_rng((who.seed, 73))
    bare, uvs, scale = make_bust(who)
    dress = clothes.garment(bare, who.collar, scale, rng)
    parts: list[tuple[str, Part]] = [("clothes", dress)]
    if who.hat:
        parts.append(("hat", clothes.hat(bare, who.hat, scale, rng)))
    if who.frames:
        parts.append(("glasses", clothes.spectacles(bare, who.frames, scale)))
    hair = _hair(bare, who, parts, scale, rng)
    hidden = (clothes.collar_field(bare, who.collar, scale)[bare.triangles] < -0.008 * scale).all(1) & in_regions(
        bare, "skin", "neck"
    )
    chin = bare.vertices[bare.triangles].mean(1)[:, 1] < bare.joint_positions[0, 1] + 0.05 * scale
    rig, uvs = _dressed(bare, uvs, ~(hidden & chin), parts)
    flat = canvas(_unit(rig, scale), uvs, size)
    colors, labels = _painted(flat, _unit(rig, scale), who, dress, scale)
    eyes = rig.joint_positions[1:3].mean(0)
    moved = replace(rig, vertices=rig.vertices - eyes, joint_positions=rig.joint_positions - eyes)
    hair = tuple(
        replace(each, points=each.points - eyes, roots=_kept_roots(each, bare, ~(hidden & chin))) for each in hair
    )
    texture = np.asarray(np.clip(colors, 0.005, 1)[flat.fill], np.float32)
    return Person(who, moved, uvs, texture, labels[flat.fill].astype(np.uint8), hair, scale)


def _hair(
    rig: Rig, who: Traits, parts: list[tuple[str, Part]], scale: float, rng: np.random.Generator
) -> tuple[Strands, ...]:
    """Hair and beard; below a hat grows only what comes out of it."""
    bare = np.zeros(len(rig.triangles), bool)
    if who.hat:
        middle = rig.vertices[rig.triangles].mean(1)
        lower = np.array([0, 0.02 * scale, 0], np.float32)
        bare = clothes.covered(rig, (middle - lower).astype(np.float32), who.hat, scale)
        if who.hair.style in ("curls", "afro", "tied"):
            who = replace(who, hair=replace(who.hair, style="short", length=0.03, volume=0.006, wave=0.0))
    found = [strands.grown(rig, who.hair, [part for name, part in parts if name != "glasses"], bare, scale, rng)]
    if who.beard:
        found.append(strands.beard(rig, who.beard, scale, rng))
    return tuple(each for each in found if each is not None)


def _kept_roots(hair: Strands, rig: Rig, kept: np.ndarray) -> np.ndarray:
    """Roots counted among the kept triangles."""
    return np.asarray((np.cumsum(kept) - 1)[hair.roots])


def _dressed(
    rig: Rig, uvs: Float32[np.ndarray, "f 3 2"], kept: np.ndarray, parts: list[tuple[str, Part]]
) -> tuple[Rig, Float32[np.ndarray, "g 3 2"]]:
    """One rig with what is worn, and its texture coordinates."""
    rig = replace(rig, triangles=rig.triangles[kept], triangle_regions=rig.triangle_regions[kept])
    charts = [uvs[kept] * np.float32(SPLIT)]
    boxes = {"clothes": (0.0, SPLIT, 1.0, 1.0), "hat": (SPLIT, 0.0, 1.0, 0.4), "glasses": (SPLIT, 0.42, 1.0, SPLIT)}
    for name, part in parts:
        rig = with_part(rig, part.vertices, part.triangles, name, "root")
        left, top, right, bottom = boxes[name]
        span = np.array([right - left, bottom - top]) - 0.008
        low, high = part.corner_uvs.min((0, 1)), part.corner_uvs.max((0, 1))
        charts.append(
            ((part.corner_uvs - low) / np.maximum(high - low, 1e-6) * span + [left + 0.004, top + 0.004]).astype(
                np.float32
            )
        )
    return rig, np.concatenate(charts).astype(np.float32)


def _unit(rig: Rig, scale: float) -> Rig:
    """The rig at an adult's size, for which paint is made."""
    return replace(
        rig,
        vertices=(rig.vertices / scale).astype(np.float32),
        joint_positions=(rig.joint_positions / scale).astype(np.float32),
    )


def _painted(
    flat: Canvas, rig: Rig, who: Traits, dress: Part, scale: float
) -> tuple[Float[np.ndarray, "n 3"], UInt8[np.ndarray, " n"]]:
    """Colours and labels of the texels."""
    rng = np.random.default_rng((who.seed, 74))
    colors = colored(flat, rig, replace(who.look, stubble=0.0), rng)
    names = np.array(rig.region_names)
    labels = np.array([LABELS.get(name, SKIN) for name in names], np.uint8)[flat.regions]
    points = flat.points.astype(np.float64)
    eyes = rig.joint_positions[1:3]
    on_skin = np.isin(names[flat.regions], ("skin", "scalp", "neck"))
    if who.hair.style != "bald":
        line = strands.hairline(points, who.hair) + 3 * noise(points, 0.005, rng)
        share = (
            smoothstep(line / 6 + 0.5)
            * (0.75 if who.hair.style == "buzzed" else 0.9)
            * on_skin
            * (points[:, 1] > -0.09)
        )
        colors = colors * (1 - share[:, None]) + share[:, None] * np.array(who.look.hair) * 0.7
    if who.beard:
        share = 0.6 * strands.bearded(points, eyes) * (names[flat.regions] == "skin")
        colors = colors * (1 - share[:, None]) + share[:, None] * np.array(who.look.hair) * 0.7
    if who.look.stubble:
        shade = strands.bearded(points, eyes) * (names[flat.regions] == "skin") * who.look.stubble
        colors = colors * (1 - shade * np.clip(noise(points, 0.0012, rng) + 0.5, 0, 1.6))[:, None]
    cloth = names[flat.regions] == "clothes"
    colors[cloth] = _cloth(points[cloth], dress, rig, who, scale, rng)
    return colors, labels


def _cloth(
    points: Float[np.ndarray, "n 3"], dress: Part, rig: Rig, who: Traits, scale: float, rng: np.random.Generator
) -> Float[np.ndarray, "n 3"]:
    """Knit with stripes and a ribbed collar."""
    first, second = np.array(who.cloth[0]), np.array(who.cloth[1])
    stripe = smoothstep(np.sin(points[:, 1] / rng.uniform(0.004, 0.009)) * 3 + 0.5)[:, None]
    colors = first * (1 - stripe) + second * stripe
    edge = clothes.collar_edge(dress, rig, scale) / scale
    band = smoothstep((0.024 - cKDTree(edge).query(points)[0]) / 0.002)[:, None]
    ribs = 1 + 0.16 * np.sin(np.arctan2(points[:, :1], points[:, 2:] - rig.joint_positions[0, 2]) * 120)
    colors = colors * (1 - band) + band * 0.85 * first * ribs
    weave = 1 + 0.05 * noise(points, 0.0014, rng) + 0.07 * noise(points, 0.03, rng)
    return np.asarray(colors * weave[:, None])
