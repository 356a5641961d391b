"""Laws of the sheet of hair, on silhouettes drawn around the face model itself."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
from fitted_subject import SIZE

from facecraft4d.toolkit.core.geometry import orbit_camera, project
from facecraft4d.toolkit.core.rigging import in_regions, vertices_in_regions
from facecraft4d.toolkit.face_model import FaceModel
from facecraft4d.toolkit.fitting.observation import Segments
from facecraft4d.toolkit.meshes.raster import rasterize
from facecraft4d.toolkit.shape_prior.parametric.shells.constants import TORSO_ROWS
from facecraft4d.toolkit.shape_prior.parametric.shells.grid import (
    last_hits,
    outer_radii,
    picture_values,
    signed_distance,
)
from facecraft4d.toolkit.shape_prior.parametric.shells.hair import hair_shell
from facecraft4d.toolkit.shape_prior.parametric.shells.sheet import FittedHead, Shell
from facecraft4d.toolkit.shape_prior.parametric.shells.torso import Shoulders, torso_shell

pytestmark = pytest.mark.slow

SCALE = 3
CAMERA = orbit_camera(0.0, 0.0, 1.8, SCALE * SIZE, np.array([0.0, -0.06, 0.0]))
STYLES = ("short", "big", "long", "hat")
PARTS = ("skin", "hair", "torso")
THICK = {"short": 0.012, "big": 0.045, "long": 0.02, "hat": 0.015}


def fitted_head(model: FaceModel, style: str, mirrored: bool = False) -> tuple[FittedHead, Shell]:
    """A head at rest with hair or a hat drawn around it, and its clothes; `mirrored` swaps the sides of a lopsided lock."""
    posed, triangles = model.vertices, model.triangles
    skin = in_regions(model, "skin", "lips", "eyelids", "scalp", "neck")
    fragments = rasterize(CAMERA, posed, triangles)
    scalp = vertices_in_regions(model, "scalp")
    face = fragments.covered & ~in_regions(model, "scalp")[fragments.triangle]
    middle = posed[scalp].mean(0)
    outward = posed[scalp] - middle
    outward /= np.linalg.norm(outward, axis=1, keepdims=True)
    hair = np.zeros(face.shape, np.uint8)
    rim, _ = project(CAMERA, (posed[scalp] + THICK[style] * outward).astype(np.float64))
    cv2.fillConvexPoly(hair, cv2.convexHull(rim.astype(np.int32)), 1)
    lobe = np.array([[0.0, posed[vertices_in_regions(model, "ears"), 1].min(), 0.0]])
    row = int(project(CAMERA, lobe)[0][0, 1])
    hair[row:] = 0
    shoulders = fragments.covered & (np.arange(len(face))[:, None] > row + 0.09 * CAMERA.fx / 1.8)
    columns = np.arange(len(face)) - (len(face) - 1) / 2
    metre = CAMERA.fx / 1.8
    if style == "long":
        beside = (np.abs(columns) > 0.06 * metre) & (np.abs(columns) < 0.1 * metre)
        hair[row - 40 :, beside] = 1
        hair[row + int(0.14 * metre) :] = 0
    if style == "short":
        lock = (columns < -0.07 * metre) if mirrored else (columns > 0.07 * metre)
        hair[row - 30 : row + 20] |= (lock & (np.abs(columns) < 0.1 * metre)).astype(np.uint8)
    if style == "hat":
        brow = posed[vertices_in_regions(model, "ears"), 1].max() + 0.015
        hair[int(project(CAMERA, np.array([0.0, brow, 0.0]))[0][1]) :] = 0
    worn = hair > 0
    if style == "long":
        worn &= ~(face & (np.abs(columns) < 0.06 * metre))
    elif style != "hat":
        worn &= ~(face & ~shoulders)
    clothes = shoulders & ~worn
    segments = Segments(face & ~worn & ~clothes, worn, clothes, headwear=worn if style == "hat" else None)
    fitted = FittedHead(
        CAMERA,
        segments,
        posed,
        triangles[skin],
        posed[scalp].astype(np.float64),
        triangles[in_regions(model, "scalp")],
        posed[vertices_in_regions(model, "ears")].astype(np.float64),
    )
    assert model.body is not None
    assert model.neck_ring is not None
    neck = triangles[in_regions(model, "neck")]
    shoulders = Shoulders(model.body.vertices, model.body.triangles, neck, posed[model.neck_ring])
    return fitted, torso_shell(fitted, shoulders)[0]


@pytest.fixture(scope="module", params=STYLES)
def haired(model: FaceModel, request: pytest.FixtureRequest) -> tuple[str, FittedHead, Shell, Shell]:
    fitted, torso = fitted_head(model, request.param)
    return request.param, fitted, torso, hair_shell(fitted, torso)


def sheet_radii(hair: Shell) -> np.ndarray:
    points = hair.vertices[:-2].reshape(*hair.present.shape, 3)
    return np.asarray(np.linalg.norm(points - hair.grid.origins, axis=-1))


def test_the_sheet_is_closed_and_outside_skin_and_clothes(haired: tuple[str, FittedHead, Shell, Shell]) -> None:
    """Every edge has two sides, and where hair is fully present it lies outside what it covers."""
    _, fitted, torso, hair = haired
    directed = np.concatenate([hair.triangles[:, pair] for pair in ([0, 1], [1, 2], [2, 0])])
    assert {tuple(edge) for edge in directed} == {tuple(edge[::-1]) for edge in directed}
    assert np.isfinite(hair.vertices).all()
    radii, there = sheet_radii(hair), hair.present > 0.9
    assert there.sum() > 300
    # no more than what the matte itself demands: skin that reaches its border has no room for hair outside of it
    assert (radii - outer_radii(hair.grid, fitted.vertices, fitted.triangles))[there].min() > -0.004
    clothes = last_hits(hair.grid, torso.vertices, torso.triangles)
    assert (radii - clothes)[there & (clothes > 0) & (clothes < 0.3)].min(initial=0.0) > -0.004


def test_the_sheet_stays_inside_the_matte_and_reaches_its_border(haired: tuple[str, FittedHead, Shell, Shell]) -> None:
    """Seen from the photograph's camera hair ends where the matte does, above the shoulders."""
    _, fitted, _, hair = haired
    points = hair.vertices[:-2].reshape(*hair.present.shape, 3)
    above = (hair.present > 0.9) & (points[..., 1] > fitted.scalp[:, 1].min())
    within = picture_values(fitted.camera, signed_distance(fitted.segments.matte), points)[above]
    assert np.quantile(within, 0.005) > -0.5
    drawn = rasterize(fitted.camera, hair.vertices, hair.triangles).covered
    top = slice(0, int(project(fitted.camera, fitted.scalp.mean(0))[0][1]))
    wanted = fitted.segments.hair[top]
    assert (drawn[top] & wanted).sum() > 0.97 * wanted.sum()


def test_the_back_is_smooth(haired: tuple[str, FittedHead, Shell, Shell]) -> None:
    """Neighbouring triangles of hair behind, above the nape, meet at less than 35 degrees."""
    _, fitted, _, hair = haired
    rows, columns = hair.present.shape
    inner = (hair.present > 0.99) & (np.abs(hair.grid.azimuths) > np.radians(110))
    inner &= hair.grid.points(sheet_radii(hair))[..., 1] > fitted.scalp[:, 1].min() + 0.03
    kept = hair.triangles[: 2 * (rows - 1) * columns]
    kept = kept[inner.ravel()[kept].all(1)]
    corners = hair.vertices[kept]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    owner: dict[tuple[int, int], int] = {}
    for i, triangle in enumerate(kept.tolist()):
        for j in range(3):
            owner[triangle[j], triangle[(j + 1) % 3]] = i
    pairs = [(i, owner[b, a]) for (a, b), i in owner.items() if (b, a) in owner]
    cosines = (normals[[i for i, _ in pairs]] * normals[[j for _, j in pairs]]).sum(1)
    assert len(cosines) > 200
    assert cosines.min() > np.cos(np.radians(35))


def test_long_hair_covers_the_neck_behind_without_gaps(model: FaceModel) -> None:
    """From the crown to the shoulders no ray behind sees skin, and no row turns back to it."""
    fitted, torso = fitted_head(model, "long")
    hair = hair_shell(fitted, torso)
    heights = hair.grid.points(sheet_radii(hair))[..., 1]
    behind = np.abs(hair.grid.azimuths) > np.radians(120)
    hung = (heights > fitted.scalp[:, 1].min() - 0.09)[:, behind]
    assert (hair.present[:, behind][hung] > 0.9).all()


def test_a_lock_beside_the_neck_on_one_side_lets_no_hair_hang_behind(model: FaceModel) -> None:
    """Hair that one side alone shows below the nape leaves the line of the nape behind as it is."""
    lowest = []
    for style in ("short", "long"):
        fitted, torso = fitted_head(model, style)
        if style == "long":
            short = fitted_head(model, "short")[0].segments
            half = np.arange(short.hair.shape[1]) < short.hair.shape[1] // 2
            one = Segments(*(np.where(half, getattr(short, k), getattr(fitted.segments, k)) for k in PARTS))
            fitted = replace(fitted, segments=one)
        sheet = hair_shell(fitted, torso)
        behind = (np.abs(sheet.grid.azimuths) > np.radians(170)) & (sheet.present > 0.5)
        lowest.append(sheet.vertices[:-2, 1].reshape(behind.shape)[behind].min())
    assert lowest[1] > lowest[0] - 0.01


def test_a_lock_below_a_bare_ear_has_a_surface(model: FaceModel) -> None:
    """Hair that shows beside the jaw, below an ear that the photograph sees, is covered by most of its surface; without it none grows."""
    fitted, torso = fitted_head(model, "short")
    metre, middle = CAMERA.fx / 1.8, len(fitted.segments.hair) // 2
    lobe, _ = project(CAMERA, np.array([[0.0, fitted.ears[:, 1].min(), 0.0]]))
    rows = slice(int(lobe[0, 1] + 0.008 * metre), int(lobe[0, 1] + 0.045 * metre))
    shown = fitted.segments.hair.copy()
    shown[int(lobe[0, 1]) - 30 :] = False
    pixels, _ = project(CAMERA, fitted.ears)
    ear = np.zeros(shown.shape, np.uint8)
    for side in (1, -1):
        cv2.fillConvexPoly(ear, cv2.convexHull(pixels[fitted.ears[:, 0] * side > 0].astype(np.int32)), 1)
    shown &= ear == 0
    skin = (fitted.segments.skin | (ear > 0)) & ~shown
    lock = np.zeros_like(shown)
    for side in (1, -1):
        lock[
            rows, min(middle, middle + int(0.075 * side * metre)) : max(middle, middle + int(0.075 * side * metre))
        ] = True
    lock &= ~skin & ~fitted.segments.torso
    shares = []
    for locks in (lock, lock & False):
        each = replace(fitted, segments=Segments(skin, shown | locks, fitted.segments.torso))
        drawn = hair_shell(each, torso)
        kept = drawn.triangles[np.append(drawn.present.ravel(), [1.0, 0.0])[drawn.triangles].min(1) > 0.5]
        covered = rasterize(CAMERA, drawn.vertices, kept).covered
        shares.append((covered & lock).sum() / lock.sum())
    assert shares[0] > 0.5
    assert shares[1] < 0.1


def test_hair_on_the_bust_ends_with_it(model: FaceModel) -> None:
    """No hair lies below the bust's lower edge, and what comes so low ends on it in one line: no teeth from column to column."""
    fitted, torso = fitted_head(model, "long")
    lower = np.arange(len(fitted.segments.hair))[:, None] > int(project(CAMERA, fitted.scalp.mean(0))[0][1])
    columns = np.abs(np.arange(fitted.segments.hair.shape[1]) - fitted.segments.hair.shape[1] / 2) * 1.8 / CAMERA.fx
    hair = fitted.segments.hair | (lower & fitted.segments.torso & ((columns > 0.05) & (columns < 0.12)))
    fitted = replace(fitted, segments=Segments(fitted.segments.skin, hair, fitted.segments.torso & ~hair))
    sheet = hair_shell(fitted, torso)
    points = sheet.vertices[:-2].reshape(*sheet.present.shape, 3)
    there = sheet.present > 0.5
    edge = torso.vertices[:-2].reshape(*torso.present.shape, 3)[TORSO_ROWS]
    assert points[there, 1].min() > edge[:, 1].min() - 1e-6
    behind = np.abs(sheet.grid.azimuths) > np.radians(120)
    lowest = np.where(there, points[..., 1], np.inf).min(0)
    assert (lowest[behind] < edge[:, 1].max()).all()
    assert np.abs(np.diff(lowest, 2))[behind[1:-1]].max() < 0.003


def test_a_hat_ends_in_a_level_brim_and_is_known_as_one(model: FaceModel) -> None:
    """All of a hat is worn, its edge lies in one plane, and no hair is supposed below it."""
    fitted, torso = fitted_head(model, "hat")
    hair = hair_shell(fitted, torso)
    there = hair.present > 0.5
    assert ((hair.worn > 0.5) & there).sum() > 0.97 * there.sum()
    last = np.array([np.flatnonzero(column).max() for column in there.T])
    edge = hair.vertices[:-2].reshape(*there.shape, 3)[last, np.arange(there.shape[1])]
    basis = np.stack([np.ones(len(edge)), edge[:, 0], edge[:, 2]], 1)
    away = edge[:, 1] - basis @ np.linalg.lstsq(basis, edge[:, 1], rcond=None)[0]
    assert np.abs(away).max() < 0.012


def test_a_mirrored_portrait_gives_mirrored_hair(model: FaceModel) -> None:
    """A lock on the other side grows hair on the other side."""
    shells = [hair_shell(*fitted_head(model, "short", mirrored)) for mirrored in (False, True)]
    radii, twin = (sheet_radii(shell) for shell in shells)
    mirror = (-np.arange(radii.shape[1])) % radii.shape[1]
    both = (shells[0].present > 0.9) & (shells[1].present[:, mirror] > 0.9)
    assert both.sum() > 0.9 * (shells[0].present > 0.9).sum()
    assert np.median(np.abs(radii - twin[:, mirror])[both]) < 0.001


def test_a_bald_head_gets_no_hair(model: FaceModel) -> None:
    """Where the photograph shows a bare scalp none is supposed behind it either."""
    fitted, torso = fitted_head(model, "short")
    matte = fitted.segments.skin | fitted.segments.hair
    nothing = np.zeros_like(matte)
    bare = Segments(matte & ~fitted.segments.torso, nothing, fitted.segments.torso)
    bald = FittedHead(
        fitted.camera, bare, fitted.vertices, fitted.triangles, fitted.scalp, fitted.scalp_triangles, fitted.ears
    )
    assert (hair_shell(bald, torso).present > 0.5).mean() < 0.001
