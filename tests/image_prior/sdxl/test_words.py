"""Prompts: read as diffusers' own pipeline reads them, one for each direction."""

import numpy as np
import pytest
from sdxl_cases import options

from facecraft4d.toolkit import image_prior
from facecraft4d.toolkit.core.checks import UserError
from facecraft4d.toolkit.core.stages import silent
from facecraft4d.toolkit.image_prior.sdxl.folder import Folder
from facecraft4d.toolkit.image_prior.sdxl.loading import load_text_networks
from facecraft4d.toolkit.image_prior.sdxl.words import direction, read_prompts


@pytest.mark.slow
def test_they_are_read_as_diffusers_reads_them(found: Folder) -> None:
    from diffusers import StableDiffusionXLPipeline

    networks = load_text_networks(found, "cpu", offload=False)
    chosen = options(found.place, prompt="the person, {view}", negative_prompt="who").sdxl
    shown, unwanted = read_prompts(networks, chosen, (0.0, 180.0, 350.0))
    witness = StableDiffusionXLPipeline(
        vae=None, unet=None, scheduler=None, tokenizer=networks.tokenizers[0], tokenizer_2=networks.tokenizers[1],
        text_encoder=networks.encoders[0], text_encoder_2=networks.encoders[1], add_watermarker=False,
    )  # fmt: skip
    for row, yaw in enumerate((0.0, 180.0, 350.0)):
        texts = {"prompt": f"the person, {direction(yaw)}", "negative_prompt": "who"}
        tokens, without, pooled, pooled_without = witness.encode_prompt(**texts, device="cpu")
        for ours, theirs in ((shown.tokens[row], tokens[0]), (shown.pooled[row], pooled[0])):
            np.testing.assert_allclose(ours, theirs.detach(), atol=1e-6)
        for ours, theirs in ((unwanted.tokens, without), (unwanted.pooled, pooled_without)):
            np.testing.assert_allclose(ours, theirs.detach(), atol=1e-6)
    assert np.array_equal(shown.tokens[0], shown.tokens[2]) and not np.allclose(shown.tokens[0], shown.tokens[1])


def test_both_sides_are_told_alike_and_the_back_has_no_face() -> None:
    for yaw in (0.0, 15.0, 45.0, 90.0, 135.0, 179.0):
        assert direction(yaw) == direction(-yaw) == direction(360 - yaw)
    assert direction(0.0) == "seen from the front" and "back of the head" in direction(180.0)
    assert len({direction(float(yaw)) for yaw in range(181)}) == 5


@pytest.mark.slow
@pytest.mark.parametrize("option", ["prompt", "negative_prompt"])
def test_a_prompt_that_would_be_cut_is_refused(found: Folder, option: str) -> None:
    with pytest.raises(UserError, match=rf"--image-prior\.sdxl\.{option.replace('_', '-')} must be at most 77 tokens"):
        image_prior.check(options(found.place, **{option: "zebra " * 40}), silent)
