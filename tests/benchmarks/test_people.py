"""The benchmark of people finds a moved silhouette again, its frame lays eyes on eyes, and numbers are found and put back."""

import sys
from typing import Any

import numpy as np
import pytest
from people.score import Frame, around, fitted

from facecraft4d.toolkit.core.geometry import orbit_camera, project, transform_points

pytestmark = pytest.mark.slow


def ellipse(x: float, y: float, size: float, side: int = 256) -> np.ndarray:
    rows, columns = np.mgrid[:side, :side]
    inside = ((columns - x) / (60 * size)) ** 2 + ((rows - y) / (80 * size)) ** 2 < 1
    return inside.astype(np.float32)


@pytest.mark.parametrize(("x", "y", "size"), [(128, 120, 1.0), (133, 114, 1.0), (128, 120, 1.06), (124, 123, 0.95)])
def test_a_drawing_is_moved_and_sized_onto_the_truth(x: float, y: float, size: float) -> None:
    drawn, true = ellipse(x, y, size), ellipse(128, 120, 1.0)
    image = np.repeat(1 - 0.5 * drawn[..., None], 3, -1)
    _, alpha = fitted(image, drawn, true)
    overlap = ((alpha > 0.5) & (true > 0.5)).sum() / ((alpha > 0.5) | (true > 0.5)).sum()
    assert overlap > 0.97


def test_another_shape_is_not_bent_onto_the_truth() -> None:
    true = ellipse(128, 120, 1.0)
    _, alpha = fitted(np.ones((256, 256, 3), np.float32), np.ascontiguousarray(true.T), true)
    assert ((alpha > 0.5) & (true > 0.5)).sum() / ((alpha > 0.5) | (true > 0.5)).sum() < 0.85


def test_the_frame_shows_the_heads_eyes_where_the_truths_are() -> None:
    camera = orbit_camera(35.0, 10.0, 0.9, 128)
    view = {
        "camera_from_world": camera.camera_from_world.tolist(), "width": 128, "height": 128,
        "K": [[camera.fx, 0, camera.cx], [0, camera.fy, camera.cy], [0, 0, 1]],
    }  # fmt: skip
    truth = np.array([[0.033, 0.0, 0.0], [-0.033, 0.0, 0.0], [0.01, -0.1, 0.05]])
    place = Frame(1.1, np.array([0.002, 0.03, 0.07]))
    turned = transform_points(np.eye(4), truth * place.scale + place.middle)
    np.testing.assert_allclose(project(place.camera(view), turned)[0], project(camera, truth)[0], atol=1e-6)


def test_yaws_run_both_ways() -> None:
    assert around({"yaw_deg": 345}) == -15 and around({"yaw_deg": 90}) == 90 and around({"yaw_deg": 180}) == -180


def test_numbers_are_found_changed_everywhere_and_put_back() -> None:
    import bench_constants

    from facecraft4d.toolkit.shape_prior.parametric.shells import constants

    found = {each.name: each for each in bench_constants.constants() if each.module.endswith("shells.constants")}
    assert found and all(bench_constants.numeric(each.value) for each in found.values())
    name, constant = next((name, each) for name, each in found.items() if isinstance(each.value, float))
    holders = [
        m
        for key, m in sys.modules.items()
        if key.startswith(bench_constants.PACKAGE) and getattr(m, name, None) is constant.value
    ]
    with bench_constants.changed(constant, 1.3):
        assert all(getattr(module, name) == pytest.approx(1.3 * constant.value) for module in holders)
    assert getattr(constants, name) is constant.value and all(
        getattr(module, name) is constant.value for module in holders
    )


def test_whole_numbers_change_by_one_at_least() -> None:
    from bench_constants import scaled

    assert scaled(1, 1.3) == 2 and scaled(1, 0.7) == 0 and scaled(10, 0.7) == 7
    assert scaled((2.0, 4), 1.3) == (2.6, 5)


class Sleeper:
    """Stands for a person whose pictures change only where the number grows, and only if this one is `touched`."""

    def __init__(self, touched: bool, constants: Any, name: str) -> None:
        self._look = lambda: np.full((1, 4, 4, 3), 1000 * getattr(constants, name) if touched else 0.0)
        self.pictures, self.tries = self._look(), 0

    def drawn(self) -> np.ndarray:
        self.tries += 1
        return self._look()


@pytest.mark.parametrize("touched", [0, 2, None])
def test_a_number_is_tried_until_a_head_moves(touched: int | None) -> None:
    import bench_constants

    from facecraft4d.toolkit.shape_prior.parametric.shells import constants

    constant = next(
        c for c in bench_constants.constants() if c.module.endswith("shells.constants") and isinstance(c.value, float)
    )
    people = [Sleeper(index == touched, constants, constant.name) for index in range(4)]
    change, tried = bench_constants.moved(people, constant)
    assert tried == (4 if touched is None else touched + 1) and (change == 0) == (touched is None)
    assert [each.tries > 0 for each in people] == [index < tried for index in range(4)]
