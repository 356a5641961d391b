"""Cross-view mutual attention: in the UNet's self-attentions every view looks up the photograph's keys and values (paper, section 3.2; the
idea is MasaCtrl's, Cao et al. 2023).

The photograph is the first picture of every batch. Its own branch depends on no other picture, and a view's on the photograph alone: how many
views share a batch changes nothing.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import torch.nn.functional as F
from torch import Tensor

from facecraft4d.toolkit.core.checks import UserError

SELF = ".attn1.processor"
"""How names of self-attentions' processors end; those of cross-attentions end in .attn2.processor."""
SECTIONS = ("down_blocks", "mid_block", "up_blocks")
"""In the order in which the UNet runs them. The dictionary of its processors has another one, mid_block last."""


@dataclass(slots=True)
class Switch:
    """What the processors of one UNet look at when they run."""

    on: bool = False
    halves: int = 1
    """Of the batch: 2 where its first half is without the prompt and its second with it, each with a photograph of its own."""


def mutual_attention(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """Every picture of a half attends to the tokens of its half's photograph.

    `query`: [halves, pictures, tokens, heads, channels]; `key`, `value`: [halves, tokens, heads, channels], of the photographs. As `query`.
    """
    halves, pictures, tokens, heads, channels = query.shape
    asked = query.reshape(halves, pictures * tokens, heads, channels).transpose(1, 2)
    answered = F.scaled_dot_product_attention(asked, key.transpose(1, 2), value.transpose(1, 2))
    return answered.transpose(1, 2).reshape(query.shape)


class MutualAttention:
    """A processor of a self-attention: as before while the switch is off, `mutual_attention` while it is on."""

    def __init__(self, switch: Switch, plain: Any) -> None:
        """`plain`: the processor in whose place it comes."""
        self.switch, self.plain = switch, plain

    def __call__(self, attention: Any, hidden_states: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        """`hidden_states` [pictures, tokens, channels], half after half, each beginning with its photograph."""
        if not self.switch.on:
            unchanged: Tensor = self.plain(attention, hidden_states, *args, **kwargs)
            return unchanged
        count, tokens, _ = hidden_states.shape
        grouped = hidden_states.reshape(self.switch.halves, count // self.switch.halves, tokens, -1)
        photographs, heads = grouped[:, 0], attention.heads
        query = attention.to_q(grouped).unflatten(-1, (heads, -1))
        key, value = (layer(photographs).unflatten(-1, (heads, -1)) for layer in (attention.to_k, attention.to_v))
        answered = mutual_attention(query, key, value).reshape(count, tokens, -1)
        for layer in attention.to_out:
            answered = layer(answered)
        return answered


def install(unet: Any, first_layer: int) -> Switch:
    """Put the processors into the UNet's self-attentions from `first_layer` on; the switch, off, that they listen to.

    UserError where the UNet has no such layer.
    """
    processors = dict(unet.attn_processors)
    names = self_attentions(processors)
    if first_layer >= len(names):
        raise UserError(
            f"--image-prior.sdxl.attention-layer must be below {len(names)}, the self-attentions of this UNet, got {first_layer}"
        )
    switch = Switch()
    processors |= {name: MutualAttention(switch, processors[name]) for name in names[first_layer:]}
    unet.set_attn_processor(processors)
    return switch


def self_attentions(names: Iterable[str]) -> list[str]:
    """Those names of processors that belong to self-attentions, in the order in which the UNet runs them."""
    return sorted((name for name in names if name.endswith(SELF)), key=_place)


def _place(name: str) -> tuple[int, ...]:
    section = SECTIONS.index(name.partition(".")[0])
    return section, *(int(number) for number in re.findall(r"\.(\d+)", name))
