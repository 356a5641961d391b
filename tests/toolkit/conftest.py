"""A house of stand-in stages."""

from dataclasses import replace

import pytest
from stand_in_stages import STAGES, House

from facecraft4d.toolkit import (
    evaluation,
    image_prior,
    preprocess,
    shape_prior,
    training,
    video_prior,
)
from facecraft4d.toolkit.core.asset import Avatar
from facecraft4d.toolkit.core.datatypes import (
    Coarse,
    Portrait,
)
from facecraft4d.toolkit.core.ingredients import Commercial, Ingredient


@pytest.fixture
def house(monkeypatch: pytest.MonkeyPatch, tiny_avatar: Avatar, tiny_coarse: Coarse, tiny_portrait: Portrait) -> House:
    portrait = replace(
        tiny_portrait, ingredients=(Ingredient("camera", "photograph", "CC0-1.0", Commercial.YES, "here"),)
    )
    model = Ingredient("model", "head model", "CC-BY-4.0", Commercial.NO, "there")
    built = House(tiny_avatar, replace(tiny_coarse, ingredients=(model, *portrait.ingredients)), portrait)
    modules = (preprocess, shape_prior, image_prior, video_prior, training, evaluation)
    for name, module in zip(STAGES, modules, strict=True):
        monkeypatch.setattr(module, "run", getattr(built, name), raising=False)
    return built
