"""Avatars of any kind for laws: no expressions, one splat, names outside ASCII, joints that follow the face, eyewear, seams or no texture."""

from dataclasses import fields, replace

import numpy as np
from head_cases import ellipsoid_rig
from hypothesis import strategies as st

from facecraft4d.toolkit.core.asset import EYEWEAR, Avatar, Provenance, Texture
from facecraft4d.toolkit.core.datatypes import BoundSplats, Motion, Rig
from facecraft4d.toolkit.core.ingredients import Commercial, Ingredient
from facecraft4d.toolkit.core.rigging import with_part

NAMES = ("jawOpen", "улыбка", "口を開ける", "a b", "a_b", "A_B", "é", "1st", "../x", "眨眼")
"""Of expressions: outside ASCII, no identifiers, no names of files, equal once they are made plain."""


KINDS = st.fixed_dictionaries(
    {
        "seed": st.integers(0, 10_000),
        "expressions": st.integers(0, len(NAMES)),
        "splats": st.integers(1, 40),
        "flame": st.booleans(),
        "textured": st.booleans(),
        "eyewear": st.booleans(),
    }
)
"""Arguments of `random_avatar`, which a test calls itself: beartype draws by chance, what hypothesis forbids inside of a strategy."""


def random_avatar(
    seed: int = 0,
    expressions: int = 4,
    splats: int = 20,
    *,
    flame: bool = False,
    textured: bool = True,
    eyewear: bool = True,
) -> Avatar:
    """`flame`: with pose correctives and joints that follow the expressions."""
    rng = np.random.default_rng(seed)
    rig = _rig(rng, expressions, flame)
    if eyewear:
        corners = rig.vertices[rig.triangles[:2]].reshape(-1, 3) * np.float32(1.01)
        rig = with_part(rig, corners, np.arange(6).reshape(-1, 3), EYEWEAR, "neck")
    texture = None
    if textured:
        uvs = rng.integers(0, 9, (len(rig.triangles), 3, 2)).astype(np.float32) / 8
        texture = Texture(uvs, rng.integers(0, 256, (5, 7, 3)).astype(np.uint8))
    ingredient = Ingredient("Фото, 写真", "the portrait", "CC0-1.0", Commercial.YES, "made\nup")
    return Avatar(rig, _splats(rng, splats, len(rig.triangles)), Provenance((ingredient,)), texture=texture)


def levelled(avatar: Avatar) -> Avatar:
    """With a half and a quarter of its splats as levels of detail, where that is at least one and fewer."""
    count = len(avatar.splats.means)
    counts = dict.fromkeys(each for each in (count // 2, count // 4) if each)
    return replace(avatar, levels=tuple(avatar.level(each).splats for each in counts))


def random_motion(rig: Rig, frames: int, seed: int = 0, fps: float = 25.0) -> Motion:
    """Anything that the rig can do, frame after frame unlike."""
    rng, shape = np.random.default_rng(seed), (frames, len(rig.expression_names))
    return Motion(
        "random",
        fps,
        rig.expression_names,
        (rng.uniform(-0.2, 1.2, shape) * (rng.uniform(size=shape) < 0.5)).astype(np.float32),
        rig.joint_names,
        rng.normal(scale=0.4, size=(frames, len(rig.joint_names), 3)).astype(np.float32),
        rng.normal(scale=0.05, size=(frames, 3)).astype(np.float32),
    )


def _rig(rng: np.random.Generator, expressions: int, flame: bool) -> Rig:
    rig = ellipsoid_rig(5, 6)
    vertices, joints = len(rig.vertices), len(rig.joint_names)
    moved = rng.uniform(size=(expressions, vertices, 1)) < 0.3
    weights = rng.uniform(size=(vertices, joints)) * (rng.uniform(size=(vertices, joints)) < 0.6) + np.eye(joints)[1]
    return Rig(
        vertices=rig.vertices,
        triangles=rig.triangles,
        triangle_regions=rng.integers(0, len(rig.region_names), len(rig.triangles)).astype(np.uint8),
        region_names=rig.region_names,
        expression_names=NAMES[:expressions],
        expression_deltas=np.where(moved, rng.normal(scale=0.005, size=(expressions, vertices, 3)), 0).astype(
            np.float32
        ),
        joint_names=rig.joint_names,
        joint_parents=rig.joint_parents,
        joint_positions=rng.normal(scale=0.05, size=(joints, 3)).astype(np.float32),
        skin_weights=(weights / weights.sum(1, keepdims=True)).astype(np.float32),
        pose_deltas=rng.normal(scale=0.002, size=(9 * (joints - 1), vertices, 3)).astype(np.float32) if flame else None,
        joint_deltas=rng.normal(scale=0.01, size=(expressions, joints, 3)).astype(np.float32) if flame else None,
    )


def _splats(rng: np.random.Generator, count: int, triangles: int) -> BoundSplats:
    return BoundSplats(
        means=rng.normal(size=(count, 3)).astype(np.float32),
        rotations_wxyz=rng.normal(size=(count, 4)).astype(np.float32),
        log_scales=rng.uniform(-4, 0, (count, 3)).astype(np.float32),
        opacity_logits=rng.normal(scale=3, size=count).astype(np.float32),
        colors=rng.uniform(-0.2, 1.3, (count, 3)).astype(np.float32),
        triangles=rng.integers(0, triangles, count).astype(np.int32),
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
