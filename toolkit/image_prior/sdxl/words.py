"""What the network is told that the pictures show: prompts, one for each direction of view, as both text encoders read them."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from facecraft4d.toolkit.config import SdxlConfig
from facecraft4d.toolkit.core.checks import UserError
from facecraft4d.toolkit.core.geometry import yaw_distances
from facecraft4d.toolkit.image_prior.sdxl.loading import TextNetworks

PLACE = "{view}"
"""Where the direction stands in a prompt."""
DIRECTIONS = (
    (22.5, "seen from the front"),
    (67.5, "in three-quarter view"),
    (112.5, "in profile, from the side"),
    (157.5, "seen from behind and the side"),
    (180.0, "seen from behind, only the back of the head"),
)
"""Degrees of yaw up to which each is told."""


@dataclass(frozen=True, slots=True)
class Words:
    """Prompts for a row of pictures as the UNet takes them."""

    tokens: Float[Tensor, "n t c"]
    pooled: Float[Tensor, "n p"]

    def of(self, rows: Sequence[int]) -> "Words":
        """For some of the pictures."""
        return Words(self.tokens[list(rows)], self.pooled[list(rows)])

    def then(self, other: "Words") -> "Words":
        """These and then others."""
        return Words(torch.cat((self.tokens, other.tokens)), torch.cat((self.pooled, other.pooled)))


def direction(yaw_degrees: float) -> str:
    """The words for a view at that yaw from the front."""
    away = float(yaw_distances((yaw_degrees,), 0.0)[0])
    return next(words for most, words in DIRECTIONS if away <= most)


def read_prompts(networks: TextNetworks, config: SdxlConfig, yaws_degrees: Sequence[float]) -> tuple[Words, Words]:
    """Words for the views at these yaws from the front, and the words for what they do not show, one row.

    UserError for a prompt that is longer than the text encoders read.
    """
    prompts = {yaw: config.prompt.replace(PLACE, direction(yaw)) for yaw in yaws_degrees}
    texts = list(dict.fromkeys(prompts.values()))
    for option, each in [("prompt", text) for text in texts] + [("negative-prompt", config.negative_prompt)]:
        _check_length(networks, option, each)
    rows = [_read(networks, text) for text in texts]
    wanted = [texts.index(prompts[yaw]) for yaw in yaws_degrees]
    shown = Words(torch.cat([rows[row].tokens for row in wanted]), torch.cat([rows[row].pooled for row in wanted]))
    return shown, _read(networks, config.negative_prompt)


def _check_length(networks: TextNetworks, option: str, text: str) -> None:
    for tokenizer in networks.tokenizers:
        count, most = len(tokenizer(text).input_ids), tokenizer.model_max_length
        if count > most:
            raise UserError(
                f"--image-prior.sdxl.{option} must be at most {most} tokens long, got {count}: shorten {text!r}"
            )


@torch.no_grad()
def _read(networks: TextNetworks, text: str) -> Words:
    """One row: the last layer but one of both encoders side by side, and the second's summary."""
    found = []
    for tokenizer, encoder in zip(networks.tokenizers, networks.encoders, strict=True):
        most = tokenizer.model_max_length
        ids = tokenizer(text, padding="max_length", max_length=most, return_tensors="pt").input_ids
        found.append(encoder(ids.to(networks.device), output_hidden_states=True))
    return Words(torch.cat([each.hidden_states[-2] for each in found], -1), found[-1].text_embeds)
