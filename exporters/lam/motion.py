"""The body's motion in LAM's zip: twelve clips, which the player tells by their order alone."""

from typing import NamedTuple

import numpy as np

from facecraft4d.exporters.body import HEAD, HIP_POSITION
from facecraft4d.exporters.gltf.animation import xyzw_keys
from facecraft4d.exporters.gltf.glb import GlbWriter, Json
from facecraft4d.toolkit.core.geometry import smoothstep

HIP = "hip"
"""The player looks for bones of the names hip and head."""
RATE = 10.0
"""Keys a second; between two, glTF turns evenly."""


class Key(NamedTuple):
    """Where the head is turned at a time; in between it moves softly from key to key."""

    seconds: float
    nod: float
    """Degrees about +X, positive looks down."""
    turn: float
    """Degrees about +Y, positive looks to the subject's left."""
    tilt: float
    """Degrees about +Z, positive leans to the subject's right."""


CLIPS: dict[str, tuple[Key, ...]] = {
    "hello_1": (Key(0, 0, 0, 0), Key(0.7, 7, 0, 1), Key(1.4, -1, 0, 2), Key(2.2, 0, 0, 0), Key(3, 0, 0, 0)),
    "hello_2": (Key(0, 0, 0, 0), Key(0.8, 2, 0, 5), Key(1.8, 3, 0, 4), Key(2.6, 0, 0, 0), Key(3.2, 0, 0, 0)),
    "idle_1": (
        *(Key(0, 0, 0, 0), Key(2, 0.8, 1.2, 0.3), Key(4, 0.2, -0.6, 0.6), Key(6, 1.0, -1.2, 0)),
        *(Key(8, 0.3, 0.4, -0.5), Key(10, 0, 0, 0)),
    ),
    "speak_1": (Key(0, 0, 0, 0), Key(0.8, 2.5, 1, 0), Key(1.6, -1, 2, 1), Key(2.6, 1, 0, 0), Key(3.4, 0, 0, 0), Key(4, 0, 0, 0)),
    "speak_2": (Key(0, 0, 0, 0), Key(1, 1, -3, 0), Key(2, 2, -2, -1), Key(3, 0, 0, 0), Key(3.6, 0, 0, 0)),
    "speak_3": (Key(0, 0, 0, 0), Key(0.6, 3, 0, 0), Key(1.1, 0, 0, 0), Key(1.7, 2.5, 0, 0.5), Key(2.6, 0, 0, 0), Key(3.2, 0, 0, 0)),
    "speak_4": (Key(0, 0, 0, 0), Key(1.2, -1, 3, 1.5), Key(2.4, 1, 2, 1), Key(3.4, 0, 0, 0), Key(4, 0, 0, 0)),
    "speak_5": (Key(0, 0, 0, 0), Key(0.9, 1.5, 2, -1.5), Key(1.9, 0, -2, -1), Key(2.9, 1.5, 0, 0), Key(3.6, 0, 0, 0), Key(4.2, 0, 0, 0)),
    "speak_6": (Key(0, 0, 0, 0), Key(0.7, 0, 1.5, 2), Key(1.5, 2, 0, 2), Key(2.4, 0, -1, 0), Key(3, 0, 0, 0), Key(3.6, 0, 0, 0)),
    "think_1": (Key(0, 0, 0, 0), Key(1.2, -3, 4, 2.5), Key(2, -3, 4, 2.5)),
    "think_2": (Key(0, -3, 4, 2.5), Key(2, -2.2, 4.6, 2), Key(4, -3.4, 3.6, 2.8), Key(6, -3, 4, 2.5)),
    "think_3": (Key(0, -3, 4, 2.5), Key(1, 0, 0, 0), Key(1.6, 0, 0, 0)),
}  # fmt: skip
"""Two to greet, one to be idle, none to listen (the player takes the idle one), six to speak, three to think: begin, stay, end. Each ends at
rest, since the player fades to the next in the last half second."""


def body_clips(head_position: np.ndarray) -> bytes:
    """animation.glb: the bones, whose head stands at that position [3], and the clips that turn it."""
    writer = GlbWriter({"scene": 0, "scenes": [{"nodes": [0]}], "nodes": bone_nodes(head_position, first=0)})
    writer.document["asset"] = {"version": "2.0", "generator": "facecraft4d"}
    writer.document["animations"] = [_animation(writer, name, keys) for name, keys in CLIPS.items()]
    return writer.to_bytes()


def bone_nodes(head_position: np.ndarray, first: int) -> list[Json]:
    """The two bones, hip and head, as nodes from number `first` on."""
    hip = {"name": HIP, "translation": HIP_POSITION.tolist(), "children": [first + 1]}
    return [hip, {"name": HEAD, "translation": (head_position - HIP_POSITION).tolist()}]


def _animation(writer: GlbWriter, name: str, keys: tuple[Key, ...]) -> Json:
    """The head's rotation over the clip; node 1 is the head."""
    times = np.arange(round(keys[-1].seconds * RATE) + 1) / RATE
    rotations = xyzw_keys(np.radians(_between(keys, times))).astype(np.float32)
    sampler = {
        "input": writer.accessor(times.astype(np.float32), "SCALAR", None, bounds=True),
        "output": writer.accessor(rotations, "VEC4", None),
    }
    channel = {"sampler": 0, "target": {"node": 1, "path": "rotation"}}
    return {"name": name, "samplers": [sampler], "channels": [channel]}


def _between(keys: tuple[Key, ...], times: np.ndarray) -> np.ndarray:
    """Nod, turn and tilt [t, 3] at these times, at rest on every key."""
    table = np.array(keys)
    after = np.clip(np.searchsorted(table[:, 0], times, side="right"), 1, len(keys) - 1)
    before = table[after - 1]
    share = smoothstep((times - before[:, 0]) / (table[after, 0] - before[:, 0]))[:, None]
    return np.asarray(before[:, 1:] + share * (table[after] - before)[:, 1:])
