"""parity.json is up to date, says what it claims, and the package's own two deformations give what it expects."""

import json
import runpy
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from parity_cases import CORRECTED, CORRECTIVES, PARITY, PLAIN, Deformed, assert_parity

from facecraft4d.exporters import load
from facecraft4d.runtime.animate import Animator
from facecraft4d.toolkit.core.asset import Avatar
from facecraft4d.toolkit.core.datatypes import Rig
from facecraft4d.toolkit.core.geometry import area_vectors, triangle_frames, wxyz_from_rotation
from facecraft4d.toolkit.core.rigging import place_splats, pose_vertices

SAMPLES = Path(str(files("facecraft4d.samples")))
AVATARS = {"parity_avatar.glb": PLAIN, "parity_correctives.glb": CORRECTED}


@pytest.fixture(scope="module")
def script() -> dict[str, Any]:
    return runpy.run_path(str(SAMPLES / "make_parity.py"))


def assert_same(found: Any, expected: Any, at: str = "") -> None:
    """Equal but for the last decimal of numbers."""
    if isinstance(expected, dict):
        assert list(found) == list(expected), at
        for key in expected:
            assert_same(found[key], expected[key], f"{at}/{key}")
    elif isinstance(expected, list) and expected and not isinstance(expected[0], str | dict):
        np.testing.assert_allclose(np.array(found), np.array(expected), atol=2e-6, rtol=0, err_msg=at)
    elif isinstance(expected, list):
        for index, pair in enumerate(zip(found, expected, strict=True)):
            assert_same(*pair, f"{at}/{index}")
    else:
        assert found == expected, at


def test_the_file_is_what_its_script_makes(script: dict[str, Any]) -> None:
    assert_same(json.loads(json.dumps(script["parity"]())), PARITY)
    assert (SAMPLES / "parity.json").stat().st_size < 300_000


@pytest.mark.parametrize("name", AVATARS)
def test_the_glbs_hold_the_same_avatar(name: str) -> None:
    avatar = load(SAMPLES / name)
    arrays = {each: getattr(avatar.rig, each) for each in PARITY["rig"]}
    if name == "parity_correctives.glb":
        arrays |= {each: getattr(avatar.rig, each) for each in ("pose_deltas", "joint_deltas")}
    for key, array in arrays.items():
        expected = np.array({**PARITY["rig"], **CORRECTIVES}[key])
        np.testing.assert_array_equal(array, expected.astype(np.asarray(array).dtype), err_msg=key)
    for key, value in PARITY["splats"].items():
        array = getattr(avatar.splats, key)
        np.testing.assert_array_equal(array, np.array(value, array.dtype), err_msg=key)


def deformed(avatar: Avatar, pose: Any) -> tuple[Deformed, Deformed]:
    """By the readable code and by the player's."""
    vertices, animator = pose_vertices(avatar.rig, pose), Animator(avatar)
    both = (
        (vertices, place_splats(avatar.splats, vertices, avatar.rig)),
        (animator.vertices(pose), animator.splats(pose)),
    )
    first, second = (Deformed(rows, each.means, each.rotations_wxyz, each.scales) for rows, each in both)
    return first, second


@pytest.mark.parametrize("name", AVATARS)
def test_the_package_gives_what_the_file_expects(name: str) -> None:
    avatar = load(SAMPLES / name)
    for case in AVATARS[name]:
        for found in deformed(avatar, case.pose):
            assert_parity(found, case.expected, f"{name}: {case.name}")


def test_poses_tell_ports_apart_that_leave_something_out() -> None:
    """Without an expression, a joint or a corrective, at least one pose is missed by a hundred times the tolerance."""
    avatar = load(SAMPLES / "parity_correctives.glb")
    rig, least = avatar.rig, 100 * PARITY["tolerance"]

    def missed(damaged: Rig, cases: list[Any]) -> bool:
        return any(np.abs(pose_vertices(damaged, each.pose) - each.expected.vertices).max() > least for each in cases)

    assert not missed(rig, CORRECTED)
    assert missed(replace(rig, pose_deltas=None), CORRECTED) and missed(replace(rig, joint_deltas=None), CORRECTED)
    plain = replace(rig, pose_deltas=None, joint_deltas=None)
    assert not missed(plain, PLAIN)
    for index in range(len(rig.expression_names)):
        kept = np.arange(len(rig.expression_names)) != index
        assert missed(replace(plain, expression_deltas=rig.expression_deltas * kept[:, None, None]), PLAIN)
    assert missed(replace(plain, joint_parents=(-1,) * len(rig.joint_names)), PLAIN)


def test_every_way_to_a_quaternion_is_walked() -> None:
    """A port that divides by the wrong component, or by a small one, is found: each is the largest for some triangle."""
    rig = load(SAMPLES / "parity_avatar.glb").rig
    carrying = rig.triangles[np.array(PARITY["splats"]["triangles"])]
    frames = [triangle_frames(each.expected.vertices[carrying])[0] for each in PLAIN]
    largest = np.abs(wxyz_from_rotation(np.concatenate(frames))).argmax(1)
    assert (np.bincount(largest, minlength=4) > 5).all()


def test_the_ball_is_one() -> None:
    """Triangles face outwards, of the ball and of each eyeball, and every part and joint carries splats."""
    rig = load(SAMPLES / "parity_avatar.glb").rig
    eyes = rig.joint_positions[3:]
    for faces, center in ((rig.triangle_regions == 0, np.zeros(3)), *((_near(rig, eye), eye) for eye in eyes)):
        corners = rig.vertices[rig.triangles[faces]]
        outwards = (area_vectors(corners) * (corners.mean(1) - center)).sum(1)
        assert len(outwards) and (outwards > 0).all()
    carrying = rig.triangles[np.array(PARITY["splats"]["triangles"])]
    assert (rig.skin_weights[carrying].max((0, 1)) > 0.5).all()


def _near(rig: Rig, eye: np.ndarray) -> np.ndarray:
    centers = rig.vertices[rig.triangles].mean(1)
    return np.asarray((rig.triangle_regions == 1) & (np.linalg.norm(centers - eye, axis=1) < 0.02))
