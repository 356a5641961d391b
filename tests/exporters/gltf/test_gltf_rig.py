"""The textured rig: what plain viewers show, and that nothing of it is lost on the way back."""

import io
from dataclasses import replace

import numpy as np
import pytest
from glb_cases import join, split
from head_cases import ellipsoid_rig
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from places import DATA, TINY

from facecraft4d.exporters import load
from facecraft4d.exporters.gltf.pictures import decode_picture
from facecraft4d.exporters.gltf.reading import read_gltf
from facecraft4d.exporters.gltf.rig import shown_triangles, surface_of
from facecraft4d.exporters.gltf.writing import export_gltf
from facecraft4d.toolkit.core.asset import EYEWEAR, Avatar, Texture
from facecraft4d.toolkit.core.checks import UserError
from facecraft4d.toolkit.core.pixels import encoded_bytes
from facecraft4d.toolkit.core.rigging import with_part
from facecraft4d.toolkit.core.untrusted.door import Budget


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 1000), places=st.integers(1, 400))
def test_doubled_vertices_are_the_texture_and_the_rig_exactly(seed: int, places: int) -> None:
    """For any texture coordinates: corners find both their vertex and their place, and no more vertices are doubled than seams ask for."""
    rng, rig = np.random.default_rng(seed), ellipsoid_rig(6, 8)
    pool = rng.uniform(size=(places, 2)).astype(np.float32)
    uvs = pool[rng.integers(0, places, rig.triangles.shape)]
    surface = surface_of(rig, Texture(uvs, np.zeros((1, 1, 3), np.uint8)))
    assert np.array_equal(surface.sources[: len(rig.vertices)], np.arange(len(rig.vertices)))
    assert np.array_equal(surface.sources[surface.corners], rig.triangles)
    assert surface.uvs is not None and np.array_equal(surface.uvs[surface.corners], uvs)
    pairs = {(v, *place) for v, place in zip(rig.triangles.ravel().tolist(), uvs.reshape(-1, 2).tolist(), strict=True)}
    lonely = len(rig.vertices) - len(np.unique(rig.triangles))
    assert len(surface.sources) == len(pairs) + lonely


def test_a_texture_without_seams_doubles_nothing() -> None:
    rig = ellipsoid_rig(6, 8)
    uvs = np.ascontiguousarray(rig.vertices[:, :2])[rig.triangles]
    assert len(surface_of(rig, Texture(uvs, np.zeros((1, 1, 3), np.uint8))).sources) == len(rig.vertices)


def test_plain_viewers_find_a_textured_head_and_no_points(tiny_avatar: Avatar) -> None:
    """The default scene holds the rig alone, in a picture that no light falls on; splats have a scene of their own."""
    document, blob = split(TINY.read_bytes())
    names = [[document["nodes"][node]["name"] for node in scene["nodes"]] for scene in document["scenes"]]
    assert document["scene"] == 0 and names == [["HeadRig", "root"], ["HeadSplats"]]
    primitive = document["meshes"][0]["primitives"][0]
    material = document["materials"][primitive["material"]]
    assert "alphaMode" not in material and "KHR_materials_unlit" in material["extensions"]
    assert {"POSITION", "NORMAL", "TEXCOORD_0", "JOINTS_0", "WEIGHTS_0"} <= set(primitive["attributes"])
    texture = document["textures"][material["pbrMetallicRoughness"]["baseColorTexture"]["index"]]
    image = document["images"][texture["source"]]
    view = document["bufferViews"][image["bufferView"]]
    stored = blob[view["byteOffset"] : view["byteOffset"] + view["byteLength"]]
    with Image.open(io.BytesIO(stored)) as picture:
        assert picture.format == "PNG" and image["mimeType"] == "image/png"
        assert tiny_avatar.texture is not None and np.array_equal(np.asarray(picture), tiny_avatar.texture.picture)


def test_a_head_without_a_picture_is_clay(tiny_avatar: Avatar) -> None:
    document, _ = split(export_gltf(replace(tiny_avatar, texture=None)))
    assert document["materials"][0]["name"] == "Clay" and "images" not in document
    assert "KHR_materials_unlit" not in document["extensionsUsed"]


def test_glasses_are_not_in_the_mesh_but_come_back(tiny_avatar: Avatar) -> None:
    corners = tiny_avatar.rig.vertices[tiny_avatar.rig.triangles[:4]].reshape(-1, 3)
    rig = with_part(tiny_avatar.rig, corners, np.arange(12).reshape(-1, 3), EYEWEAR, "neck")
    data = export_gltf(replace(tiny_avatar, rig=rig, texture=None))
    document, _ = split(data)
    indices = document["accessors"][document["meshes"][0]["primitives"][0]["indices"]]
    assert indices["count"] == 3 * (len(rig.triangles) - 4) == 3 * shown_triangles(rig).sum()
    found = read_gltf(data, "glasses").rig
    assert np.array_equal(found.triangles, rig.triangles) and np.array_equal(found.vertices, rig.vertices)


def test_format_1_is_still_read(tiny_avatar: Avatar) -> None:
    """The sample as the first format held it: the same head, without a texture; written again it is format 2."""
    old = load(DATA / "avatar_format_1.glb")
    assert old.texture is None and old.rig.pose_deltas is None and old.provenance.seed == tiny_avatar.provenance.seed
    for name in ("vertices", "triangles", "triangle_regions", "expression_deltas", "joint_positions", "skin_weights"):
        assert np.array_equal(getattr(old.rig, name), getattr(tiny_avatar.rig, name)), name
    for name in ("means", "rotations_wxyz", "log_scales", "opacity_logits", "colors", "triangles"):
        assert np.array_equal(getattr(old.splats, name), getattr(tiny_avatar.splats, name)), name
    again = split(export_gltf(old))[0]["asset"]["extras"]["facecraft4d"]
    assert again["format_version"] == 2


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_pictures_of_gltfs_two_formats_are_decoded(kind: str) -> None:
    picture = np.full((40, 30, 3), (200, 120, 80), np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, kind, quality=95)
    found = decode_picture(buffer.getvalue(), Budget(0))
    assert found.shape == picture.shape and np.abs(found.astype(int) - picture).max() <= (3 if kind == "JPEG" else 0)
    assert np.array_equal(decode_picture(encoded_bytes(picture, "PNG"), Budget(0)), picture)


@pytest.mark.slow
def test_other_pictures_are_refused() -> None:
    picture = Image.new("RGB", (4, 4))
    for kind in ("GIF", "BMP", "TIFF"):
        buffer = io.BytesIO()
        picture.save(buffer, kind)
        with pytest.raises(ValueError, match="must be a sound PNG or JPEG"):
            decode_picture(buffer.getvalue(), Budget(0))
    buffer = io.BytesIO()
    Image.new("L", (8193, 1)).save(buffer, "PNG")
    with pytest.raises(ValueError, match=r"at most 8192 pixels a side, got \(8193, 1\)"):
        decode_picture(buffer.getvalue(), Budget(0))
    buffer = io.BytesIO()
    picture.resize((1000, 1000)).save(buffer, "JPEG", progressive=True)
    data = buffer.getvalue()
    last = data.rindex(b"\xff\xda")
    with pytest.raises(ValueError, match="at most 500 megapixels in all scans, got 6"):
        decode_picture(data[:last] + data[last:-2] * 600 + data[-2:], Budget(0))
    flat = encoded_bytes(np.zeros((4096, 4096, 3), np.uint8), "PNG")
    with pytest.raises(ValueError, match="a picture would take 50,331,648 bytes"):
        decode_picture(flat, Budget(len(flat)))


@pytest.mark.slow
def test_damaged_pictures_never_escape() -> None:
    """A picture with a changed byte, cut short, or grown to a bomb by its header gives a picture or a UserError."""
    document, blob = split(TINY.read_bytes())
    view = document["bufferViews"][document["images"][0]["bufferView"]]
    start, length = view["byteOffset"], view["byteLength"]
    rng = np.random.default_rng(0)
    for round_ in range(60):
        damaged = bytearray(blob)
        for at in rng.integers(0, 64 if round_ % 2 else length, 3):
            damaged[start + at] = rng.integers(0, 256)
        try:
            read_gltf(join(document, bytes(damaged)), "damaged")
        except UserError as error:
            assert len(str(error)) < 300
    view["byteLength"] = length // 2
    with pytest.raises(UserError, match="found a picture must be a sound PNG or JPEG"):
        read_gltf(join(document, blob), "cut")
