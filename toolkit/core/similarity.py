"""Similarities: what two worlds that differ in size, turn and origin have between them."""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float64

from facecraft4d.toolkit.core.datatypes import Camera


@dataclass(frozen=True, slots=True, eq=False)
class Similarity:
    """target = scale rotation source + translation."""

    scale: float
    rotation: Float64[np.ndarray, "3 3"]
    translation: Float64[np.ndarray, "3"]

    def points(self, points: Float64[np.ndarray, "*n 3"]) -> Float64[np.ndarray, "*n 3"]:
        """Of positions."""
        return np.asarray(self.deltas(points) + self.translation)

    def deltas(self, deltas: Float64[np.ndarray, "*n 3"]) -> Float64[np.ndarray, "*n 3"]:
        """Of displacements."""
        return np.asarray(self.scale * deltas @ self.rotation.T)

    def camera(self, camera: Camera) -> Camera:
        """The camera of the source that sees the same in the target's world; depths in it are `scale` times as large."""
        matrix = np.eye(4)
        matrix[:3, :3] = camera.camera_from_world[:3, :3] @ self.rotation.T
        matrix[:3, 3] = self.scale * camera.camera_from_world[:3, 3] - matrix[:3, :3] @ self.translation
        return replace(camera, camera_from_world=matrix)

    @property
    def inverse(self) -> "Similarity":
        """From the target to the source."""
        return Similarity(1 / self.scale, self.rotation.T, np.asarray(-self.rotation.T @ self.translation / self.scale))


def similarity(
    source: Float64[np.ndarray, "n 3"], target: Float64[np.ndarray, "n 3"], trust: Float64[np.ndarray, " n"]
) -> Similarity:
    """The one that brings points nearest to targets, by weighted least squares (Umeyama 1991). `trust`: weights, of which some are positive."""
    share = (trust / trust.sum())[:, None]
    middles = (share * source).sum(0), (share * target).sum(0)
    apart = source - middles[0], target - middles[1]
    left, sizes, right = np.linalg.svd((share * apart[1]).T @ apart[0])
    signs = np.array([1, 1, np.sign(np.linalg.det(left @ right))])
    rotation = left @ np.diag(signs) @ right
    scale = float((sizes * signs).sum() / (share * apart[0] ** 2).sum())
    return Similarity(scale, rotation, middles[1] - scale * rotation @ middles[0])
