"""Views at the size the network works at, to latents and back, and what neighbours show of a view."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import cv2
import numpy as np
import torch
from jaxtyping import Bool, Float32
from torch import Tensor

from facecraft4d.toolkit.core.checks import UserError
from facecraft4d.toolkit.core.datatypes import View
from facecraft4d.toolkit.core.geometry import resized_camera
from facecraft4d.toolkit.image_prior.sdxl.loading import Networks
from facecraft4d.toolkit.image_prior.sdxl.predictor import Latents
from facecraft4d.toolkit.image_prior.warp.propagate import SOLID, lifted, resolution
from facecraft4d.toolkit.images import resized
from facecraft4d.toolkit.meshes.raster import sample_texture

RESOLVED = 0.5
"""Of `resolution`: where a neighbour shows a place more drawn out than this it is left to the network."""
NEIGHBOURS = np.ones((3, 3), np.uint8)

Image = Float32[np.ndarray, "h w 3"]


def at_side(view: View, side: int, tolerance: float) -> View:
    """The view with `side` pixels each way. Depth is interpolated within a surface and never across an edge (a jump of `tolerance` metres)."""
    camera = resized_camera(view.camera, side, side)
    nearest = cv2.resize(view.depth, (side, side), interpolation=cv2.INTER_NEAREST)
    between = cv2.resize(view.depth, (side, side), interpolation=cv2.INTER_LINEAR)
    depth = np.where((nearest > 0) & (np.abs(between - nearest) < tolerance), between, nearest)
    return View(camera, resized(view.image, side), resized(view.mask, side), np.asarray(depth, np.float32))


def to_latents(networks: Networks, images: Sequence[Image]) -> Latents:
    """Pictures to what the UNet works on, one after the other. UserError where the VAE gives what are no numbers."""
    return torch.cat([_encoded(networks, each) for each in images])


def to_image(networks: Networks, latents: Latents) -> Image:
    """One picture of latents."""
    vae = networks.vae
    with torch.no_grad():
        found = vae.decode((latents / vae.config.scaling_factor).to(vae.dtype), return_dict=False)[0].float()
    picture = (_finite(found)[0] / 2 + 0.5).clamp(0, 1).permute(1, 2, 0)
    return np.ascontiguousarray(picture.cpu().numpy())


def _encoded(networks: Networks, image: Image) -> Latents:
    vae = networks.vae
    tensor = torch.from_numpy(image).permute(2, 0, 1)[None].to(networks.device, vae.dtype)
    with torch.no_grad():
        found: Any = vae.encode(tensor * 2 - 1).latent_dist.mode()
    return _finite(found.float() * vae.config.scaling_factor)


def _finite(tensor: Tensor) -> Tensor:
    if not torch.isfinite(tensor).all():
        raise UserError(
            "--image-prior sdxl: the VAE gives numbers that are not finite: its weights are damaged, or it does not bear half precision "
            "(force_upcast in its config.json must be true then)"
        )
    return tensor


def warped(view: View, sources: Sequence[View], tolerance: float) -> tuple[Image, Bool[np.ndarray, "h w"]]:
    """What finished neighbours show of the view, in the view's own colours where they show nothing, and where they do.

    Where several do, each counts by how well it resolves the place.
    """
    total, colors = np.zeros_like(view.mask), np.zeros_like(view.image)
    for source in sources:
        pixels, visible = lifted(source, view, tolerance)
        places, sharp = pixels / (source.camera.width, source.camera.height), resolution(pixels)
        alpha = sample_texture(source.mask[..., None], places)[
            ..., 0
        ]  # where it is less, the background shines through
        counts = visible & (sharp > RESOLVED) & (view.mask > SOLID) & (alpha > SOLID)
        weight = np.asarray(np.where(counts, sharp, 0), np.float32)
        seen = sample_texture(source.image, places)
        total += weight
        colors += weight[..., None] * seen
    shown = total > 0
    mixed = np.where(shown[..., None], colors / np.maximum(total, 1e-6)[..., None], view.image)
    return np.asarray(mixed, np.float32), shown


def cell_weights(shown: Bool[np.ndarray, "h w"], cell: int, border: float) -> Float32[np.ndarray, "ch cw"]:
    """Weights of pasted latents, one for `cell` pixels each way: 1 inside, `border` in the ring where what is shown ends, 0 outside.

    What is shown counts where all pixels of a cell and of its neighbours are: through the VAE a pixel reaches as far. The picture's own
    border is no end.
    """
    height, width = shown.shape
    whole = np.asarray(shown.reshape(height // cell, cell, width // cell, cell).all((1, 3)), np.uint8)
    safe = cv2.erode(whole, NEIGHBOURS)
    core = cv2.erode(safe, NEIGHBOURS)
    return np.asarray(np.where(core > 0, 1, border * safe), np.float32)


def finished(coarse: View, image: Image) -> View:
    """The coarse view with its picture sharpened; what is not the head stays as it is."""
    sharp = resized(image, coarse.camera.width)
    return replace(coarse, image=np.asarray(coarse.image + (sharp - coarse.image) * coarse.mask[..., None], np.float32))
