"""From parameters to pictures to losses: one rasterisation gives the consistent and the combined image."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float32
from torch import Tensor
from torch.nn import functional

from facecraft4d.toolkit.config import LossWeights
from facecraft4d.toolkit.losses import SSIM_REACH, Lpips, ssim
from facecraft4d.toolkit.splatting.rasterize import rasterization
from facecraft4d.toolkit.training.coin import color_offsets
from facecraft4d.toolkit.training.footage import Target
from facecraft4d.toolkit.training.frames import TriangleFrames
from facecraft4d.toolkit.training.gaussians import (
    Parameters,
    WorldSplats,
    place,
    position_excess,
    scale_excess,
)

Difference = Callable[[Tensor, Tensor], Tensor]
"""The mean difference of two images, a number."""

LPIPS_WINDOW = 256
"""LPIPS of larger pictures looks at a window of this side."""


@dataclass(frozen=True, slots=True)
class SplatRender:
    """A rendering of the trained head; colours are premultiplied, on nothing."""

    consistent: Float32[Tensor, "h w 3"]
    """The base colours alone."""
    combined: Float32[Tensor, "h w 3"]
    """With the view's offsets."""
    alpha: Float32[Tensor, "h w 1"]
    combined_alpha: Float32[Tensor, "h w 1"]
    """The same; what the combined image sends back to opacity goes through it."""
    offsets: Float32[Tensor, "n 3"] | None
    meta: dict[str, Any]


def rasterize(
    world: WorldSplats, colors: Float32[Tensor, "n d"], picture: Target
) -> tuple[Tensor, Tensor, dict[str, Any]]:
    """Premultiplied colours [h, w, d], alpha [h, w, 1] and gsplat's meta. Negative colours are drawn as 0."""
    height, width = picture.mask.shape[:2]
    image, alpha, meta = rasterization(
        *world, colors.clamp_min(0), picture.camera_from_world, picture.intrinsics, width, height, packed=False
    )
    return image[0], alpha[0], meta


def draw(
    parameters: Parameters,
    triangles: Tensor,
    frames: TriangleFrames,
    picture: Target,
    view: int | None,
    share: float = 1.0,
) -> SplatRender:
    """Draw both images in one pass; without a `view` there are no offsets and the two are one.

    Of the combined image's gradient a `share` (above 0) reaches the consistent model: positions, rotations, sizes, opacities and base colours. All of
    it reaches the offsets.
    """
    world, colors = place(parameters, triangles, frames), parameters["colors"]
    if view is None:
        image, alpha, meta = rasterize(world, colors, picture)
        return SplatRender(image, image, alpha, alpha, None, meta)
    offsets = color_offsets(parameters, view)
    shifted = colors + scaled_gradient(offsets, 1 / share)
    image, alpha, meta = rasterize(world, torch.cat([colors, shifted], 1), picture)
    combined, combined_alpha = (scaled_gradient(part, share) for part in (image[..., 3:], alpha))
    return SplatRender(image[..., :3], combined, alpha, combined_alpha, offsets, meta)


def scaled_gradient(values: Tensor, factor: float) -> Tensor:
    """The same values, through which gradients pass multiplied by `factor`."""
    if factor == 1 or not values.requires_grad:
        return values
    same = values.view_as(values)
    same.register_hook(lambda gradient: gradient * factor)  # type: ignore[no-untyped-call]
    return same


def loss_terms(
    drawn: SplatRender,
    picture: Target,
    parameters: Parameters,
    weights: LossWeights,
    background: Float32[Tensor, "3"],
    difference: Difference = functional.l1_loss,
    reach: float = 1.0,
) -> dict[str, Tensor]:
    """Unweighted terms by their name in LossWeights, without LPIPS. Pixels are compared on `background`, so that splats of
    the background's colour cannot hide; the target is taken off its white with its matte. `reach` multiplies `scale_free`.

    L1 and SSIM are means over the picture, so offsets are weighed by the head's share of it: the size of a cut decides nothing. Where there is
    neither a splat nor a target both are exact without looking.
    """
    box = occupied(drawn.alpha.detach() + picture.mask, SSIM_REACH)
    mask, image, alpha = picture.mask[box], picture.image[box], drawn.alpha[box]
    combined = _planes(drawn.combined[box] + (1 - drawn.combined_alpha[box]) * background)
    target = _planes(image + (1 - mask) * (background - 1))
    share = mask.numel() / picture.mask.numel()
    visible = (drawn.meta["radii"][0] > 0).all(-1)
    terms = {
        "l1": share * difference(combined, target),
        "ssim": share * (1 - ssim(combined, target)),
        "alpha": share * functional.l1_loss(alpha, mask),
        "position": position_excess(parameters, visible, weights.position_free),
        "scale": scale_excess(parameters, visible, weights.scale_free * reach),
    }
    if drawn.offsets is not None:
        terms["offset"] = drawn.offsets.abs().mean() * picture.mask.mean()
    return terms


def occupied(coverage: Float32[Tensor, "h w 1"], margin: int) -> tuple[slice, slice]:
    """Rows and columns of the box around all pixels whose coverage is above 0, with a margin inside the picture; all of it where none is."""
    covered = coverage[..., 0] > 0
    lines = [covered.any(1 - axis).nonzero()[:, 0].tolist() or [0, size - 1] for axis, size in enumerate(covered.shape)]
    rows, columns = (
        slice(max(line[0] - margin, 0), min(line[-1] + 1 + margin, size))
        for line, size in zip(lines, covered.shape, strict=True)
    )
    return rows, columns


def perceptual_term(drawn: SplatRender, picture: Target, lpips: Lpips, corner: tuple[float, float]) -> Tensor:
    """LPIPS of the consistent image on white, in a window at `corner`: the share of the way through the head's rows and columns."""
    rows, columns = map(_window, occupied(picture.mask, 0), picture.mask.shape[:2], corner)
    consistent = drawn.consistent[rows, columns] + (1 - drawn.alpha[rows, columns])
    with torch.no_grad():
        target = lpips.features(_planes(picture.image[rows, columns]))
    return lpips.distance(lpips.features(_planes(consistent)), target).sum()


def _window(occupied: slice, size: int, share: float) -> slice:
    """A window of a line of `size` pixels, at that share of the way through what is occupied; the whole line where it is shorter."""
    first = max(min(occupied.start, size - LPIPS_WINDOW), 0)
    start = first + round(share * max(min(occupied.stop, size) - LPIPS_WINDOW - first, 0))
    return slice(start, start + LPIPS_WINDOW)


def _planes(image: Float32[Tensor, "h w c"]) -> Float32[Tensor, "1 c h w"]:
    return image.permute(2, 0, 1)[None].contiguous()
