"""Reads the weights of a Keras network that TensorFlow.js shares out over scripts: a list of names, shapes and 8-bit ranges, then base64.

The scripts are joined into one file (weights/table.py). They are searched for the two things, nothing of them runs.
"""

import base64
import math
import re
from pathlib import Path

import numpy as np

from facecraft4d.toolkit.core.untrusted.door import Budget, at_the_border, read_untrusted

WHAT = "the scripts of nsfwjs' inception_v3, joined"
LARGEST_FILE = 64 << 20
"""Bytes: they have 30 MB."""
MOST_TENSORS = 4096
MOST_SIDES = 4
LIST = b"weightsManifest:"
NUMBER = rb"[-+0-9.eE]{1,32}"
ENTRY = re.compile(
    rb'\{name:"([\w/]{1,128})",shape:\[([0-9,]{0,64})\],dtype:"float32"'
    rb"(?:,quantization:\{min:(" + NUMBER + rb"),scale:(" + NUMBER + rb'),dtype:"uint8"\})?\}'
)
CONTENT = re.compile(rb'"([A-Za-z0-9+/]{1024,}={0,2})"')


def read_weights(path: Path) -> dict[str, np.ndarray]:
    """Every tensor by its name, as float32. UserError for a file that is something else, or whose numbers are not as many as it lists."""
    data = read_untrusted(path, WHAT, LARGEST_FILE)
    with at_the_border(path, WHAT):
        budget = Budget(len(data))
        numbers = b"".join(base64.b64decode(each[1], validate=True) for each in CONTENT.finditer(data))
        entries = ENTRY.findall(data, max(data.find(LIST), 0))
        if not 0 < len(entries) <= MOST_TENSORS:
            raise ValueError(f"{len(entries)} tensors")
        arrays, place = {}, 0
        for name, sides, least, step in entries:
            shape = tuple(int(side) for side in sides.split(b",") if side)
            dtype = np.dtype("u1" if step else "<f4")
            if len(shape) > MOST_SIDES or place + math.prod(shape) * dtype.itemsize > len(numbers):
                raise ValueError(f"{name.decode()} of shape {shape} where {len(numbers) - place:,} bytes are left")
            budget.spend_array(shape, np.float32, name.decode())
            array = np.frombuffer(numbers, dtype, math.prod(shape), place).astype(np.float32).reshape(shape)
            arrays[name.decode()] = array * np.float32(step) + np.float32(least) if step else array
            place += math.prod(shape) * dtype.itemsize
        if place != len(numbers):
            raise ValueError(f"{len(numbers) - place:,} bytes that belong to no tensor")
        return arrays
