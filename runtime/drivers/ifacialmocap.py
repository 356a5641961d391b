"""iFacialMocap and Facemotion3d: apps for telephones that send a line of text per frame over UDP.

Weights from 0 to 100 with `_L` and `_R` or Left and Right behind their names, angles in degrees: https://www.ifacialmocap.com/for-developer/ and
https://www.facemotion3d.net/. The telephone begins when it is asked: it answers to whom it hears.
"""

import math
import re

from facecraft4d.exporters.expression_sets import summed
from facecraft4d.runtime.drivers.reading import HEAD, Reading, Turn

PORT = 49983
GREETING = b"iFacialMocap_sahuasouryya9218sauhuiayeta91555dy3719"
"""What the app waits for on its own port before it sends."""
MOST_PARTS = 256
"""Names in one line."""
PERCENT = 100.0

_WEIGHT = re.compile(r"(?P<name>[A-Za-z0-9_]{1,64})(?:&|-)(?P<value>-?\d{1,9}(?:\.\d{1,9})?)")
_TURN = re.compile(r"=?(?P<name>head|leftEye|rightEye)#(?P<values>.*)")


class IFacialMocap:
    """Reads both apps' lines."""

    port = PORT

    def feed(self, packet: bytes) -> Reading | None:
        """The face in a line. ValueError for anything else."""
        try:
            parts = packet.decode("utf-8").strip().split("|")
        except UnicodeDecodeError:
            raise ValueError("no text") from None
        if len(parts) > MOST_PARTS:
            raise ValueError(f"more than {MOST_PARTS} values")
        weights = [found for part in parts if (found := _WEIGHT.fullmatch(part))]
        turns = [found for part in parts if (found := _TURN.fullmatch(part))]
        if not weights and not turns:
            raise ValueError("no line of iFacialMocap")
        named = {each["name"]: float(each["value"]) / PERCENT for each in weights}
        head = {each["name"]: _angles(each["values"]) for each in turns}.get("head")
        return Reading(summed(named), {} if head is None else {HEAD: head})


def _angles(text: str) -> Turn:
    """The first three of the numbers: degrees about x, y, z."""
    values = [float(each) for each in text.split(",")[:3]]
    if len(values) < 3 or not all(math.isfinite(value) and abs(value) <= 360 for value in values):
        raise ValueError(f"angles that are none: {text[:40]}")
    x, y, z = (math.radians(value) for value in values)
    return x, y, z


def packet(reading: Reading) -> bytes:
    """One face as the app sends it."""
    weights = [f"{_short(name)}-{round(PERCENT * max(0.0, value))}" for name, value in reading.weights.items()]
    angles = ",".join(f"{math.degrees(value):.6g}" for value in reading.turns.get(HEAD, (0.0, 0.0, 0.0)))
    return "|".join([*weights, f"=head#{angles},0,0,0", "rightEye#0,0,0", "leftEye#0,0,0", ""]).encode()


def _short(name: str) -> str:
    """Left and right as the app writes them; jawLeft and mouthLeft are whole names."""
    for side in ("Left", "Right"):
        if name.endswith(side) and name.removesuffix(side) not in ("jaw", "mouth"):
            return f"{name.removesuffix(side)}_{side[0]}"
    return name
