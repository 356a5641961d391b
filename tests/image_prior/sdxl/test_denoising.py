"""Into noise and out again beside the photograph: what the photograph, the patch, the batch and memory change, and what they do not."""

from typing import Any

import numpy as np
import pytest
import torch
from sdxl_cases import options

from facecraft4d.toolkit.core.checks import UserError
from facecraft4d.toolkit.core.stages import Progress
from facecraft4d.toolkit.image_prior.sdxl.attention import install
from facecraft4d.toolkit.image_prior.sdxl.denoising import Diffusion, Patch, Photograph, denoised, inverted, pasted
from facecraft4d.toolkit.image_prior.sdxl.folder import Folder
from facecraft4d.toolkit.image_prior.sdxl.loading import Networks
from facecraft4d.toolkit.image_prior.sdxl.predictor import Predictor, one_view_in_memory
from facecraft4d.toolkit.image_prior.sdxl.schedule import Schedule, read_schedule
from facecraft4d.toolkit.image_prior.sdxl.words import Words

LEVELS = 4


def quiet(words: str, count: int) -> None:
    """Nobody listens."""


def random(seed: int, *shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def words(count: int) -> Words:
    return Words(random(1, 5, 77, 64)[:count], random(2, 5, 32)[:count])


@pytest.fixture
def schedule(found: Folder) -> Schedule:
    return read_schedule(found.scheduler, 10, LEVELS)


def asking(networks: Networks, guidance: float = 3.0, most: int = 4) -> Predictor:
    said: list[Progress] = []
    return Predictor(
        networks,
        install(networks.unet, 0),
        Words(random(3, 1, 77, 64), random(4, 1, 32)),
        guidance,
        64,
        most,
        said.append,
    )


@pytest.fixture
def predictor(networks: Networks) -> Predictor:
    return asking(networks)


@pytest.fixture
def photograph(predictor: Predictor, schedule: Schedule) -> Photograph:
    told = Words(random(5, 1, 77, 64), random(6, 1, 32))
    return Photograph(inverted(random(7, 1, 4, 8, 8), told, Diffusion(schedule, predictor, quiet)), told)


def shown(
    start: torch.Tensor,
    photograph: Photograph,
    schedule: Schedule,
    predictor: Predictor,
    patch: Patch | None = None,
    attends: bool = True,
) -> torch.Tensor:
    return denoised(
        start, words(len(start)), photograph, patch, Diffusion(schedule, predictor, quiet), lambda _: attends
    )


VIEWS = random(8, 5, 4, 8, 8)


@pytest.mark.slow
def test_out_of_the_noise_comes_what_went_in(networks: Networks, found: Folder) -> None:
    """Without guidance, attention and patch; twice the steps leave about half the error."""
    predictor, errors = asking(networks, guidance=1.0), []
    for steps in (25, 50, 100):
        schedule = read_schedule(found.scheduler, steps, int(0.4 * steps))
        told = words(2)
        up = inverted(VIEWS[:2], told, Diffusion(schedule, predictor, quiet))
        still = Photograph(up[:, :1], told.of([0]))
        down = denoised(up[-1], told, still, None, Diffusion(schedule, predictor, quiet), lambda _: False)
        errors.append(float((down - VIEWS[:2]).norm() / VIEWS[:2].norm()))
    assert errors[0] < 0.1 and errors[1] < 0.65 * errors[0] and errors[2] < 0.65 * errors[1]


@pytest.mark.slow
def test_without_a_level_nothing_changes(networks: Networks, found: Folder, photograph: Photograph) -> None:
    schedule, predictor = read_schedule(found.scheduler, 10, 0), asking(networks)
    up = inverted(VIEWS, words(5), Diffusion(schedule, predictor, quiet))
    assert torch.equal(up, VIEWS[None]) and torch.equal(shown(VIEWS, photograph, schedule, predictor), VIEWS)


@pytest.mark.slow
@pytest.mark.parametrize("guidance", [1.0, 3.0])
def test_how_views_are_shared_out_changes_nothing(
    networks: Networks, schedule: Schedule, photograph: Photograph, guidance: float
) -> None:
    found = [shown(VIEWS, photograph, schedule, asking(networks, guidance, most)) for most in (5, 3, 2, 1)]
    for other in found[1:]:
        np.testing.assert_allclose(found[0], other, atol=1e-4)
    alone = shown(VIEWS[:1], photograph, schedule, asking(networks, guidance))
    np.testing.assert_allclose(found[0][:1], alone, atol=1e-4)


@pytest.mark.slow
def test_the_photograph_is_put_back_at_every_step(
    predictor: Predictor, schedule: Schedule, photograph: Photograph, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[torch.Tensor] = []
    ask = Predictor._asked

    def watched(self: Predictor, latents: torch.Tensor, told: Words, time: int) -> torch.Tensor:
        seen.append(latents.clone())
        return ask(self, latents, told, time)

    monkeypatch.setattr(Predictor, "_asked", watched)
    shown(VIEWS[:2], photograph, schedule, predictor)
    assert len(seen) == LEVELS
    for level, batch in zip(range(LEVELS, 0, -1), seen, strict=True):
        assert len(batch) == 6, "two halves of a photograph and two views"
        for half in (0, 3):
            assert torch.equal(batch[half : half + 1], photograph.trajectory[level])


@pytest.mark.slow
def test_views_look_at_the_photograph_only_when_they_attend(
    predictor: Predictor, schedule: Schedule, photograph: Photograph
) -> None:
    other = Photograph(photograph.trajectory.flip(-1), photograph.words)
    with_it, with_other = (shown(VIEWS[:2], each, schedule, predictor) for each in (photograph, other))
    assert float((with_it - with_other).abs().mean()) > 1e-3
    without, without_other = (
        shown(VIEWS[:2], each, schedule, predictor, attends=False) for each in (photograph, other)
    )
    np.testing.assert_allclose(without, without_other, atol=1e-5)
    assert float((with_it - without).abs().mean()) > 1e-3


@pytest.mark.slow
def test_attention_begins_at_its_step(predictor: Predictor, schedule: Schedule, photograph: Photograph) -> None:
    asked: list[int] = []

    def late(step: int) -> bool:
        asked.append(step)
        return step >= 2

    denoised(VIEWS[:1], words(1), photograph, None, Diffusion(schedule, predictor, quiet), late)
    assert asked == [0, 1, 2, 3] and not predictor.switch.on


@pytest.mark.slow
def test_guidance_leads_from_what_is_unwanted_to_the_prompt(networks: Networks, photograph: Photograph) -> None:
    def noise(guidance: float, told: Words) -> torch.Tensor:
        predictor = asking(networks, guidance)
        return predictor.guided(photograph.trajectory[1], photograph.words, VIEWS[:2], told, 161, attending=False)

    unwanted = asking(networks).unwanted.of([0, 0])
    bare, led = noise(1.0, unwanted), noise(1.0, words(2))
    np.testing.assert_allclose(noise(3.0, words(2)), bare + 3 * (led - bare), atol=1e-4)


@pytest.mark.slow
def test_each_half_attends_to_its_own_photograph(networks: Networks, photograph: Photograph) -> None:
    """Asked half by half, with the photograph under that half's words, the answer is the same."""

    def half(told: Words) -> torch.Tensor:
        predictor = asking(networks, 1.0)
        return predictor.guided(photograph.trajectory[1], told.of([0]), VIEWS[:2], told.of([1, 2]), 161, attending=True)

    bare, led = half(asking(networks).unwanted.of([0, 0, 0])), half(photograph.words.then(words(2)))
    both = asking(networks, 3.0).guided(
        photograph.trajectory[1], photograph.words, VIEWS[:2], words(2), 161, attending=True
    )
    np.testing.assert_allclose(both, bare + 3 * (led - bare), atol=1e-4)


def test_weights_decide_who_is_pasted() -> None:
    generated, other = VIEWS[:2], VIEWS[2:4]
    ones = torch.ones(2, 1, 8, 8)
    assert torch.equal(pasted(generated, other, ones), other) and torch.equal(
        pasted(generated, other, 0 * ones), generated
    )
    np.testing.assert_allclose(pasted(generated, other, 0.1 * ones), 0.1 * other + 0.9 * generated, atol=1e-6)


@pytest.mark.slow
def test_a_patch_of_no_weight_is_none(predictor: Predictor, schedule: Schedule, photograph: Photograph) -> None:
    trajectory = inverted(VIEWS[2:4], words(2), Diffusion(schedule, predictor, quiet))
    nothing = Patch(trajectory, torch.zeros(2, 1, 8, 8))
    plain = shown(VIEWS[:2], photograph, schedule, predictor)
    assert torch.equal(shown(VIEWS[:2], photograph, schedule, predictor, nothing), plain)
    whole = Patch(trajectory, torch.ones(2, 1, 8, 8))
    assert torch.equal(
        shown(VIEWS[:2], photograph, schedule, predictor, whole),
        shown(VIEWS[1:3], photograph, schedule, predictor, whole),
    ), "a whole patch leaves nothing of the view"


class Small:
    """A UNet on a device that holds so many pictures and no more."""

    def __init__(self, unet: Any, most: int) -> None:
        self.unet, self.most, self.asked = unet, most, list[int]()

    def __call__(self, latents: torch.Tensor, *args: Any, **kwargs: Any) -> Any:
        self.asked.append(len(latents))
        if len(latents) > self.most:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
        return self.unet(latents, *args, **kwargs)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.unet, name)


def on(networks: Networks, most: int, said: list[Progress]) -> tuple[Predictor, Small]:
    small = Small(networks.unet, most)
    predictor = asking(networks, guidance=1.0, most=5)
    predictor.networks, predictor.report = Networks(small, networks.vae, "cpu"), said.append
    return predictor, small


@pytest.mark.slow
def test_where_memory_does_not_do_the_batch_is_halved(
    networks: Networks, schedule: Schedule, photograph: Photograph
) -> None:
    said: list[Progress] = []
    wanted = shown(VIEWS, photograph, schedule, asking(networks, guidance=1.0, most=5))
    predictor, small = on(networks, 3, said)
    np.testing.assert_allclose(shown(VIEWS, photograph, schedule, predictor), wanted, atol=1e-4)
    assert predictor.most == 2 and small.asked[:4] == [6, 3, 3, 2], "the photograph and 5, then 2, 2 and 1"
    assert [each.notes for each in said] == [("the device's memory does not do for 5 views at once; going on with 2",)]


@pytest.mark.slow
@pytest.mark.parametrize("offload", [False, True])
def test_where_it_does_not_do_for_one_view_the_way_out_is_named(
    networks: Networks, schedule: Schedule, photograph: Photograph, offload: bool
) -> None:
    predictor, small = on(networks, 1, [])
    config = options(None, offload=offload, resolution=1024).sdxl
    with (
        pytest.raises(
            UserError, match=r"too little memory for one view of 1024 pixels \(up to [0-9]+\.[0-9] GiB"
        ) as caught,
        one_view_in_memory(config, "cpu"),
    ):
        shown(VIEWS, photograph, schedule, predictor)
    assert small.asked == [6, 3, 2], "5 views, 2 views, one view"
    assert ("--image-prior.sdxl.offload" in str(caught.value)) is not offload
    assert "--image-prior.sdxl.resolution" in str(caught.value)


@pytest.mark.slow
def test_a_network_that_gives_no_numbers_is_named(networks: Networks, schedule: Schedule) -> None:
    with torch.no_grad():
        networks.unet.conv_out.bias.fill_(float("nan"))
    with pytest.raises(UserError, match="not finite"):
        inverted(VIEWS, words(5), Diffusion(schedule, asking(networks), quiet))
