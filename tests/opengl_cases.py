"""OpenGL for tests: a context, or the reason why there is none; pictures by each tier."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import moderngl
import numpy as np
import pytest

from facecraft4d.runtime.gl.drawing import Look, Picture
from facecraft4d.runtime.gl.instances import Tier
from facecraft4d.runtime.gl.tiers import COMPUTE_VERSION, open_instances
from facecraft4d.runtime.opengl import NoOpenGL, offscreen_context
from facecraft4d.toolkit.core.asset import Avatar
from facecraft4d.toolkit.core.datatypes import Camera, Pose

WHOLE = Look(inscribed=1.0)
"""Nothing of a splat is left out: what numerics are compared by."""


@contextmanager
def clean_context() -> Iterator[moderngl.Context]:
    """A context in which nothing goes wrong. Skips the test where there is none."""
    try:
        context = offscreen_context()
    except NoOpenGL as error:
        pytest.skip(f"no OpenGL off screen: {error}")
    with context:
        yield context
        assert context.error == "GL_NO_ERROR"
    context.release()


def needs(tier: Tier, context: moderngl.Context) -> None:
    """Skip the test where the context cannot have the tier."""
    if tier is Tier.COMPUTE and context.version_code < COMPUTE_VERSION:
        pytest.skip(f"compute shaders need OpenGL 4.3, found {context.version_code}")


def drawn(
    context: moderngl.Context,
    tier: Tier,
    avatars: Sequence[Avatar],
    poses: Sequence[Pose],
    camera: Camera,
    look: Look = WHOLE,
) -> tuple[np.ndarray, np.ndarray]:
    """Picture and depth by that tier."""
    needs(tier, context)
    instances = open_instances(context, avatars, tier)
    assert instances.tier is tier
    picture = Picture(context, (camera.width, camera.height), instances.buffer, depth=True)
    picture.draw(instances.write(poses, camera, look.antialiased), camera, look)
    found = picture.read(), picture.read_depth()
    picture.release()
    instances.release()
    return found


def psnr(a: np.ndarray, b: np.ndarray) -> float:
    """Of two pictures in 0..1, dB."""
    return float(-10 * np.log10(np.mean((a.astype(np.float64) - b) ** 2)))
