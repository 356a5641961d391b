"""FLAME files: golden vectors of linear blend skinning and landmarks, hostile pickles, clear refusals."""

import os
import pickle
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

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
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that is read in no time."""
    path = tmp_path_factory.mktemp("small") / "generic_model.pkl"
    path.write_bytes(synthetic_flame.old_style(synthetic_flame.small()))
    return path


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


@pytest.mark.slow
def test_pickle_imitates_the_published_files(folder: Path) -> None:
    named = synthetic_flame.globals_named(folder / "generic_model.pkl")
    assert {"chumpy.ch Ch", "scipy.sparse.csc csc_matrix"} <= named


@pytest.mark.slow
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


@pytest.mark.slow
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


def _put(entry: tuple[int, ...], value: float) -> Callable[[np.ndarray], np.ndarray]:
    """Changes one number of an array."""

    def changed(array: np.ndarray) -> np.ndarray:
        array = array.copy()
        array[entry] = value
        return array

    return changed


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "change", "complaint"),
    [
        ("weights", np.zeros((5023, 4)), "weights must be"),
        ("weights", np.zeros((5023, 5)), "weights must sum to 1 within 0.001, got rows that are off by up to 1"),
        ("weights", _put((7, 0), -0.2), "weights must be between -0.001 and 1.001, got -0.2"),
        ("weights", _put((7, 0), 1e30), "weights must be between"),
        ("weights", [[1, 0, 0, 0, 0]] * 5023, "weights must be an array of numbers, got"),
        ("f", np.full((9976, 3), 5023), "index 0..5022"),
        ("f", np.full((9976, 3), -1), "index 0..5022"),
        ("f", np.full((9976, 3), 0.5), "index 0..5022"),
        ("f", np.full((9976, 3), 5), "f must be triangles of three corners, got 100% with a corner twice"),
        ("f", np.zeros((60_000, 3), np.uint8), "60000 triangles where FLAME has 5023 and 9976"),
        ("kintree_table", np.zeros((2, 5)), "parents"),
        ("kintree_table", np.full((2, 5), np.inf), "kintree_table must be finite"),
        ("v_template", np.full((5023, 3), np.nan), "finite"),
        ("v_template", lambda array: 1000 * array, "v_template must be between -100 and 100"),
        ("v_template", lambda array: array / 1000, "v_template must be 0.01 to 100 metres large"),
        ("shapedirs", _put((1, 2, 3), 1e20), "shapedirs must be between"),
        ("posedirs", _put((1, 2, 3), -np.inf), "posedirs must be finite"),
        ("J_regressor", np.zeros((5, 5023)), "J_regressor must sum to 1 within 0.05"),
        ("J_regressor", _put((0, 0), 50), "J_regressor must be between -10 and 10"),
    ],
)
def test_wrong_arrays_are_named(tmp_path: Path, name: str, change: Any, complaint: str) -> None:
    path, arrays = tmp_path / "flame2023.pkl", synthetic_flame.model()
    value = change(arrays[name]) if callable(change) else change
    path.write_bytes(pickle.dumps(arrays | {name: value}, protocol=4))
    with pytest.raises(UserError, match=complaint) as refusal:
        load_flame(path)
    assert str(path) in str(refusal.value) and "flame.is.tue.mpg.de" in str(refusal.value)


def test_rounded_weights_are_taken_as_they_are(tmp_path: Path) -> None:
    rounded = np.round(synthetic_flame.model()["weights"], 4)
    assert np.abs(rounded.sum(1) - 1).max() > 5e-5
    np.savez(tmp_path / "flame2023.npz", **(synthetic_flame.model() | {"weights": rounded}))
    np.testing.assert_array_equal(load_flame(tmp_path / "flame2023.npz").skin_weights, rounded)


@pytest.mark.parametrize(
    ("name", "value", "complaint"),
    [
        ("lmk_b_coords", np.full((51, 3), 0.5), "lmk_b_coords must sum to 1 within 0.01"),
        ("lmk_b_coords", np.tile([5.0, -5.0, 1.0], (51, 1)), "lmk_b_coords must be between -1 and 2, got -5 to 5"),
        ("lmk_b_coords", np.full((51, 3), np.nan), "lmk_b_coords must be finite"),
        ("lmk_b_coords", np.zeros((50, 3)), "lmk_b_coords must be"),
        ("lmk_face_idx", np.full(51, 9976), r"lmk_face_idx must index 0\.\.\d+, got 9976"),
        ("lmk_face_idx", np.full(51, 0.5), "lmk_face_idx must index"),
        ("lmk_face_idx", [[]], "lmk_face_idx must be an array of numbers, got list"),
    ],
)
def test_wrong_embeddings_are_named(small: Path, tmp_path: Path, name: str, value: Any, complaint: str) -> None:
    static, _ = synthetic_flame.embeddings()
    (tmp_path / "static.pkl").write_bytes(pickle.dumps(static | {name: value}, protocol=2))
    with pytest.raises(UserError, match=complaint) as refusal:
        load_flame(small, FlameSideFiles(tmp_path / "static.pkl"))
    assert "static.pkl: expected" in str(refusal.value)


@pytest.mark.parametrize("chosen", [np.array([478] * 51), np.arange(51) - 1, np.full(51, "a"), None])
def test_wrong_choices_of_landmarks_are_named(small: Path, tmp_path: Path, chosen: np.ndarray | None) -> None:
    static, _ = synthetic_flame.embeddings()
    np.savez(tmp_path / "mediapipe.npz", **static, **({} if chosen is None else {"landmark_indices": chosen}))
    with pytest.raises(UserError, match=r"mediapipe\.npz: expected .*landmark_indices"):
        load_flame(small, FlameSideFiles(mediapipe=tmp_path / "mediapipe.npz"))


@pytest.mark.slow
def test_what_is_no_regular_file_is_not_opened(small: Path, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for strange in (tmp_path, tmp_path / "pipe", tmp_path / "nothing", Path("/dev/zero"), Path("a\0b")):
        with pytest.raises(UserError, match=r"expected a FLAME model file .* found"):
            load_flame(strange)
        for sides in (FlameSideFiles(strange), FlameSideFiles(None, strange), FlameSideFiles(None, None, strange)):
            with pytest.raises(UserError, match="expected a FLAME landmark embedding, found"):
                load_flame(small, sides)


def _damaged(data: bytes, seed: int, heads: np.ndarray) -> bytes:
    """A few bytes changed, and sometimes a piece cut out or doubled. Half of the places are between the arrays' contents."""
    random = np.random.default_rng(seed)
    changed = bytearray(data)
    for _ in range(random.integers(1, 6)):
        changed[random.choice(heads) if random.random() < 0.5 else random.integers(len(data))] = random.integers(256)
    start, end = sorted(random.integers(0, len(data), 2))
    match random.integers(6):
        case 0:
            del changed[start:end]
        case 1:
            changed[start:start] = changed[start:end]
        case 2:
            del changed[start:]
    return bytes(changed)


def _between_contents(data: bytes) -> np.ndarray:
    """Places of a file within 64 bytes of opcodes or headers: where text for people stands."""
    words = [word.start() for word in re.finditer(rb"numpy|chumpy|scipy|_shape|descr|PK\x01|PK\x03|PK\x05", data)]
    return np.unique(np.clip(np.add.outer(words, np.arange(-64, 64)), 0, len(data) - 1))


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["old pickle", "new pickle", "npz"])
def test_damage_is_refused_or_does_not_matter(tmp_path: Path, kind: str) -> None:
    path, arrays = tmp_path / "flame2023.pkl", synthetic_flame.small()
    if kind == "npz":
        path = tmp_path / "flame2023.npz"
        np.savez(path, **arrays)
    else:
        path.write_bytes(
            synthetic_flame.old_style(arrays) if kind == "old pickle" else pickle.dumps(arrays, protocol=4)
        )
    load_flame(path)
    data, refused = path.read_bytes(), 0
    heads = _between_contents(data)
    for seed in range(700):
        path.write_bytes(_damaged(data, seed, heads))
        start = time.monotonic()
        try:
            assert np.isfinite(load_flame(path).expression_deltas).all()
        except UserError as refusal:
            refused += 1
            assert "TypeCheckError" not in str(refusal), seed  # a mistake of ours, not of the file
        assert time.monotonic() - start < 5
    assert 200 < refused < 700
