"""What a viewer does with a GLB, from the specification alone: animations sampled, nodes placed, the mesh morphed and skinned."""

from typing import Any

import numpy as np
from glb_cases import split

TYPES = {5120: "<i1", 5121: "<u1", 5122: "<i2", 5123: "<u2", 5125: "<u4", 5126: "<f4"}
WIDTHS = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4, "MAT4": 16}


class Viewer:
    """A file opened; node 0 of it has the skinned mesh."""

    def __init__(self, data: bytes) -> None:
        self.document, self.blob = split(data)

    def values(self, accessor: int) -> np.ndarray:
        """An accessor as floats or whole numbers [count, width]."""
        found = self.document["accessors"][accessor]
        count, width = found["count"], WIDTHS[found["type"]]
        values = np.zeros((count, width), TYPES[found["componentType"]])
        if "bufferView" in found:
            values = self._rows(
                found["bufferView"], found["componentType"], count, width, found.get("byteOffset", 0)
            ).copy()
        if sparse := found.get("sparse"):
            rows = self._rows(sparse["indices"]["bufferView"], sparse["indices"]["componentType"], sparse["count"], 1)
            values[rows[:, 0]] = self._rows(
                sparse["values"]["bufferView"], found["componentType"], sparse["count"], width
            )
        return values

    def _rows(self, view: int, code: int, count: int, width: int, offset: int = 0) -> np.ndarray:
        found = self.document["bufferViews"][view]
        dtype = np.dtype(TYPES[code])
        stride = found.get("byteStride", width * dtype.itemsize)
        start = found.get("byteOffset", 0) + offset
        return np.ndarray((count, width), dtype, self.blob, start, (stride, dtype.itemsize))

    def sampled(self, animation: int, seconds: float) -> dict[tuple[int, str], np.ndarray]:
        """Value of each node's animated property; LINEAR, quaternions along the shorter great circle."""
        found = self.document["animations"][animation]
        values = {}
        for channel in found["channels"]:
            sampler = found["samplers"][channel["sampler"]]
            times = self.values(sampler["input"])[:, 0]
            keys = self.values(sampler["output"]).reshape(len(times), -1)
            after = int(np.clip(np.searchsorted(times, seconds, "right"), 1, len(times) - 1))
            share = float(np.clip((seconds - times[after - 1]) / (times[after] - times[after - 1]), 0, 1))
            mix = _slerp if channel["target"]["path"] == "rotation" else _lerp
            values[channel["target"]["node"], channel["target"]["path"]] = mix(keys[after - 1], keys[after], share)
        return values

    def vertices(self, animated: dict[tuple[int, str], np.ndarray]) -> np.ndarray:
        """World positions of the mesh's vertices [p, 3]."""
        node = self.document["nodes"][0]
        mesh = self.document["meshes"][node["mesh"]]
        primitive = mesh["primitives"][0]
        weights = animated.get((0, "weights"), mesh.get("weights", []))
        shaped = self.values(primitive["attributes"]["POSITION"]).astype(np.float64)
        for weight, target in zip(weights, primitive.get("targets", []), strict=True):
            shaped = shaped + float(weight) * self.values(target["POSITION"])
        skin = self.document["skins"][node["skin"]]
        inverse = self.values(skin["inverseBindMatrices"]).reshape(-1, 4, 4).transpose(0, 2, 1).astype(np.float64)
        joints = np.stack([self._world(joint, animated) for joint in skin["joints"]]) @ inverse
        blended = np.zeros((len(shaped), 4, 4))
        group = 0
        while f"JOINTS_{group}" in primitive["attributes"]:
            index = self.values(primitive["attributes"][f"JOINTS_{group}"])
            share = self.values(primitive["attributes"][f"WEIGHTS_{group}"])
            blended += np.einsum("vk,vkij->vij", share.astype(np.float64), joints[index])
            group += 1
        return np.einsum("vij,vj->vi", blended[:, :3, :3], shaped) + blended[:, :3, 3]

    def _world(self, node: int, animated: dict[tuple[int, str], np.ndarray]) -> np.ndarray:
        found: dict[str, Any] = self.document["nodes"][node]
        local = np.eye(4)
        local[:3, 3] = animated.get((node, "translation"), found.get("translation", [0, 0, 0]))
        local[:3, :3] = _rotation(np.asarray(animated.get((node, "rotation"), found.get("rotation", [0, 0, 0, 1]))))
        for parent, other in enumerate(self.document["nodes"]):
            if node in other.get("children", []):
                return np.asarray(self._world(parent, animated) @ local)
        return local


def _lerp(a: np.ndarray, b: np.ndarray, share: float) -> np.ndarray:
    return np.asarray((1 - share) * a + share * b)


def _slerp(a: np.ndarray, b: np.ndarray, share: float) -> np.ndarray:
    dot = float(np.dot(a, b))
    angle = np.arccos(min(abs(dot), 1.0))
    if (
        angle < 0.05
    ):  # radians; below, the chord is the arc to a part in a thousand of it, and arccos of a float32 is noise
        mixed = _lerp(a, np.sign(dot) * b, share)
        return np.asarray(mixed / np.linalg.norm(mixed))
    return np.asarray((np.sin((1 - share) * angle) * a + np.sign(dot) * np.sin(share * angle) * b) / np.sin(angle))


def _rotation(xyzw: np.ndarray) -> np.ndarray:
    x, y, z, w = (float(each) for each in xyzw)
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
            [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
            [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
        ]
    )
