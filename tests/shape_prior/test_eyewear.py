"""Glasses are found where they are, and nowhere else; they turn with the head and know no expression."""

from dataclasses import replace

import numpy as np
import pytest
from fitted_subject import landmarks_of, subject

from facecraft4d.toolkit.core.asset import GLASSES
from facecraft4d.toolkit.core.datatypes import Camera, Mesh, Portrait, Rig
from facecraft4d.toolkit.core.geometry import resized_camera
from facecraft4d.toolkit.core.rigging import (
    in_regions,
    neutral_pose,
    pose_from_weights,
    pose_vertices,
    vertices_in_regions,
    with_part,
)
from facecraft4d.toolkit.face_model import FaceModel, personalized_rig
from facecraft4d.toolkit.landmarks.points import BROW_HAIR
from facecraft4d.toolkit.meshes.raster import draw_mesh
from facecraft4d.toolkit.shape_prior.parametric.segment import polygon
from facecraft4d.toolkit.shape_prior.parametric.shells.eyewear import (
    Glasses,
    find_glasses,
    in_picture,
    with_glasses,
    without,
)
from facecraft4d.toolkit.shape_prior.parametric.shells.rims import closed_path, line_strength
from facecraft4d.toolkit.subjects.wear import glasses

SIZE = 512
SKIN, FRAME = (0.8, 0.6, 0.5), (0.45, 0.12, 0.12)


def portrait(model: FaceModel, worn: bool, brows: bool = True) -> tuple[Portrait, Camera, Rig]:
    """The model as it is, from the front, plain skin with dark brows, with or without glasses."""
    small, _, latent = subject(model, 0.0)
    camera = resized_camera(small, SIZE, SIZE)
    rig = personalized_rig(model)
    colors = np.tile(SKIN, (len(rig.triangles), 1))
    colors *= 0.97 + 0.03 * np.sin(np.arange(len(colors)))[:, None]
    colors[in_regions(rig, "eyes")] = (0.9, 0.9, 0.9)
    if worn:
        eyes = rig.joint_positions[[rig.joint_names.index(f"eye_{side}") for side in ("left", "right")]]
        part = glasses(eyes, float(rig.vertices[vertices_in_regions(rig, "eyelids"), 2].max()) + 0.01)
        dressed = with_part(rig, part.vertices, part.triangles, GLASSES, "neck")
        colors = np.concatenate([colors, np.tile(FRAME, (len(part.triangles), 1))])
    else:
        dressed = rig
    count = len(colors)
    uvs = np.tile(((np.arange(count) + 0.5) / count)[:, None, None] * [1, 0] + [0, 0.5], (1, 3, 1)).astype(np.float32)
    texture = colors[None].astype(np.float32)
    drawing = draw_mesh(Mesh(dressed.vertices, dressed.triangles, uvs, texture), camera, 3)
    landmarks = landmarks_of(model, camera, rig.vertices).astype(np.float32)
    image = drawing.image.copy()
    for hair in BROW_HAIR if brows else ():
        image[polygon(landmarks[list(hair), :2].astype(np.float64), len(image))] = (0.1, 0.08, 0.07)
    rotation = camera.camera_from_world[:3, :3].astype(np.float32)
    expression = latent.expression.astype(np.float32)
    return Portrait(image, drawing.alpha, landmarks, expression, rotation, np.eye(3, dtype=np.float32)), camera, rig


@pytest.fixture(scope="module")
def worn(model: FaceModel) -> tuple[Portrait, Camera, Rig, Glasses]:
    picture, camera, rig = portrait(model, True, False)
    found = find_glasses(picture, camera, rig, rig.vertices)
    assert found is not None
    return picture, camera, rig, found


@pytest.mark.slow
@pytest.mark.parametrize("brows", [False, True])
def test_a_bare_face_wears_no_glasses(model: FaceModel, brows: bool) -> None:
    picture, camera, rig = portrait(model, False, brows)
    assert find_glasses(picture, camera, rig, rig.vertices) is None


@pytest.mark.slow
def test_glasses_cover_the_pixels_that_show_them_and_the_skin_goes_on_behind(
    worn: tuple[Portrait, Camera, Rig, Glasses],
) -> None:
    picture, camera, rig, found = worn
    shown = np.linalg.norm(picture.image - FRAME, axis=-1) < 0.15
    covered = in_picture(found, camera, rig.vertices, rig.triangles)
    assert shown.sum() > 300 and covered[shown].mean() > 0.85
    assert covered.sum() < 3.5 * shown.sum()
    bare = without(picture, covered).image
    assert np.linalg.norm(bare[shown & covered] - SKIN, axis=-1).mean() < 0.25
    np.testing.assert_array_equal(bare[~covered], picture.image[~covered])
    rim = found.colors[0]
    assert np.linalg.norm(np.median(rim, 0) - FRAME) < 0.15


def test_glasses_of_a_symmetric_face_are_symmetric_and_stand_before_it(
    worn: tuple[Portrait, Camera, Rig, Glasses],
) -> None:
    _, _, rig, found = worn
    rims = [found.vertices[np.unique(found.triangles[found.bars == bar])] for bar in (0, 1)]
    assert np.abs(rims[0] - rims[1] * [-1, 1, 1]).max() < 0.003
    assert rims[0][:, 2].min() > rig.vertices[vertices_in_regions(rig, "eyelids"), 2].max()
    assert len(found.colors) == 5 and found.vertices[:, 2].min() < 0.03, "temples reach the ears"


def test_neither_blink_nor_brows_move_glasses_but_the_neck_does(
    worn: tuple[Portrait, Camera, Rig, Glasses], model: FaceModel
) -> None:
    _, _, rig, found = worn
    texture = np.full((16, 16, 3), 0.5, np.float32)
    texture[:, 8:] = 0.7
    mesh = Mesh(rig.vertices, rig.triangles, model.corner_uvs, texture)
    whole, dressed = with_glasses(rig, mesh, neutral_pose(rig), found)
    mine = slice(len(rig.vertices), None)
    expressed = pose_vertices(whole, pose_from_weights(whole, dict.fromkeys(whole.expression_names, 1.0)))
    np.testing.assert_allclose(expressed[mine], found.vertices, atol=1e-6)
    turned = neutral_pose(whole)
    turned.joint_rotations[whole.joint_names.index("neck")] = (0, 0.5, 0)
    assert np.linalg.norm(pose_vertices(whole, turned)[mine] - found.vertices, axis=1).min() > 0.005
    back = with_glasses(rig, mesh, replace(neutral_pose(rig), joint_rotations=turned.joint_rotations), found)[0]
    np.testing.assert_allclose(pose_vertices(back, turned)[mine], found.vertices, atol=1e-6)
    assert (whole.triangle_regions[len(rig.triangles) :] == whole.region_names.index(GLASSES)).all()
    np.testing.assert_array_equal(dressed.texture[:16], texture)
    np.testing.assert_allclose(
        dressed.corner_uvs[: len(rig.triangles), :, 1] * len(dressed.texture), model.corner_uvs[..., 1] * 16, atol=1e-4
    )
    assert dressed.corner_uvs.min() >= 0 and dressed.corner_uvs.max() <= 1


def test_the_strongest_closed_path_is_found() -> None:
    strength = np.zeros((48, 60))
    truth = np.round(30 + 8 * np.sin(np.arange(48) * 2 * np.pi / 48)).astype(int)
    strength[np.arange(48), truth] = 0.3
    np.testing.assert_array_equal(closed_path(strength), truth)


def test_an_edge_is_no_line() -> None:
    picture = np.full((4, 90, 3), 0.8, np.float32)
    picture[:2, 44:48] = 0.2
    picture[2:, 45:] = 0.2
    strength = line_strength(picture)[:, 15:-15]
    assert strength[:2].max() > 0.5 and strength[2:].max() < 1e-6
