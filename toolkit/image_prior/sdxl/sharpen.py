"""The paper's image prior: coarse views become pictures of the photograph's person, consistent with it and with each other.

Facecraft4D, section 3.2 and supplement 6.2: every view and the photograph are inverted; views are denoised attending to the photograph, with
what finished neighbours show of them pasted in. The order is that of `waves`; cameras, masks and depths stay.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Float32

from facecraft4d.toolkit.config import ImagePriorConfig
from facecraft4d.toolkit.core.datatypes import View, ViewSet
from facecraft4d.toolkit.core.stages import Progress, Report, StageContext
from facecraft4d.toolkit.image_prior.sdxl.attention import install
from facecraft4d.toolkit.image_prior.sdxl.denoising import Diffusion, Patch, Photograph, denoised, inverted
from facecraft4d.toolkit.image_prior.sdxl.folder import Folder, find
from facecraft4d.toolkit.image_prior.sdxl.kept import Shelf, key_of
from facecraft4d.toolkit.image_prior.sdxl.loading import Networks, load_networks, load_text_networks
from facecraft4d.toolkit.image_prior.sdxl.pictures import at_side, cell_weights, finished, to_image, to_latents, warped
from facecraft4d.toolkit.image_prior.sdxl.predictor import Predictor, one_view_in_memory
from facecraft4d.toolkit.image_prior.sdxl.schedule import read_schedule
from facecraft4d.toolkit.image_prior.sdxl.waves import Turn, waves
from facecraft4d.toolkit.image_prior.sdxl.words import Words, read_prompts

Image = Float32[np.ndarray, "h w 3"]


@dataclass(slots=True)
class Ticker:
    """Counts pictures that went through the UNet, or came out finished, and says so."""

    total: int
    report: Report
    done: int = 0

    def __call__(self, words: str, count: int) -> None:
        """So many more."""
        self.done += count
        self.report(Progress("image_prior", self.done, self.total, words))


@dataclass(frozen=True, slots=True)
class Work:
    """What all views share."""

    views: tuple[View, ...]
    """At the network's size."""
    config: ImagePriorConfig
    networks: Networks
    diffusion: Diffusion
    words: Words
    """A row for each view."""
    photograph: Photograph

    def sharpened(self, batch: Sequence[Turn], images: Mapping[int, Image]) -> list[Image]:
        """The pictures of a batch of views; `images`: those that are finished."""
        views = [self.views[turn.view] for turn in batch]
        words = self.words.of([turn.view for turn in batch])
        start = self._inverted([view.image for view in views], words)[-1]
        patch = self._patch(batch, words, images)
        latents = denoised(start, words, self.photograph, patch, self.diffusion, self._attends)
        return [to_image(self.networks, each[None]) for each in latents]

    def _attends(self, step: int) -> bool:
        return self.config.sdxl.attention and step >= self.config.sdxl.attention_step

    def _inverted(self, images: Sequence[Image], words: Words) -> torch.Tensor:
        return inverted(to_latents(self.networks, images), words, self.diffusion)

    def _patch(self, batch: Sequence[Turn], words: Words, images: Mapping[int, Image]) -> Patch | None:
        """What finished neighbours show of a batch; None for one without, as the view behind the head is."""
        if not self.config.sdxl.warp or not any(turn.sources for turn in batch):
            return None
        pictures, weights = [], []
        for turn in batch:
            sources = [replace(self.views[source], image=images[source]) for source in turn.sources]
            picture, shown = warped(self.views[turn.view], sources, self.config.warp.depth_tolerance)
            pictures.append(picture)
            weights.append(cell_weights(shown, self.networks.pixels_per_cell, self.config.warp.boundary))
        on_device = torch.from_numpy(np.stack(weights)[:, None]).to(self.networks.device)
        return Patch(self._inverted(pictures, words), on_device)


def sharpen(coarse: ViewSet, config: ImagePriorConfig, context: StageContext) -> ViewSet:
    """Sharpen all views but the photograph, which stays (view 0).

    The stage's folder holds what is finished; a killed run goes on from it and ends with the same numbers. UserError for a folder that cannot
    serve, and where the device's memory does not hold one view.
    """
    folder = find(config.sdxl)
    small = tuple(at_side(view, config.sdxl.resolution, config.warp.depth_tolerance) for view in coarse.views)
    with one_view_in_memory(config.sdxl, context.device):
        images = _images(coarse, small, config, folder, context)
    views = (coarse.views[0], *(finished(coarse.views[view], images[view]) for view in range(1, len(small))))
    return replace(coarse, views=views, ingredients=(*coarse.ingredients, *folder.ingredients()))


def _images(
    coarse: ViewSet, small: tuple[View, ...], config: ImagePriorConfig, folder: Folder, context: StageContext
) -> Mapping[int, Image]:
    """Every view at the network's size, kept or made now.

    A batch is made as a whole, even where some of it is kept: the sums of a smaller one have other last digits.
    """
    shelf, most = Shelf(context.folder, key_of(coarse, config, folder), context.report), config.sdxl.batch
    batches = [wave[first : first + most] for wave in waves(coarse) for first in range(0, len(wave), most)]
    tick = Ticker(config.sdxl.levels + sum(_count(batch, config) for batch in batches), context.report)
    images, work = {0: small[0].image}, None
    for batch in batches:
        made = [image for turn in batch if (image := shelf.take(turn.view)) is not None]
        if len(made) == len(batch):
            tick("kept", _count(batch, config))
        else:
            work = work or _begun(coarse, small, config, folder, context, tick)
            made = work.sharpened(batch, images)
            for turn, image in zip(batch, made, strict=True):
                shelf.put(turn.view, image)
            tick("finished", len(batch))
        images |= {turn.view: image for turn, image in zip(batch, made, strict=True)}
    if work is None:
        tick("kept", config.sdxl.levels)  # the photograph's, which was not needed
    return images


def _begun(
    coarse: ViewSet,
    small: tuple[View, ...],
    config: ImagePriorConfig,
    folder: Folder,
    context: StageContext,
    tick: Ticker,
) -> Work:
    """The networks on the device, the prompts read, the photograph inverted."""
    chosen, device = config.sdxl, context.device
    tick("reading SDXL's networks", 0)
    if notes := folder.notes():
        context.report(Progress("image_prior", tick.done, tick.total, notes=notes))
    schedule = read_schedule(folder.scheduler, chosen.steps, chosen.levels)
    words, unwanted = read_prompts(load_text_networks(folder, device, chosen.offload), chosen, coarse.yaws_degrees)
    networks = load_networks(folder, device, chosen.offload)
    switch = install(networks.unet, chosen.attention_layer)
    predictor = Predictor(networks, switch, unwanted, chosen.guidance, chosen.resolution, chosen.batch, context.report)
    latents = to_latents(networks, [small[0].image])
    diffusion = Diffusion(schedule, predictor, tick)
    photograph = Photograph(inverted(latents, words.of([0]), diffusion), words.of([0]))
    return Work(small, config, networks, diffusion, words, photograph)


def _count(batch: Sequence[Turn], config: ImagePriorConfig) -> int:
    """What the ticker counts for a batch: pictures through the UNet, and the views themselves."""
    passes = [3 if config.sdxl.warp and turn.sources else 2 for turn in batch]
    return sum(each * config.sdxl.levels + 1 for each in passes)
