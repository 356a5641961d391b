"""Light and albedo of a photograph, apart and together again."""

import numpy as np
from lit_ball import lit

from facecraft4d.toolkit.core.geometry import LUMA
from facecraft4d.toolkit.core.pixels import linear_from_srgb
from facecraft4d.toolkit.shape_prior.parametric.assembly import SKIN, Assembly
from facecraft4d.toolkit.shape_prior.parametric.paint.even import evenly_lit
from facecraft4d.toolkit.shape_prior.parametric.paint.light import Light
from facecraft4d.toolkit.shape_prior.parametric.paint.spread import Base, albedo, light_of, shading
from facecraft4d.toolkit.shape_prior.parametric.paint.texels import (
    GRAZING,
    ReferenceView,
    posed_normals,
    reference_view,
    sample_picture,
    visibility,
)

TONE = np.array([0.4, 0.25, 0.2])
LAMP = Light(0.6, np.array([0.3, 0.2, 0.4]))


def _evened(solid: Assembly, photo: ReferenceView) -> ReferenceView:
    portrait = evenly_lit(photo.portrait, photo.camera, solid, light_of(solid, photo))
    return reference_view(portrait, photo.segments, photo.camera, solid)


def test_a_known_light_on_a_known_head_is_found_and_taken_off() -> None:
    """What is left is as bright all over; the background stays white."""
    solid, photo = lit(LAMP, TONE)
    even = _evened(solid, photo)
    inside = photo.rim > 4
    before, after = (view.image[inside] @ LUMA for view in (photo, even))
    assert np.ptp(np.quantile(after, [0.02, 0.98])) < 0.25 * np.ptp(np.quantile(before, [0.02, 0.98]))
    assert (even.portrait.image[photo.portrait.alpha == 0] == 1).all()
    again = light_of(solid, even)
    assert np.linalg.norm(again.lamp) < 0.25 * np.linalg.norm(light_of(solid, photo).lamp)


def test_a_picture_under_even_light_stays_as_it_is() -> None:
    solid, photo = lit(Light(1.0, np.zeros(3)), TONE)
    even = _evened(solid, photo)
    np.testing.assert_allclose(even.image, photo.image, atol=0.01)


def _albedo(solid: Assembly, photo: ReferenceView) -> np.ndarray:
    base = Base(photo.image, (photo.rim > 2).astype(np.float32), SKIN)
    return albedo(solid, photo, base, shading(solid, light_of(solid, photo)))


def test_what_is_completed_meets_the_photograph_and_goes_on_as_the_light_does() -> None:
    """Where the photograph is trusted the lit albedo is the photograph, so there is no step; behind it is the tone in ambient light."""
    solid, photo = lit(LAMP, TONE)
    normals, light = posed_normals(solid), light_of(solid, photo)
    completed = _albedo(solid, photo) * light.shading(normals)[:, None]
    seen = visibility(photo, solid.posed, normals)
    known = seen.trust(GRAZING) > 0.5
    shown = linear_from_srgb(sample_picture(photo.image, seen.pixels).clip(0, 1))
    assert np.abs(completed - shown)[known].max() < 0.02
    truth = TONE * LAMP.shading(normals)[:, None]
    assert np.abs(completed - truth).max() < 0.05


def test_a_mirrored_photograph_has_the_mirrored_albedo() -> None:
    colors = TONE * (1 + 4 * lit(LAMP, TONE)[0].posed[:, :1])
    mirrored = Light(LAMP.ambient, LAMP.lamp * [-1, 1, 1])
    solid, one = lit(LAMP, colors)
    _, other = lit(mirrored, colors[solid.mirror])
    np.testing.assert_allclose(_albedo(solid, other)[solid.mirror], _albedo(solid, one), atol=0.02)
