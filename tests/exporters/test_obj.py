"""OBJ: a reader of twenty lines, and trimesh, find the mesh that was written."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import trimesh
from avatar_cases import KINDS, NAMES, random_avatar
from hypothesis import given, settings
from PIL import Image

from facecraft4d import exporters
from facecraft4d.exporters.gltf.rig import shown_triangles
from facecraft4d.exporters.obj import export_obj
from facecraft4d.exporters.options import ExportOptions, ObjOptions
from facecraft4d.toolkit.core.asset import Avatar
from facecraft4d.toolkit.core.rigging import pose_from_weights, pose_vertices

STEP = 5.1e-8
"""Half of the last digit of a coordinate, metres, and what float32 adds."""
ALL = ExportOptions(obj=ObjOptions(obj_expressions=True))


def parsed(data: bytes) -> dict[str, Any]:
    """An OBJ by its lines; faces [f, 3, 3] as (vertex, place, normal) from 0, -1 for none; the group of each."""
    rows: dict[str, list[Any]] = {"v": [], "vt": [], "vn": [], "f": [], "groups": [], "mtllib": [], "#": []}
    group = ""
    for line in data.decode().splitlines():
        key, *cells = line.split(" ")
        if key in ("v", "vt", "vn"):
            rows[key].append([float(cell) for cell in cells])
        elif key == "f":
            rows["f"].append([[int(index or 0) - 1 for index in cell.split("/")] for cell in cells])
            rows["groups"].append(group)
        elif key == "g":
            (group,) = cells
        elif key in rows:
            rows[key].append(" ".join(cells))
        else:
            assert key in ("o", "usemtl"), line
    return {key: np.array(value) if key in ("v", "vt", "vn", "f") else value for key, value in rows.items()}


@pytest.mark.slow
@settings(max_examples=30, deadline=None)
@given(kind=KINDS)
def test_any_avatar_comes_back_within_half_a_digit(kind: dict[str, Any]) -> None:
    avatar = random_avatar(**kind)
    rig, shown = avatar.rig, shown_triangles(avatar.rig)
    files = dict(export_obj(avatar, "head.obj", ALL))
    meshes = {name: parsed(data) for name, data in files.items() if name.endswith(".obj")}
    assert len(meshes) == 1 + len(rig.expression_names)
    weights = [{}, *({name: 1.0} for name in rig.expression_names)]
    for found, each in zip(meshes.values(), weights, strict=True):
        vertices = pose_vertices(rig, pose_from_weights(rig, each))
        # sorted: triangles stand by their region
        expected = vertices[rig.triangles[shown]][np.argsort(rig.triangle_regions[shown], kind="stable")]
        np.testing.assert_allclose(found["v"][found["f"][..., 0]], expected, atol=STEP)
        assert np.array_equal(found["f"], meshes["head.obj"]["f"]) and len(found["v"]) == len(meshes["head.obj"]["v"])
        assert len(np.unique(found["f"][..., 0])) == len(found["v"]), "no vertex without a triangle"
        np.testing.assert_allclose(np.linalg.norm(found["vn"], axis=1), 1, atol=2e-5)
    names = np.array(rig.region_names)[np.sort(rig.triangle_regions[shown])]
    assert meshes["head.obj"]["groups"] == list(names)


def test_places_in_the_picture_are_from_its_bottom_left(tiny_avatar: Avatar, tmp_path: Path) -> None:
    texture = tiny_avatar.texture
    assert texture is not None
    files = dict(export_obj(tiny_avatar, "head.obj", ExportOptions()))
    found = parsed(files["head.obj"])
    order = np.argsort(tiny_avatar.rig.triangle_regions, kind="stable")
    expected = texture.corner_uvs[order] * [1, -1] + [0, 1]
    np.testing.assert_allclose(found["vt"][found["f"][..., 1]], expected, atol=STEP)
    (tmp_path / "albedo.png").write_bytes(files["head_albedo.png"])
    with Image.open(tmp_path / "albedo.png") as picture:
        assert np.array_equal(np.asarray(picture), texture.picture)


def test_trimesh_reads_mesh_material_and_picture(tiny_avatar: Avatar, tmp_path: Path) -> None:
    exporters.export(tiny_avatar, tmp_path / "голова мэй.obj")
    mesh = trimesh.load(tmp_path / "голова мэй.obj", process=False, force="mesh")
    rig, texture = tiny_avatar.rig, tiny_avatar.texture
    order = np.argsort(rig.triangle_regions, kind="stable")
    np.testing.assert_allclose(mesh.vertices[mesh.faces], rig.vertices[rig.triangles][order], atol=1e-6)
    assert mesh.is_winding_consistent and texture is not None
    assert np.array_equal(np.asarray(mesh.visual.material.image.convert("RGB")), texture.picture)
    places = np.asarray(mesh.visual.uv)[mesh.faces]
    np.testing.assert_allclose(places, texture.corner_uvs[order] * [1, -1] + [0, 1], atol=1e-6)


@pytest.mark.slow
def test_the_pose_is_that_of_the_expressions(tiny_avatar: Avatar) -> None:
    weights = {"jawOpen": 0.5, "mouthSmileLeft": 1.0}
    files = dict(export_obj(tiny_avatar, "a.obj", ExportOptions(expressions=weights)))
    expected = pose_vertices(tiny_avatar.rig, pose_from_weights(tiny_avatar.rig, weights))
    np.testing.assert_allclose(parsed(files["a.obj"])["v"], expected, atol=STEP)


def test_the_rigs_vertices_keep_their_numbers_and_eyewear_is_left_out() -> None:
    avatar = random_avatar(eyewear=True)
    found = parsed(dict(export_obj(avatar, "a.obj", ExportOptions()))["a.obj"])
    np.testing.assert_allclose(found["v"], avatar.rig.vertices[:-6], atol=STEP)
    assert len(found["f"]) == len(avatar.rig.triangles) - 2 and "eyewear" not in found["groups"]


def test_a_head_without_a_picture_is_clay(tiny_avatar: Avatar) -> None:
    files = dict(export_obj(replace(tiny_avatar, texture=None), "a.obj", ExportOptions()))
    assert set(files) == {"a.obj", "a.mtl"} and b"map_Kd" not in files["a.mtl"] and b"Kd 0.8 0.8 0.8" in files["a.mtl"]
    assert b"\nvt " not in files["a.obj"] and (parsed(files["a.obj"])["f"][..., 1] == -1).all()


def test_comments_say_frame_and_rights_and_nobody_leaves_them() -> None:
    """A name with a line break cannot write lines of its own."""
    avatar = random_avatar()
    options = ExportOptions(title="Ада\nv 1 2 3", creator="Грейс\r\nmtllib evil.mtl")
    found = parsed(dict(export_obj(avatar, "a.obj", options))["a.obj"])
    comments = "\n".join(found["#"])
    assert "metres, right-handed, +Y up" in comments and "dc:license CC0-1.0" in comments
    assert "dc:title Ада v 1 2 3" in comments and found["mtllib"] == ["a.mtl"]
    assert "dc:source Фото, 写真 (the portrait)" in comments


def test_files_are_named_so_that_every_reader_finds_them() -> None:
    files = [name for name, _ in export_obj(random_avatar(expressions=len(NAMES)), "голова Ada é.obj", ALL)]
    assert files[0] == "голова Ada é.obj" and files[1:3] == ["_Ada_e.mtl", "_Ada_e_albedo.png"]
    assert len({name.casefold() for name in files}) == len(files) == 3 + len(NAMES)
    assert not any(set("/\\") & set(name) for name in files)
