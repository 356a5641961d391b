"""ICT-FaceKit's folder, on a miniature of its layout: what is read is what was written, and what is missing or cut is one line."""

from itertools import pairwise
from pathlib import Path

import ict_miniature
import numpy as np
import pytest

from facecraft4d.toolkit.core.arkit import ARKIT_NAMES
from facecraft4d.toolkit.core.checks import UserError
from facecraft4d.toolkit.core.ingredients import Commercial
from facecraft4d.toolkit.core.rigging import in_regions, vertices_in_regions
from facecraft4d.toolkit.core.stages import silent
from facecraft4d.toolkit.face_model import ict
from facecraft4d.toolkit.meshes.graph import parts


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    ict_miniature.shrink(monkeypatch)
    return ict_miniature.write(tmp_path)


def test_arkits_names_are_theirs_but_for_the_tongue() -> None:
    named = [part for name in ARKIT_NAMES for part in ict.expression_files(name)]
    assert len(named) == len(set(named)) == 53 and ict.expression_files("tongueOut") == ()
    assert {"browInnerUp_L", "cheekPuff_R", "jawLeft", "mouthRight", "eyeLookInLeft".replace("Left", "_L")} <= set(
        named
    )
    assert not any(name.endswith(("Left", "Right")) for name in named if not name.startswith(("jaw", "mouth")))


@pytest.mark.slow
def test_positions_and_displacements_are_what_was_written_in_metres(folder: Path) -> None:
    model = ict.load_ict(folder, silent)
    kept = ict_miniature.welded()
    assert np.allclose(model.vertices, 0.01 * ict_miniature.neutral()[kept], atol=1e-7)
    for index, name in enumerate(ict.identity_files()):
        assert np.allclose(model.identity_deltas[index], 0.01 * ict_miniature.moved(name)[kept], atol=1e-7)
    for index, name in enumerate(ARKIT_NAMES):
        expected = sum(
            (0.01 * ict_miniature.moved(part)[kept] for part in ict.expression_files(name)), np.zeros((len(kept), 3))
        )
        assert np.allclose(model.expression_deltas[index], expected, atol=1e-7)


@pytest.mark.slow
def test_polygons_become_triangles_with_their_texture_coordinates(folder: Path) -> None:
    model, end = ict.load_ict(folder, silent), ict.PARTS[-1][0]
    fans = [(each[0], *pair) for each in ict_miniature.quads() if max(each) < end for pair in pairwise(each[1:])]
    assert len(model.triangles) == len(fans)
    share = np.array(fans) / ict.VERTICES
    assert np.allclose(model.corner_uvs, np.stack([share, share], -1), atol=2e-5)


@pytest.mark.slow
def test_skin_has_no_seam(folder: Path) -> None:
    model = ict.load_ict(folder, silent)
    skin = model.triangles[in_regions(model, "skin")]
    assert len(np.unique(parts(skin, len(model.vertices))[skin])) == 1


@pytest.mark.slow
def test_parts_are_regions_and_ride_on_their_joints(folder: Path) -> None:
    model = ict.load_ict(folder, silent)
    assert set(model.region_names) == {"skin", "mouth_interior", "eye_sockets", "teeth", "eyes"}
    assert all(in_regions(model, name).any() for name in model.region_names)
    joints = {name: set(model.skin_weights[vertices_in_regions(model, name)].argmax(1)) for name in model.region_names}
    assert joints == {"skin": {1}, "mouth_interior": {1}, "eye_sockets": {1}, "teeth": {1, 2}, "eyes": {3, 4}}
    assert np.allclose(model.joint_regressor.sum(1), 1) and np.allclose(model.skin_weights.sum(1), 1)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("licence", "verdict", "named"),
    [
        (ict_miniature.LICENCE, Commercial.YES, "MIT"),
        ("Academic use only.\n", Commercial.UNKNOWN, "unknown"),
        ("MIT License, but not to be sold", Commercial.UNKNOWN, "unknown"),
        (None, Commercial.UNKNOWN, "unknown"),
    ],
)
def test_the_licence_of_the_users_copy_decides_and_is_quoted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, licence: str | None, verdict: Commercial, named: str
) -> None:
    ict_miniature.shrink(monkeypatch)
    (ingredient,) = ict.load_ict(ict_miniature.write(tmp_path, licence), silent).ingredients
    assert (ingredient.commercial_use, ingredient.licence) == (verdict, named)
    assert " ".join((licence or "without a file").split())[:60] in ingredient.source
    assert str(tmp_path) not in ingredient.source and len(ingredient.sha256) == 64


def spoil(folder: Path, how: str) -> None:
    place = folder / ict.FOLDER
    whole = (place / "identity002.obj").read_text()
    match how:
        case "no meshes":
            place.rename(folder / "elsewhere")
        case "a mesh is missing":
            (place / "jawOpen.obj").unlink()
        case "many are missing":
            for name in ict.identity_files():
                (place / f"{name}.obj").unlink()
        case "a mesh is cut":
            (place / "identity002.obj").write_text(whole[: len(whole) // 3])
        case "the mean face is cut":
            (place / ict.NEUTRAL).write_text(whole[: len(whole) // 3])
        case "another mesh":
            (place / "jawOpen.obj").write_text("v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 3\n")
        case "no number":
            (place / "identity002.obj").write_text(whole.replace("v ", "v nan ", 1))
        case "another size":
            (place / ict.NEUTRAL).write_text(ict_miniature.obj(100 * ict_miniature.neutral()))
        case "a folder for a mesh":
            (place / "jawOpen.obj").unlink()
            (place / "jawOpen.obj").mkdir()


SPOILED = {
    "no meshes": "found no FaceXModel", "a mesh is missing": "found no jawOpen.obj;", "many are missing": "found no identity000.obj and 3 more",
    "a mesh is cut": "identity002.obj: expected", "the mean face is cut": "generic_neutral_mesh.obj: expected",
    "another mesh": "jawOpen.obj: expected a mesh of ICT-FaceKit", "no number": "identity002.obj: expected", "another size": "extent",
    "a folder for a mesh": "found no jawOpen.obj",
}  # fmt: skip


@pytest.mark.parametrize("how", SPOILED)
def test_a_spoiled_folder_is_one_line(folder: Path, how: str) -> None:
    spoil(folder, how)
    with pytest.raises(UserError) as refused:
        ict.load_ict(folder, silent)
    assert SPOILED[how] in str(refused.value) and "\n" not in str(refused.value)
