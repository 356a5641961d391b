"""What LAM_Audio2Expression writes: names once, then a list of weights per frame, 30 frames a second.

{"names": ["browDownLeft", ...], "metadata": {"fps": 30}, "frames": [{"weights": [0.01, ...]}, ...]}
"""

import json
from typing import Any

import numpy as np

from facecraft4d.exporters.expression_sets import summed
from facecraft4d.toolkit.core.arkit import ARKIT_NAMES
from facecraft4d.toolkit.core.checks import UserError
from facecraft4d.toolkit.core.datatypes import Motion
from facecraft4d.toolkit.core.motion import MOST_WEIGHT
from facecraft4d.toolkit.core.tables import FPS, MAX_ROWS

RATE = 30.0
"""Frames a second where the file says nothing."""
MOST_NAMES = 1024


def parse(name: str, data: bytes) -> Motion:
    """A clip from the bytes of a file of that name. UserError for what is none."""
    try:
        document = json.loads(data)
        names, frames = document["names"], document["frames"]
        rate = document.get("metadata", {}).get("fps", RATE)
        rows = [frame["weights"] for frame in frames]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise UserError(f'{name}: expected a clip {{"names": [...], "frames": [{{"weights": [...]}}, ...]}}') from None
    _check(name, names, rows, rate)
    try:
        values = np.array(rows, np.float64)
    except (ValueError, TypeError, OverflowError):
        raise UserError(f"{name}: every frame must hold {len(names)} numbers, one for each name") from None
    if values.shape != (len(rows), len(names)) or not (np.abs(values) <= MOST_WEIGHT).all():
        raise UserError(f"{name}: every frame must hold {len(names)} numbers within {MOST_WEIGHT:g}, one for each name")
    shares = np.array([[summed({each: 1.0}).get(arkit, 0.0) for arkit in ARKIT_NAMES] for each in names])
    still = np.zeros((len(rows), 1, 3), np.float32)
    weights = (values @ shares).astype(np.float32)
    return Motion(name.removesuffix(".json"), float(rate), ARKIT_NAMES, weights, ("neck",), still, still[:, 0])


def _check(name: str, names: Any, rows: list[Any], rate: Any) -> None:
    if (
        not isinstance(names, list)
        or not 0 < len(names) <= MOST_NAMES
        or not all(isinstance(each, str) for each in names)
    ):
        raise UserError(f"{name}: expected names, a list of 1 to {MOST_NAMES} texts")
    if not 2 <= len(rows) <= MAX_ROWS:
        raise UserError(f"{name}: expected 2 to {MAX_ROWS:,} frames, found {len(rows)}")
    if not isinstance(rate, int | float) or not FPS[0] <= rate <= FPS[1]:
        raise UserError(f"{name}: expected {FPS[0]:g} to {FPS[1]:g} frames a second, found {rate!r}")


def written(clip: Motion) -> bytes:
    """The clip's expressions; heads do not turn in this format."""
    columns = {name: index for index, name in enumerate(clip.expression_names)}
    frames = [
        {"weights": [round(float(row[columns[name]]), 5) if name in columns else 0.0 for name in ARKIT_NAMES]}
        for row in clip.expressions
    ]
    document = {"names": list(ARKIT_NAMES), "metadata": {"fps": clip.fps, "frame_count": len(frames)}, "frames": frames}
    return json.dumps(document).encode("ascii")
