"""The light part of `make engines`: Spark and our web player in a headless Chromium on the small avatar.

The validator of glTF, splat-transform and the independent readers of PLY, SPZ and USD have tests of their own in tests/exporters.
"""

import importlib.util
from pathlib import Path

import pytest
from absent import absent

from facecraft4d.runtime import Backend, RenderOptions, render_image
from facecraft4d.samples.engines.common.browser import DATA, Page, look, opened
from facecraft4d.samples.engines.common.pictures import psnr, read_picture
from facecraft4d.samples.engines.common.places import ENGINES, Missing, find_chromium
from facecraft4d.toolkit.core.asset import Avatar
from facecraft4d.toolkit.core.motion import GREETING, builtin_clip, on_rig

pytestmark = pytest.mark.slow

SIZE = 256
LEAST = {"spark": 40.0, "web": 45.0}
"""Decibels on every pose. Spark blends in eight bits."""
SECONDS = 1.3


@pytest.fixture(scope="module", autouse=True)
def chromium() -> None:
    """Skips where there is no Chromium, but never in CI."""
    try:
        find_chromium()
    except Missing as reason:
        absent(reason)


def page_of(engine: str) -> Page:
    """The page that the sample's own command looks at."""
    spec = importlib.util.spec_from_file_location(f"sample_{engine}", ENGINES / engine / "run.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    page: Page = module.PAGE
    return page


@pytest.mark.parametrize("engine", LEAST)
def test_engine_shows_what_our_renderer_shows(engine: str, tiny_avatar: Avatar, tmp_path: Path) -> None:
    """Upright, in our colours, the right part of the face moves, by centre, rotation and scale; files without a rig stand as the table says."""
    report = look(page_of(engine), tiny_avatar, tmp_path, timed=False, size=SIZE)
    assert report.ok, report.wrong
    assert min(report.psnr.values()) > LEAST[engine], report.psnr
    assert report.joints and all(report.moves.values()), report.moves
    print(report)


def test_clip_of_the_file_plays(tiny_avatar: Avatar, tmp_path: Path) -> None:
    """The greeting that every file brings, at one of its times, read from the file by the page itself."""
    shot = {"file": str(tmp_path / "clip.png")}
    with opened(page_of("spark"), tiny_avatar, SIZE, tmp_path) as visit:
        visit({"avatar": f"{DATA}avatar.glb", "clip": GREETING, "seconds": str(SECONDS)}, [shot], False)
    motion, options = (
        on_rig(builtin_clip(GREETING), tiny_avatar.rig),
        RenderOptions(size=SIZE, backend=Backend.SOFTWARE),
    )
    then, first = (render_image(tiny_avatar, motion.at(seconds), options) for seconds in (SECONDS, 0.0))
    assert psnr(read_picture(tmp_path / "clip.png"), then) > LEAST["spark"] > psnr(first, then)
