"""What a generator's head looks like from cameras in its box: colours on white, alpha, depth. Lengths are the box's until `world` makes them metres."""

from dataclasses import dataclass, replace

import cv2
import numpy as np
import scipy.ndimage
import torch
from jaxtyping import Float32
from torch import Tensor

from facecraft4d.toolkit.core.datatypes import Camera, Portrait, View
from facecraft4d.toolkit.core.geometry import pixel_centers
from facecraft4d.toolkit.images import resized
from facecraft4d.toolkit.shape_prior.panohead.cameras import camera_z, label_of
from facecraft4d.toolkit.shape_prior.panohead.crop import Matrix
from facecraft4d.toolkit.shape_prior.panohead.generator import Generator
from facecraft4d.toolkit.shape_prior.panohead.inversion import near_sampling
from facecraft4d.toolkit.shape_prior.panohead.layers import Images
from facecraft4d.toolkit.shape_prior.panohead.volume import Grids

FINER = 2
"""Times as many samples along a ray of a depth map as along one of a picture: between two samples nobody knows where the surface lies."""
SOLID = 0.5
"""Weight of a ray from which its depth is that of a surface."""
STEP = 0.02
"""Difference between a depth and its neighbours', in the box's units, from which they belong to two surfaces (a centimetre)."""
WISP = 1 / 32
"""Of the portrait's side: so far beyond the generator's head the photograph's matte takes the depth of its border."""

FAILED = "the inverted head does not match the photograph"
ADVICE = "try another seed, more inversion steps or a photograph from nearer the front"
"""What the user is told of an inversion that failed."""


@dataclass(frozen=True, slots=True, eq=False)
class Figure:
    """A head that a generator has made, ready to be looked at."""

    generator: Generator
    ws: Float32[Tensor, "1 n w"]
    grids: Grids
    background: Images
    backdrop: Float32[Tensor, "1 3 s s"]
    """The picture of the background alone, the same from everywhere."""


@torch.no_grad()
def figure(generator: Generator, ws: Float32[Tensor, "1 n w"]) -> Figure:
    """The head of these rows."""
    background = generator.background(ws)
    return Figure(generator, ws, generator.grids(ws), background, generator.backdrop(background, ws))


@torch.no_grad()
def depth_map(head: Figure, camera: Camera, rays: int) -> tuple[Float32[np.ndarray, "r r"], Float32[np.ndarray, "r r"]]:
    """Camera z and weight on `rays` rays a side of a square picture; z means nothing where the weight is small."""
    labels, sampling = label_of(camera).to(head.ws.device), near_sampling(head.generator)
    finer = replace(sampling, coarse=FINER * sampling.coarse, fine=FINER * sampling.fine)
    seen = head.generator.render(head.grids, labels, rays, sampling=finer)
    z = camera_z(seen.distance.view(1, rays, rays), labels)
    return _plane(z), np.clip(_plane(seen.weight.view(1, rays, rays)), 0, 1)


@torch.no_grad()
def look(head: Figure, camera: Camera, rays: int) -> View:
    """The view of a camera that sees a square picture, with the background taken off and white in its place."""
    labels = label_of(camera).to(head.ws.device)
    picture = head.generator.picture(
        head.grids, head.background, head.ws, labels, sampling=near_sampling(head.generator)
    )
    z, weight = depth_map(head, camera, rays)
    alpha = resized(weight, camera.width)
    colors, backdrop = (
        resized(((each[0].permute(1, 2, 0) + 1) / 2).cpu().numpy(), camera.width)
        for each in (picture.image, head.backdrop)
    )
    behind = 1 - alpha[..., None]
    own = np.clip(colors - behind * backdrop, 0, alpha[..., None])  # premultiplied: no more than its alpha
    image = (own + behind).astype(np.float32)
    return View(camera, image, alpha, surface_depth(z, weight, camera.width))


def photograph(head: Figure, portrait: Portrait, camera: Camera, matrix: Matrix, rays: int) -> View:
    """The photograph with the generator's depth.

    There is none beyond the generator's own picture (`matrix` leads there from the portrait): nobody has taught it what lies there. What
    little of the photograph's matte is just beyond the generator's head has the depth of its border.
    """
    size = camera.width
    places = pixel_centers(size, size) @ matrix[:2, :2].T + matrix[:2, 2]
    within = ((places > 0) & (places < head.generator.architecture.resolution)).all(-1)
    depth = np.where(within, surface_depth(*depth_map(head, camera, rays), size), 0).astype(np.float32)
    away, index = scipy.ndimage.distance_transform_edt(depth <= 0, return_indices=True)
    near = within & (away <= WISP * size) & (portrait.alpha > 0)
    return View(camera, portrait.image, portrait.alpha, np.where(near, depth[tuple(index)], 0).astype(np.float32))


def surface_depth(
    z: Float32[np.ndarray, "r r"], weight: Float32[np.ndarray, "r r"], size: int
) -> Float32[np.ndarray, "s s"]:
    """Depth of the surface in a picture of another size, 0 where there is none: linear within a surface, never between two."""
    solid = (weight > SOLID).astype(np.float32)
    if len(z) == size:
        return z * solid
    whole, nearest = (size, size), cv2.resize(z * solid, (size, size), interpolation=cv2.INTER_NEAREST_EXACT)
    share = cv2.resize(solid, whole, interpolation=cv2.INTER_LINEAR)
    linear = cv2.resize(z * solid, whole, interpolation=cv2.INTER_LINEAR) / np.maximum(share, 1e-6)
    one = (np.abs(linear - nearest) < STEP) & (nearest > 0)
    return np.asarray(np.where(one, linear, nearest), np.float32)


def _plane(values: Float32[Tensor, "1 r r"]) -> Float32[np.ndarray, "r r"]:
    return np.asarray(values[0].cpu().numpy(), np.float32)
