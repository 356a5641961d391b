"""The avatar's own checks."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from facecraft4d.exporters import load
from facecraft4d.toolkit.asset import Avatar, Ingredient, Provenance, check_avatar


@pytest.fixture(scope="module")
def tiny() -> Avatar:
    return load(Path(__file__).parents[1] / "samples" / "tiny_avatar.glb")


def test_a_sound_avatar_passes(tiny: Avatar) -> None:
    check_avatar(tiny)


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
def test_unsound_avatars_are_named(tiny: Avatar, part: str, field: str, change: object, message: str) -> None:
    broken = replace(getattr(tiny, part), **{field: change(getattr(getattr(tiny, part), field))})
    with pytest.raises(ValueError, match=message):
        check_avatar(replace(tiny, **{part: broken}))


def test_commercial_use_needs_every_ingredient() -> None:
    free = Ingredient("a", "rig", "CC0-1.0", True, "here")
    bound = Ingredient("b", "matting", "CC-BY-NC-4.0", False, "there")
    assert Provenance((free,)).commercial_use and Provenance().commercial_use
    assert not Provenance((free, bound)).commercial_use
