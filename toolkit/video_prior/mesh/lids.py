"""Closing lids: their own few pixels give way to skin of the colour around them, with a crease and a line of lashes."""

import cv2
import numpy as np
from jaxtyping import Float32

from facecraft4d.toolkit.core.geometry import project, smoothstep, transform_points
from facecraft4d.toolkit.meshes.raster import Fragments
from facecraft4d.toolkit.video_prior.mesh.source import FINE, SAME_SURFACE, Source
from facecraft4d.toolkit.video_prior.mesh.surface import Surface

FOLDED = (0.001, 0.004)
"""Metres that a lid has come down: up to the first it shows the picture's pixels, from the second on they would be lashes and fold drawn out."""

OF_LID = 0.25
"""Share in a blink from which skin belongs to the lid wholly; cheeks and brows, which also come down, hardly blink."""

LASH_LINE, LASH_WIDTH = 0.4, 0.0008
"""Brightness of the line of lashes of a closed eye relative to the lids, and its width in metres."""

CREASE_SHARE, CREASE_WIDTH, CREASE = 0.42, 0.07, 0.08
"""Share in the blink of the skin in the lid's crease, the width of the crease in shares, and how much darker it is."""


def folded(source: Source, surface: Surface, vertices: Float32[np.ndarray, "v 3"]) -> Float32[np.ndarray, " v"]:
    """How far each vertex that blinks has come down with a closing lid since the picture, 0 to 1."""
    down = transform_points(source.camera.camera_from_world, vertices)[:, 1] - source.points[:, 1]
    share = smoothstep((down - FOLDED[0]) / (FOLDED[1] - FOLDED[0]))
    return np.asarray(share * np.clip(surface.blink / OF_LID, 0, 1), np.float32)


def crease_light(source: Source, surface: Surface, vertices: Float32[np.ndarray, "v 3"]) -> Float32[np.ndarray, " v"]:
    """Brightness of the fill of a closing lid beside that of the skin around it: less in the crease."""
    crease = np.exp(-(((surface.blink - CREASE_SHARE) / CREASE_WIDTH) ** 2))
    return np.asarray(1 - CREASE * crease * folded(source, surface, vertices), np.float32)


def lash_line(
    source: Source, surface: Surface, vertices: Float32[np.ndarray, "v 3"], fine: Fragments
) -> Float32[np.ndarray, "fh fw"]:
    """Where the lashes of a closing lid are, 0 to 1: along the edge of the upper lid, as far as it is in sight."""
    line = np.zeros(fine.depth.shape, np.float32)
    closing = folded(source, surface, vertices)
    for edge in surface.upper_edges:
        if len(edge) < 2 or not closing[edge].any():
            continue
        pixels, depth = project(source.camera, vertices[edge])
        column, row = np.clip((FINE * pixels).astype(int), 0, np.array(line.shape[::-1]) - 1).T
        around = cv2.dilate(fine.depth, np.ones((3, 3)))[row, column]
        along = np.linspace(0, 1, len(edge))
        strength = closing[edge].max() * np.sqrt(4 * along * (1 - along)) * (depth < around + SAME_SURFACE)
        width = max(1, round(FINE * LASH_WIDTH * source.camera.fx / float(depth.mean())))
        points = np.round((FINE * pixels - 0.5) * 16).astype(int)
        for k in range(len(edge) - 1):
            value = float(min(strength[k], strength[k + 1]))
            stroke = cv2.line(
                np.zeros_like(line, np.uint8), points[k].tolist(), points[k + 1].tolist(), 255, width, cv2.LINE_AA, 4
            )
            np.maximum(line, value * stroke.astype(np.float32) / 255, out=line)
    return np.asarray(cv2.GaussianBlur(line, (0, 0), 0.4 * FINE) if line.any() else line, np.float32)
