"""What the inside of every mouth looks like under full light: one palette for the stages that paint it."""

import numpy as np
from jaxtyping import Float32

from facecraft4d.toolkit.core.datatypes import Rig
from facecraft4d.toolkit.core.rigging import vertices_in_regions

TOOTH_RGB, GUM_RGB, TONGUE_RGB, CAVITY_RGB = np.array(
    [[0.97, 0.91, 0.81], [0.78, 0.42, 0.40], [0.84, 0.45, 0.43], [0.55, 0.20, 0.19]], np.float32
)
"""Colours beside white."""

ARCH_DEPTH, TOOTH_RADIANS = 0.032, 0.19
"""The dental arch's middle lies this many metres behind its front; a tooth seen from there is so wide."""

GAP, GAP_DARK = 0.09, 0.28
"""Half width of the line between two teeth in widths of a tooth, and how much darker it is."""

GAPS_FADE = 0.015
"""Metres behind the front of the arch by which the lines fade: from the side they would be seen as stripes."""

CROWN, GUM_ARCH, GUM_EDGE = 0.0095, 0.0015, 0.0006
"""Metres of a tooth outside of its gum, by how much gums rise over a tooth's middle, and how soft their edge is."""

GROOVE, GROOVE_DARK = 0.003, 0.1
"""Half width of the tongue's middle line in metres, and how much darker it is."""

INCISORS = 0.006
"""Metres behind the front of a row of teeth in which its incisors lie."""


def crowns(rig: Rig) -> Float32[np.ndarray, " v"]:
    """How far each vertex of the teeth lies from its row's cutting edge at rest, metres; 0 elsewhere."""
    teeth = vertices_in_regions(rig, "teeth", optional=True)
    crown = np.zeros(len(rig.vertices), np.float32)
    lower = rig.skin_weights[:, rig.joint_names.index("jaw")] > 0.5
    for row, sign in ((teeth & ~lower, 1), (teeth & lower, -1)):
        if row.any():
            height, depth = sign * rig.vertices[row, 1], rig.vertices[row, 2]
            crown[row] = height - height[depth > depth.max() - INCISORS].min()
    return crown


def tooth_colors(
    rest: Float32[np.ndarray, "n 3"], crown: Float32[np.ndarray, "n 1"], front: float
) -> Float32[np.ndarray, "n 3"]:
    """Teeth around the dental arch whose `front` is at that Z: a darker line between two, gums beyond the crown."""
    angle = np.arctan2(rest[:, :1], rest[:, 2:] - front + ARCH_DEPTH)
    off_gap = np.abs((angle / TOOTH_RADIANS + 0.5) % 1 - 0.5)
    back = (front - rest[:, 2:]) / GAPS_FADE
    tooth = TOOTH_RGB * (1 - GAP_DARK * np.exp(-((off_gap / GAP) ** 2) - back**2))
    gum = np.clip((crown - CROWN - GUM_ARCH * (2 * off_gap - 1)) / GUM_EDGE + 0.5, 0, 1)
    return np.asarray(tooth + gum * (GUM_RGB - tooth), np.float32)


def tongue_colors(rest: Float32[np.ndarray, "n 3"]) -> Float32[np.ndarray, "n 3"]:
    """The tongue with its middle line, by the place at rest."""
    groove = 1 - GROOVE_DARK * np.exp(-((rest[:, :1] / GROOVE) ** 2))
    return np.asarray(TONGUE_RGB * groove, np.float32)
