"""The export rig as an engine programmer reads it: from its three files and docs/formats/rig.md alone, with nothing of the exporter's code."""

import json
from typing import Any

import numpy as np

TYPES = {"float32": "<f4", "uint32": "<u4", "uint16": "<u2", "uint8": "<u1", "half": "<f2", "int16": "<i2"}


class Decoder:
    """Opens the files; `play` gives means, rotations wxyz and standard deviations in a pose."""

    def __init__(self, files: dict[str, bytes]) -> None:
        self.files, self.document = files, json.loads(files["rig.json"])
        arrays = self.document["splats"]["arrays"]
        self.rest = {name: self.array("splats", arrays[name]) for name in arrays}
        self.skin = {name: self.array("skin", self.document["skin"][name]) for name in ("joints", "weights")}
        stitching = self.document["stitching"]
        self.stitching = {name: self.array("stitching", stitching[name]) for name in ("faces", "weights", "distances")}
        self.expressions = {each["name"]: self.delta_set(each) for each in self.document["expressions"]}
        self.correctives = [self.delta_set(each) for each in self.document["correctives"]]
        self.axes = {(each["joint"], each["axis"]): self.delta_set(each) for each in self.document["joint_axes"]}

    def array(self, block: str, entry: dict[str, Any]) -> np.ndarray:
        data, count = self.files[self.document[block]["file"]], entry["count"] * entry["components"]
        found = np.frombuffer(data, TYPES[entry["type"]], count, entry["offset"])
        return found.reshape(entry["count"], -1) if entry["components"] > 1 else found

    def delta_set(self, entry: dict[str, Any]) -> tuple[np.ndarray, np.ndarray]:
        """Splats, and what they do at a coefficient of 1, [n, 7]."""
        deltas, count = self.document["deltas"], entry["count"]
        data = self.files[deltas["file"]]
        rows = np.frombuffer(data, "<u4", count, entry["offset"])
        width = sum(deltas["row"].values())
        values = np.frombuffer(data, TYPES[deltas["type"]], count * width, entry["offset"] + 4 * count)
        scales = np.repeat([entry["scale"][name] for name in deltas["row"]], list(deltas["row"].values()))
        return rows, values.reshape(count, width).astype(np.float64) * scales

    def turned(self, angles: dict[tuple[str, str], float]) -> dict[str, np.ndarray]:
        """Axis-angle of each joint."""
        turns = {each["name"]: np.zeros(3) for each in self.document["joints"]}
        for (joint, axis), angle in angles.items():
            turns[joint]["xyz".index(axis)] = angle
        return turns

    def play(
        self, weights: dict[str, float], turns: dict[str, np.ndarray], by_axes: bool = False
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        total = np.zeros((self.document["splats"]["count"], 7))
        self._add(total, [(weight, self.expressions[name]) for name, weight in weights.items()])
        if self.correctives:
            entries = [(matrix(turns[each["name"]]) - np.eye(3)).ravel() for each in self.document["joints"][1:]]
            self._add(total, zip(np.concatenate(entries), self.correctives, strict=True))
        if by_axes:
            self._add(total, [(turns[joint]["xyz".index(axis)], each) for (joint, axis), each in self.axes.items()])
        means = self.rest["means"] + total[:, :3]
        rotations = product(quaternions(total[:, 3:6]), self.rest["rotations_wxyz"])
        scales = self.rest["scales"] * np.exp(total[:, 6:])
        return (means, rotations, scales) if by_axes else (*self._hang(means, rotations, weights, turns), scales)

    def _add(self, total: np.ndarray, sets: Any) -> None:
        for coefficient, (rows, values) in sets:
            total[rows] += coefficient * values

    def _hang(
        self, means: np.ndarray, rotations: np.ndarray, weights: dict[str, float], turns: dict[str, np.ndarray]
    ) -> tuple[np.ndarray, np.ndarray]:
        transforms = self.transforms(weights, turns)
        shares = self.skin["weights"] / self.document["skin"]["whole"]
        held = transforms[self.skin["joints"]]
        blended = (shares[:, :, None, None] * held).sum(1)
        moved = (blended[:, :3, :3] @ means[:, :, None])[:, :, 0] + blended[:, :3, 3]
        each = quaternions_of(transforms)[self.skin["joints"]]
        each = each * np.where((each * each[:, :1]).sum(-1, keepdims=True) < 0, -1, 1)
        turn = (shares[:, :, None] * each).sum(1)
        return moved, product(turn / np.linalg.norm(turn, axis=1, keepdims=True), rotations)

    def transforms(self, weights: dict[str, float], turns: dict[str, np.ndarray]) -> np.ndarray:
        """posed_from_bind of each joint; the head is not moved as a whole."""
        found: list[np.ndarray] = []
        for joint in self.document["joints"]:
            position = np.array(joint["position"])
            for name, delta in zip(self.expressions, joint.get("expression_deltas", []), strict=False):
                position = position + weights.get(name, 0.0) * np.array(delta)
            local = np.eye(4)
            local[:3, :3] = matrix(turns[joint["name"]])
            local[:3, 3] = position - local[:3, :3] @ position
            found.append(local if joint["parent"] < 0 else found[joint["parent"]] @ local)
        return np.array(found)


def quaternions(axis_angles: np.ndarray) -> np.ndarray:
    """wxyz [n, 4]."""
    angle = np.linalg.norm(axis_angles, axis=1, keepdims=True)
    return np.hstack([np.cos(angle / 2), 0.5 * np.sinc(angle / (2 * np.pi)) * axis_angles])


def matrix(axis_angle: np.ndarray) -> np.ndarray:
    w, x, y, z = quaternions(axis_angle[None])[0]
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    return np.asarray(np.eye(3) + 2 * w * cross + 2 * cross @ cross)


def quaternions_of(transforms: np.ndarray) -> np.ndarray:
    """wxyz of rotations that turn by less than half a circle."""
    w = 0.5 * np.sqrt(1 + np.trace(transforms[:, :3, :3], axis1=1, axis2=2))
    m = transforms
    axis = np.stack([m[:, 2, 1] - m[:, 1, 2], m[:, 0, 2] - m[:, 2, 0], m[:, 1, 0] - m[:, 0, 1]], -1)
    return np.hstack([w[:, None], axis / (4 * w[:, None])])


def product(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Hamilton's."""
    w = a[:, :1] * b[:, :1] - (a[:, 1:] * b[:, 1:]).sum(1, keepdims=True)
    return np.hstack([w, a[:, :1] * b[:, 1:] + b[:, :1] * a[:, 1:] + np.cross(a[:, 1:], b[:, 1:])])
