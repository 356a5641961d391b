"""FLAME files: golden vectors of linear blend skinning and landmarks, hostile pickles, clear refusals."""

import os
import pickle
from pathlib import Path

import numpy as np
import pytest
import synthetic_flame
import torch
from places import DATA

from facecraft4d.toolkit.core.checks import UserError
from facecraft4d.toolkit.face_model import load_flame
from facecraft4d.toolkit.face_model.deform import deform, model_tensors, rotation_matrices
from facecraft4d.toolkit.face_model.flame import FlameSideFiles, contour_row, landmarks_68_positions
from facecraft4d.toolkit.face_model.model import FaceModel, surface_positions
from facecraft4d.toolkit.face_model.reference import deform_numpy

GOLDEN = DATA / "flame_lbs.npz"
ATOL = 2e-6


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("flame")
    synthetic_flame.write(folder)
    static, dynamic = synthetic_flame.embeddings()
    (folder / "static.pkl").write_bytes(pickle.dumps(static, protocol=2))
    np.save(folder / "dynamic.npy", np.array(dynamic, dtype=object), allow_pickle=True)
    chosen = np.arange(0, 459, 9)
    np.savez(folder / "mediapipe.npz", landmark_indices=chosen, **{k: v[: len(chosen)] for k, v in static.items()})
    return folder


@pytest.fixture(scope="module")
def flame(folder: Path) -> FaceModel:
    sides = FlameSideFiles(folder / "static.pkl", folder / "dynamic.npy")
    return load_flame(folder / "generic_model.pkl", sides)


@pytest.fixture(scope="module")
def golden() -> dict[str, np.ndarray]:
    return dict(np.load(GOLDEN))


def _posed(flame: FaceModel, golden: dict[str, np.ndarray], offsets: torch.Tensor | None = None) -> np.ndarray:
    inputs = [torch.from_numpy(golden[f"param_{name}"]) for name in ("shape", "expr")]
    rotations = torch.from_numpy(golden["full_pose"]).reshape(-1, 5, 3)
    translation = torch.from_numpy(golden["param_translation"])
    return deform(model_tensors(flame), *inputs, rotations, translation, offsets).numpy()


def test_pickle_imitates_the_published_files(folder: Path) -> None:
    named = synthetic_flame.globals_named(folder / "generic_model.pkl")
    assert {"chumpy.ch Ch", "scipy.sparse.csc csc_matrix"} <= named


def test_read_arrays_equal_the_rule(flame: FaceModel, golden: dict[str, np.ndarray]) -> None:
    arrays = synthetic_flame.model()
    np.testing.assert_array_equal(flame.vertices, arrays["v_template"])
    np.testing.assert_array_equal(flame.joint_regressor, arrays["J_regressor"])
    np.testing.assert_array_equal(flame.triangles[:4], golden["model_faces_first4"])
    for name in ("v_template", "shapedirs", "posedirs", "J_regressor", "weights"):
        total = np.abs(arrays[name].astype(np.float64)).sum()
        np.testing.assert_allclose(total, golden[f"model_{name}_sum_abs"], rtol=1e-9)


def test_vertices_equal_the_golden_ones(flame: FaceModel, golden: dict[str, np.ndarray]) -> None:
    posed = _posed(flame, golden)
    np.testing.assert_allclose(posed[:, golden["vertex_index"]], golden["vertices"], atol=ATOL)
    moments = np.stack([posed.mean(1), posed.std(1)], 1)
    np.testing.assert_allclose(moments, golden["vertices_mean_std"], atol=ATOL)


def test_offsets_come_before_the_joints(flame: FaceModel, golden: dict[str, np.ndarray]) -> None:
    offsets = golden["static_offset_slice"]
    whole = _static_offset()
    np.testing.assert_allclose(whole[golden["vertex_index"]], offsets, atol=1e-9)
    posed = _posed(flame, golden, torch.from_numpy(whole))
    np.testing.assert_allclose(posed[:, golden["vertex_index"]], golden["vertices_static_offset"], atol=ATOL)


def _static_offset() -> np.ndarray:
    """randn("flame.static_offset", scale 0.003) of the rule, whose key begins with "input:"."""
    import zlib

    raw = np.random.PCG64((zlib.crc32(b"input:flame.static_offset") + 2001) % 2**32).random_raw(5023 * 3)
    total = np.asarray(raw, "<u8").view("<u2").reshape(-1, 4).astype(np.int64).sum(1)
    return (0.003 * ((total - 131070) * (1 / np.sqrt((2.0**32 - 1) / 3)))).astype(np.float32).reshape(5023, 3)


def test_numpy_twin_agrees(flame: FaceModel, golden: dict[str, np.ndarray]) -> None:
    pose = golden["full_pose"][3].reshape(5, 3)
    twin = deform_numpy(flame, golden["param_shape"][3], golden["param_expr"][3], pose, golden["param_translation"][3])
    np.testing.assert_allclose(twin, _posed(flame, golden)[3], atol=ATOL)


def test_landmarks_equal_the_golden_ones(flame: FaceModel, golden: dict[str, np.ndarray]) -> None:
    posed = _posed(flame, golden)
    for i, pose in enumerate(golden["full_pose"]):
        found = landmarks_68_positions(flame, posed[i], pose.reshape(5, 3))
        np.testing.assert_allclose(found, golden["landmarks68_flame_pytorch"][i], atol=ATOL)


def test_contour_rows_follow_the_yaw(golden: dict[str, np.ndarray]) -> None:
    yaws = np.radians(golden["contour_yaw_deg"])
    for share_root, share_neck, name in ((1, 0, "global_only"), (0.5, 0.25, "half_global_quarter_neck")):
        for yaw, row in zip(yaws, golden[f"contour_row_{name}"], strict=True):
            rotations = np.zeros((5, 3))
            rotations[:2, 1] = yaw * share_root, yaw * share_neck
            assert contour_row(rotations) == row


def test_rotations_equal_the_golden_ones(golden: dict[str, np.ndarray]) -> None:
    found = rotation_matrices(torch.from_numpy(golden["rodrigues_in"])).numpy()
    np.testing.assert_allclose(found, golden["rodrigues_out"], atol=1e-6)


def test_npz_holds_the_same_model(tmp_path: Path, flame: FaceModel) -> None:
    other = load_flame(synthetic_flame.write(tmp_path, "flame2023_Open.npz"))
    np.testing.assert_array_equal(other.expression_deltas, flame.expression_deltas)
    assert other.ingredients[0].licence == "CC-BY-4.0" and other.ingredients[0].commercial_use
    assert not flame.ingredients[0].commercial_use


def test_mediapipe_embedding_marks_what_it_lacks(folder: Path) -> None:
    model = load_flame(folder / "generic_model.pkl", FlameSideFiles(mediapipe=folder / "mediapipe.npz"))
    points = model.landmarks_478
    assert points is not None and points.validity.sum() == 51
    assert np.isfinite(surface_positions(points, model.triangles, model.vertices)).all()


class _Bomb:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return os.system, (f"touch {self.path}",)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_hostile_pickle_is_refused_and_not_run(tmp_path: Path, protocol: int) -> None:
    (tmp_path / "flame2023.pkl").write_bytes(pickle.dumps({"v_template": _Bomb(tmp_path / "ran")}, protocol))
    with pytest.raises(UserError, match=r"posix\.system|nt\.system"):
        load_flame(tmp_path / "flame2023.pkl")
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    "content",
    [
        b"", b"not a pickle", b"\x80\x02]q\x00.", b"PK\x03\x04rubbish",
        b"cbuiltins\neval\n(S'1'\ntR.", b"cnumpy.core.multiarray\n_reconstruct\n(tR.", b"\x93NUMPY\x01", b"c__builtin__\nobject\nN.",
        pickle.dumps({"v_template": np.zeros((4, 3))}), pickle.dumps({"x": np.array([None, {}], object)}),
        b"ccopy_reg\n_reconstructor\n(ccollections\nOrderedDict\nNNtR.",
    ],
)  # fmt: skip
def test_rubbish_gives_one_clear_line(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "model.pkl"
    path.write_bytes(content)
    with pytest.raises(UserError) as caught:
        load_flame(path)
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "value", "complaint"),
    [
        ("weights", np.zeros((5023, 4)), "weights must be"),
        ("f", np.full((9976, 3), 5023), "index 0..5022"),
        ("kintree_table", np.zeros((2, 5)), "parents"),
        ("v_template", np.full((5023, 3), np.nan), "finite"),
    ],
)
def test_wrong_arrays_are_named(tmp_path: Path, name: str, value: np.ndarray, complaint: str) -> None:
    np.savez(tmp_path / "flame2023.npz", **(synthetic_flame.model() | {name: value}))
    with pytest.raises(UserError, match=complaint):
        load_flame(tmp_path / "flame2023.npz")
