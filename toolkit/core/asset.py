"""The Avatar: rig, baked splats, provenance. The contract between toolkit, exporters and runtime; numpy only."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

import numpy as np
from jaxtyping import Float32, UInt8

from facecraft4d.toolkit.core.checks import check_all, check_range, check_shape
from facecraft4d.toolkit.core.datatypes import BoundSplats, Rig
from facecraft4d.toolkit.core.ingredients import Commercial, Ingredient

EYEWEAR = "eyewear"
"""Region of triangles that carry what stands before the lids, in avatars of earlier builds; they are no surface: they hide nothing, no mesh shows them."""
GLASSES = "glasses"
"""Region of the rims, bridge and temples of glasses, a surface like any other."""

SEEDS = (0, 2**64 - 1)
MOST_METRIC = 1e12
"""Of any measure, in its own unit."""

MOST_METRES = 100.0
"""How far anything of a head may lie from the origin, or be moved by an expression."""
LEAST_METRES = 1e-3
"""Least extent of a head: what is smaller has no sides to look at."""
LOCAL_RANGES = {
    "means": (-1e4, 1e4),
    "log_scales": (-30.0, 5.0),
    "opacity_logits": (-100.0, 100.0),
    "colors": (-100.0, 100.0),
    "rotations_wxyz": (-1e3, 1e3),
}
"""What a splat's numbers may be, in the units of BoundSplats: far beyond all that is ever seen, and finite once they are drawn."""
LEAST_QUATERNION = 1e-6
"""Largest component of a rotation at least: a shorter one has no direction in float32."""
COORDINATES = (-100.0, 100.0)
"""Of a texture; a picture repeated a hundred times is no head's."""

MAX_TEXTURE_SIDE = 8192
"""Pixels; what every graphics card takes, and 192 MiB at most."""

SKIN_WEIGHT_TOLERANCE = 1e-4
"""How far a vertex's skin weights may sum from 1."""

LEVEL_WIDENING = 0.35
"""Where a share s of the splats is drawn, their two larger standard deviations grow by s to the power of minus this."""


@dataclass(frozen=True, slots=True)
class Provenance:
    """What made an avatar. JSON-serialisable; holds no clock time, so equal builds give equal files."""

    ingredients: tuple[Ingredient, ...] = ()
    seed: int = 0
    versions: Mapping[str, str] = field(default_factory=dict)
    options: Mapping[str, str] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)

    @property
    def verdict(self) -> Commercial:
        """May the avatar be used commercially: NO if any ingredient may not, else UNKNOWN if any is in doubt or none is listed, else YES."""
        found = {ingredient.commercial_use for ingredient in self.ingredients} or {Commercial.UNKNOWN}
        return next(word for word in (Commercial.NO, Commercial.UNKNOWN, Commercial.YES) if word in found)

    @property
    def reason(self) -> str:
        """Why the verdict is what it is, with the names of the ingredients that decide it."""
        if not self.ingredients:
            return "the avatar does not say what went into it"
        deciding = [each for each in self.ingredients if each.commercial_use is self.verdict]
        if self.verdict is Commercial.YES:
            return f"every ingredient may be used commercially: {', '.join(each.name for each in deciding)}"
        named = ", ".join(f"{each.name} ({each.role}; licence: {each.licence})" for each in deciding)
        return f"{named} may not be used commercially" if self.verdict is Commercial.NO else f"in doubt: {named}"


def provenance_from_json(block: Mapping[str, Any]) -> Provenance:
    """The provenance whose `dataclasses.asdict` was written as JSON; texts and lists that are empty may be missing, since some tools
    drop them. KeyError, TypeError, AttributeError or ValueError where something else is missing or of another kind."""
    ingredients = tuple(
        Ingredient(
            **{name: _text(entry.get(name, "")) for name in ("name", "role", "licence", "source", "sha256")},
            commercial_use=_commercial(entry["commercial_use"]),
        )
        for entry in block.get("ingredients", ())
    )
    return Provenance(
        ingredients=ingredients,
        seed=int(_number(block["seed"], *SEEDS)),
        versions={_text(key): _text(value) for key, value in block.get("versions", {}).items()},
        options={_text(key): _text(value) for key, value in block.get("options", {}).items()},
        metrics={
            _text(key): float(_number(value, -MOST_METRIC, MOST_METRIC))
            for key, value in block.get("metrics", {}).items()
        },
    )


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"provenance must hold a text here, got {type(value).__name__}")
    return value


def _number(value: Any, low: int | float, high: int | float) -> int | float:
    """ValueError for what is no number in that range; a number of a file may have more digits than any type holds."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise ValueError(f"provenance must hold a number from {low:g} to {high:g} here, got {str(value)[:40]}")
    return value


def _commercial(value: Any) -> Commercial:
    """The word in a file; earlier files say true or false. What is none of these is not known."""
    if isinstance(value, bool):
        return Commercial.YES if value else Commercial.NO
    return Commercial(value) if value in list(Commercial) else Commercial.UNKNOWN


@dataclass(frozen=True, slots=True, eq=False)
class Texture:
    """What the rig's surface looks like where no splats are drawn."""

    corner_uvs: Float32[np.ndarray, "f 3 2"]
    """Texture coordinates of each corner of the rig's triangles, origin at the picture's top left, in [0, 1]."""
    picture: UInt8[np.ndarray, "h w 3"]
    """sRGB with the photograph's light in it."""


@dataclass(frozen=True, slots=True, eq=False)
class Avatar:
    """A head that can be played: what exporters write and the runtime draws."""

    rig: Rig
    splats: BoundSplats
    provenance: Provenance
    levels: tuple[BoundSplats, ...] = ()
    """Levels of detail, the largest first: row i of each is splat i, tuned to stand without those that the level lacks."""
    texture: Texture | None = None
    """For engines that draw the rig's mesh; None in files of format 1, which had none."""

    def level(self, count: int) -> "Avatar":
        """The avatar with its first `count` splats alone, as the smallest level that has so many tunes them.

        Of a level of n splats they are drawn (n / count)^LEVEL_WIDENING times as wide, but no thicker. A level of a level is a level of the
        whole. Raises ValueError for a count below 1.
        """
        if count < 1:
            raise ValueError(f"a level must have at least 1 splat, got {count}")
        if count >= len(self.splats.means):
            return self
        larger = [each for each in (self.splats, *self.levels) if len(each.means) >= count]
        smaller = self.levels[len(larger) - 1 :]
        return replace(self, splats=_first(larger[-1], count), levels=smaller)


def _first(splats: BoundSplats, count: int) -> BoundSplats:
    """The first splats, wide enough to cover what all do."""
    rows = {each.name: getattr(splats, each.name)[:count] for each in fields(splats)}
    log_scales = rows["log_scales"]
    thinnest = np.eye(3, dtype=np.float32)[log_scales.argmin(1)]
    wider = np.float32(LEVEL_WIDENING * np.log(len(splats.means) / count))
    return BoundSplats(**(rows | {"log_scales": log_scales + (1 - thinnest) * wider}))


def check_avatar(avatar: Avatar) -> None:
    """Raise a ValueError that names the first array whose shape, range or value is wrong."""
    rig = avatar.rig
    sizes: dict[str, int] = {"k": len(rig.expression_names), "j": len(rig.joint_names)}
    for name, array, shape in (
        ("rig.vertices", rig.vertices, ("v", 3)),
        ("rig.expression_deltas", rig.expression_deltas, ("k", "v", 3)),
        ("rig.joint_positions", rig.joint_positions, ("j", 3)),
        ("rig.pose_deltas", rig.pose_deltas, (9 * (sizes["j"] - 1), "v", 3)),
        ("rig.joint_deltas", rig.joint_deltas, ("k", "j", 3)),
    ):
        if array is not None:
            check_shape(name, array, shape, sizes)
            check_all(name, array, -MOST_METRES, MOST_METRES)
    check_shape("rig.triangles", rig.triangles, ("f", 3), sizes)
    check_shape("rig.triangle_regions", rig.triangle_regions, ("f",), sizes)
    check_shape("rig.skin_weights", rig.skin_weights, ("v", "j"), sizes)
    if np.ptp(rig.vertices, axis=0).max(initial=0) < LEAST_METRES:
        raise ValueError(f"rig.vertices must span {1000 * LEAST_METRES:g} mm at least, got less")
    _check_indices("rig.triangles", rig.triangles, sizes["v"])
    _check_indices("rig.triangle_regions", rig.triangle_regions, len(rig.region_names))
    _check_skeleton(rig)
    if avatar.texture is not None:
        _check_texture(avatar.texture, sizes)
    _check_splats("splats", avatar.splats, sizes["f"])
    larger = avatar.splats
    for index, level in enumerate(avatar.levels):
        _check_splats(f"levels[{index}]", level, sizes["f"])
        count = len(level.means)
        if not 0 < count < len(larger.means) or (level.triangles != larger.triangles[:count]).any():
            raise ValueError(f"levels[{index}] must be the first splats of what is before it, but fewer")
        larger = level


def _check_texture(texture: Texture, sizes: dict[str, int]) -> None:
    check_shape("texture.corner_uvs", texture.corner_uvs, ("f", 3, 2), sizes)
    check_all("texture.corner_uvs", texture.corner_uvs, *COORDINATES)
    check_shape("texture.picture", texture.picture, ("h", "w", 3))
    for side in texture.picture.shape[:2]:
        check_range("side of texture.picture", float(side), 1.0, float(MAX_TEXTURE_SIDE))


def _check_splats(what: str, splats: BoundSplats, triangles: int) -> None:
    """Shapes, ranges and values of one set."""
    sizes: dict[str, int] = {}
    for name, shape in (
        ("means", ("n", 3)),
        ("rotations_wxyz", ("n", 4)),
        ("log_scales", ("n", 3)),
        ("opacity_logits", ("n",)),
        ("colors", ("n", 3)),
        ("triangles", ("n",)),
    ):
        check_shape(f"{what}.{name}", getattr(splats, name), shape, sizes)
        if name in LOCAL_RANGES:
            check_all(f"{what}.{name}", getattr(splats, name), *LOCAL_RANGES[name])
    _check_indices(f"{what}.triangles", splats.triangles, triangles)
    if np.abs(splats.rotations_wxyz).max(1, initial=0).min(initial=1) < LEAST_QUATERNION:
        raise ValueError(f"{what}.rotations_wxyz must not be zero")


def _check_indices(name: str, indices: np.ndarray, count: int) -> None:
    if indices.size and not (0 <= int(indices.min()) and int(indices.max()) < count):
        raise ValueError(f"{name} must index 0..{count - 1}, got {int(indices.min())}..{int(indices.max())}")


def _check_skeleton(rig: Rig) -> None:
    """Parents come first, and skin weights are a partition of unity."""
    if len(rig.joint_parents) != len(rig.joint_names):
        raise ValueError(f"rig.joint_parents must name a parent for each of {rig.joint_names}, got {rig.joint_parents}")
    if any(not -1 <= parent < child for child, parent in enumerate(rig.joint_parents)):
        raise ValueError(f"rig.joint_parents must name earlier joints, got {rig.joint_parents}")
    check_all("rig.skin_weights", rig.skin_weights, 0.0, 1.0 + SKIN_WEIGHT_TOLERANCE)
    off = np.abs(rig.skin_weights.sum(1, dtype=np.float64) - 1).max(initial=0)
    if off > SKIN_WEIGHT_TOLERANCE:
        raise ValueError(f"rig.skin_weights must sum to 1 in each row, got sums off by {off:.2e}")
