"""Clips as glTF animations: every viewer plays them on the rig by its own means.

glTF 2.0 specification, section 3.11: https://registry.khronos.org/glTF/specs/2.0/glTF-2.0.html#animations
"""

from collections.abc import Iterator, Sequence

import numpy as np

from facecraft4d.exporters.gltf.glb import GlbWriter, Json
from facecraft4d.toolkit.core.datatypes import Motion, Rig
from facecraft4d.toolkit.core.geometry import rotation_from_axis_angle, wxyz_from_rotation
from facecraft4d.toolkit.core.motion import on_rig

Curve = tuple[Sequence[int], str, str, np.ndarray]
"""Nodes that follow it, glTF's path, type of the accessor, a value for each key."""


def animations_of(
    writer: GlbWriter, rig: Rig, clips: Sequence[Motion], morphed: Sequence[int], first_joint: int
) -> list[Json]:
    """An animation for each clip that moves something of the rig; `morphed` are the nodes that have its expressions as morph targets.

    A last key repeats the first, as clips do (Motion.at): a viewer's loop leads over to its beginning. Channels that rest throughout are
    left out. Of clips with as many keys at the same rate all channels share one accessor of times.
    """
    times: dict[tuple[int, float], int] = {}
    found = []
    for clip in clips:
        frames = len(clip.expressions)
        curves = list(_curves(on_rig(clip, rig), rig, morphed, first_joint))
        if not curves:
            continue
        key = (frames, clip.fps)
        if key not in times:
            seconds = (np.arange(frames + 1) / clip.fps).astype(np.float32)
            times[key] = writer.accessor(seconds, "SCALAR", target=None, bounds=True)
        found.append({"name": clip.name} | _sampled(writer, times[key], curves))
    return found


def _sampled(writer: GlbWriter, times: int, curves: Sequence[Curve]) -> Json:
    """Samplers and channels of an animation whose curves share their times."""
    samplers: list[Json] = []
    channels: list[Json] = []
    for nodes, path, kind, values in curves:
        channels += [{"sampler": len(samplers), "target": {"node": node, "path": path}} for node in nodes]
        output = writer.accessor(values.astype(np.float32), kind, target=None)
        samplers.append({"input": times, "output": output, "interpolation": "LINEAR"})
    return {"samplers": samplers, "channels": channels}


def _curves(motion: Motion, rig: Rig, morphed: Sequence[int], first_joint: int) -> Iterator[Curve]:
    """What the motion, laid out for the rig, moves."""
    if motion.expressions.any():
        yield morphed, "weights", "SCALAR", _looped(motion.expressions).ravel()
    for joint in np.flatnonzero(motion.joint_rotations.any((0, 2))).tolist():
        yield [first_joint + joint], "rotation", "VEC4", xyzw_keys(_looped(motion.joint_rotations[:, joint]))
    if motion.translations.any():
        for joint, parent in enumerate(rig.joint_parents):
            if parent < 0:  # the translation moves the whole head
                yield (
                    [first_joint + joint],
                    "translation",
                    "VEC3",
                    _looped(motion.translations) + rig.joint_positions[joint],
                )


def _looped(values: np.ndarray) -> np.ndarray:
    """Rows with the first once more at the end."""
    return np.concatenate([values, values[:1]])


def xyzw_keys(axis_angles: np.ndarray) -> np.ndarray:
    """Unit quaternions [n, 4] of axis-angle rows, none in the opposite half of the one before: interpolation takes the short way."""
    wxyz = wxyz_from_rotation(rotation_from_axis_angle(axis_angles.astype(np.float64)))
    return np.roll(on_one_side(wxyz), -1, 1)


def on_one_side(quaternions: np.ndarray) -> np.ndarray:
    """The same rotations [n, 4], each in the half of the one before."""
    signs = np.where((quaternions[1:] * quaternions[:-1]).sum(1) < 0, -1.0, 1.0)
    return np.asarray(quaternions * np.cumprod([1.0, *signs])[:, None])
