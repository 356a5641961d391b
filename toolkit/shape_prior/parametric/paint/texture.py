"""Paints the assembled head: the photograph where it sees it well, and completion that passes smoothly into it where it does not.

What is completed has a base and a grain. The base is the albedo, which spreads over the mesh itself from what was seen, under the light
of the photograph; where the photograph sees the surface it is the smoothed photograph again, so no step can arise. The grain is made of
pieces of the photograph's own, scattered over the surface. What is worn goes on in its own frame.
"""

from dataclasses import dataclass

import numpy as np
import scipy.ndimage
from jaxtyping import Bool, Float32, Int64

from facecraft4d.toolkit.core.geometry import LUMA, camera_center, normalized, smoothstep
from facecraft4d.toolkit.core.pixels import linear_from_srgb, srgb_from_linear
from facecraft4d.toolkit.core.rigging import in_regions
from facecraft4d.toolkit.shape_prior.parametric.assembly import HAIR, SKIN, TORSO, Assembly, chart_position
from facecraft4d.toolkit.shape_prior.parametric.paint.appearance import eye_mask, paint_inside
from facecraft4d.toolkit.shape_prior.parametric.paint.crown import hat_frame
from facecraft4d.toolkit.shape_prior.parametric.paint.grain import (
    Source,
    Surface,
    elongation,
    scattered,
    strands,
    surface,
)
from facecraft4d.toolkit.shape_prior.parametric.paint.light import Light
from facecraft4d.toolkit.shape_prior.parametric.paint.pattern import Frame, carried_level, mirrored_around
from facecraft4d.toolkit.shape_prior.parametric.paint.spread import Base, albedo, shading
from facecraft4d.toolkit.shape_prior.parametric.paint.stuff import (
    BEARD,
    COVERS,
    HAT,
    USUAL,
    bare_below,
    beard_or_shade,
    plain,
    seen_as,
    usable,
)
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
from facecraft4d.toolkit.shape_prior.parametric.shells.sheet import wrap

_GRAIN_METRES = {SKIN: 0.0015, HAIR: 0.01, TORSO: 0.0015, BEARD: 0.005, HAT: 0.01}
"""Width of the smoothing that parts grain from what is coarser: strands are grain; whole locks, scattered, look like spots; a shirt's stripes and a cheek's shape are none."""
_LEAST_BASE_METRES = 0.004
"""Width of the smoothing of the base at least: the mesh's vertices are twice as far apart."""
_PIECE_METRES = {SKIN: 0.01, HAIR: 0.02, TORSO: 0.02, BEARD: 0.015, HAT: 0.03}
"""Radius of the pieces of grain: wider than a lock, or a few pores."""
_COVER_EDGE = (0.35, 0.65)
"""Coverage over which skin passes into beard, and hair into headwear."""
_DARK = 0.05
"""Added to the base where the grain is told as a share of it: black hair has grain as well."""
_WELL = 0.6
"""Trust from which pieces of grain are taken around a texel."""
_MOST_GRAIN = 3.0
"""Times its median size to which grain other than strands' is cut: what stands out (a mole) must not be spread."""
_CALM = {SKIN: 0.7, HAIR: 0.85, TORSO: 0.7, BEARD: 0.95, HAT: 0.95}
"""Part of the well seen texels, the calmer ones, around which pieces are taken: skin has lines and moles that must not be spread."""
_STRANDS = (HAIR, BEARD)
"""Stuffs whose grain follows their strands."""
_CRISP = 0.5
"""How much of the finest grain of hair is added once more: what its sampling by texels smooths away."""
_CRISP_PIXELS = 1.0
"""Width of the smoothing that parts the finest grain."""
_MIDDLES = 4096
"""Most texels that pieces are drawn from."""
_STRANDS_METRES = 0.012
"""Smoothing of the direction of strands."""
_BORDER_PIXELS = 3
"""Pixels along the border of what is worn that do not count for its pattern: they are mixed with what lies beside."""
_STRIPE_METRES = 0.0015
"""Width of the smoothing of clothes that go on level: finer than stripes."""
_EYE_EDGE = 0.7
"""Pixels of smoothing of the open eye's border."""


def paint(
    assembly: Assembly, photo: ReferenceView, light: Light, size: int, rng: np.random.Generator
) -> Float32[np.ndarray, "s s 3"]:
    """The texture of the whole head under a light, `size` texels square, sRGB; texels that no triangle owns repeat their neighbours."""
    table = texels(assembly, size)
    parts, lit = assembly.triangle_parts[table.triangles], shading(assembly, light)
    texture, owned = np.zeros((size, size, 3), np.float32), np.zeros((size, size), bool)
    for part in (SKIN, HAIR, TORSO):
        piece = table.of(parts == part)
        if len(piece.rows):
            texture[piece.rows, piece.columns] = _painted(_part(assembly, photo, lit, part, piece), rng)
            owned[piece.rows, piece.columns] = True
    nearest = scipy.ndimage.distance_transform_edt(~owned, return_distances=False, return_indices=True)
    return np.asarray(texture[tuple(nearest)].clip(0, 1), np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class _Part:
    """A part to be painted: its texels, and where they lie on the posed head."""

    assembly: Assembly
    photo: ReferenceView
    part: int
    piece: Texels
    points: Float32[np.ndarray, "n 3"]
    normals: Float32[np.ndarray, "n 3"]
    own: Visibility
    trust: Float32[np.ndarray, " n"]
    """How far the photograph's own colours count."""
    shading: Float32[np.ndarray, " v"]
    """The light on every vertex."""
    lit: Float32[np.ndarray, " n"]
    """How much of it reaches each."""

    @property
    def pixels_per_metre(self) -> float:
        """Of the photograph, at the head's middle."""
        depth = self.photo.depth[self.photo.depth > 0]
        return self.photo.camera.fx / max(float(np.median(depth)) if len(depth) else 1.0, 1e-3)

    def blurred(self, mask: Bool[np.ndarray, "h w"], metres: float) -> Float32[np.ndarray, "h w 3"]:
        """The photograph, smoothed within a mask."""
        return label_blur(self.photo.image, mask, metres * self.pixels_per_metre)


def _part(
    assembly: Assembly, photo: ReferenceView, shading: Float32[np.ndarray, " v"], part: int, piece: Texels
) -> _Part:
    faces, normals = assembly.rig.triangles, posed_normals(assembly)
    points = piece.spread(assembly.posed, faces).astype(np.float32)
    facing = normalized(piece.spread(normals, faces)).astype(np.float32)
    own = visibility(photo, points, facing)
    trust = own.trust(GRAZING) * seen_as(photo, part, own)
    if part == SKIN:
        # where no beard has grown the photograph's beard hangs before the surface, or lies beside it; where one has, bare skin lies behind it
        grown = _covered(piece.spread(assembly.covered[:, None], faces))[:, 0]
        beard, bare = (
            sample_picture(mask.astype(np.float32)[..., None], own.pixels)[:, 0]
            for mask in (beard_or_shade(photo), bare_below(photo))
        )
        trust = trust * (1 - beard * (1 - grown)) * (1 - bare * grown)
    lit = piece.spread(shading[:, None], faces)[:, 0].astype(np.float32)
    return _Part(assembly, photo, part, piece, points, facing, own, trust.astype(np.float32), shading, lit)


def _painted(of: _Part, rng: np.random.Generator) -> Float32[np.ndarray, "n 3"]:
    """Colours of the part's texels."""
    photo, trust, filled = of.photo, of.trust, _completed(of, of.part, rng)
    if of.part in COVERS:
        share = _covered(of.piece.spread(of.assembly.covered[:, None], of.assembly.rig.triangles))
        if share.any():
            filled = (1 - share) * filled + share * _completed(of, COVERS[of.part], rng)
    if of.part == SKIN:
        inside = paint_inside(of.assembly, of.piece, photo.portrait)
        covers = inside.covers[:, None]
        filled = filled * (1 - covers) + inside.colors * covers
        trust = _in_open_eyes(of)
    picture = sample_picture(photo.image, of.own.pixels)
    return np.asarray(trust[:, None] * picture + (1 - trust)[:, None] * filled, np.float32)


def _covered(share: Float32[np.ndarray, "n 1"]) -> np.ndarray:
    """0 bare, 1 covered: a border of coverage with an edge."""
    return np.asarray(smoothstep((share - _COVER_EDGE[0]) / (_COVER_EDGE[1] - _COVER_EDGE[0])))


def _completed(of: _Part, stuff: int, rng: np.random.Generator) -> Float32[np.ndarray, "n 3"]:
    """Colours of the part's texels as if nobody had seen them, all of one stuff."""
    mask = plain(of.photo, stuff, 2 * USUAL) if stuff in (HAIR, HAT) else usable(of.photo, stuff)
    low = of.blurred(mask, max(_GRAIN_METRES[stuff], _LEAST_BASE_METRES))
    base = Base(srgb=low, label=scipy.ndimage.binary_erosion(mask).astype(np.float32), part=of.part)
    tone = of.piece.spread(albedo(of.assembly, of.photo, base, of.shading), of.assembly.rig.triangles)
    filled = srgb_from_linear(tone * of.lit[:, None]).astype(np.float32)
    # Grain grows fainter in the shade; where the part is lighter than what the grain comes from (a white collar on a black coat), it is no stronger.
    usual = (np.median(low[mask], axis=0) if mask.any() else np.ones(3)).clip(1 / 255)
    filled, known = _patterned(of, stuff, mask, filled)
    grain = (usual + _DARK) * np.minimum(filled / usual, 1) * _grain(of, stuff, rng)
    return np.asarray(filled + (1 - known)[:, None] * grain, np.float32)


def _patterned(
    of: _Part, stuff: int, mask: Bool[np.ndarray, "h w"], filled: Float32[np.ndarray, "n 3"]
) -> tuple[Float32[np.ndarray, "n 3"], Float32[np.ndarray, " n"]]:
    """Colours of what is worn with its pattern carried on, and how far that has its grain already."""
    known = np.zeros(len(filled), np.float32)
    if stuff not in (TORSO, HAT):
        return filled, known
    middle = camera_center(of.photo.camera)
    front = float(np.arctan2(middle[0], middle[2]))
    mask = scipy.ndimage.binary_erosion(mask, iterations=_BORDER_PIXELS)
    label = sample_picture(mask.astype(np.float32)[..., None], of.own.pixels)[:, 0]
    seen, light = (of.trust > _WELL) & (label > 0.99), of.lit[:, None]
    if stuff == TORSO:
        stripes = sample_picture(of.blurred(mask, _STRIPE_METRES), of.own.pixels)
        across, _ = chart_position(np.stack([of.piece.columns, of.piece.rows], -1) / of.piece.size, of.part)
        around = wrap(2 * np.pi * (across - 0.5) - front)
        colors, total = carried_level(
            Frame(around, -of.points[:, 1]), seen, linear_from_srgb(stripes.clip(0, 1)) / light
        )
    else:
        total, colors = np.zeros(len(filled)), np.zeros((len(filled), 3))
        sheet = of.assembly.vertex_parts == of.part
        frame = hat_frame(of.assembly.posed[sheet], of.assembly.covered[sheet], of.points, front)
        sources = None if frame is None else mirrored_around(frame, seen, of.trust < 1)
        if sources is not None:
            pixels, lit = (np.einsum("mk,mkc->mc", sources.shares, v[sources.seen]) for v in (of.own.pixels, light))
            crisp = of.photo.image + _CRISP * (of.photo.image - label_blur(of.photo.image, mask, _CRISP_PIXELS))
            shown = sample_picture(crisp, pixels.astype(np.float32)).clip(0, 1)
            colors[sources.places], total[sources.places] = linear_from_srgb(shown) / lit, sources.known
        known = total.astype(np.float32)
    filled = (1 - total)[:, None] * filled + total[:, None] * srgb_from_linear(colors * light)
    return filled.astype(np.float32), known


def _grain(of: _Part, stuff: int, rng: np.random.Generator) -> Float32[np.ndarray, "n 1"]:
    """A stuff's grain as a share of its base; 0 where the photograph is trusted in full."""
    photo, mask, radius = of.photo, plain(of.photo, stuff), _PIECE_METRES[stuff]
    bright, under = photo.image @ LUMA, of.blurred(mask, _GRAIN_METRES[stuff]) @ LUMA
    picture = np.where(mask, (bright - under) / (under + _DARK), 0)
    if stuff not in _STRANDS and mask.any():
        most = _MOST_GRAIN * float(np.median(np.abs(picture[mask])))
        picture = picture.clip(-most, most)
    picture = picture[..., None].astype(np.float32)
    frames = surface(of.points, of.normals, _fall(of))
    middles = frames.at(rng.permutation(_calm(of, picture, mask, radius / 2, _CALM[stuff]))[:_MIDDLES])
    stretch = 1.0
    if stuff in _STRANDS:
        middles = _along_strands(of, picture, mask, middles)
        fine = picture - label_blur(np.repeat(picture, 3, 2), mask, _CRISP_PIXELS)[..., :1]
        picture = np.where(mask[..., None], picture + _CRISP * fine, 0)
        stretch = elongation(Source(picture, mask, photo.camera, middles))
    grain, todo = np.zeros((len(of.points), 1), np.float32), of.trust < 1
    grain[todo] = scattered(frames.at(todo), Source(picture, mask, photo.camera, middles), radius, rng, stretch)
    return grain


def _calm(
    of: _Part, picture: Float32[np.ndarray, "h w 1"], mask: Bool[np.ndarray, "h w"], metres: float, part: float
) -> Int64[np.ndarray, " m"]:
    """Well seen texels around which the grain is calm: where much stands out (a nostril, a fringe's border) no pieces are taken."""
    energy = label_blur(np.repeat(picture**2, 3, 2), mask, metres * of.pixels_per_metre)[..., :1]
    energy, label = sample_picture(np.dstack([energy, mask.astype(np.float32)]), of.own.pixels).T
    shown = np.flatnonzero((of.trust > _WELL) & (label > 0.99))
    return shown[energy[shown] <= np.quantile(energy[shown], part)] if len(shown) else shown


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
    if not len(middles.points):
        return middles
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


def _in_open_eyes(of: _Part) -> Float32[np.ndarray, " n"]:
    """The trust; on eyeballs the photograph counts only inside the open eye."""
    opening = scipy.ndimage.gaussian_filter(eye_mask(of.photo.portrait).astype(np.float32), _EYE_EDGE)[..., None]
    open_ = np.clip(sample_picture(opening, of.own.pixels)[:, 0] * 2 - 1, 0, 1)
    eyes = in_regions(of.assembly.rig, "eyes", optional=True)[of.piece.triangles]
    return np.where(eyes, open_ * (of.own.facing > 0), of.trust).astype(np.float32)
