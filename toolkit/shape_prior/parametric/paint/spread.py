"""The albedo of a head: what the photograph shows without its light, spread smoothly over the mesh to where nobody saw."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float32, Int

from facecraft4d.toolkit.core.geometry import LUMA, camera_center, normalized
from facecraft4d.toolkit.core.pixels import linear_from_srgb
from facecraft4d.toolkit.core.rigging import in_regions
from facecraft4d.toolkit.meshes.graph import unique_edges, weighted_fill
from facecraft4d.toolkit.shape_prior.parametric.assembly import SKIN, TORSO, Assembly
from facecraft4d.toolkit.shape_prior.parametric.paint.appearance import SPECIAL_REGIONS
from facecraft4d.toolkit.shape_prior.parametric.paint.light import Light, fitted_light, openness
from facecraft4d.toolkit.shape_prior.parametric.paint.stuff import plain
from facecraft4d.toolkit.shape_prior.parametric.paint.texels import (
    GRAZING,
    ReferenceView,
    posed_normals,
    sample_picture,
    visibility,
)

_SMOOTHNESS = 0.02
"""How much an edge makes its ends alike, beside the weight 1 of a vertex that the photograph sees well."""
_MIRROR_WEIGHT = 0.15
"""Trust in what the photograph shows of the other side, beside its own: it decides only where the own side is hardly seen."""
_TONE_WEIGHT = 5e-4
"""Pull of the person's own tone on skin: what is dark (a beard, shadow) passes into it within some centimetres, sqrt(smoothness / this) edges."""


@dataclass(frozen=True, slots=True, eq=False)
class Base:
    """What the photograph shows of one part."""

    srgb: Float32[np.ndarray, "h w 3"]
    """Its smoothed colours."""
    label: Float32[np.ndarray, "h w"]
    """1 where they count."""
    part: int


def light_of(assembly: Assembly, photo: ReferenceView) -> Light:
    """The photograph's light, told from its plain skin."""
    normals = posed_normals(assembly)
    weights, pixels = _weights(assembly, photo, plain(photo, SKIN).astype(np.float32), SKIN, np.arange(len(normals)))
    brightness = linear_from_srgb(sample_picture(photo.image, pixels).clip(0, 1)) @ LUMA
    view = normalized(camera_center(photo.camera))
    return fitted_light(normals, brightness, weights, view)


def shading(assembly: Assembly, light: Light) -> Float32[np.ndarray, " v"]:
    """The linear light on every vertex, less in the skin's hollows."""
    skin = assembly.rig.triangles[assembly.triangle_parts == SKIN]
    return np.asarray(light.shading(posed_normals(assembly)) * openness(assembly.posed, skin), np.float32)


def albedo(
    assembly: Assembly, photo: ReferenceView, base: Base, lit: Float32[np.ndarray, " v"]
) -> Float32[np.ndarray, "v 3"]:
    """Linear colours without the light `lit` (shading) for the vertices of a part (those of others have no meaning)."""
    rig, count = assembly.rig, len(assembly.posed)
    weights, colors = np.zeros(count), np.zeros((count, 3))
    for order, importance in ((np.arange(count), 1.0), (assembly.mirror, _MIRROR_WEIGHT)):
        weight, pixels = _weights(assembly, photo, base.label, base.part, order)
        shown = linear_from_srgb(sample_picture(base.srgb, pixels).clip(0, 1)) / lit[order][:, None]
        # Squared: what is seen obliquely is the least sure.
        weight = importance * weight**2
        take = weight > weights
        colors[take], weights = shown[take], np.where(take, weight, weights)
    if base.part != TORSO and weights.any():
        tone = _median(colors[weights > 0], weights[weights > 0])
        colors = (weights[:, None] * colors + _TONE_WEIGHT * tone) / (weights + _TONE_WEIGHT)[:, None]
        weights = weights + _TONE_WEIGHT
    return spread(rig.triangles[assembly.triangle_parts == base.part], colors, weights)


def spread(
    triangles: Int[np.ndarray, "f 3"],
    values: Float[np.ndarray, "v k"],
    weights: Float[np.ndarray, " v"],
) -> Float32[np.ndarray, "v k"]:
    """The smoothest values over the mesh that agree with `values` where `weights` (0..1) say so.

    A connected piece without any weight takes the mean of all weighted values.
    """
    edges = unique_edges(triangles)
    return weighted_fill(edges, np.full(len(edges), _SMOOTHNESS), values, weights)


def _weights(
    assembly: Assembly, photo: ReferenceView, label: Float32[np.ndarray, "h w"], part: int, order: Int[np.ndarray, " v"]
) -> tuple[Float[np.ndarray, " v"], Float32[np.ndarray, "v 2"]]:
    """How far the photograph shows a part at the vertices that `order` names, and where."""
    outside = np.zeros(len(order), bool)
    outside[assembly.rig.triangles[~in_regions(assembly.rig, *SPECIAL_REGIONS, optional=True)]] = True
    seen = visibility(photo, assembly.posed[order], posed_normals(assembly)[order])
    shown = sample_picture(label[..., None], seen.pixels)[:, 0].clip(0, 1)
    return seen.trust(GRAZING) * shown * outside * (assembly.vertex_parts == part), seen.pixels


def _median(values: Float[np.ndarray, "n k"], weights: Float[np.ndarray, " n"]) -> Float[np.ndarray, " k"]:
    """Weighted median of each column."""
    found = []
    for column in values.T:
        order = np.argsort(column)
        share = np.cumsum(weights[order])
        found.append(column[order[np.searchsorted(share, share[-1] / 2)]])
    return np.array(found)
