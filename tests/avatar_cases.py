"""Avatars by chance, small and of every kind that the types allow."""

from dataclasses import fields, replace

import numpy as np
from head_cases import ellipsoid_rig
from hypothesis import strategies as st

from facecraft4d.toolkit.core.asset import EYEWEAR, Avatar, Provenance, Texture
from facecraft4d.toolkit.core.datatypes import BoundSplats, Motion, Rig
from facecraft4d.toolkit.core.geometry import triangle_areas
from facecraft4d.toolkit.core.ingredients import Commercial, Ingredient

NAMES = st.lists(st.text(min_size=1, max_size=8), max_size=4, unique=True)
"""Of expressions, in any script."""


@st.composite
def avatars(draw: st.DrawFn, splats: st.SearchStrategy[int] = st.integers(1, 40)) -> Avatar:  # noqa: B008
    """With or without expressions, glasses, correctives, joints that follow, levels of detail and a picture."""
    return random_avatar(
        np.random.default_rng(draw(st.integers(0, 2**32))),
        draw(splats),
        tuple(draw(NAMES)),
        draw(st.text(max_size=12)),
        draw(st.booleans()),
    )


def random_avatar(
    rng: np.random.Generator, splats: int, expressions: tuple[str, ...], word: str = "word", plain: bool = False
) -> Avatar:
    """An avatar of so many splats; a `plain` one has nothing that glTF, too, has no place for."""
    rig = random_rig(rng, expressions, plain)
    bound = random_splats(rng, splats, len(rig.triangles))
    maker = Ingredient(word, "test", "MIT", Commercial.UNKNOWN, word, "ab" * 32)
    avatar = Avatar(rig, bound, Provenance((maker,), 7, {word: "1"}, {}, {"psnr": float(rng.normal())}))
    levels = [avatar.level(splats // share).splats for share in (2, 4) if splats // share]
    counts = [len(level.means) for level in levels]
    distinct = [each for each, count in zip(levels, counts, strict=True) if counts.count(count) == 1 and count < splats]
    uvs = rng.uniform(size=(len(rig.triangles), 3, 2)).astype(np.float32)
    texture = None if rng.integers(2) else Texture(uvs, rng.integers(0, 256, (3, 5, 3), np.uint8))
    return replace(avatar, levels=() if plain else tuple(distinct), texture=texture)


def random_rig(rng: np.random.Generator, expressions: tuple[str, ...], plain: bool) -> Rig:
    """A few dozen triangles whose expressions move some of the vertices."""
    rig = ellipsoid_rig(4, 5)
    sound = triangle_areas(rig.vertices[rig.triangles]) > 1e-6  # square metres; those at the poles have none
    rig = replace(rig, triangles=rig.triangles[sound], triangle_regions=rig.triangle_regions[sound])
    count = len(rig.vertices)
    deltas = rng.normal(scale=0.01, size=(len(expressions), count, 3)) * (
        rng.uniform(size=(len(expressions), count, 1)) < 0.4
    )
    weights = rng.dirichlet(np.full(5, 0.3), count)
    regions = rng.integers(0, len(rig.region_names), len(rig.triangles))
    correctives = rng.normal(scale=0.01, size=(36, count, 3)) * (rng.uniform(size=(36, 1, 1)) < 0.5)
    follow = rng.normal(scale=0.01, size=(len(expressions), 5, 3))
    return replace(
        rig,
        triangle_regions=(regions if plain else regions + rng.integers(0, 2, len(regions))).astype(np.uint8),
        region_names=rig.region_names if plain else (*rig.region_names, EYEWEAR),
        expression_names=expressions,
        expression_deltas=deltas.astype(np.float32) + np.float32(0),
        joint_positions=rng.normal(scale=0.1, size=(5, 3)).astype(np.float32),
        skin_weights=(weights / weights.sum(1, keepdims=True)).astype(np.float32),
        pose_deltas=None if plain else correctives.astype(np.float32) + np.float32(0),
        joint_deltas=None if plain or not expressions else follow.astype(np.float32),
    )


def random_splats(rng: np.random.Generator, count: int, triangles: int) -> BoundSplats:
    return BoundSplats(
        means=rng.normal(scale=0.5, size=(count, 3)).astype(np.float32),
        rotations_wxyz=rng.normal(size=(count, 4)).astype(np.float32),
        log_scales=rng.normal(-1, 1, (count, 3)).astype(np.float32),
        opacity_logits=rng.normal(scale=4, size=count).astype(np.float32),
        colors=rng.normal(0.5, 0.4, (count, 3)).astype(np.float32),
        triangles=rng.integers(0, triangles, count).astype(np.int32),
    )


def random_motion(rng: np.random.Generator, rig: Rig, frames: int, name: str = "clip") -> Motion:
    """Weights, turns and a path without pauses, for every name of the rig."""
    return Motion(
        name,
        float(rng.integers(5, 60)),
        rig.expression_names,
        rng.uniform(size=(frames, len(rig.expression_names))).astype(np.float32),
        rig.joint_names,
        rng.normal(scale=0.5, size=(frames, len(rig.joint_names), 3)).astype(np.float32),
        rng.normal(scale=0.05, size=(frames, 3)).astype(np.float32),
    )


def assert_same(expected: Avatar, found: Avatar) -> None:
    """Equal bit for bit, dtypes and provenance too."""
    assert len(expected.levels) == len(found.levels)
    pairs = [
        (expected.rig, found.rig),
        *zip((expected.splats, *expected.levels), (found.splats, *found.levels), strict=True),
    ]
    assert (expected.texture is None) == (found.texture is None)
    for part, twin in [*pairs, *[(expected.texture, found.texture)] * (expected.texture is not None)]:
        for field in fields(part):
            a, b = getattr(part, field.name), getattr(twin, field.name)
            if isinstance(a, np.ndarray):
                assert a.dtype == b.dtype and a.shape == b.shape, field.name
                assert np.array_equal(a.view(np.uint8), b.view(np.uint8)), field.name
            else:
                assert a == b, field.name
    assert expected.provenance == found.provenance
