"""Meshes of others as OBJ: what is written is read, whatever order it lists triangles in; what is none is one line."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from facecraft4d.toolkit.core.checks import UserError
from facecraft4d.toolkit.face_model.obj_files import LONGEST_LINE, MOST_LINES, read_obj, read_obj_vertices, uvs_for

SQUARE = "v 0 0 0\nv 1 0 0\nv 1 1 0\nv 0 1 0\nvt 0 0\nvt 1 0\nvt 1 1\nvt 0 1\nf 1/1 2/2 3/3 4/4\n"


def test_a_polygon_is_a_fan_and_its_picture_begins_at_the_top(tmp_path: Path) -> None:
    (tmp_path / "a.obj").write_text(f"# words\no head\n{SQUARE}vn 0 0 1\ns off\n")
    mesh = read_obj(tmp_path / "a.obj", "a mesh")
    assert mesh.triangles.tolist() == [[0, 1, 2], [0, 2, 3]] and mesh.vertices.shape == (4, 3)
    assert mesh.corner_uvs is not None and mesh.corner_uvs[0].tolist() == [[0, 1], [1, 1], [1, 0]]


@pytest.mark.slow
@given(st.permutations(range(6)), st.lists(st.integers(0, 2), min_size=6, max_size=6))
def test_texture_coordinates_find_their_corners_in_any_order(order: list[int], turns: list[int]) -> None:
    rng = np.random.default_rng(1)
    triangles = np.array([[0, 1, 2], [2, 1, 3], [3, 1, 4], [4, 1, 5], [5, 1, 0], [0, 2, 5]], np.int32)
    uvs = rng.uniform(size=(6, 3, 2)).astype(np.float32)
    shuffled = np.stack([np.roll(triangles[row], turn) for row, turn in zip(order, turns, strict=True)]).astype(
        np.int32
    )
    moved = np.stack([np.roll(uvs[row], turn, 0) for row, turn in zip(order, turns, strict=True)])
    from facecraft4d.toolkit.face_model.obj_files import ObjMesh

    mesh = ObjMesh(np.zeros((6, 3)), shuffled, moved)
    assert np.array_equal(uvs_for(mesh, triangles), uvs)
    assert np.array_equal(uvs_for(ObjMesh(np.zeros((6, 3)), triangles, uvs), shuffled), moved)
    with pytest.raises(ValueError, match="1 of the model's 6 triangles"):
        uvs_for(mesh, np.where(triangles == 4, 9, triangles)[[0, 1, 4, 5, 0, 2]])


SPOILED = {
    "empty": "", "words": "hello\n", "no polygon": "v 0 0 0\n", "two corners": "v 0 0 0\nf 1 1\n", "a corner beyond": "v 0 0 0\nf 1 1 2\n",
    "counted from the end": "v 0 0 0\nf -1 -1 -1\n", "no number": "v 0 0 x\nf 1 1 1\n", "not finite": "v 0 0 inf\nf 1 1 1\n",
    "too large": "v 0 0 1e30\nf 1 1 1\n", "two numbers": "v 0 0\nf 1 1 1\n", "corner is no number": "v 0 0 0\nf 1 1 a\n",
    "picture's corner beyond": "v 0 0 0\nvt 0 0\nf 1/1 1/1 1/2\n", "a huge index": f"v 0 0 0\nf 1 1 {10**30}\n",
    "a long line": f"v 0 0 0\n#{'x' * (LONGEST_LINE + 1)}\nf 1 1 1\n", "many lines": "\n" * MOST_LINES, "bytes": "\x00\x01\x02",
}  # fmt: skip


@pytest.mark.parametrize("how", SPOILED)
def test_what_is_no_mesh_is_one_line(tmp_path: Path, how: str) -> None:
    (tmp_path / "a.obj").write_text(SPOILED[how])
    with pytest.raises(UserError, match=r"a\.obj: expected a mesh, found"):
        read_obj(tmp_path / "a.obj", "a mesh")


def test_another_number_of_vertices_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "a.obj").write_text(SQUARE)
    assert read_obj_vertices(tmp_path / "a.obj", "a mesh", 4).shape == (4, 3)
    with pytest.raises(UserError, match="4 vertices where 5 are needed"):
        read_obj_vertices(tmp_path / "a.obj", "a mesh", 5)
