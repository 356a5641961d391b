"""The page is whole, needs nothing from outside, and says what was measured."""

import re
from html.parser import HTMLParser

import pytest

from facecraft4d.toolkit.built import Build
from facecraft4d.toolkit.core.asset import Avatar
from facecraft4d.toolkit.core.datatypes import Coarse
from facecraft4d.toolkit.evaluation import fidelity, truth
from facecraft4d.toolkit.report.figures import expression_pictures
from facecraft4d.toolkit.report.page import EVALUATION, report_html, with_evaluation

VOID = {"meta", "img", "br", "link", "input", "path", "polyline"}


@pytest.fixture(scope="module")
def page(tiny_build: Build) -> str:
    return report_html(tiny_build, "draft", expression_pictures(tiny_build))


class Balance(HTMLParser):
    """Checks that every element is closed in order."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag


@pytest.mark.slow
def test_the_page_is_balanced_and_escaped(page: str) -> None:
    parser = Balance()
    parser.feed(page)
    assert parser.open == []
    assert "a &lt;b&gt; &amp; c.png" in page and "<identity>" not in page and "$" not in page


def test_the_page_needs_nothing_from_outside(page: str) -> None:
    assert all(source.startswith("data:image/") for source in re.findall(r'src="([^"]{0,40})', page))
    assert not re.search(r"<script|<link|@import|url\(|https?://(?!www\.w3\.org)[^\s<]+\.(?:js|css|png|jpg)", page)


def test_every_part_is_there(page: str, tiny_avatar: Avatar) -> None:
    for title in ("Result", "Metrics", "Photograph", "Views", "Expressions", "Training", "Time", "Licences", "Options"):
        assert re.search(f"<h2>{title}", page)
    for name in tiny_avatar.rig.expression_names:
        assert re.search(f">{name}( on jawOpen)?</figcaption>", page)
    for text in (
        "478 landmarks",
        "matte",
        "yaw 180",
        "26.12 dB",
        "met",
        "missed",
        "not measured",
        "CC0-1.0",
        "training.splats",
        "two faces",
    ):
        assert text in page
    assert page.count("<svg") == 1, "a loss without values has no curve"


@pytest.mark.slow
def test_the_report_keeps_what_it_holds(tiny_avatar: Avatar, tiny_coarse: Coarse) -> None:
    """The evaluation is its last section, a second one takes the place of the first; a report without the place for it gets one."""
    view = tiny_coarse.views.views[0]
    found = fidelity.evaluate(
        tiny_avatar, [truth.Truth("a", "<b>", tiny_coarse.head.pose, lambda: view)], lambda _: None
    )
    for page in (
        "<html><body><p>old</p></body></html>",
        f"<html><body><p>old</p>{EVALUATION}{EVALUATION}</body></html>",
    ):
        once = with_evaluation(page, tiny_avatar, found, {"avatar": "x", "truth": "first"})
        twice = with_evaluation(once, tiny_avatar, found, {"avatar": "x", "truth": "second"})
        assert "<p>old</p>" in once and "against first" in once and once.count("<section>") == 1
        assert "against second" in twice and "against first" not in twice and "<p>old</p>" in twice
        assert twice.count("<img") == 3 and "<b>" not in twice and twice.rstrip().endswith("</html>")
    alone = with_evaluation("", tiny_avatar, found, {"avatar": "head & shoulders", "truth": "t"})
    assert "head &amp; shoulders" in alone and alone.count("<section>") == 1
