"""The page is whole, needs nothing from outside, and says what was measured."""

import re
from dataclasses import replace
from html.parser import HTMLParser
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

from facecraft4d.toolkit.built import Build, StageTime
from facecraft4d.toolkit.config import BuildConfig
from facecraft4d.toolkit.core.asset import Avatar
from facecraft4d.toolkit.core.datatypes import CoinNetwork, Head, Portrait, TrainedHead
from facecraft4d.toolkit.core.geometry import project, unproject
from facecraft4d.toolkit.core.motion import OWN_CLIPS
from facecraft4d.toolkit.evaluation import Evaluation
from facecraft4d.toolkit.images import resized
from facecraft4d.toolkit.provenance import provenance
from facecraft4d.toolkit.report.curves import curves_svg
from facecraft4d.toolkit.report.figures import (
    LABEL_HEIGHT,
    OVERVIEW_SIZE,
    SHEET_COLUMNS,
    SHEET_SIZE,
    expression_sheet,
    face_camera,
    overview,
    shown_pose,
    with_landmarks,
)
from facecraft4d.toolkit.report.page import report_html

RADIUS = 1.6
VOID = {"meta", "img", "br", "link", "input", "path", "polyline"}


@pytest.fixture(scope="module")
def tiny_build(
    tiny_avatar: Avatar, tiny_head: Head, tiny_portrait: Portrait, tmp_path_factory: pytest.TempPathFactory
) -> str:
    photo = tmp_path_factory.mktemp("report") / "a <b> & c.png"
    Image.new("RGB", (40, 30), (10, 200, 30)).save(photo)
    config = BuildConfig()
    avatar = replace(tiny_avatar, provenance=provenance((OWN_CLIPS,), config))
    n = len(tiny_avatar.splats.means)
    coin = CoinNetwork(
        *(np.zeros(shape, np.float32) for shape in ((1, 2), (n, 2), (4, 2), (4, 3), (4, 2), (4,), (3, 4), (3,)))
    )
    losses = {"l1": np.geomspace(1, 0.01, 50, dtype=np.float32), "never": np.full(50, np.nan, np.float32)}
    trained = TrainedHead(tiny_avatar.splats, coin, 0, np.arange(50, dtype=np.int32), losses)
    evaluation = Evaluation({"front_psnr_db": 26.123, "identity_front": 0.5}, {}, {}, ("a note on <identity>",))
    times = (StageTime("preprocess", 1.25, 2**30, False), StageTime("training", 100.0, 2**31, True))
    noted = replace(tiny_portrait, notes=("two faces; took the largest",))
    return Build(photo, config, noted, tiny_head, tiny_head.coarse, trained, evaluation, avatar, times)


@pytest.fixture(scope="module")
def page(tiny_build: Build) -> str:
    return report_html(tiny_build, "draft")


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


def test_curves_are_svg_within_their_box() -> None:
    svg = ElementTree.fromstring(
        curves_svg(np.arange(5000, dtype=np.int32), np.geomspace(9, 0.1, 5000).astype(np.float32))
    )
    line = next(element for element in svg.iter() if element.tag.endswith("polyline"))
    points = np.array([[float(value) for value in pair.split(",")] for pair in line.attrib["points"].split()])
    assert 200 <= len(points) <= 300
    assert (points >= 0).all() and (points <= [360, 180]).all()
    assert (np.diff(points[:, 0]) > 0).all() and (np.diff(points[:, 1]) >= 0).all(), "a falling loss falls on the page"


@pytest.mark.parametrize("values", [[0.0, 0.0, 0.0], [np.nan, 1.0, np.nan], [-1.0, 0.0, 1.0]])
def test_odd_curves_are_drawn_too(values: list[float]) -> None:
    ElementTree.fromstring(curves_svg(np.arange(3, dtype=np.int32), np.array(values, np.float32)))


def test_landmarks_are_drawn_where_they_are(tiny_portrait: Portrait) -> None:
    dotted = with_landmarks(tiny_portrait)
    changed = np.argwhere((dotted != tiny_portrait.image).any(-1))
    distance = np.abs(changed[:, None] - tiny_portrait.landmarks[None, :, 1::-1]).max(-1).min(1)
    assert len(changed) and (distance <= 1).all()


def test_the_expression_sheet_shows_all(tiny_build: Build) -> None:
    sheet = expression_sheet(tiny_build)
    rows = -(-(len(tiny_build.avatar.rig.expression_names) + 1) // SHEET_COLUMNS)
    assert sheet.shape == (rows * (SHEET_SIZE + LABEL_HEIGHT), SHEET_COLUMNS * SHEET_SIZE, 3)
    assert 0 <= sheet.min() and sheet.max() <= 1


def test_mouth_close_is_shown_on_an_open_jaw(tiny_build: Build) -> None:
    rig = tiny_build.avatar.rig
    for name, caption in (("mouthClose", "mouthClose on jawOpen"), ("jawOpen", "jawOpen")):
        said, pose = shown_pose(rig, rig.expression_names.index(name))
        raised = {rig.expression_names[index] for index in np.flatnonzero(pose.expression == 1)}
        assert said == caption and raised == {name, "jawOpen"} and pose.expression.sum() == len(raised)


def test_the_face_camera_centers_the_landmarks(tiny_build: Build) -> None:
    camera, portrait = tiny_build.head.coarse.views[0].camera, tiny_build.portrait
    middle = (portrait.landmarks[:, :2].min(0) + portrait.landmarks[:, :2].max(0)) / 2
    point = unproject(camera, middle * (camera.width / portrait.image.shape[0]), np.array(RADIUS))
    pixel, _ = project(face_camera(camera, portrait, 200), point)
    np.testing.assert_allclose(pixel, [100, 100], atol=1e-3)


def test_the_overview_begins_with_the_photograph(tiny_build: Build) -> None:
    picture = overview(tiny_build)
    assert picture.shape == (2 * OVERVIEW_SIZE, 5 * OVERVIEW_SIZE, 3)
    np.testing.assert_allclose(
        picture[:OVERVIEW_SIZE, :OVERVIEW_SIZE], resized(tiny_build.portrait.image, OVERVIEW_SIZE)
    )
