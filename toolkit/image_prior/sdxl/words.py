"""What the network is told that the pictures show: prompts, one for each direction of view, as both text encoders read them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

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


def check_prompts(tokenizers: Sequence[Any], config: SdxlConfig) -> None:
    """UserError for a prompt that is longer than the text encoders read."""
    for option, text in (
        *(("prompt", config.prompt.replace(PLACE, words)) for _, words in DIRECTIONS),
        ("negative-prompt", config.negative_prompt),
    ):
        for tokenizer in tokenizers:
            count, most = len(tokenizer(text, verbose=False).input_ids), tokenizer.model_max_length
            if count > most:
                raise UserError(
                    f"--image-prior.sdxl.{option} must be at most {most} tokens long, got {count}: shorten {text!r}"
                )


def read_prompts(networks: TextNetworks, config: SdxlConfig, yaws_degrees: Sequence[float]) -> tuple[Words, Words]:
    """Words for the views at these yaws from the front, and the words for what they do not show, one row."""
    texts = [config.prompt.replace(PLACE, direction(yaw)) for yaw in yaws_degrees]
    rows = {text: _read(networks, text) for text in dict.fromkeys(texts)}
    shown = Words(torch.cat([rows[text].tokens for text in texts]), torch.cat([rows[text].pooled for text in texts]))
    return shown, _read(networks, config.negative_prompt)


@torch.no_grad()
def _read(networks: TextNetworks, text: str) -> Words:
    """One row: the last layer but one of both encoders side by side, and the second's summary."""
    found = []
    for tokenizer, encoder in zip(networks.tokenizers, networks.encoders, strict=True):
        most = tokenizer.model_max_length
        ids = tokenizer(text, padding="max_length", max_length=most, return_tensors="pt").input_ids
        found.append(encoder(ids.to(networks.device), output_hidden_states=True))
    return Words(torch.cat([each.hidden_states[-2] for each in found], -1), found[-1].text_embeds)
