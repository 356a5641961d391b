"""Synthetic subjects with known truth: heads from the CC0 model that no stage of the pipeline has seen, as data for training.

A subject has a true rig, whose expressions differ smoothly from the rig that training is given, a fine texture, and hair, glasses, a hat
or long hair. `training_set` photographs it as generated views are: the reference clean, the others inconsistent (corruption.py).
`evaluation_set` is clean, from views and with expressions that training never saw.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np
from jaxtyping import Float32

from facecraft4d.toolkit.core.datatypes import Camera, FrameSet, Head, Mesh, Motion, Pose, Rig, View, ViewSet
from facecraft4d.toolkit.core.geometry import normalized, orbit_camera, vertex_normals
from facecraft4d.toolkit.core.motion import builtin_clip, on_rig
from facecraft4d.toolkit.core.pixels import to_bytes
from facecraft4d.toolkit.core.rigging import neutral_pose, pose_vertices
from facecraft4d.toolkit.images import write_png
from facecraft4d.toolkit.meshes.raster import interpolate, rasterize, sample_texture
from facecraft4d.toolkit.subjects.corruption import Corruption, Distortion, distorted, distortions
from facecraft4d.toolkit.subjects.people import (
    EVALUATION_POSES,
    RADIUS_METRES,
    TARGET,
    Subject,
    evaluation_pose,
)

YAWS = tuple(15.0 * index for index in range(24))
ANIMATED = (0, 1, 2, 3, 4, 5, 6, 19, 20, 21, 22, 23)
"""Views within 90 degrees on the subject's left and 75 on the right."""
SUPERSAMPLE = 2
TRACK_CLIPS = ("smiles_frowns", "visemes", "jaw", "brows", "blinks_gaze")
TIMING_FRAMES = 3
"""Frames of the clips (30 per second) by which timing errs at most."""
LIGHT, AMBIENT = normalized(np.array([0.45, 0.6, 1.0])), 0.62

EVALUATION_CAMERAS = (
    (0.0, 0.0), (8.0, -10.0), (-7.0, 10.0), (22.0, 5.0), (-23.0, -5.0), (37.0, -8.0), (-38.0, 8.0), (52.0, 0.0), (-53.0, 6.0), (82.0, 4.0),
    (-97.0, -4.0), (173.0, 5.0),
)  # fmt: skip
"""Yaw and pitch in degrees: between the views of training, and above and below them."""


def render_view(subject: Subject, texture: Float32[np.ndarray, "s s 3"], pose: Pose, camera: Camera) -> View:
    """The person in a pose under a fixed light, on white."""
    rig = subject.truth
    posed = pose_vertices(rig, pose)
    fine = replace(
        camera, **{name: getattr(camera, name) * SUPERSAMPLE for name in ("fx", "fy", "cx", "cy", "width", "height")}
    )
    fragments = rasterize(fine, posed, rig.triangles)
    lit = AMBIENT + (1.04 - AMBIENT) * np.clip(vertex_normals(posed, rig.triangles) @ LIGHT, 0, 1)
    values = interpolate(fragments, np.concatenate([subject.corner_uvs, lit[rig.triangles][..., None]], -1))
    colors = np.ones((*fragments.depth.shape, 3), np.float32)
    inside = fragments.covered
    colors[inside] = sample_texture(texture, values[inside, :2]) * values[inside, 2:]
    blocks = (camera.height, SUPERSAMPLE, camera.width, SUPERSAMPLE)
    mask = fragments.covered.reshape(blocks).mean((1, 3), dtype=np.float32)
    nearest = np.where(fragments.covered, fragments.depth, np.inf).reshape(blocks).min((1, 3))
    image = np.clip(colors.reshape(*blocks, 3).mean((1, 3)), 0, 1)
    return View(camera, image, mask, np.where(mask > 0, nearest, 0).astype(np.float32))


def driving(rig: Rig) -> tuple[np.ndarray, np.ndarray]:
    """Expressions [t, k] and joint rotations [t, j, 3] of the built-in clips that training may see."""
    clips = [on_rig(builtin_clip(name), rig) for name in TRACK_CLIPS]
    rotations = np.concatenate([clip.joint_rotations for clip in clips])
    still = [index for index, name in enumerate(rig.joint_names) if name in ("root", "neck")]
    rotations[:, still] = 0
    return np.concatenate([clip.expressions for clip in clips]), rotations


def training_set(
    subject: Subject, corruption: Corruption, seed: int, folder: Path, size: int = 256, frames: int = 24
) -> tuple[ViewSet, FrameSet, Head]:
    """What training takes: static views, animated frames (written to `folder`), and the head with a texture without detail."""
    expressions, rotations = driving(subject.rig)
    times = np.linspace(TIMING_FRAMES, len(expressions) - 1 - TIMING_FRAMES, frames).round().astype(int)
    cameras = [orbit_camera(yaw, 0.0, RADIUS_METRES, size, TARGET) for yaw in YAWS]
    rest = neutral_pose(subject.rig)
    names, joints = subject.rig.expression_names, subject.rig.joint_names
    still = np.zeros((frames, 3), np.float32)
    track = Motion("moments", 1.0, names, expressions[times], joints, rotations[times], still)
    animated = FrameSet(folder, tuple(cameras[index] for index in ANIMATED), ANIMATED, track)
    views = []
    for index, distortion in enumerate(distortions(corruption, len(YAWS), seed)):
        texture = _texture_of(subject, corruption, seed, index)
        views.append(distorted(render_view(subject, texture, rest, cameras[index]), distortion))
        if index in ANIMATED:
            late = np.random.default_rng((seed, index, 1)).integers(-TIMING_FRAMES, TIMING_FRAMES + 1, frames)
            shown = times + np.round(corruption.timing * late * (index > 0)).astype(int)
            poses = [Pose(expressions[t], rotations[t], rest.translation) for t in shown]
            paths = [animated.path(index, frame) for frame in range(frames)]
            _write_frames(subject, texture, poses, cameras[index], distortion, paths)
    static = ViewSet(tuple(views), YAWS)
    coarse = Mesh(subject.rig.vertices, subject.rig.triangles, subject.corner_uvs, subject.texture(detail=0.0))
    head = Head(subject.rig, coarse, rest)
    return static, animated, head


def _texture_of(subject: Subject, corruption: Corruption, seed: int, view: int) -> Float32[np.ndarray, "s s 3"]:
    """The true texture in view 0; elsewhere as much of the fine detail as `corruption` says is drawn anew."""
    true = subject.texture()
    if view == 0 or corruption.detail == 0:
        return true
    other = subject.texture(detail_seed=1000 * (seed + 1) + view)
    return np.asarray(true + corruption.detail * (other - true), np.float32)


def _write_frames(
    subject: Subject, texture: np.ndarray, poses: list[Pose], camera: Camera, distortion: Distortion, paths: list[Path]
) -> None:
    for frame, (pose, path) in enumerate(zip(poses, paths, strict=True)):
        view = distorted(render_view(subject, texture, pose, camera), distortion, frame)
        write_png(path, to_bytes(np.dstack([view.image, view.mask])))


def evaluation_set(subject: Subject, size: int = 256) -> list[tuple[Pose, View]]:
    """Clean pictures of the person with expressions and from cameras that training never saw, with the pose that drives the rig."""
    texture, pictures = subject.texture(), []
    for index, (yaw, pitch) in enumerate(EVALUATION_CAMERAS):
        pose = evaluation_pose(subject.rig, index % len(EVALUATION_POSES))
        camera = orbit_camera(yaw, pitch, RADIUS_METRES, size, TARGET)
        pictures.append((pose, render_view(subject, texture, pose, camera)))
    return pictures
