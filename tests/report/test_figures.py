"""Figures show what they say."""

import numpy as np
import pytest
from head_cases import RADIUS

from facecraft4d.toolkit.built import Build
from facecraft4d.toolkit.core.datatypes import Portrait
from facecraft4d.toolkit.core.geometry import project, unproject
from facecraft4d.toolkit.images import resized
from facecraft4d.toolkit.report.figures import (
    LABEL_HEIGHT,
    OVERVIEW_SIZE,
    SHEET_COLUMNS,
    SHEET_SIZE,
    expression_pictures,
    expression_sheet,
    face_camera,
    overview,
    shown_pose,
    with_landmarks,
)


def test_landmarks_are_drawn_where_they_are(tiny_portrait: Portrait) -> None:
    dotted = with_landmarks(tiny_portrait)
    changed = np.argwhere((dotted != tiny_portrait.image).any(-1))
    distance = np.abs(changed[:, None] - tiny_portrait.landmarks[None, :, 1::-1]).max(-1).min(1)
    assert len(changed) and (distance <= 1).all()


@pytest.mark.slow
def test_the_expression_sheet_shows_all(tiny_build: Build) -> None:
    sheet = expression_sheet(expression_pictures(tiny_build))
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
    camera, portrait = tiny_build.coarse.views[0].camera, tiny_build.portrait
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
