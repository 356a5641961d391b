"""The five viewpoints stand where they should, the face's points go with the head, and a head is like its photograph by every network there is."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
from head_cases import VIEW_SIZE
from kept_build import trained
from paper_networks import NARROWED, WIDTH, arcface, fid, written

from facecraft4d.toolkit.core.asset import Avatar
from facecraft4d.toolkit.core.datatypes import Coarse, FrameSet, Motion
from facecraft4d.toolkit.core.geometry import camera_center, orbit_camera, project
from facecraft4d.toolkit.core.rigging import pose_from_weights, pose_vertices
from facecraft4d.toolkit.evaluation.kept import Kept
from facecraft4d.toolkit.evaluation.paper import measures
from facecraft4d.toolkit.evaluation.paper.arcface import DEPTHS, Architecture, IResNet
from facecraft4d.toolkit.evaluation.paper.measures import Likeness, Row, as_json, of_group
from facecraft4d.toolkit.evaluation.paper.networks import Networks, Own, load
from facecraft4d.toolkit.evaluation.paper.views import FIVE, GROUPS, Places, Shown, face_places, shown, turned_camera


@pytest.fixture
def kept(tiny_avatar: Avatar, tiny_coarse: Coarse) -> Kept:
    """A finished build of the small avatar whose track opens the mouth."""
    rig = tiny_avatar.rig
    weights = np.zeros((4, len(rig.expression_names)), np.float32)
    weights[:, rig.expression_names.index("jawOpen")] = np.linspace(0, 1, 4)
    still = np.zeros((4, len(rig.joint_names), 3), np.float32)
    track = Motion("jaw", 1.0, rig.expression_names, weights, rig.joint_names, still, still[:, 0])
    frames = FrameSet(Path("nowhere"), (), (), track)
    return Kept(tiny_coarse.views, frames, tiny_coarse.head, trained(tiny_avatar))


@pytest.mark.parametrize("yaw", [-135.0, -90.0, 0.0, 45.0, 180.0])
def test_a_camera_goes_about_the_head(yaw: float) -> None:
    found, expected = turned_camera(orbit_camera(10.0, 20.0, 1.5, 64), yaw), orbit_camera(10.0 + yaw, 20.0, 1.5, 64)
    np.testing.assert_allclose(found.camera_from_world, expected.camera_from_world, atol=1e-12)
    assert (camera_center(turned_camera(orbit_camera(0.0, 0.0, 1.5, 64), 45.0))[0] > 0).all()


@pytest.mark.slow
def test_points_of_the_photograph_lie_on_the_head_and_go_with_it(kept: Kept, tiny_avatar: Avatar) -> None:
    """Seen from the photograph's own camera they are where they were; from aside they are where the vertices beside them are."""
    rig, pose, view = tiny_avatar.rig, kept.head.pose, kept.views.views[0]
    size = 4 * view.mask.shape[0]
    vertices, front = pose_vertices(rig, pose), turned_camera(view.camera, 0.0)
    wanted = np.argsort(-vertices[:, 2])[:50:10]  # the foremost: nose and lips
    pixels = project(front, vertices[wanted])[0] * 4
    photograph = Shown("photograph", 0.0, np.ones((size, size, 3), np.float32), pixels.astype(np.float64))
    places = face_places(photograph, view, rig, pose)
    assert places is not None
    np.testing.assert_allclose(places.seen(rig, pose, front), pixels / 4, atol=1e-4)
    opened = pose_from_weights(rig, {"jawOpen": 1.0})
    side = turned_camera(view.camera, 45.0)
    moved = Places(places.vertices, np.zeros((5, 3))).seen(rig, opened, side)
    np.testing.assert_allclose(moved, project(side, pose_vertices(rig, opened)[places.vertices])[0], atol=1e-4)
    assert face_places(Shown("photograph", 0.0, photograph.image, None), view, rig, pose) is None


@pytest.mark.slow
def test_every_group_has_its_viewpoints(kept: Kept, tiny_avatar: Avatar) -> None:
    points = np.full((5, 2), 24.0) + np.arange(10).reshape(5, 2)
    photograph = Shown("photograph", 0.0, np.ones((48, 48, 3), np.float32), points)
    found = list(shown(tiny_avatar, kept, photograph, 2))
    assert {group: sum(each == group for each, _ in found) for group in GROUPS} == {
        "still": 5, "moving": 10, "moving, 60 to 180 degrees": 10,
    }  # fmt: skip
    assert [each.name for _, each in found[:5]] == list(FIVE) and found[5][1].name == "frontal, frame 0"
    assert all((each.points is not None) == (abs(each.yaw) <= 90) for _, each in found)
    still = [each for group, each in shown(tiny_avatar, kept, photograph, 0)]
    assert len(still) == 5 and np.abs(still[1].image - still[3].image).max() > 0.1


@pytest.mark.slow
def test_a_head_is_measured_by_all_networks_there_are(
    kept: Kept, tiny_avatar: Avatar, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Narrow networks that the product's own loaders read: cosines of what is measured, distances of sets of two heads, JSON without NaN."""
    from facecraft4d.toolkit.evaluation.paper import arcface as own_arcface
    from facecraft4d.toolkit.evaluation.paper import inception, views

    places = np.array([[20.0, 20], [28, 20], [24, 24], [21, 29], [27, 29]])
    monkeypatch.setattr(
        views, "five_points", lambda image: places * image.shape[0] / 48
    )  # the small head is no face to YuNet
    networks = Networks(
        own_arcface.load(written(tmp_path / "backbone.pth", arcface()), WIDTH), None, True,
        {"fid": inception.load_fid(written(tmp_path / "pt_inception.pth", fid()), NARROWED)},
    )  # fmt: skip
    heads = {name: measures.likeness(tiny_avatar, kept, networks, VIEW_SIZE, 1, lambda _: None) for name in "ab"}
    found = of_group(list(heads.values()), "still")
    assert math.isnan(found["clip_i"]) and math.isnan(found["fd_inc768"])
    assert 0 < found["id_arcface"] <= 1 and 0 < found["id_sface"] <= 1 and found["fid"] > 0
    front = next(row for row in heads["a"].rows if row.name == "frontal")
    assert front.scores["id_sface"] > 0.99 and front.scores["id_arcface"] > 0.99  # the photograph itself
    assert math.isnan(of_group([heads["a"]], "still")["fid"])
    tree = json.loads(json.dumps(as_json(heads, networks.notes), allow_nan=False))
    assert [group["pictures"] for group in tree["groups"]] == [10, 10, 10] and tree["groups"][0]["clip_i"] is None
    assert "IResNet" not in json.dumps(tree) and len(tree["pictures"]) == 30


def row(group: str, **scores: float) -> Row:
    return Row(group, "x", scores, {"fid": np.array([len(scores), 1.0])})


def test_means_are_over_all_pictures_that_have_them() -> None:
    first = Likeness(
        (row("still", clip_i=0.5, id_sface=0.1), row("still", clip_i=0.7), row("moving")), {"fid": np.zeros(2)}
    )
    second = Likeness((row("still", clip_i=0.9),), {"fid": np.ones(2)}, ("no face",))
    found = of_group([first, second], "still")
    assert found["clip_i"] == pytest.approx(0.7) and found["id_sface"] == pytest.approx(0.1)
    assert math.isnan(found["id_arcface"]) and found["fid"] > 0
    assert list(found) == ["clip_i", "id_arcface", "id_sface", "fid", "fd_inc768"]
    assert as_json({"one": first, "two": second}, ())["notes"] == ["two: no face"]


@pytest.mark.slow
def test_what_is_not_there_is_said_and_what_is_pointed_to_must_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("ARCFACE", "CLIP", "INCEPTION_FID"):
        monkeypatch.delenv(f"FACECRAFT4D_WEIGHTS_{name}", raising=False)
    alone = load(Own(), False, lambda _: None)
    for words in (
        "CLIP-I is not measured",
        "--clip FOLDER",
        "ID (ArcFace) is not measured",
        "--arcface FILE",
        "name several heads",
    ):
        assert any(words in note for note in alone.notes), words
    assert alone.sface and alone.arcface is None and not alone.frechet
    from facecraft4d.toolkit.core.checks import UserError

    with pytest.raises(UserError, match=r"nothing\.pth: expected a file .*given by --arcface"):
        load(Own(arcface=tmp_path / "nothing.pth"), False, lambda _: None)
    with_own = load(
        Own(arcface=written(tmp_path / "backbone.pth", IResNet(Architecture(DEPTHS["r18"])))), False, lambda _: None
    )
    assert with_own.arcface is not None and "ID (ArcFace) is measured by IResNet r18" in with_own.notes
    assert not any("ID (ArcFace) is not" in note for note in with_own.notes)
    monkeypatch.setenv("FACECRAFT4D_WEIGHTS_CLIP", str(tmp_path))
    with pytest.raises(UserError, match=r"config\.json .*given by FACECRAFT4D_WEIGHTS_CLIP"):
        load(Own(), False, lambda _: None)
