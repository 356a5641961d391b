"""What the samples for Blender and USD take for granted, without Blender."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from avatar_cases import KINDS, random_avatar, random_motion
from hypothesis import given, settings

from facecraft4d.exporters import ExportOptions, export
from facecraft4d.exporters.gltf.rig import surface_of
from facecraft4d.exporters.gltf.writing import export_gltf
from facecraft4d.samples.engines.blender.glb_binding import read_glb, rig_corners, with_eyewear
from facecraft4d.samples.engines.usd.run import look
from facecraft4d.samples.engines.usd.stage import Stage
from facecraft4d.toolkit.core.asset import Avatar


@pytest.mark.slow
@settings(max_examples=25, deadline=None)
@given(kind=KINDS)
def test_blender_finds_the_triangles_of_splats(kind: dict[str, Any], tmp_path_factory: Any) -> None:
    """For any avatar, in the vertices that Blender's importer keeps and in its order: primitive by primitive, those with a triangle."""
    avatar = random_avatar(**kind)
    path = tmp_path_factory.mktemp("blender") / "avatar.glb"
    path.write_bytes(export_gltf(avatar))
    glb = with_eyewear(read_glb(path))
    (path.parent / "again.glb").write_bytes(glb.to_bytes())
    again = read_glb(path.parent / "again.glb")
    kept: list[int] = []
    for primitive in again.document["meshes"][0]["primitives"]:
        used = np.unique(again.scalars(primitive["indices"])).tolist()
        kept += [vertex for vertex in used if vertex not in kept]
    vertices = avatar.rig.vertices[surface_of(avatar.rig, avatar.texture).sources[kept]]
    expected = avatar.rig.vertices[avatar.rig.triangles]
    assert np.array_equal(vertices[rig_corners(read_glb(path))], expected)


@pytest.mark.slow
def test_the_sample_for_usd_finds_a_file_of_ours_right(tiny_avatar: Avatar, tmp_path: Path) -> None:
    """And one of another avatar wrong."""
    motion = random_motion(tiny_avatar.rig, 3)
    export(tiny_avatar, tmp_path / "head.usdz", options=ExportOptions(clips=(motion,)))
    cases = {f"pose {frame}": motion.pose(frame) for frame in range(3)}
    report = look(tiny_avatar, cases, Stage(tmp_path / "head.usdz"), 0)
    assert report.ok and report.moves == {"centre": True, "rotation": True, "scale": True}
    turned = {name: motion.pose(2 - frame) for frame, name in enumerate(cases)}
    assert set(look(tiny_avatar, turned, Stage(tmp_path / "head.usdz"), 0).wrong) == {"pose 0", "pose 2"}
