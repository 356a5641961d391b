"""Packets of faces as targets: a decoder hears damaged ones in a row, as a socket would hand them to it."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from places import TINY

from facecraft4d.exporters.gltf.reading import read_gltf
from facecraft4d.runtime.drivers.protocols import PROTOCOLS
from facecraft4d.runtime.drivers.reading import HEAD, Reading, pose_of
from facecraft4d.toolkit.core.arkit import ARKIT_NAMES
from facecraft4d.toolkit.core.checks import UserError

FACES = tuple(
    Reading(
        {name: (index * step % 11) / 10 for index, name in enumerate(ARKIT_NAMES)}, {HEAD: (0.1 * step, -0.3, 0.05)}
    )
    for step in (0, 1, 3)
)


def sound(name: str) -> Callable[[], list[bytes]]:
    """Packets of that protocol."""
    return lambda: [PROTOCOLS[name].packet(face, frame) for frame, face in enumerate(FACES)]


def heard(name: str) -> Callable[[Path], None]:
    """Hear a packet and pose a head by what is known then. The decoder stays: what one packet leaves behind the next one finds."""
    decoder, rig = PROTOCOLS[name].decoder(), read_gltf(TINY.read_bytes(), "tiny").rig

    def hear(path: Path) -> None:
        try:
            reading = decoder.feed(path.read_bytes())
        except ValueError as refusal:
            raise UserError(ascii(str(refusal))) from refusal
        if reading is not None:
            pose = pose_of(reading, rig)
            assert np.isfinite(pose.expression).all() and np.isfinite(pose.joint_rotations).all()

    return hear
