"""How many splats are drawn over each other, for a budget of pixels: what a splat head costs near the camera.

    python benchmarks/bench_overdraw.py my_head/avatar.glb [--document docs/embedding.md]

For the whole and for levels of detail, seen from in front with the head at rest: the pixels of all splats in which they are not left out
(opacity times Gaussian at least 1/255: an ellipse of area pi sqrt(det C) 2 ln(255 opacity)), divided by the pixels that the head covers.
"""

import argparse
from pathlib import Path
from typing import NamedTuple

import numpy as np
from page import put_table

from facecraft4d.exporters import load
from facecraft4d.exporters.gltf.writing import export_gltf
from facecraft4d.runtime.camera import framing
from facecraft4d.runtime.software import draw_splats
from facecraft4d.toolkit.core.asset import Avatar
from facecraft4d.toolkit.core.datatypes import Camera, Splats
from facecraft4d.toolkit.core.geometry import rotation_from_wxyz, transform_points
from facecraft4d.toolkit.core.rigging import place_splats
from facecraft4d.toolkit.splatting.settings import Settings

HEIGHTS = (100, 400, 1000)
"""Pixels from the head's lowest covered row to its highest: in a crowd, in a room, a portrait."""
SHARES = (1.0, 0.5, 0.25, 0.125)
"""Of the splats, from the first."""
PROBE = 512
"""Pixels of the picture that finds how much of it the head fills."""


class Seen(NamedTuple):
    """What one level costs at one size."""

    covered: int
    """Pixels of the head."""
    drawn: float
    """Pixels of all its splats."""


def footprints(splats: Splats, camera: Camera) -> np.ndarray:
    """Pixels [n] of each splat's ellipse; 0 for those that are left out."""
    settings = Settings(camera.width, camera.height)
    x, y, z = transform_points(camera.camera_from_world, splats.means.astype(np.float64)).T
    zero = np.zeros_like(z)
    rows = np.stack([camera.fx / z, zero, -camera.fx * x / z**2, zero, camera.fy / z, -camera.fy * y / z**2], -1)
    axes = camera.camera_from_world[:3, :3] @ rotation_from_wxyz(splats.rotations_wxyz.astype(np.float64))
    half = rows.reshape(-1, 2, 3) @ axes * splats.scales[:, None]
    covariance = half @ half.transpose(0, 2, 1) + settings.eps2d * np.eye(2)
    squared = 2 * np.log(np.maximum(splats.opacities / settings.alpha_cutoff, 1))
    return np.where(z > settings.near_plane, np.pi * np.sqrt(np.linalg.det(covariance)) * squared, 0)


def seen(avatar: Avatar, camera: Camera) -> Seen:
    """One level at rest."""
    splats = place_splats(avatar.splats, avatar.rig.vertices, avatar.rig)
    alpha = draw_splats(splats, camera)[..., 3]
    return Seen(int((alpha > 0.5).sum()), float(footprints(splats, camera).sum()))


def cameras(avatar: Avatar) -> list[Camera]:
    """In front of the head, with as many pixels as make it so high."""
    place = framing(avatar)
    splats = place_splats(avatar.splats, avatar.rig.vertices, avatar.rig)
    rows = np.flatnonzero((draw_splats(splats, place.camera(PROBE, PROBE))[..., 3] > 0.5).any(1))
    filled = (np.ptp(rows) + 1) / PROBE
    return [place.camera(size, size) for size in (round(height / filled) for height in HEIGHTS)]


def table(avatar: Avatar) -> str:
    """Rows of Markdown, one for each level."""
    views, count = cameras(avatar), len(avatar.splats.means)
    heights = " | ".join(f"{height} px high" for height in HEIGHTS)
    lines = [f"| splats | bytes, GLB | {heights} |", "| --- " * (2 + len(HEIGHTS)) + "|"]
    for share in SHARES:
        level = avatar.level(round(share * count))
        megabytes = len(export_gltf(Avatar(level.rig, level.splats, level.provenance))) / 1e6
        costs = [seen(level, view) for view in views]
        cells = " | ".join(f"{each.drawn / each.covered:.1f} ({each.drawn / 1e6:.2f} M)" for each in costs)
        lines.append(f"| {len(level.splats.means):,} | {megabytes:.1f} MB | {cells} |")
    return "\n".join(lines)


def main() -> None:
    """Print the table, or put it into a page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("avatar", type=Path)
    parser.add_argument("--document", type=Path)
    options = parser.parse_args()
    text = table(load(options.avatar))
    print(text)
    if options.document:
        put_table(options.document, text)


if __name__ == "__main__":
    main()
