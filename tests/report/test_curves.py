"""Curves lie within their box, odd ones too."""

from xml.etree import ElementTree

import numpy as np
import pytest

from facecraft4d.toolkit.report.curves import curves_svg


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
