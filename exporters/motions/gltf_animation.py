"""Animations of glTF files as clips: morph targets by their names, joints by ours.

glTF 2.0 specification, section 3.11. Tangents of cubic curves are left out: their keys are joined by lines.
"""

from typing import Any

import numpy as np

from facecraft4d.exporters.expression_sets import summed
from facecraft4d.exporters.gltf.animation import on_one_side
from facecraft4d.exporters.gltf.glb import FLOAT, GlbReader, Json
from facecraft4d.toolkit.core.arkit import ARKIT_NAMES, JOINT_NAMES
from facecraft4d.toolkit.core.checks import UserError
from facecraft4d.toolkit.core.datatypes import Motion
from facecraft4d.toolkit.core.geometry import axis_angle_from_wxyz, multiply_wxyz, normalized
from facecraft4d.toolkit.core.tables import FPS, MAX_ROWS

MOST_CHANNELS = 1024
MOST_SECONDS = 36_000.0
MOST_FPS = 120.0
"""Clips are laid out at the rate of an animation's closest keys, and at no more than this."""


@np.errstate(all="ignore")  # numbers that are none are found by checks, not by warnings
def parse(name: str, data: bytes, within: str) -> Motion:
    """The animation of that name in a GLB, or its first. UserError for what is none, or moves no face."""
    reader = GlbReader(data, name)
    try:
        animation = _chosen(reader, within)
        curves = _curves(reader, animation)
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        raise reader.fail(f"its animation cannot be read: {error}") from None
    if not curves:
        raise reader.fail("its animation moves none of ARKit's expressions and none of our joints")
    times = _times(reader, [curve[1] for curve in curves])
    weights = np.zeros((len(times), len(ARKIT_NAMES)))
    turns = np.zeros((len(times), len(JOINT_NAMES), 3))
    for where, keys, values in curves:
        rows = np.stack([np.interp(times, keys, column) for column in values.T], -1)
        if where is None:
            weights += rows
        else:
            turns[:, where] = axis_angle_from_wxyz(normalized(rows))
    fps = round(1 / (times[1] - times[0]), 3)
    loops = len(times) > 2 and np.allclose(weights[0], weights[-1]) and np.allclose(turns[0], turns[-1])
    count = len(times) - loops  # a last key that repeats the first: clips do so of themselves
    title = str(animation.get("name") or name.removesuffix(".glb"))
    return Motion(
        title, fps, ARKIT_NAMES, weights[:count].astype(np.float32), JOINT_NAMES, turns[:count].astype(np.float32),
        np.zeros((count, 3), np.float32),
    )  # fmt: skip


def _chosen(reader: GlbReader, within: str) -> Json:
    found = [each for each in reader.document.get("animations", []) if isinstance(each, dict)]
    if not found:
        raise reader.fail("holds no animation")
    if not within:
        return dict(found[0])
    for each in found:
        if each.get("name") == within:
            return dict(each)
    raise reader.fail(f"has no animation {within}; it has {', '.join(str(each.get('name')) for each in found[:20])}")


Curve = tuple[int | None, np.ndarray, np.ndarray]
"""A joint (None for ARKit's weights), times of the keys, and a row for each: 52 weights, or a quaternion wxyz."""


def _curves(reader: GlbReader, animation: Json) -> list[Curve]:
    channels = animation["channels"]
    curves: list[Curve] = []
    if len(channels) > MOST_CHANNELS:
        raise ValueError(f"it has {len(channels)} channels, at most {MOST_CHANNELS}")
    weighed = False
    for channel in channels:
        node = reader.item("nodes", channel["target"].get("node"))
        sampler, path = animation["samplers"][channel["sampler"]], channel["target"]["path"]
        joint = str(node.get("name", "")).lower()
        if path == "weights" and not weighed:
            curves.append((None, *_weights(reader, sampler, node)))
            weighed = True
        elif path == "rotation" and joint in JOINT_NAMES:
            curves.append((JOINT_NAMES.index(joint), *_rotation(reader, sampler, node)))
    return [curve for curve in curves if curve[2].size]


def _keys(reader: GlbReader, sampler: Json) -> np.ndarray:
    keys = reader.array(sampler["input"], "SCALAR", (FLOAT,)).astype(np.float64)
    if not (np.isfinite(keys).all() and (np.diff(keys) > 0).all() and 0 <= keys[0] and keys[-1] <= MOST_SECONDS):
        raise ValueError("the times of its keys do not increase")
    return keys


def _weights(reader: GlbReader, sampler: Json, node: Json) -> tuple[np.ndarray, np.ndarray]:
    """Keys, and ARKit's weights [keys, 52] of the morph targets whose names mean any."""
    names = reader.item("meshes", node.get("mesh")).get("extras", {}).get("targetNames", [])
    keys = _keys(reader, sampler)
    values = reader.fractions(sampler["output"], "SCALAR").reshape(len(keys) * _per_key(sampler), len(names))
    shares = np.array([[summed({str(each): 1.0}).get(arkit, 0.0) for arkit in ARKIT_NAMES] for each in names])
    return keys, _finite(_middle(values, sampler) @ shares.reshape(len(names), len(ARKIT_NAMES)))


def _rotation(reader: GlbReader, sampler: Json, node: Json) -> tuple[np.ndarray, np.ndarray]:
    """Keys, and rotations wxyz [keys, 4] from the node's own, each on the side of the one before."""
    keys = _keys(reader, sampler)
    xyzw = _middle(reader.array(sampler["output"], "VEC4", (FLOAT,), len(keys) * _per_key(sampler)), sampler).astype(
        np.float64
    )
    rest = np.asarray(node.get("rotation", [0, 0, 0, 1]), np.float64) * (-1, -1, -1, 1)
    wxyz = multiply_wxyz(np.roll(xyzw, 1, 1), np.roll(np.broadcast_to(rest, xyzw.shape), 1, 1))
    return keys, _finite(on_one_side(wxyz))


def _per_key(sampler: Json) -> int:
    return 3 if sampler.get("interpolation") == "CUBICSPLINE" else 1


def _middle(values: np.ndarray, sampler: Json) -> np.ndarray:
    """Of a cubic curve's in-tangents, values and out-tangents the values."""
    return np.asarray(values[1::3] if _per_key(sampler) == 3 else values)


def _finite(values: Any) -> np.ndarray:
    if not np.isfinite(values).all():
        raise ValueError("its keys hold what is no number")
    return np.asarray(values, np.float64)


def _times(reader: GlbReader, keys: list[np.ndarray]) -> np.ndarray:
    """Even steps over all the keys."""
    last, steps = max(each[-1] for each in keys), [np.diff(each).min() for each in keys if len(each) > 1]
    step = max(min(steps, default=1 / FPS[0]), 1 / MOST_FPS)
    count = round(float(last) / step) + 1
    if not 2 <= count <= MAX_ROWS:
        raise UserError(f"{reader.name}: expected an animation of 2 to {MAX_ROWS:,} frames, found {count}")
    return np.asarray(np.arange(count) * (last / (count - 1)))
