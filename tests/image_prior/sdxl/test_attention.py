"""Mutual attention: golden vectors of the published code, SDXL's own inventory, and the laws of the batch."""

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from places import DATA
from sdxl_cases import tiny_unet

from facecraft4d.toolkit.core.checks import UserError
from facecraft4d.toolkit.image_prior.sdxl.attention import (
    MutualAttention,
    Switch,
    install,
    mutual_attention,
    self_attentions,
)

if TYPE_CHECKING:
    from diffusers.models.attention_processor import Attention

GOLDEN = np.load(DATA / "mutual_attention.npz")
SDXL: dict[str, Any] = json.loads((DATA / "sdxl_unet_attention.json").read_text())


def golden(name: str) -> torch.Tensor:
    return torch.from_numpy(GOLDEN[name])


@pytest.fixture
def layer() -> "Attention":
    """The golden vectors' self-attention."""
    from diffusers.models.attention_processor import Attention

    found = Attention(64, heads=4, dim_head=16, bias=False)
    found.load_state_dict({name.removeprefix("w_"): golden(name) for name in GOLDEN.files if name.startswith("w_")})
    return found.requires_grad_(False)


def answered(layer: "Attention", switch: Switch) -> torch.Tensor:
    from diffusers.models.attention_processor import AttnProcessor2_0

    layer.set_processor(MutualAttention(switch, AttnProcessor2_0()))
    return layer(golden("hidden_states"))


def test_switched_off_it_is_plain_attention_bit_for_bit(layer: "Attention") -> None:
    plain = layer(golden("hidden_states"))
    assert torch.equal(answered(layer, Switch()), plain)
    np.testing.assert_allclose(plain, golden("plain_self_attention"), atol=1e-4)
    np.testing.assert_allclose(plain, golden("masactrl_before_start_step"), atol=1e-4)


def test_it_is_the_published_one_in_both_layouts(layer: "Attention") -> None:
    """With guidance: [photograph, view] twice; without: the photograph and three views."""
    np.testing.assert_allclose(answered(layer, Switch(True, 2)), golden("masactrl_self_attention"), atol=1e-4)
    np.testing.assert_allclose(answered(layer, Switch(True, 1)), golden("mutual_batch_ref_views"), atol=1e-4)


def test_before_the_projection_it_is_the_published_one() -> None:
    """The published code has heads in the batch."""

    def taken_apart(name: str) -> torch.Tensor:
        return golden(name).reshape(2, 2, 4, 36, 16).transpose(2, 3)

    query, key, value = (taken_apart(f"editor_{name}") for name in "qkv")
    found = mutual_attention(query, key[:, 0], value[:, 0]).reshape(4, 36, 64)
    np.testing.assert_allclose(found, golden("editor_out"), atol=1e-4)


@pytest.mark.slow
def test_sdxl_has_70_self_attentions_in_this_order() -> None:
    from diffusers import UNet2DConditionModel

    with torch.device("meta"):
        unet = UNet2DConditionModel.from_config(SDXL["config"])
    assert len(unet.state_dict()) == SDXL["state_dict_entries"] == 1680
    assert sum(each.numel() for each in unet.parameters()) == SDXL["parameters"]
    names = list(unet.attn_processors)
    assert names == SDXL["attn_processors_dict_order"] and len(names) == 140
    wanted = [row[0] for row in SDXL["call_order"] if row[1] == "self"]
    assert self_attentions(names) == wanted and len(wanted) == 70
    before = dict(unet.attn_processors)
    install(unet, 44)
    changed = {name for name, each in unet.attn_processors.items() if each is not before[name]}
    assert changed == set(wanted[44:]) and not any("attn2" in name for name in changed)
    with pytest.raises(UserError, match="below 70"):
        install(unet, 70)


@pytest.fixture
def unet() -> Any:
    torch.manual_seed(0)
    return tiny_unet().eval().requires_grad_(False)


@pytest.fixture(scope="module")
def given() -> dict[str, torch.Tensor]:
    make = torch.Generator().manual_seed(1)
    return {
        "sample": torch.randn(5, 4, 8, 8, generator=make),
        "tokens": torch.randn(5, 7, 64, generator=make),
        "pooled": torch.randn(5, 32, generator=make),
    }


def asked(unet: Any, given: dict[str, torch.Tensor], rows: list[int]) -> torch.Tensor:
    told = {"text_embeds": given["pooled"][rows], "time_ids": torch.full((len(rows), 6), 64.0)}
    found: torch.Tensor = unet(given["sample"][rows], 201, given["tokens"][rows], added_cond_kwargs=told).sample
    return found


@pytest.mark.slow
def test_the_whole_network_keeps_the_laws_of_the_batch(unet: Any, given: dict[str, torch.Tensor]) -> None:
    everyone = [0, 1, 2, 3, 4]
    plain = asked(unet, given, everyone)
    switch = install(unet, 0)
    assert torch.equal(asked(unet, given, everyone), plain)
    switch.on = True
    mutual = asked(unet, given, everyone)
    np.testing.assert_allclose(mutual[0], plain[0], atol=1e-5)  # the photograph attends to itself
    assert all((mutual[row] - plain[row]).abs().mean() > 1e-3 for row in range(1, 5))
    for rows in ([0, 3], [0, 2, 4], [0, 4, 3, 2, 1]):  # any share, any order
        np.testing.assert_allclose(asked(unet, given, rows)[1:], mutual[rows[1:]], atol=1e-4)
    switch.halves = 2
    np.testing.assert_allclose(asked(unet, given, [0, 1, 2, 0, 3, 4]), mutual[[0, 1, 2, 0, 3, 4]], atol=1e-4)


def test_a_picture_beside_itself_is_as_it_was(unet: Any, given: dict[str, torch.Tensor]) -> None:
    switch = install(unet, 0)
    alone = asked(unet, given, [2, 2, 2])
    switch.on = True
    np.testing.assert_allclose(asked(unet, given, [2, 2, 2]), alone, atol=1e-5)


def test_only_the_layers_from_the_first_on_attend(unet: Any, given: dict[str, torch.Tensor]) -> None:
    names = self_attentions(unet.attn_processors)
    switch = install(unet, len(names) - 1)
    switch.on = True
    outputs: list[torch.Tensor] = []
    for name in names:
        layer = unet.get_submodule(name.removesuffix(".processor"))
        layer.register_forward_hook(lambda module, inputs, output: outputs.append(output))
    asked(unet, given, [0, 1])
    mutual = outputs.copy()
    outputs.clear()
    switch.on = False
    asked(unet, given, [0, 1])
    differs = [not torch.equal(one, other) for one, other in zip(mutual, outputs, strict=True)]
    assert differs == [False] * (len(names) - 1) + [True]
