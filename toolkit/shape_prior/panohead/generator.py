"""PanoHead's generator: a latent and a camera to a picture of a head, its depth and mask (An et al. 2023, section 3).

Parameters carry the names of the published files (G_ema). The box has side 1, +Y up, the face looks along +Z (cameras.py).
"""

import math
from dataclasses import dataclass, field
from typing import NamedTuple

import torch
from jaxtyping import Float32
from torch import Tensor, nn

from facecraft4d.toolkit.shape_prior.panohead.cameras import moved, rays
from facecraft4d.toolkit.shape_prior.panohead.layers import Images, ToRgb
from facecraft4d.toolkit.shape_prior.panohead.networks import (
    MappingNetwork,
    Superresolution,
    SynthesisNetwork,
    resized,
)
from facecraft4d.toolkit.shape_prior.panohead.volume import (
    FEATURES,
    MASK_SHIFT,
    MASK_STRETCH,
    Decoder,
    Grids,
    Points,
    Rendered,
    Sampling,
    as_grids,
    cropped,
    query,
    render,
)

BACKGROUND_SIDE = 128
"""Pixels of the background's features."""
POINTS_AT_ONCE = 1 << 18


@dataclass(frozen=True, slots=True)
class Architecture:
    """Sizes of a generator; the defaults are those of the published checkpoints."""

    z_size: int = 512
    c_size: int = 25
    w_size: int = 512
    resolution: int = 512
    """Pixels a side of the picture."""
    channel_base: int = 32768
    """A block has channel_base / resolution channels, but channel_max at most."""
    channel_max: int = 512
    superresolution_base: int = 32768
    superresolution_max: int = 512
    grid_side: int = 256
    grid_depth: int = 3
    """Planes in each of the three stacks."""
    sampling: Sampling = field(default_factory=Sampling)
    rays: int = 64
    """A side, of the picture that the superresolution makes larger."""

    @property
    def superresolution_channels(self) -> tuple[int, int]:
        """Of its two blocks, twice as many as a generator's have at that resolution."""
        base = 2 * self.superresolution_base
        first, second = (
            min(base // side, self.superresolution_max) for side in (self.resolution // 2, self.resolution)
        )
        return first, second


class Picture(NamedTuple):
    """What the generator shows of a head; colours are about -1 to 1."""

    image: Float32[Tensor, "b 3 s s"]
    raw: Float32[Tensor, "b 3 r r"]
    """Before superresolution."""
    distance: Float32[Tensor, "b r r"]
    """Along each pixel's ray from the camera's centre, not camera z (cameras.camera_z); meaningless where the mask is near 0."""
    mask: Float32[Tensor, "b r r"]
    """How much is head, -0.001 to 1.001."""


class Backbone(nn.Module):
    """The StyleGAN2 that paints the tri-grid."""

    def __init__(self, a: Architecture) -> None:
        super().__init__()
        self.synthesis = SynthesisNetwork(
            a.w_size, a.grid_side, 3 * FEATURES * a.grid_depth, a.channel_base, a.channel_max
        )
        self.mapping = MappingNetwork(a.z_size, a.c_size, a.w_size)


class Generator(nn.Module):
    """PanoHead's G_ema."""

    def __init__(self, architecture: Architecture | None = None) -> None:
        super().__init__()
        self.architecture = a = architecture or Architecture()
        self.backbone = Backbone(a)
        self.superresolution = Superresolution(FEATURES, a.superresolution_channels, a.w_size, a.resolution)
        self.decoder = Decoder()
        self.torgb = ToRgb(FEATURES, 3, a.w_size, clamp=None)
        self.bcg_synthesis = SynthesisNetwork(a.w_size, BACKGROUND_SIDE, FEATURES, a.channel_base // 2, a.channel_max)
        self.t_mapping = MappingNetwork(a.z_size, a.c_size, 3, translation=True)

    @property
    def ws_count(self) -> int:
        """Rows of style that a picture takes."""
        return self.backbone.synthesis.ws_count

    @property
    def w_avg(self) -> Float32[Tensor, " w"]:
        """The mean row of style that training kept."""
        return self.backbone.mapping.w_avg

    def mapping(
        self, z: Float32[Tensor, "b z"], c: Float32[Tensor, "b 25"], truncation: float = 1.0, cutoff: int | None = None
    ) -> Float32[Tensor, "b n w"]:
        """Rows of style of a latent for a camera; `truncation` draws the first `cutoff` rows (all) towards the mean."""
        count = self.ws_count if cutoff is None else cutoff
        drawn = self.backbone.mapping(z, c, truncation)[:, None].expand(-1, count, -1)
        free = self.backbone.mapping(z, c)[:, None].expand(-1, self.ws_count - count, -1)
        return torch.cat([drawn, free], 1)

    def translation(
        self, z: Float32[Tensor, "b z"], c: Float32[Tensor, "b 25"], truncation: float = 1.0
    ) -> Float32[Tensor, "b 3"]:
        """How far the camera has to move for this head to stand as trained."""
        return self.t_mapping(z, c, truncation)  # type: ignore[no-any-return]

    def grids(self, ws: Float32[Tensor, "b n w"], noise: bool = True) -> Grids:
        """The tri-grid of a head. It depends on no camera: make it once for many views."""
        return as_grids(self.backbone.synthesis(ws, noise), self.architecture.grid_depth)

    def background(self, ws: Float32[Tensor, "b n w"], noise: bool = True) -> Images:
        """Features of the background, the same for every camera."""
        return self.bcg_synthesis(ws[:, : self.bcg_synthesis.ws_count], noise)  # type: ignore[no-any-return]

    def density(self, grids: Grids, points: Points) -> Float32[Tensor, "b n"]:
        """Density before the softplus at points of the world, as rays meet it (cropped); many points are asked for some at a time."""
        box, count = self.architecture.sampling.box, math.ceil(points.shape[1] / POINTS_AT_ONCE)
        found = (cropped(query(grids, self.decoder, some, box)[0], some, box) for some in points.chunk(count, 1))
        return torch.cat(list(found), 1)

    def render(
        self,
        grids: Grids,
        c: Float32[Tensor, "b 25"],
        side: int | None = None,
        random: torch.Generator | None = None,
        sampling: Sampling | None = None,
    ) -> Rendered:
        """What the rays of a picture of side^2 pixels meet, without background."""
        origins, directions = rays(c, side or self.architecture.rays)
        return render(grids, self.decoder, origins, directions, sampling or self.architecture.sampling, random)

    def picture(
        self,
        grids: Grids,
        background: Images,
        ws: Float32[Tensor, "b n w"],
        c: Float32[Tensor, "b 25"],
        side: int | None = None,
        random: torch.Generator | None = None,
        sampling: Sampling | None = None,
    ) -> Picture:
        """The picture from a camera."""
        side = side or self.architecture.rays
        seen = self.render(grids, c, side, random, sampling)
        square = (len(c), side, side)
        weight = seen.weight.view(square)
        features = seen.features.transpose(1, 2).reshape(len(c), -1, side, side)
        raw, image = self._developed(features + (1 - weight[:, None]) * resized(background, side), ws)
        return Picture(image, raw, seen.distance.view(square), weight * MASK_STRETCH - MASK_SHIFT)

    def backdrop(
        self, background: Images, ws: Float32[Tensor, "b n w"], side: int | None = None
    ) -> Float32[Tensor, "b 3 s s"]:
        """The picture of the background alone, as wherever no ray meets a head."""
        return self._developed(resized(background, side or self.architecture.rays), ws)[1]

    def _developed(
        self, features: Images, ws: Float32[Tensor, "b n w"]
    ) -> tuple[Float32[Tensor, "b 3 r r"], Float32[Tensor, "b 3 s s"]]:
        """Features as a picture of their size, and as the larger one."""
        raw = self.torgb(features, ws[:, -1])
        return raw, self.superresolution(raw, features, ws[:, -1])

    def synthesis(
        self,
        ws: Float32[Tensor, "b n w"],
        c: Float32[Tensor, "b 25"],
        side: int | None = None,
        random: torch.Generator | None = None,
        noise: bool = True,
        sampling: Sampling | None = None,
    ) -> Picture:
        """The picture of a head from a camera.

        `side` is the count of rays a side (as trained), `random` moves the samples along them (none does), `noise` adds the stored one.
        """
        return self.picture(self.grids(ws, noise), self.background(ws, noise), ws, c, side, random, sampling)

    def forward(self, z: Float32[Tensor, "b z"], c: Float32[Tensor, "b 25"]) -> Picture:
        """The picture of a latent from a camera, which is moved to where this head stands."""
        return self.synthesis(self.mapping(z, c), moved(c, self.translation(z, c)))
