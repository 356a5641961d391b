"""Paints the assembled head: the photograph where it sees it well, and completion that passes smoothly into it where it does not.

What is completed has a base and a grain. The base is the albedo, which spreads over the mesh itself from what was seen, under the light
of the photograph; where the photograph sees the surface it is the smoothed photograph again, so no step can arise. The grain is made of
pieces of the photograph's own, scattered over the surface.
"""

from dataclasses import dataclass

import numpy as np
import scipy.ndimage
from jaxtyping import Bool, Float32

from facecraft4d.toolkit.core.datatypes import Rig
from facecraft4d.toolkit.core.geometry import LUMA, normalized
from facecraft4d.toolkit.core.pixels import srgb_from_linear
from facecraft4d.toolkit.core.rigging import in_regions
from facecraft4d.toolkit.shape_prior.parametric.assembly import HAIR, SKIN, TORSO, Assembly
from facecraft4d.toolkit.shape_prior.parametric.paint.appearance import eye_mask, paint_inside
from facecraft4d.toolkit.shape_prior.parametric.paint.grain import Source, Surface, scattered, strands, surface
from facecraft4d.toolkit.shape_prior.parametric.paint.light import Light
from facecraft4d.toolkit.shape_prior.parametric.paint.spread import Base, albedo, light_of
from facecraft4d.toolkit.shape_prior.parametric.paint.stuff import plain_skin, seen_as, usable
from facecraft4d.toolkit.shape_prior.parametric.paint.texels import (
    GRAZING,
    ReferenceView,
    Texels,
    Visibility,
    label_blur,
    posed_normals,
    sample_picture,
    texels,
    visibility,
)

_BASE_METRES = {SKIN: 0.003, HAIR: 0.02, TORSO: 0.005}
"""Width of the smoothing that parts a part's base from its grain: locks of hair are grain, a shirt's stripes are not."""
_PIECE_METRES = {SKIN: 0.01, HAIR: 0.03, TORSO: 0.02}
"""Radius of the pieces of grain: wider than a lock, or a few pores."""
_DARK = 0.05
"""Added to the base where the grain is told as a share of it: black hair has grain as well."""
_MOST_GRAIN = 3.0
"""Times its root mean square to which grain is cut: what stands out (a mole, a highlight) must not be spread."""
_WELL = 0.6
"""Trust from which pieces of grain are taken around a texel."""
_CALM = 0.7
"""Part of the well seen texels, the calmer ones, around which pieces are taken."""
_MIDDLES = 4096
"""Most texels that pieces are drawn from."""
_STRANDS_METRES = 0.012
"""Smoothing of the direction of strands."""
_EYE_EDGE = 0.7
"""Pixels of smoothing of the open eye's border."""


def paint(
    assembly: Assembly, photo: ReferenceView, size: int, rng: np.random.Generator
) -> Float32[np.ndarray, "s s 3"]:
    """The texture of the whole head, `size` texels square, sRGB; texels that no triangle owns repeat their neighbours."""
    table = texels(assembly, size)
    light = light_of(assembly, photo, plain_skin(photo))
    parts = assembly.triangle_parts[table.triangles]
    texture, owned = np.zeros((size, size, 3), np.float32), np.zeros((size, size), bool)
    for part in (SKIN, HAIR, TORSO):
        piece = table.of(parts == part)
        if len(piece.rows):
            texture[piece.rows, piece.columns] = _paint_part(_Part(assembly, photo, piece, part, light), rng)
            owned[piece.rows, piece.columns] = True
    nearest = scipy.ndimage.distance_transform_edt(~owned, return_distances=False, return_indices=True)
    return np.asarray(texture[tuple(nearest)].clip(0, 1), np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class _Part:
    """A part to be painted."""

    assembly: Assembly
    photo: ReferenceView
    piece: Texels
    """The part's texels."""
    part: int
    light: Light

    @property
    def pixels_per_metre(self) -> float:
        """Of the photograph, at the head's middle."""
        depth = self.photo.depth[self.photo.depth > 0]
        return self.photo.camera.fx / max(float(np.median(depth)) if len(depth) else 1.0, 1e-3)


def _paint_part(of: _Part, rng: np.random.Generator) -> Float32[np.ndarray, "n 3"]:
    """Colours of the part's texels."""
    assembly, photo, piece, part = of.assembly, of.photo, of.piece, of.part
    faces, normals = assembly.rig.triangles, posed_normals(assembly)
    points = piece.spread(assembly.posed, faces).astype(np.float32)
    facing = normalized(piece.spread(normals, faces)).astype(np.float32)
    own = visibility(photo, points, facing)
    mask = usable(photo, part)
    low = label_blur(photo.image, mask, _BASE_METRES[part] * of.pixels_per_metre)
    base = Base(srgb=low, label=scipy.ndimage.binary_erosion(mask).astype(np.float32), part=part)
    tone = piece.spread(albedo(assembly, photo, base, of.light), faces)
    filled = srgb_from_linear(tone * of.light.shading(facing)[:, None]).astype(np.float32)
    trust = own.trust(GRAZING) * seen_as(photo, part, own)
    filled = filled + (filled + _DARK) * _grain(of, low, (points, facing), own, trust, rng)
    if part == SKIN:
        inside = paint_inside(assembly, piece, photo.portrait)
        covers = inside.covers[:, None]
        filled = filled * (1 - covers) + inside.colors * covers
        trust = _in_open_eyes(assembly.rig, photo, piece, own, trust)
    picture = sample_picture(photo.image, own.pixels)
    return np.asarray(trust[:, None] * picture + (1 - trust)[:, None] * filled, np.float32)


def _grain(
    of: _Part,
    low: Float32[np.ndarray, "h w 3"],
    place: tuple[Float32[np.ndarray, "n 3"], Float32[np.ndarray, "n 3"]],
    own: Visibility,
    trust: Float32[np.ndarray, " n"],
    rng: np.random.Generator,
) -> Float32[np.ndarray, "n 1"]:
    """The part's grain as a share of its base, at texels with these points and normals; 0 where the photograph is trusted in full."""
    photo, (points, normals) = of.photo, place
    mask = plain_skin(photo) if of.part == SKIN else usable(photo, of.part)
    bright, under = photo.image @ LUMA, low @ LUMA
    picture = np.where(mask, (bright - under) / (under + _DARK), 0)
    most = _MOST_GRAIN * float(np.sqrt((picture[mask] ** 2).mean())) if mask.any() else 0.0
    picture = picture.clip(-most, most)[..., None].astype(np.float32)
    frames = surface(points, normals, _fall(of))
    label = sample_picture(mask.astype(np.float32)[..., None], own.pixels)[:, 0]
    # Where much stands out (a nostril, a fringe's border) no pieces are taken.
    calm = label_blur(np.repeat(picture**2, 3, 2), mask, _PIECE_METRES[of.part] / 2 * of.pixels_per_metre)[..., 0]
    calm = sample_picture(calm[..., None], own.pixels)[:, 0]
    shown = np.flatnonzero((trust > _WELL) & (label > 0.99))
    best = shown[calm[shown] <= np.quantile(calm[shown], _CALM)] if len(shown) else shown
    middles = frames.at(best[rng.permutation(len(best))[:_MIDDLES]])
    if of.part == HAIR and len(middles.points):
        middles = _along_strands(of, picture, mask, middles)
    grain = np.zeros((len(points), 1), np.float32)
    todo = trust < 1
    grain[todo] = scattered(frames.at(todo), Source(picture, mask, photo.camera, middles), _PIECE_METRES[of.part], rng)
    return grain


def _fall(of: _Part) -> Float32[np.ndarray, "n 3"]:
    """Where the texture runs: down the chart's rows for hair, down for all else."""
    if of.part != HAIR:
        return np.broadcast_to(np.array([0, -1, 0], np.float32), (len(of.piece.rows), 3))
    faces, uvs = of.assembly.rig.triangles, of.assembly.corner_uvs
    corners = of.assembly.posed[faces]
    (du1, dv1), (du2, dv2) = ((uvs[:, i] - uvs[:, 0]).T for i in (1, 2))
    area = du1 * dv2 - du2 * dv1
    along = du1[:, None] * (corners[:, 2] - corners[:, 0]) - du2[:, None] * (corners[:, 1] - corners[:, 0])
    along = normalized(along * np.sign(area)[:, None])
    mean = np.zeros((len(of.assembly.posed), 3))
    for corner in range(3):
        np.add.at(mean, faces[:, corner], along * (of.assembly.triangle_parts == HAIR)[:, None])
    return np.asarray(of.piece.spread(mean, faces), np.float32)


def _along_strands(
    of: _Part, picture: Float32[np.ndarray, "h w 1"], mask: Bool[np.ndarray, "h w"], middles: Surface
) -> Surface:
    """The surface's frames turned so that they run down the strands that the photograph shows."""
    photo, step = of.photo, 1e-3
    scale = _STRANDS_METRES * of.pixels_per_metre
    at, right, below = (
        visibility(photo, (middles.points + step * v).astype(np.float32), middles.across).pixels
        for v in (0 * middles.across, middles.across, middles.down)
    )
    wanted = sample_picture(strands(picture, mask, scale), at)
    (ax, ay), (bx, by) = (right - at).T, (below - at).T
    area = ax * by - ay * bx
    area = np.where(np.abs(area) < 1e-6, 1e-6, area)
    x = (wanted[:, 0] * by - wanted[:, 1] * bx) / area
    y = (wanted[:, 1] * ax - wanted[:, 0] * ay) / area
    x, y = np.where(y < 0, -x, x), np.abs(y)
    down = normalized(x[:, None] * middles.across + y[:, None] * middles.down).astype(np.float32)
    across = np.cross(down, np.cross(middles.across, middles.down) * -1)
    return Surface(middles.points, normalized(across).astype(np.float32), down)


def _in_open_eyes(
    rig: Rig, photo: ReferenceView, piece: Texels, own: Visibility, trust: Float32[np.ndarray, " n"]
) -> Float32[np.ndarray, " n"]:
    """On eyeballs the photograph counts only inside the open eye."""
    opening = scipy.ndimage.gaussian_filter(eye_mask(photo.portrait).astype(np.float32), _EYE_EDGE)[..., None]
    open_ = np.clip(sample_picture(opening, own.pixels)[:, 0] * 2 - 1, 0, 1)
    eyes = in_regions(rig, "eyes", optional=True)[piece.triangles]
    return np.where(eyes, open_ * (own.facing > 0), trust).astype(np.float32)
