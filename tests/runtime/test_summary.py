"""What an avatar's summary counts."""

import numpy as np
from places import TINY

from facecraft4d.runtime import summarize
from facecraft4d.toolkit.core.asset import Avatar


def test_summary_counts(tiny_avatar: Avatar) -> None:
    found = summarize(TINY)
    assert found.file_bytes == TINY.stat().st_size and found.splats == len(tiny_avatar.splats.means)
    assert found.vertices == len(tiny_avatar.rig.vertices) and sum(found.region_triangles.values()) == found.triangles
    assert found.licences == ("CC0-1.0",) and found.verdict and len(found.expressions) == 52
    assert found.carrying_triangles == len(np.unique(tiny_avatar.splats.triangles)) and 0.2 < found.extent[1] < 0.4
