"""Asks the UNet for the noise in latents, as many pictures at once as the device's memory holds."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from facecraft4d.toolkit.config import SdxlConfig
from facecraft4d.toolkit.core.checks import UserError
from facecraft4d.toolkit.core.stages import Progress, Report
from facecraft4d.toolkit.device import release, within_memory
from facecraft4d.toolkit.image_prior.sdxl.attention import Switch
from facecraft4d.toolkit.image_prior.sdxl.loading import Networks
from facecraft4d.toolkit.image_prior.sdxl.words import Words

Latents = Float[Tensor, "n 4 ch cw"]
"""`ch` x `cw` cells for pictures of 8 times as many pixels each way."""
Ask = Callable[[int, int], Tensor]
"""Answers for the pictures from a first to before a last."""


@dataclass(slots=True)
class Predictor:
    """The UNet with what it is told beside the prompt. How pictures are shared out to batches does not change what is answered."""

    networks: Networks
    switch: Switch
    unwanted: Words
    """What pictures do not show: one row."""
    guidance: float
    side: int
    """Pixels."""
    most: int
    """Views at once; halved where memory does not do."""
    report: Report

    def plain(self, latents: Latents, words: Words, time: int) -> Latents:
        """The noise of pictures by themselves, without guidance."""

        def ask(first: int, last: int) -> Tensor:
            return self._asked(latents[first:last], words.of(range(first, last)), time)

        return self._shared_out(len(latents), ask)

    def guided(
        self,
        photograph: Float[Tensor, "1 4 ch cw"],
        shown: Words,
        latents: Latents,
        words: Words,
        time: int,
        attending: bool,
    ) -> Latents:
        """The noise of views beside the photograph (with its words `shown`), led by the prompt; `attending`: to the photograph."""

        def ask(first: int, last: int) -> Tensor:
            batch = torch.cat((photograph, latents[first:last]))
            told = shown.then(words.of(range(first, last)))
            if self.guidance == 1:
                return self._attended(batch, told, time, 1, attending)[1:]
            without = self.unwanted.of([0] * len(batch))
            both = self._attended(torch.cat((batch, batch)), without.then(told), time, 2, attending)
            bare, led = both.chunk(2)
            return (bare + self.guidance * (led - bare))[1:]

        return self._shared_out(len(latents), ask)

    def _attended(self, latents: Latents, words: Words, time: int, halves: int, attending: bool) -> Latents:
        self.switch.on, self.switch.halves = attending, halves
        try:
            return self._asked(latents, words, time)
        finally:
            self.switch.on = False

    @torch.no_grad()
    def _asked(self, latents: Latents, words: Words, time: int) -> Latents:
        """One evaluation. UserError where the network answers with what are no numbers."""
        sizes = words.pooled.new_tensor([self.side, self.side, 0, 0, self.side, self.side]).expand(len(latents), -1)
        told = {"text_embeds": words.pooled, "time_ids": sizes}
        unet = self.networks.unet
        noise: Tensor = unet(latents.to(unet.dtype), time, words.tokens, added_cond_kwargs=told, return_dict=False)[
            0
        ].float()
        if not torch.isfinite(noise).all():
            raise UserError(
                "--image-prior sdxl: the UNet answers with numbers that are not finite: its weights are damaged"
            )
        return noise

    def _shared_out(self, count: int, ask: Ask) -> Latents:
        """Answers for `count` pictures, batch by batch; where memory does not do the batch is halved. OutOfMemoryError at one picture."""
        answers: list[Tensor] = []
        first = 0
        while first < count:
            last = min(first + self.most, count)
            if (answer := self._tried(ask, first, last)) is not None:
                answers.append(answer)
                first = last
        return torch.cat(answers)

    def _tried(self, ask: Ask, first: int, last: int) -> Tensor | None:
        """The answer, or None where memory did not do and the next try is to be smaller."""
        try:
            return ask(first, last)
        except torch.OutOfMemoryError:
            if last - first == 1:
                raise
        release(self.networks.device)  # here the error is gone, which held what was taken
        tried, self.most = last - first, (last - first) // 2
        words = f"the device's memory does not do for {tried} views at once; going on with {self.most}"
        self.report(Progress("image_prior", 0, 1, notes=(words,)))
        return None


def one_view_in_memory(config: SdxlConfig, device: str) -> AbstractContextManager[None]:
    """What does not fit into the device's memory, one view at a time, is a UserError that says how much was taken and what helps."""
    less = "take a smaller --image-prior.sdxl.resolution"
    advice = less if config.offload else f"add --image-prior.sdxl.offload, or {less}"
    return within_memory(device, "--image-prior sdxl", f"one view of {config.resolution} pixels", advice)
