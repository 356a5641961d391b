"""The mouth: teeth, gums, and the light that falls on them."""

import numpy as np
import pytest
from head_cases import curtain_head, painted_head

from facecraft4d.toolkit.face_model.mouth import TOOTH_RGB, tooth_colors
from facecraft4d.toolkit.video_prior.mesh.mouth import behind_lips, mouth_gain, mouth_light
from facecraft4d.toolkit.video_prior.mesh.surface import surface_of

SIZE = 128


@pytest.mark.slow
def test_mouth_is_darker_with_depth_and_beside_the_lips() -> None:
    depth = np.linspace(-0.01, 0.08, 30, dtype=np.float32)[:, None]
    light = mouth_light(depth, np.ones_like(depth))
    assert (np.diff(light, axis=0) <= 1e-7).all() and (light[0] == 1).all() and light[-1].max() < 0.25
    assert (np.diff(light, axis=1) <= 0).all()
    assert (mouth_light(depth, np.full_like(depth, 0.4)) <= light).all()
    assert (mouth_light(depth[:1], np.full((1, 1), 0.4, np.float32)) == 1).all()
    coarse = curtain_head(SIZE)
    head = coarse.head
    np.testing.assert_allclose(behind_lips(surface_of(head), head.rig.vertices).max(), 0.02, atol=1e-6)
    assert not behind_lips(surface_of(painted_head(SIZE).head), painted_head(SIZE).head.rig.vertices).any()


def test_teeth_have_gaps_and_gums() -> None:
    def tooth(x: float, crown: float) -> np.ndarray:
        return tooth_colors(np.array([[x, 0, 0.09]], np.float32), np.full((1, 1), crown, np.float32), 0.09)[0]

    middle, gap, gum = tooth(0.003, 0.002), tooth(0.0, 0.002), tooth(0.003, 0.02)
    np.testing.assert_allclose(middle, TOOTH_RGB, atol=0.01)
    assert (gap < 0.8 * middle).all() and gum[0] - gum[1] > middle[0] - middle[1]
    np.testing.assert_array_equal(tooth(0.003, 0.002), tooth(-0.003, 0.002))


def test_painted_teeth_are_as_bright_as_those_the_picture_shows() -> None:
    white = np.full(3, 0.7, np.float32)
    gains = [mouth_gain(np.full((100, 3), level, np.float32), white) for level in (0.2, 0.7, 0.8, 2.0)]
    assert gains[0] == 1 and gains == sorted(gains) and gains[1] < gains[2] < gains[3] < 1.5
    assert mouth_gain(np.ones((3, 3), np.float32), white) == 1


def test_lips_plane_leans_with_the_jaw() -> None:
    """A lower lip that moves down and back leaves what moves with it as far behind the lips as it was."""
    coarse = curtain_head(SIZE)
    head = coarse.head
    surface = surface_of(head)
    vertices = head.rig.vertices.copy()
    vertices[:8, 2] += 0.2 * vertices[:8, 1]
    np.testing.assert_allclose(behind_lips(surface, vertices)[:8], 0, atol=2e-4)
