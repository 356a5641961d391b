"""Which of two poses the pictures agree with about one eye.

A lid is a few pixels of a face. How well a pose explains whole pictures changes by more than a lid does whenever what is seen is told anew; the same
pixels compared for both poses tell them apart.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from jaxtyping import Bool, Float64

from facecraft4d.toolkit.core.datatypes import Pose, Rig
from facecraft4d.toolkit.core.geometry import vertex_normals
from facecraft4d.toolkit.core.rigging import pose_vertices
from facecraft4d.toolkit.fitting.colour import Samples
from facecraft4d.toolkit.fitting.figure import Figure
from facecraft4d.toolkit.fitting.observation import Observation, Observations
from facecraft4d.toolkit.fitting.skin import MOVING_METRES, Skin
from facecraft4d.toolkit.meshes.raster import Fragments, rasterize

LEAST_CARRIED = 0.5
"""Share of an eye's joint from which a vertex is the eyeball's."""


def about_eye(rig: Rig, side: str) -> Bool[np.ndarray, " f"]:
    """Triangles of one eyeball ("Left", "Right") and of all that its lid moves."""
    lid, eye = rig.expression_names.index(f"eyeBlink{side}"), rig.joint_names.index(f"eye_{side.lower()}")
    moving = np.linalg.norm(rig.expression_deltas[lid], axis=-1) > MOVING_METRES
    return np.asarray((moving | (rig.skin_weights[:, eye] > LEAST_CARRIED))[rig.triangles].any(1))


def errors_about_eye(
    figure: Figure, skin: Skin, observations: Observations, side: str, poses: Sequence[Pose], pool: ThreadPoolExecutor
) -> Float64[np.ndarray, " p"]:
    """Sum over the pictures of the absolute differences of colour that each pose leaves, at the pixels where any of them shows the eye."""
    rig, around = figure.rig, about_eye(figure.rig, side)
    posed = [pose_vertices(rig, pose) for pose in poses]
    normals = [vertex_normals(vertices, rig.triangles) for vertices in posed]

    def off(view: int, seen: Observation) -> np.ndarray:
        drawn = [rasterize(seen.camera, vertices, rig.triangles, cull_backfaces=True) for vertices in posed]
        shown = np.any([each.covered & around[each.triangle] for each in drawn], 0)
        looked = shown & np.all([each.covered for each in drawn], 0) & seen.segments.matte
        expected = (_colours(figure, skin, view, each, own, looked) for each, own in zip(drawn, normals, strict=True))
        return np.array([np.abs(colours - seen.image[looked]).sum() for colours in expected])

    return np.asarray(sum(pool.map(off, range(len(observations)), observations)), np.float64)


def _colours(
    figure: Figure, skin: Skin, view: int, drawn: Fragments, normals: np.ndarray, looked: np.ndarray
) -> np.ndarray:
    samples = Samples(drawn.triangle[looked], drawn.barycentrics[looked], np.ones(int(looked.sum()), np.float32))
    return skin.expected(samples, figure, normals, view)
