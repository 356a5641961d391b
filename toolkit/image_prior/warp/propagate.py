"""The paper's propagation in pixel space: the photograph and the back view are lifted by depth and carried around the orbit.

Facecraft4D, section 3.2 (warping-based control) and supplement 6.2 (mask with a boundary of 0.1), without a diffusion model: what
no origin shows stays as the coarse view has it, with its low frequencies drawn towards the origins' colours.

Visibility is decided from neighbour to neighbour, as in the paper. Colour is taken from the origin in one step, so no pixel is
resampled twice however far it travels: all views share one surface, and composing the steps is projecting into the origin.
"""

from dataclasses import replace
from typing import no_type_check

import cv2
import numba
import numpy as np
from jaxtyping import Bool, Float, Float32

from facecraft4d.toolkit.config import WarpConfig
from facecraft4d.toolkit.core.datatypes import View, ViewSet
from facecraft4d.toolkit.core.geometry import pixel_centers, project, smoothstep, unproject, yaw_distances
from facecraft4d.toolkit.core.stages import Progress, StageContext
from facecraft4d.toolkit.image_prior.warp.multiband import multiband_blend
from facecraft4d.toolkit.images import distance_inside
from facecraft4d.toolkit.meshes.raster import sample_texture

RAMP = 0.03
"""Width of the mask's soft border, in image heights."""

STRETCH_USELESS, STRETCH_FINE = 0.2, 0.6
"""An origin's pixel drawn out to 1 / 0.2 target pixels is not used, up to 1 / 0.6 it is used fully."""

SOLID, FOOTPRINT = 0.99, 0.5
"""Alpha above which an origin's pixel is the head's alone; share of a bilinear footprint that must be seen."""

RESOLUTION_BLUR = 1.5
"""Pixels of smoothing of how well a place is resolved: gradients of single pixels are noisy."""

Image = Float32[np.ndarray, "h w"]
Pixels = Float[np.ndarray, "h w 2"]


def propagate(coarse: ViewSet, config: WarpConfig, context: StageContext) -> ViewSet:
    """Blend every coarse view with what the reference (view 0) and the back view show of it."""
    views, origins = coarse.views, origin_indices(coarse)
    weights = {origin: propagated_weights(coarse, origin, origins, config) for origin in origins}
    finished = []
    for index, view in enumerate(views):
        if index not in origins:
            sources = [(views[origin], weights[origin][index]) for origin in origins]
            view = replace(view, image=enhanced(view, sources, config.depth_tolerance))
        finished.append(view)
        context.report(Progress("image_prior", index + 1, len(views)))
    return replace(coarse, views=tuple(finished))


def origin_indices(views: ViewSet) -> tuple[int, ...]:
    """The reference and, if there is one behind the head, the view farthest around from it."""
    around = yaw_distances(views.yaws_degrees, views.yaws_degrees[0])
    back = int(around.argmax())
    return (0, back) if around[back] > 90 else (0,)


def propagated_weights(views: ViewSet, origin: int, origins: tuple[int, ...], config: WarpConfig) -> list[Image]:
    """How far each view may use the origin's pixels, carried from neighbour to neighbour both ways up to the next origin."""
    ring = np.argsort(np.array(views.yaws_degrees) % 360, kind="stable").tolist()
    start = ring.index(origin)
    weights = [np.zeros_like(view.mask) for view in views.views]
    weights[origin] = soften(views.views[origin].mask > SOLID, config.boundary)
    for direction in (1, -1):
        before = origin
        for step in range(1, len(ring)):
            here = ring[(start + direction * step) % len(ring)]
            if here in origins:
                break
            weight = propagated(views.views[before], weights[before], views.views[here], config)
            weights[here] = np.maximum(weights[here], weight)
            before = here
    return weights


def propagated(source: View, weight: Image, target: View, config: WarpConfig) -> Image:
    """The source view's weights seen from the target view, softened where visibility ends."""
    pixels, visible = lifted(source, target, config.depth_tolerance)
    seen = sample_texture(weight[..., None], pixels / (source.camera.width, source.camera.height))[..., 0]
    return np.asarray(seen * soften(visible, config.boundary))


def enhanced(target: View, sources: list[tuple[View, Image]], tolerance: float) -> Float32[np.ndarray, "h w 3"]:
    """The coarse target view blended with its origins; weights that sum to more than 1 are scaled down."""
    warped, total = np.zeros_like(target.image), np.zeros_like(target.mask)
    for origin, propagated_weight in sources:
        if not propagated_weight.any():
            continue
        pixels, visible = lifted(origin, target, tolerance)
        weight = np.asarray(propagated_weight * visible * resolution(pixels), np.float32)
        color = sample_texture(origin.image, pixels / (origin.camera.width, origin.camera.height))
        warped += color * weight[..., None]
        total += weight
    return multiband_blend(target.image, warped / np.maximum(total, 1e-6)[..., None], np.minimum(total, 1), target.mask)


def lifted(source: View, target: View, tolerance: float) -> tuple[Pixels, Bool[np.ndarray, "h w"]]:
    """Where the surface under each target pixel appears in the source, and whether the source sees it.

    Seen means: inside the picture, and the source's depth there agrees within `tolerance` metres over no less than half of the
    bilinear footprint, so what something nearer hides is not seen. Pixels without surface map to themselves.
    """
    surface = target.depth > 0
    centers = pixel_centers(target.camera.width, target.camera.height)
    pixels, z = project(source.camera, unproject(target.camera, centers, np.where(surface, target.depth, 1)))
    visible = surface & (z > 0) & (agreement(source.depth, pixels, z, tolerance) >= FOOTPRINT)
    return np.where((surface & (z > 0))[..., None], pixels, centers), visible


def agreement(
    depth: Float32[np.ndarray, "sh sw"], pixels: Pixels, z: Float[np.ndarray, "h w"], tolerance: float
) -> Image:
    """Share of each bilinear footprint whose depth equals `z` within `tolerance`; pixels outside the picture count as no."""
    share = np.zeros(z.shape, np.float32)
    _agreement(depth, np.ascontiguousarray(pixels, np.float64), np.asarray(z, np.float64), tolerance, share)
    return share


@numba.njit(cache=True, nogil=True)
@no_type_check
def _agreement(depth, pixels, z, tolerance, share):
    height, width = depth.shape
    for i in range(share.shape[0]):
        for j in range(share.shape[1]):
            x, y = pixels[i, j, 0] - 0.5, pixels[i, j, 1] - 0.5
            left, top = int(np.floor(x)), int(np.floor(y))
            for row in range(max(top, 0), min(top + 2, height)):
                for column in range(max(left, 0), min(left + 2, width)):
                    if depth[row, column] > 0 and abs(depth[row, column] - z[i, j]) <= tolerance:
                        share[i, j] += (1 - abs(x - column)) * (1 - abs(y - row))


def soften(visible: Bool[np.ndarray, "h w"], boundary: float) -> Image:
    """A mask that is `boundary` at the border of `visible` and rises smoothly to 1 inside; 0 outside."""
    rise = smoothstep((distance_inside(visible) - 1) / (RAMP * visible.shape[0]))
    return np.where(visible, boundary + (1 - boundary) * rise, 0).astype(np.float32)


def resolution(pixels: Pixels) -> Image:
    """0 where a source pixel is drawn out over many target pixels, 1 where it is not: by the smallest singular value."""
    (ay, ax), (by, bx) = np.gradient(pixels[..., 0]), np.gradient(pixels[..., 1])
    squares = ax * ax + ay * ay + bx * bx + by * by
    smallest = np.sqrt(np.maximum(squares / 2 - np.sqrt(np.maximum(squares**2 / 4 - (ax * by - ay * bx) ** 2, 0)), 0))
    weight = smoothstep((smallest - STRETCH_USELESS) / (STRETCH_FINE - STRETCH_USELESS))
    return np.asarray(cv2.GaussianBlur(weight.astype(np.float32), (0, 0), RESOLUTION_BLUR))
