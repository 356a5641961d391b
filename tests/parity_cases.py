"""samples/parity.json as arrays: its two rigs and their poses, and how a port's result is compared with it."""

import json
from importlib.resources import files
from typing import Any, NamedTuple

import numpy as np

from facecraft4d.toolkit.core.datatypes import Pose

PARITY: dict[str, Any] = json.loads((files("facecraft4d.samples") / "parity.json").read_text(encoding="utf-8"))
CORRECTIVES: dict[str, Any] = PARITY["correctives"]


class Deformed(NamedTuple):
    """What a port gives for one pose."""

    vertices: np.ndarray
    means: np.ndarray
    rotations_wxyz: np.ndarray
    scales: np.ndarray


class Case(NamedTuple):
    """One pose and what it must give."""

    name: str
    pose: Pose
    expected: Deformed


def case(row: dict[str, Any]) -> Case:
    """One entry of `poses`."""
    pose = Pose(*(np.array(row[each], np.float32) for each in ("expression", "joint_rotations", "translation")))
    return Case(row["name"], pose, Deformed(*(np.array(row[each]) for each in Deformed._fields)))


PLAIN = [case(row) for row in PARITY["poses"]]
CORRECTED = [case(row) for row in CORRECTIVES["poses"]]


def assert_parity(found: Deformed, expected: Deformed, what: str) -> None:
    """Every number within the file's tolerance, quaternions up to their sign."""
    for each in Deformed._fields:
        left, right = getattr(found, each), getattr(expected, each)
        assert left.shape == right.shape, f"{what}: {each} is {left.shape}, not {right.shape}"
        if each == "rotations_wxyz":
            left = left * np.where((left * right).sum(1, keepdims=True) < 0, -1, 1)
        error = np.abs(left - right).max()
        assert error <= PARITY["tolerance"], f"{what}: {each} is off by {error:.2e}"
