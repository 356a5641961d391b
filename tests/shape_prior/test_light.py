"""The light of a picture, told from skin."""

import numpy as np
import pytest

from facecraft4d.toolkit.core.geometry import normalized
from facecraft4d.toolkit.shape_prior.parametric.paint.light import EVEN, Light, fitted_light, openness

AHEAD = np.array([0.0, 0.0, 1.0])


def _normals(count: int, seed: int) -> np.ndarray:
    return normalized(np.random.default_rng(seed).normal(size=(count, 3)))


def _front(seed: int = 0) -> np.ndarray:
    normals = _normals(4000, seed)
    return normals[normals[:, 2] > 0.15]


@pytest.mark.parametrize("lamp", [(0.5, 0.5, 0.8), (-0.6, 0.3, 0.6), (0.0, 0.9, 0.5)])
def test_a_known_light_is_found_from_the_front_and_holds_behind(lamp: tuple[float, float, float]) -> None:
    """Also where a tenth of the skin is as dark as brows and a twentieth shines."""
    light = Light(0.6, 0.6 * np.array(lamp))
    seen, everywhere = _front(), _normals(500, 1)
    brightness = 0.4 * light.shading(seen)
    brightness[::10] *= 0.3
    brightness[5::20] += 0.3
    found = fitted_light(seen, brightness, np.ones(len(seen)), AHEAD)
    mean = light.shading(seen).mean()
    np.testing.assert_allclose(found.shading(everywhere), light.shading(everywhere) / mean, atol=0.1, rtol=0.05)
    behind = everywhere[everywhere @ lamp < -0.7]
    assert np.ptp(found.shading(behind)) < 0.07


def test_skin_as_bright_everywhere_means_even_light() -> None:
    seen = _front()
    found = fitted_light(seen, np.full(len(seen), 0.3), np.ones(len(seen)), AHEAD)
    np.testing.assert_allclose(found.shading(_normals(100, 2)), 1, atol=1e-3)
    assert fitted_light(seen, np.ones(len(seen)), np.zeros(len(seen)), AHEAD) is EVEN


def test_a_mirrored_picture_has_the_mirrored_light() -> None:
    seen, mirror = _front(), np.array([-1, 1, 1])
    brightness = Light(0.4, np.array([0.5, 0.4, 0.7])).shading(seen)
    one = fitted_light(seen, brightness, np.ones(len(seen)), AHEAD)
    other = fitted_light(seen * mirror, brightness, np.ones(len(seen)), AHEAD)
    np.testing.assert_allclose(other.lamp, one.lamp * mirror, atol=1e-6)


def test_nothing_goes_black_and_nothing_burns() -> None:
    """Whatever the picture says."""
    seen = _front()
    for brightness in (seen[:, 2] ** 8, 1 - seen[:, 2], np.random.default_rng(0).random(len(seen)) ** 4):
        shading = fitted_light(seen, brightness + 1e-3, np.ones(len(seen)), AHEAD).shading(_normals(500, 3))
        assert shading.min() > 0.3
        assert shading.max() < 2


def test_hollows_are_darker_and_what_is_round_or_flat_is_not() -> None:
    """On a plane with a dent and a bump only the dent loses light, the more the deeper it is."""
    count = 41
    x, y = np.meshgrid(np.arange(count) * 2e-3, np.arange(count) * 2e-3)
    cell = np.arange(count * count).reshape(count, count)
    corners = np.stack([cell[:-1, :-1], cell[:-1, 1:], cell[1:, 1:], cell[1:, :-1]], -1).reshape(-1, 4)
    triangles = np.concatenate([corners[:, [0, 1, 2]], corners[:, [0, 2, 3]]]).astype(np.int32)

    def bell(at: float) -> np.ndarray:
        return np.asarray(np.exp(-((x - at) ** 2 + (y - 0.04) ** 2) / 0.003**2))

    found = []
    for height in (0.004, 0.008):
        points = np.stack([x, y, height * (bell(0.055) - bell(0.025))], -1).reshape(-1, 3).astype(np.float32)
        found.append(openness(points, triangles).reshape(count, count)[3:-3, 3:-3])
    dent, bump = np.unravel_index(bell(0.025).argmax(), x.shape), np.unravel_index(bell(0.055).argmax(), x.shape)
    for light in found:
        assert light[dent[0] - 3, dent[1] - 3] < 0.8
        assert light[bump[0] - 3, bump[1] - 3] == 1
        assert np.median(light) > 0.99
    assert found[1].min() < found[0].min()
