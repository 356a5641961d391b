"""Splats from back to front."""

import numpy as np

from facecraft4d.runtime.sort import back_to_front
from facecraft4d.toolkit.core.geometry import orbit_camera, project


def test_back_to_front_is_sorted_and_leaves_out_what_is_behind() -> None:
    means = np.random.default_rng(2).normal(scale=2, size=(1000, 3)).astype(np.float32)
    camera = orbit_camera(20.0, 10.0, 1.0, 64)
    order = back_to_front(means, camera, 0.01)
    depth = project(camera, means.astype(np.float64))[1]
    assert (np.diff(depth[order]) < 1e-5).all() and len(set(order.tolist())) == len(order) < 1000
    assert abs(len(order) - (depth >= 0.01).sum()) <= 1
