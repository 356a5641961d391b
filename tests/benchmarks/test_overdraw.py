"""The footprint that the benchmark sums is the number of pixels that the rasteriser touches."""

import bench_overdraw
import numpy as np
import pytest

from facecraft4d.runtime.software import draw_splats
from facecraft4d.toolkit.core.asset import Avatar
from facecraft4d.toolkit.core.datatypes import Splats
from facecraft4d.toolkit.core.geometry import orbit_camera


def test_a_footprint_is_the_pixels_drawn() -> None:
    camera = orbit_camera(20.0, 10.0, 1.0, 256)
    for seed in range(5):
        rng = np.random.default_rng(seed)
        splat = Splats(
            rng.normal(scale=0.01, size=(1, 3)).astype(np.float32),
            np.array([[0.5, 0.1, 0.7, -0.5]], np.float32),
            np.array([[0.004, 0.008, 0.001]], np.float32),
            np.array([0.3 + 0.1 * seed], np.float32),
            np.ones((1, 3), np.float32),
        )
        drawn = (draw_splats(splat, camera)[..., 3] > 0).sum()
        assert abs(bench_overdraw.footprints(splat, camera)[0] / drawn - 1) < 0.05 and drawn > 200


@pytest.mark.slow
def test_the_table_has_a_row_for_each_level(tiny_avatar: Avatar) -> None:
    lines = bench_overdraw.table(tiny_avatar).splitlines()
    assert len(lines) == 2 + len(bench_overdraw.SHARES) and "1,944" in lines[2] and "243" in lines[-1]
