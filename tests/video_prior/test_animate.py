"""Moving a render with its mesh is rendering the moved mesh; what opens is filled."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
from head_cases import curtain_head, painted_head

from facecraft4d.toolkit.core.arkit import ARKIT_NAMES
from facecraft4d.toolkit.core.datatypes import Coarse, Head, Pose, ViewSet
from facecraft4d.toolkit.core.geometry import project
from facecraft4d.toolkit.core.rigging import neutral_pose, pose_vertices
from facecraft4d.toolkit.face_model.mouth import TOOTH_RGB
from facecraft4d.toolkit.face_model.parts import blinks_beyond_lashes
from facecraft4d.toolkit.meshes.raster import draw_mesh
from facecraft4d.toolkit.shape_prior.parametric.shells.eyewear import with_copies
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
    """The ellipsoid with an eyelid of two rows of triangles; eyeBlinkLeft lowers the lid and the skin around it, behind glasses."""
    coarse = painted_head(SIZE)
    head = coarse.head
    rig = head.rig
    centers = rig.vertices[rig.triangles].mean(1)
    lid = np.linalg.norm(centers - np.array([0.03, 0.02, 0.083]), axis=1) < 0.02
    regions = np.where(lid, len(rig.region_names), rig.triangle_regions).astype(np.uint8)
    deltas = np.zeros_like(rig.expression_deltas)
    near = np.exp(-((rig.vertices - np.array([0.03, 0.02, 0.083])) ** 2).sum(-1) / 0.025**2)
    deltas[ARKIT_NAMES.index("eyeBlinkLeft")] = near[:, None] * np.array([0, -0.01, 0], np.float32)
    names = (*rig.region_names, "eyelids")
    rig = replace(rig, triangle_regions=regions, region_names=names, expression_deltas=deltas)
    rig, mesh = with_copies(rig, head.mesh, rig.vertices, np.flatnonzero(blinks_beyond_lashes(rig)))
    return replace(coarse, head=replace(head, rig=rig, mesh=mesh))


def test_what_stands_before_a_lid_stays_when_it_blinks() -> None:
    """A black bar across the skin over a lid does not move with it, nor is it smeared over the lid."""
    coarse = lidded_head()
    head = coarse.head
    view = coarse.views.views[0]
    surface = surface_of(head)
    lids = project(view.camera, head.rig.vertices[surface.lids])[0]
    top, middle = int(lids[:, 1].min()), int(lids[:, 0].mean())
    image = view.image.copy()
    bar = np.s_[top - 5 : top - 2, middle - 4 : middle + 5]
    image[bar] = 0
    views = ViewSet((replace(view, image=image),), (0.0,))
    blink = picture(replace(coarse, views=views), 0, pose_of(head, eyeBlinkLeft=1.0))[..., :3]
    assert blink[bar][1, 2:-2].max() < 0.15
    assert blink[top + 2 : top + 6, middle - 2 : middle + 3].mean(-1).min() > 0.25


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
