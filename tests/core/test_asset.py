"""The avatar's own checks."""

from dataclasses import replace

import numpy as np
import pytest

from facecraft4d.toolkit.core.asset import LEVEL_WIDENING, Avatar, Texture, check_avatar


def test_a_sound_avatar_passes(tiny_avatar: Avatar) -> None:
    check_avatar(tiny_avatar)


def with_value(array: np.ndarray, index: tuple[int, ...], value: float) -> np.ndarray:
    changed = array.copy()
    changed[index] = value
    return changed


@pytest.mark.parametrize(
    ("part", "field", "change", "message"),
    [
        (
            "splats",
            "means",
            lambda a: with_value(a, (3, 1), np.nan),
            r"splats\.means must be finite.*first at \(3, 1\)",
        ),
        ("splats", "log_scales", lambda a: with_value(a, (0, 0), np.inf), r"splats\.log_scales must be finite"),
        ("splats", "rotations_wxyz", lambda a: with_value(a, (5,), 0), r"splats\.rotations_wxyz must not be zero"),
        ("splats", "triangles", lambda a: with_value(a, (0,), -1), r"splats\.triangles must index 0\.\.\d+, got -1"),
        ("rig", "vertices", lambda a: with_value(a, (0, 0), np.nan), r"rig\.vertices must be finite"),
        ("rig", "triangles", lambda a: with_value(a, (0, 0), 10**6), r"rig\.triangles must index"),
        ("rig", "triangle_regions", lambda a: with_value(a, (0,), 99), r"rig\.triangle_regions must index"),
        ("rig", "skin_weights", lambda a: a * np.float32(0.9), r"rig\.skin_weights .* sum to 1"),
        ("rig", "skin_weights", lambda a: with_value(a, (0, slice(None)), [2, -1, 0, 0, 0]), r"rig\.skin_weights"),
        ("rig", "joint_parents", lambda a: (-1, 0, 1, 1, 4), r"rig\.joint_parents must name earlier"),
        ("rig", "joint_parents", lambda a: (-1, 0, 1, 1, -2), r"rig\.joint_parents must name earlier"),
        ("rig", "joint_parents", lambda a: (-1, 0, 1), r"rig\.joint_parents must name a parent"),
        ("rig", "expression_names", lambda a: a[:-1], r"rig\.expression_deltas must be"),
    ],
)
def test_unsound_avatars_are_named(tiny_avatar: Avatar, part: str, field: str, change: object, message: str) -> None:
    broken = replace(getattr(tiny_avatar, part), **{field: change(getattr(getattr(tiny_avatar, part), field))})
    with pytest.raises(ValueError, match=message):
        check_avatar(replace(tiny_avatar, **{part: broken}))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"corner_uvs": np.zeros((3, 3, 2), np.float32)}, r"texture\.corner_uvs must be"),
        (
            {"picture": np.zeros((1, 8193, 3), np.uint8)},
            r"side of texture\.picture must be between 1.0 and 8192.0, got 8193",
        ),
        ({"picture": np.zeros((0, 4, 3), np.uint8)}, r"side of texture\.picture"),
    ],
)
def test_unsound_textures_are_named(tiny_avatar: Avatar, change: dict[str, np.ndarray], message: str) -> None:
    uvs = np.zeros((len(tiny_avatar.rig.triangles), 3, 2), np.float32)
    texture = Texture(uvs, np.zeros((4, 4, 3), np.uint8))
    check_avatar(replace(tiny_avatar, texture=texture))
    with pytest.raises(ValueError, match=message):
        check_avatar(replace(tiny_avatar, texture=replace(texture, **change)))
    uvs[5, 1, 0] = np.nan
    with pytest.raises(ValueError, match=r"texture\.corner_uvs must be finite"):
        check_avatar(replace(tiny_avatar, texture=texture))


def levels_of(tiny_avatar: Avatar, *counts: int) -> Avatar:
    """The avatar with prefixes as levels, told from the whole by their colours."""
    levels = [
        replace(tiny_avatar.level(count).splats, colors=tiny_avatar.splats.colors[:count] + 1) for count in counts
    ]
    return replace(tiny_avatar, levels=tuple(levels))


def test_a_level_comes_from_the_smallest_set_that_has_so_many(tiny_avatar: Avatar) -> None:
    total = len(tiny_avatar.splats.means)
    avatar = levels_of(tiny_avatar, 200, 100, 50)
    check_avatar(avatar)
    assert avatar.level(total) is avatar and avatar.level(10 * total) is avatar
    tuned = avatar.level(100)
    assert np.array_equal(tuned.splats.log_scales, avatar.levels[1].log_scales)
    assert [len(level.means) for level in tuned.levels] == [50]
    between = avatar.level(150)
    assert np.array_equal(between.splats.colors, avatar.levels[0].colors[:150])
    assert [len(level.means) for level in between.levels] == [100, 50]
    assert np.array_equal(avatar.level(201).splats.colors, tiny_avatar.splats.colors[:201])
    small = avatar.level(20)
    assert small.levels == () and np.array_equal(small.splats.means, tiny_avatar.splats.means[:20])
    for each in (tuned, between, small):
        check_avatar(each)


def test_fewer_splats_are_wider_but_no_thicker(tiny_avatar: Avatar) -> None:
    total = len(tiny_avatar.splats.means)
    grown = tiny_avatar.level(10).splats.log_scales - tiny_avatar.splats.log_scales[:10]
    wider = LEVEL_WIDENING * np.log(total / 10)
    np.testing.assert_allclose(np.sort(grown, 1), [[0, wider, wider]] * 10, atol=1e-6)
    np.testing.assert_allclose(
        tiny_avatar.level(40).level(10).splats.log_scales, tiny_avatar.level(10).splats.log_scales, atol=1e-6
    )
    with pytest.raises(ValueError, match="at least 1"):
        tiny_avatar.level(0)


def test_levels_must_be_first_splats(tiny_avatar: Avatar) -> None:
    avatar = levels_of(tiny_avatar, 100, 50)
    for levels in (
        avatar.levels[::-1],
        (avatar.splats,),
        (replace(avatar.levels[0], triangles=tiny_avatar.splats.triangles[1:101]),),
    ):
        with pytest.raises(ValueError, match="must be the first splats"):
            check_avatar(replace(tiny_avatar, levels=levels))
    broken = replace(avatar.levels[1], colors=np.full_like(avatar.levels[1].colors, np.nan))
    with pytest.raises(ValueError, match=r"levels\[1\]\.colors must be finite"):
        check_avatar(replace(tiny_avatar, levels=(avatar.levels[0], broken)))
