"""Moving a render with its mesh is rendering the moved mesh; what opens is filled."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
from head_cases import curtain_head, head_of, painted_head

from facecraft4d.toolkit.core.arkit import ARKIT_NAMES
from facecraft4d.toolkit.core.asset import GLASSES
from facecraft4d.toolkit.core.datatypes import Coarse, Head, Mesh, Pose, ViewSet
from facecraft4d.toolkit.core.geometry import project
from facecraft4d.toolkit.core.rigging import neutral_pose, pose_vertices, with_part
from facecraft4d.toolkit.face_model.mouth import TOOTH_RGB
from facecraft4d.toolkit.meshes.raster import draw_mesh, rasterize
from facecraft4d.toolkit.video_prior.mesh.animate import animated, intactness
from facecraft4d.toolkit.video_prior.mesh.fill import source_of
from facecraft4d.toolkit.video_prior.mesh.surface import surface_of

SIZE = 128


def pose_of(head: Head, **weights: float) -> Pose:
    pose = neutral_pose(head.rig)
    for name, weight in weights.items():
        pose.expression[ARKIT_NAMES.index(name)] = weight
    return pose


def picture(coarse: Coarse, view: int, pose: Pose, size: int = SIZE) -> np.ndarray:
    head = coarse.head
    surface = surface_of(head)
    surface = replace(surface, crown=np.zeros_like(surface.crown))  # the sheet of teeth is no row of crowns
    source = source_of(coarse.views.views[view], pose_vertices(head.rig, head.pose), surface, size)
    return animated(source, surface, pose_vertices(head.rig, pose)).astype(np.float32) / 255


@pytest.mark.slow
@pytest.mark.parametrize("view", [0, 3])
def test_the_photographs_own_pose_gives_the_view_itself(view: int) -> None:
    coarse = painted_head(SIZE, jawOpen=0.3)
    head = coarse.head
    rgba = picture(coarse, view, head.pose)
    np.testing.assert_allclose(rgba[..., :3], coarse.views.views[view].image, atol=0.51 / 255)
    np.testing.assert_allclose(rgba[..., 3], coarse.views.views[view].mask, atol=0.51 / 255)
    small = picture(coarse, view, head.pose, SIZE // 2)
    area = cv2.resize(coarse.views.views[view].image, (SIZE // 2, SIZE // 2), interpolation=cv2.INTER_AREA)
    np.testing.assert_allclose(small[..., :3], area, atol=0.51 / 255)


@pytest.mark.parametrize("weights", [{"jawOpen": 0.8}, {"cheekPuff": 1.0, "browInnerUp": 0.7}, {}])
def test_moving_a_render_is_rendering_the_moved_mesh(weights: dict[str, float]) -> None:
    coarse = painted_head(SIZE, jawOpen=0.2)
    head = coarse.head
    pose = pose_of(head, **weights)
    for view in (0, 2):
        moved = picture(coarse, view, pose)
        posed = replace(head.mesh, vertices=pose_vertices(head.rig, pose))
        truth = draw_mesh(posed, coarse.views.views[view].camera)
        inside = cv2.erode((truth.alpha == 1).astype(np.uint8), np.ones((5, 5))) > 0
        error = np.abs(moved[..., :3] - truth.image)
        assert error[inside].mean() < 0.01 and np.percentile(error[inside], 99) < 0.05
        assert np.abs(moved[..., 3] - truth.alpha).mean() < 0.004


def test_what_opens_shows_the_teeth_and_nothing_else_moves() -> None:
    coarse = curtain_head(SIZE)
    head = coarse.head
    before, after = picture(coarse, 0, pose_of(head)), picture(coarse, 0, pose_of(head, jawOpen=1.0))
    red, white = np.array([0.8, 0.2, 0.2]), TOOTH_RGB
    middle = SIZE // 2
    np.testing.assert_allclose(before[middle + 3, middle, :3], red, atol=0.02)
    # Teeth 20 mm behind the lips: their own hue, darker and a little redder.
    teeth = after[middle + 8, middle, :3]
    np.testing.assert_allclose(teeth / teeth.max(), white / white.max(), atol=0.06)
    assert 0.3 < teeth.max() < 0.9
    np.testing.assert_allclose(after[: middle - 3], before[: middle - 3], atol=0.01)
    assert (after[..., 3] == 1)[20 : SIZE - 20, 20 : SIZE - 20].all()


def lidded_head() -> Coarse:
    """The ellipsoid with an eyelid; eyeBlinkLeft lowers the lid and the skin around it, behind a black bar of glasses."""
    coarse = painted_head(SIZE)
    head = coarse.head
    rig = head.rig
    middle = np.array([0.03, 0.02, 0.083])
    centers = rig.vertices[rig.triangles].mean(1)
    lid = np.linalg.norm(centers - middle, axis=1) < 0.02
    regions = np.where(lid, len(rig.region_names), rig.triangle_regions).astype(np.uint8)
    deltas = np.zeros_like(rig.expression_deltas)
    near = np.exp(-((rig.vertices - middle) ** 2).sum(-1) / 0.025**2)
    deltas[ARKIT_NAMES.index("eyeBlinkLeft")] = near[:, None] * np.array([0, -0.01, 0], np.float32)
    names = (*rig.region_names, "eyelids")
    rig = replace(rig, triangle_regions=regions, region_names=names, expression_deltas=deltas)
    corners = np.array([[0, 0.014, 0.105], [0, 0.026, 0.105], [0.06, 0.026, 0.105], [0.06, 0.014, 0.105]])
    worn = with_part(rig, corners.astype(np.float32), np.array([[0, 2, 1], [0, 3, 2]]), GLASSES, "neck")
    uvs = np.concatenate([head.mesh.corner_uvs, np.full((2, 3, 2), 0.999, np.float32)])
    texture = np.concatenate([head.mesh.texture, np.zeros_like(head.mesh.texture[:1])])
    uvs[..., 1] *= np.where(np.arange(len(uvs)) < len(rig.triangles), len(head.mesh.texture) / len(texture), 1)[:, None]
    return head_of(worn, Mesh(worn.vertices, worn.triangles, uvs, texture), SIZE, head.pose, (0.0, 30.0))


def test_what_stands_before_a_lid_stays_when_it_blinks() -> None:
    """A black bar across a lid does not move with it, nor is it smeared over the lid; the lid keeps the colour of skin."""
    coarse = lidded_head()
    head = coarse.head
    surface, view = surface_of(head), coarse.views.views[0]
    bar = rasterize(view.camera, head.rig.vertices, head.rig.triangles).triangle >= len(head.rig.triangles) - 2
    blink = picture(coarse, 0, pose_of(head, eyeBlinkLeft=1.0))[..., :3]
    inside, outside = (cv2.erode(each.astype(np.uint8), np.ones((3, 3))) > 0 for each in (bar, ~bar))
    assert inside.sum() > 20 and blink[inside].max() < 0.15
    lids = project(view.camera, head.rig.vertices[surface.lids])[0].astype(int)
    low, high = lids.min(0), lids.max(0)
    box = np.s_[low[1] : high[1], low[0] : high[0]]
    assert blink[box][outside[box]].mean(-1).min() > 0.2


@pytest.mark.slow
def test_a_static_surface_beside_a_moving_one_does_not_show_its_edge() -> None:
    """The teeth sheet's own edge pixels are not used where the lips' edge passed over them."""
    size = 4 * SIZE
    coarse = curtain_head(size, jawOpen=0.5)
    head = coarse.head
    view = coarse.views.views[0]
    image = view.image.copy()
    teeth = np.flatnonzero(image[:, size // 2, 2] > 0.5)
    image[teeth[-1]] = (0.8, 0.2, 0.2)  # the fit is a pixel off: the last row of teeth is lip in the photograph
    views = ViewSet((replace(view, image=image),), (0.0,))
    after = picture(replace(coarse, views=views), 0, pose_of(head, jawOpen=1.0), size)
    shown = after[teeth[0] + 2 : teeth[-1] + 3, size // 2]
    assert (shown[:, 1] / shown[:, 0]).min() > 0.7, "the lip's red is 0.25"


def test_intactness_follows_the_drawn_out_area() -> None:
    coarse = painted_head(SIZE)
    head = coarse.head
    surface = surface_of(head)
    source = source_of(coarse.views.views[0], head.rig.vertices, surface, SIZE)
    np.testing.assert_allclose(intactness(source, surface, head.rig.vertices), 1)
    front = head.rig.vertices[:, 2] > 0.05
    assert intactness(source, surface, head.rig.vertices * np.array([1, 3, 1], np.float32))[front].max() < 0.6
    assert intactness(source, surface, head.rig.vertices * np.array([1, 9, 1], np.float32))[front].max() == 0
