"""Which way of drawing suits a context."""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace

import moderngl
import numpy as np

from facecraft4d.runtime.animate import Heads
from facecraft4d.runtime.gl.compute import ComputeInstances
from facecraft4d.runtime.gl.instances import FeedbackInstances, Instances, Tier, UploadedInstances
from facecraft4d.runtime.gl.packing import pack
from facecraft4d.runtime.gl.shaders import is_emulated
from facecraft4d.runtime.sort import ExactOrder, LateOrder, SplatOrder, back_to_front
from facecraft4d.toolkit.core.asset import Avatar
from facecraft4d.toolkit.core.datatypes import Rig
from facecraft4d.toolkit.core.geometry import orbit_camera
from facecraft4d.toolkit.core.rigging import neutral_pose

COMPUTE_VERSION = 430
"""OpenGL 4.3 has compute shaders."""

SORT_SECONDS = 0.006
"""Posing and sorting on the processor may take so long before a frame; beyond, the order comes one frame late."""


def suitable_tier(driver: str, version_code: int) -> Tier:
    """What is quickest with a driver of that name and version (430: OpenGL 4.3): compute shaders where a card has them, but the processor's own kernels where there is no card.

    Measured with 24 000 splats: llvmpipe's compute shaders take ten times as long to lay them out as our kernels, its vertex shaders twice.
    On a card with compute shaders nothing is measured: sorting on the processor would add its time, a transfer and a wait to every frame.
    """
    if is_emulated(driver):
        return Tier.UPLOAD
    return Tier.COMPUTE if version_code >= COMPUTE_VERSION else Tier.FEEDBACK


def who_draws(driver: str, version_code: int) -> str:
    """What AUTO takes with a driver of that name and version, for the user."""
    match suitable_tier(driver, version_code):
        case Tier.COMPUTE:
            return "the graphics card poses, sorts and draws (OpenGL 4.3, compute shaders)"
        case Tier.FEEDBACK:
            return "the graphics card poses and draws, the processor sorts (OpenGL 3.3, transform feedback)"
        case Tier.UPLOAD:
            return f"the processor's own rasteriser, which is quicker than {driver.split(' (')[0]}"


def open_instances(context: moderngl.Context, avatars: Sequence[Avatar], tier: Tier | None = None) -> Instances:
    """What poses and sorts these avatars, by `suitable_tier` or by the tier that is asked for."""
    tier, rigs = (
        tier or suitable_tier(str(context.info["GL_RENDERER"]), context.version_code),
        [avatar.rig for avatar in avatars],
    )
    heads = Heads(avatars)
    packed = None if tier is Tier.UPLOAD else pack(avatars)
    if packed is None or not packed.exact:
        return UploadedInstances(context, heads)
    if tier is Tier.COMPUTE:
        return ComputeInstances(context, rigs, packed)
    return FeedbackInstances(context, rigs, packed, heads, measured_order(heads, rigs))


def measured_order(heads: Heads, rigs: Sequence[Rig], clock: Callable[[], float] = time.perf_counter) -> SplatOrder:
    """Exact where posing and sorting on the processor are quick, one frame late elsewhere; the best of three tries decides."""
    camera = orbit_camera(0.0, 0.0, 1.0, 64)
    tries = []
    for turn in (0.0, 1e-3, 2e-3, 3e-3):  # another pose each time, since the same one costs nothing; the first compiles
        poses = [
            replace(pose, joint_rotations=pose.joint_rotations + np.float32(turn)) for pose in map(neutral_pose, rigs)
        ]
        start = clock()
        back_to_front(heads.splats(poses).means, camera, 0.0)
        tries.append(clock() - start)
    return ExactOrder() if min(tries[1:]) < SORT_SECONDS else LateOrder()
