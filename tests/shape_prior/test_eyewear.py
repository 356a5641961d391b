"""Glasses in front of eyes that blink."""

import numpy as np
import pytest

from facecraft4d.toolkit.core.asset import EYEWEAR
from facecraft4d.toolkit.core.datatypes import Mesh
from facecraft4d.toolkit.face_model import FaceModel, personalized_rig
from facecraft4d.toolkit.face_model.parts import CLEARANCE, blinks_beyond_lashes
from facecraft4d.toolkit.shape_prior.parametric.shells.eyewear import covered_by_glasses, with_eyewear


@pytest.mark.parametrize("rim", [(), ("left",), ("left", "right")])
def test_glasses_get_triangles_that_do_not_blink(model: FaceModel, rim: tuple[str, ...]) -> None:
    """One texel a triangle: skin everywhere, black where the skin beside an eye blinks."""
    rig = personalized_rig(model, np.zeros(len(model.identity_names), np.float32))
    left = rig.vertices[rig.triangles].mean(1)[:, 0] > 0
    skin = rig.triangle_regions == rig.region_names.index("skin")
    worn = blinks_beyond_lashes(rig) & skin & ((left & ("left" in rim)) | (~left & ("right" in rim)))
    count = len(rig.triangles)
    uvs = np.tile(((np.arange(count) + 0.5) / count)[:, None, None] * [1, 0] + [0, 0.5], (1, 3, 1)).astype(np.float32)
    texture = np.where(worn[None, :, None], 0.0, [0.8, 0.6, 0.5]).astype(np.float32)
    mesh = Mesh(rig.vertices, rig.triangles, uvs, texture)
    np.testing.assert_array_equal(covered_by_glasses(rig, mesh), worn)
    whole, dressed = with_eyewear(rig, mesh, rig.vertices)
    added = len(whole.triangles) - count
    assert added == worn.sum() == len(dressed.corner_uvs) - count and worn.any() == bool(rim)
    if not rim:
        assert whole is rig and dressed is mesh
        return
    assert whole.region_names[-1] == EYEWEAR and (whole.triangle_regions[count:] == len(rig.region_names)).all()
    assert not whole.expression_deltas[:, len(rig.vertices) :].any()
    distance = np.linalg.norm(whole.vertices[whole.triangles[count:]] - rig.vertices[rig.triangles[worn]], axis=-1)
    np.testing.assert_allclose(distance, CLEARANCE, rtol=1e-3)
