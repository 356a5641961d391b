"""The web player in a real browser draws what the Python player draws."""

import base64
import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from golden.cases import CASES
from PIL import Image
from web_cases import run_in_browser, served

from facecraft4d.runtime import Backend, RenderOptions, render_image
from facecraft4d.runtime.still import option_camera
from facecraft4d.toolkit.core.asset import Avatar
from facecraft4d.toolkit.core.datatypes import Pose
from facecraft4d.toolkit.core.motion import GREETING, builtin_clip, on_rig
from facecraft4d.toolkit.core.rigging import pose_from_weights

pytestmark = pytest.mark.slow

LEAST_PSNR = 35.0
"""Decibels, on every golden pose."""
CLIP_SECONDS = 1.3

DRAW = """
result = await page.evaluate(async (cases) => {
  const { createAvatar } = await import('./player.js'); const { poseAt } = await import('./motion.js');
  const pictures = [];
  for (const { size, camera, background, pose, clipSeconds } of cases) {
    const canvas = document.createElement('canvas'), flat = document.createElement('canvas');
    canvas.style.cssText = `width: ${size}px; height: ${size}px`;
    document.body.replaceChildren(canvas);
    const head = await createAvatar(canvas, 'avatar.glb', { camera, idle: false });
    head.setPose(clipSeconds ? poseAt(head.avatar.clips[0], head.avatar.rig, clipSeconds) : pose);
    await head.drawn();
    const pen = flat.getContext('2d');
    [flat.width, flat.height, pen.fillStyle] = [size, size, background];
    pen.fillRect(0, 0, size, size);
    pen.drawImage(canvas, 0, 0);
    head.dispose();
    pictures.push(flat.toDataURL('image/png').split(',')[1]);
  }
  return { pictures, told: [] };
}, given);
result.told = told;
"""


def cases(avatar: Avatar) -> dict[str, tuple[Pose, RenderOptions, float]]:
    """The golden pictures, a turned head, and a frame of a clip."""
    found = {name: (pose_from_weights(avatar.rig, weights), options, 0.0) for name, (weights, options) in CASES.items()}
    turned = pose_from_weights(avatar.rig, {"jawOpen": 0.5, "eyeBlinkLeft": 1.0})
    turned.joint_rotations[avatar.rig.joint_names.index("neck")] = (0.15, 0.5, 0.1)
    turned.translation[:] = (0.01, -0.02, 0.03)
    frame = on_rig(builtin_clip(GREETING), avatar.rig).at(CLIP_SECONDS)
    plain = RenderOptions(size=256)
    return found | {"head_turn": (turned, plain, 0.0), "clip": (frame, plain, CLIP_SECONDS)}


def as_given(avatar: Avatar, pose: Pose, options: RenderOptions, seconds: float) -> dict[str, Any]:
    """A case for the page; what is transparent in the golden pictures stands on white."""
    orbit, rig = option_camera(avatar, options), avatar.rig
    return {
        "size": options.size,
        "background": "white" if options.background == "transparent" else options.background,
        "clipSeconds": seconds,
        "camera": {
            "target": orbit.target,
            "distance": orbit.distance,
            "yaw": orbit.yaw_degrees,
            "pitch": orbit.pitch_degrees,
            "fov": orbit.fov_y_degrees,
        },
        "pose": {
            "expressions": dict(zip(rig.expression_names, pose.expression.tolist(), strict=True)),
            "joints": dict(zip(rig.joint_names, pose.joint_rotations.tolist(), strict=True)),
            "translation": pose.translation.tolist(),
        },
    }


def psnr(a: np.ndarray, b: np.ndarray) -> float:
    return -10 * float(np.log10(max(1e-12, np.mean((a.astype(np.float64) - b) ** 2) / 255**2)))


def test_pictures_equal_the_python_players(tiny_avatar: Avatar, tmp_path: Path) -> None:
    table = cases(tiny_avatar)
    with served(tiny_avatar) as url:
        given = [as_given(tiny_avatar, *case) for case in table.values()]
        found = run_in_browser(tmp_path, f"{url}blank.html", DRAW, given)
    assert found["told"] == []
    measured = {}
    for (name, (pose, options, _)), data in zip(table.items(), found["pictures"], strict=True):
        mine = np.asarray(Image.open(io.BytesIO(base64.b64decode(data))).convert("RGB"))
        background = "white" if options.background == "transparent" else options.background
        python = render_image(tiny_avatar, pose, replace(options, background=background, backend=Backend.SOFTWARE))
        measured[name] = psnr(mine, python)
    assert min(measured.values()) > LEAST_PSNR, measured
    print(measured)
