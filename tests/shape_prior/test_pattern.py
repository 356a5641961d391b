"""What is worn goes on where nobody saw it."""

import numpy as np

from facecraft4d.toolkit.shape_prior.parametric.paint.crown import hat_frame
from facecraft4d.toolkit.shape_prior.parametric.paint.pattern import Frame, carried_level, mirrored_around

ROWS, COLUMNS = 100, 360
"""Places of the garments of these tests: a millimetre and a degree apart."""


def _garment() -> Frame:
    down, around = np.meshgrid(np.arange(ROWS) * 1e-3, np.radians(np.arange(COLUMNS) - 179.5), indexing="ij")
    return Frame(around.ravel(), down.ravel())


def _stripes(frame: Frame) -> np.ndarray:
    return np.repeat((np.floor(frame.down / 0.012) % 2)[:, None], 3, 1)


def test_stripes_go_round_as_sharp_as_they_are_seen() -> None:
    frame = _garment()
    seen = np.abs(frame.around) < np.radians(80)
    found, known = carried_level(frame, seen, np.where(seen[:, None], _stripes(frame), 9.0))
    behind = np.abs(frame.around) > np.radians(80)
    np.testing.assert_allclose(known[behind], 1, atol=1e-6)
    np.testing.assert_allclose(found[behind], _stripes(frame)[behind], atol=1e-6)


def test_what_lies_in_front_only_does_not_go_round() -> None:
    """A tie is told by neither what goes on level nor what is mirrored."""
    frame = _garment()
    seen, tie = np.abs(frame.around) < np.radians(80), np.abs(frame.around) < np.radians(12)
    found, known = carried_level(frame, seen, np.repeat(tie[:, None] * 1.0, 3, 1))
    assert np.abs(found * known[:, None])[~tie].max() < 0.01
    sources = mirrored_around(frame, seen, ~seen)
    assert sources is not None
    assert not (np.abs(frame.around[sources.seen]) < np.radians(9)).any()


def test_both_sides_of_a_garment_meet_without_a_step_behind() -> None:
    """However different the sides are, neighbours across the middle of the back are as alike as any."""
    frame = _garment()
    seen = np.abs(frame.around) < np.radians(80)
    colors = np.repeat((frame.around > 0)[:, None] * 1.0, 3, 1)
    found = carried_level(frame, seen, colors)[0][:, 0].reshape(ROWS, COLUMNS)
    assert np.abs(found[:, 0] - found[:, -1]).max() < 0.02
    sources = mirrored_around(frame, seen, ~seen)
    assert sources is not None
    np.testing.assert_allclose(sources.known, 1, atol=1e-6)
    taken = np.zeros(ROWS * COLUMNS)
    taken[sources.places] = (sources.shares * frame.around[sources.seen]).sum(1)
    around = taken.reshape(ROWS, COLUMNS)
    np.testing.assert_allclose(around[:, 0], around[:, -1], atol=np.radians(2))


def test_a_mirrored_knit_is_crisp_and_keeps_its_height() -> None:
    """Each place is one that is seen, no mean of many; rows of stitches stay rows."""
    frame = _garment()
    seen = (np.abs(frame.around) < np.radians(75)) & (frame.down > 0.02)
    wanted = ~seen & (np.abs(frame.around) < np.radians(150))
    sources = mirrored_around(frame, seen, wanted)
    assert sources is not None
    assert sources.shares.max(1).min() > 0.2
    at, truth = (sources.shares * frame.down[sources.seen]).sum(1), frame.down[sources.places]
    np.testing.assert_allclose(at, np.where(truth > 0.02, truth, 0.04 - truth), atol=3e-3)


def test_without_a_garment_there_is_no_pattern() -> None:
    frame = _garment()
    nothing = np.zeros(len(frame.down), bool)
    assert not carried_level(frame, nothing, np.zeros((len(nothing), 3)))[1].any()
    assert mirrored_around(frame, nothing, ~nothing) is None


def test_a_hats_frame_follows_its_brim() -> None:
    """On a dome over a tilted, long brim all of the brim is equally far down, and so is each fold that runs along it."""
    slope, around = 0.3, np.linspace(-np.pi, np.pi, 72, endpoint=False)
    theta = np.linspace(0.05, 1.75, 40)[:, None]
    x, z = 0.07 * np.sin(theta) * np.sin(around), 0.1 * np.sin(theta) * np.cos(around)
    points = np.stack([x, slope * z + 0.13 * np.cos(theta), z], -1)
    worn = np.broadcast_to(np.clip(0.5 + (np.pi / 2 - theta) * 2, 0, 1), x.shape)
    frame = hat_frame(points.reshape(-1, 3), worn.ravel(), points.reshape(-1, 3), 0.2)
    assert frame is not None
    down, turned = frame.down.reshape(x.shape), frame.around.reshape(x.shape)
    above = theta[:, 0] < np.pi / 2
    assert np.ptp(down[above], axis=1).max() < 0.004
    assert (np.diff(down[above], axis=0) > 0).all()
    assert np.allclose(np.exp(1j * (turned[above] + 0.2)), np.exp(1j * np.arctan2(x, z)[above]), atol=1e-6)
    assert hat_frame(points.reshape(-1, 3), np.ones(x.size), points.reshape(-1, 3), 0.0) is None
