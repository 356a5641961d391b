"""How a figure looks: its albedo as a map, the light on it, and which of its triangles are looked at."""

from dataclasses import dataclass, field

import numpy as np
import torch
from jaxtyping import Bool, Float32, Float64, Int32

from facecraft4d.toolkit.core.datatypes import Camera, Pose, Rig
from facecraft4d.toolkit.core.geometry import normalized, project
from facecraft4d.toolkit.core.rigging import pose_vertices
from facecraft4d.toolkit.fitting.colour import BEFORE, Albedo, Samples, texture_coordinates
from facecraft4d.toolkit.fitting.figure import Figure
from facecraft4d.toolkit.fitting.observation import Observation
from facecraft4d.toolkit.fitting.shading import sh_basis
from facecraft4d.toolkit.meshes.graph import parts
from facecraft4d.toolkit.meshes.raster import rasterize, sample_texture

MOVING_METRES, MOVING_SHARE = 3e-4, 0.02
"""What an expression at full weight moves by this much, or jaw and eyes carry by this share, tells of the pose."""
LIGHT_RIDGE = 0.05
"""Of light that is not the same from everywhere, beside the mean square of what it explains."""
LEAST_ALBEDO = 0.05
"""Darker albedo tells nothing of the light."""


@dataclass(frozen=True, slots=True, eq=False)
class Still:
    """A picture of a pose that is known, from where a camera of the moving ones stands: what it shows, it shows as these do."""

    camera: Camera
    image: Float32[np.ndarray, "h w 3"]
    depth: Float32[np.ndarray, "h w"]
    """Of the figure in that pose, camera z in metres; infinity where there is none."""
    piece: Int32[np.ndarray, "h w"]
    """Of the mesh that is seen: an eye lies a few millimetres behind its lids."""
    posed: Float32[np.ndarray, "v 3"]

    def colours(
        self, samples: Samples, triangles: Int32[np.ndarray, "f 3"], pieces: Int32[np.ndarray, " f"]
    ) -> tuple[Float32[np.ndarray, "n 3"], Bool[np.ndarray, " n"]]:
        """Of samples of the surface, and which of them the picture shows, in all four pixels around each."""
        points = np.einsum("nc,ncx->nx", samples.barycentrics, self.posed[triangles[samples.triangle]])
        pixels, z = project(self.camera, points)
        columns, rows = np.floor(pixels - 0.5).astype(np.int64).T
        seen = (columns >= 0) & (columns + 1 < self.camera.width) & (rows >= 0) & (rows + 1 < self.camera.height)
        columns, rows = columns.clip(0, self.camera.width - 2), rows.clip(0, self.camera.height - 2)
        for right, down in np.ndindex(2, 2):
            at = rows + down, columns + right
            seen &= (self.piece[at] == pieces[samples.triangle]) & (np.abs(self.depth[at] - z) < BEFORE)
        return sample_texture(self.image, pixels / (self.camera.width, self.camera.height)), seen


@dataclass(slots=True)
class Skin:
    """Albedo, light, and what is compared."""

    known: Albedo
    """What is seen in a pose that is known."""
    albedo: Albedo
    """What was seen in poses that were found."""
    light: Float64[np.ndarray, "9 3"]
    wanted: Bool[np.ndarray, " f"]
    """Triangles whose colours are compared."""
    pieces: Int32[np.ndarray, " f"]
    """The piece of the mesh that each triangle belongs to."""
    stills: tuple[Still, ...] = ()
    """One for each camera, or none."""
    shown: Float32[np.ndarray, "s s 3"] = field(init=False)
    """The albedo's map as it was when the last fit began."""

    def __post_init__(self) -> None:
        self.refresh()

    def refresh(self) -> None:
        """Take what the albedos have learned into account."""
        self.shown = self.known.joined(self.albedo).map()

    def learn(self, painted: Albedo, share: float) -> None:
        """Take `share` of what was painted for what found poses show."""
        painted.fade(share)
        self.albedo = painted
        self.refresh()

    def expected(
        self, samples: Samples, figure: Figure, normals: Float32[np.ndarray, "v 3"], view: int
    ) -> Float32[np.ndarray, "n 3"]:
        """What samples should look like to a camera: as its still picture has them, and where it shows none of them as the lit albedo."""
        albedo = sample_texture(self.shown, texture_coordinates(figure.corner_uvs, samples))
        lit = np.asarray(albedo * self.shade(samples, figure, normals), np.float32)
        if not self.stills:
            return lit
        colours, seen = self.stills[view].colours(samples, figure.rig.triangles, self.pieces)
        return np.where(seen[:, None], colours, lit)

    def shade(
        self, samples: Samples, figure: Figure, normals: Float32[np.ndarray, "v 3"]
    ) -> Float64[np.ndarray, "n 3"]:
        """The light on samples."""
        return np.asarray(basis(samples, figure, normals) @ self.light)


def basis(samples: Samples, figure: Figure, normals: Float32[np.ndarray, "v 3"]) -> Float64[np.ndarray, "n 9"]:
    """Spherical harmonics of the smooth normals at samples."""
    around = normals[figure.rig.triangles[samples.triangle]].astype(np.float64)
    smooth = normalized(np.einsum("nc,ncx->nx", samples.barycentrics.astype(np.float64), around))
    return np.asarray(sh_basis(torch.from_numpy(smooth)).numpy())


def plain_light() -> Float64[np.ndarray, "9 3"]:
    """White, the same from everywhere."""
    light = np.zeros((9, 3))
    light[0] = 1
    return light


def skin_of(rig: Rig, known: Albedo) -> Skin:
    """Nothing found yet, in plain light."""
    pieces = parts(rig.triangles, len(rig.vertices))[rig.triangles[:, 0]].astype(np.int32)
    return Skin(known, Albedo.begin(known.fallback), plain_light(), telling(rig), pieces)


def still_of(figure: Figure, skin: Skin, pose: Pose, seen: Observation) -> Still:
    """A picture of the figure in a pose that is known."""
    posed = pose_vertices(figure.rig, pose)
    drawn = rasterize(seen.camera, posed, figure.rig.triangles, cull_backfaces=True)
    depth = np.where(drawn.covered & seen.segments.matte, drawn.depth, np.inf).astype(np.float32)
    return Still(seen.camera, seen.image, depth, skin.pieces[drawn.triangle], posed)


def telling(rig: Rig) -> Bool[np.ndarray, " f"]:
    """Triangles that expressions, jaw or eyes move."""
    moving = np.linalg.norm(rig.expression_deltas, axis=-1).max(0) > MOVING_METRES
    carried = [rig.joint_names.index(name) for name in ("jaw", "eye_left", "eye_right")]
    moving |= rig.skin_weights[:, carried].max(1) > MOVING_SHARE
    return np.asarray(moving[rig.triangles].any(1))
