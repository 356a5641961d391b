"""GLB files taken apart, put together and changed in one place."""

import json
import struct

from places import TINY


def split(data: bytes) -> tuple[dict, bytes]:
    """JSON and binary chunk of a GLB."""
    (length,) = struct.unpack_from("<I", data, 12)
    return json.loads(data[20 : 20 + length]), data[28 + length :]


def join(document: object, blob: bytes) -> bytes:
    text = json.dumps(document).encode()
    text += b" " * (-len(text) % 4)
    head = struct.pack("<IIIII", 0x46546C67, 2, 28 + len(text) + len(blob), len(text), 0x4E4F534A)
    return head + text + struct.pack("<II", len(blob), 0x004E4942) + blob


def changed(**at: object) -> bytes:
    """The tiny avatar's file with JSON values replaced: keys are paths with __ between the steps."""
    document, blob = split(TINY.read_bytes())
    for path, value in at.items():
        *steps, last = [int(step) if step.isdigit() else step for step in path.split("__")]
        place = document
        for step in steps:
            place = place[step]
        if value is None:
            del place[last]
        else:
            place[last] = value
    return join(document, blob)
