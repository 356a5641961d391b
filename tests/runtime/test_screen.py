"""What a window shows is the same picture whoever draws it, at every size."""

from collections.abc import Iterator

import moderngl
import numpy as np
import pytest
from opengl_cases import clean_context, psnr

from facecraft4d.runtime.camera import framing
from facecraft4d.runtime.screen import Screen
from facecraft4d.toolkit.core.asset import Avatar
from facecraft4d.toolkit.core.rigging import pose_from_weights


@pytest.fixture(scope="module")
def context() -> Iterator[moderngl.Context]:
    with clean_context() as made:
        yield made


@pytest.mark.parametrize("emulated", [False, True])
def test_pictures_of_a_window_that_changes_its_size(
    context: moderngl.Context, tiny_avatar: Avatar, emulated: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a card and as without one."""
    expected = Screen(context, (tiny_avatar,))
    monkeypatch.setattr("facecraft4d.runtime.screen.is_emulated", lambda driver: emulated)
    screen = Screen(context, (tiny_avatar,))
    assert screen.emulated == emulated
    for width, height, opened in ((90, 60, 0.0), (50, 120, 1.0), (50, 120, 0.3), (90, 60, 0.0)):
        pose, camera = (
            pose_from_weights(tiny_avatar.rig, {"jawOpen": opened}),
            framing(tiny_avatar).camera(width, height),
        )
        expected.draw((pose,), camera)
        screen.draw((pose,), camera)
        found = screen.read()
        assert found.shape == (height, width, 4) and found[..., 3].max() > 0.99
        assert psnr(found, expected.read() + np.float32(1e-9)) > 45
