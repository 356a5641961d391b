"""A FLAME model and its landmark embeddings made by rule (no licensed data), written as the published files are: the rule of the
golden vectors in data/flame_lbs.npz. Pickles imitate Python 2 with chumpy and an old scipy.
"""

import functools
import io
import pickle
import pickletools
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse

VERTICES, TURN = 5023, 34
WEIGHT_SEED = 1001


def rule(label: str, seed: int, shape: tuple[int, ...]) -> np.ndarray:
    """Nearly normal numbers of variance 1: PCG64 seeded with crc32 + seed; the four 16-bit words of each draw are added."""
    count = int(np.prod(shape))
    raw = np.random.PCG64((zlib.crc32(f"flame:{label}".encode()) + seed) % 2**32).random_raw(count)
    total = np.asarray(raw, "<u8").view("<u2").reshape(count, 4).astype(np.int64).sum(1)
    return ((total - 131070) * (1 / np.sqrt((2.0**32 - 1) / 3))).reshape(shape)


@functools.cache
def model(seed: int = WEIGHT_SEED) -> dict[str, np.ndarray]:
    """The arrays of a FLAME file: a helix of vertices on an ellipsoid."""
    i = np.arange(VERTICES, dtype=np.float64)
    height = 1 - 2 * (i + 0.5) / VERTICES
    radius, angle = np.sqrt(1 - height * height), 2 * np.pi * i / TURN
    template = np.stack([0.10 * radius * np.sin(angle), 0.13 * height, 0.11 * radius * np.cos(angle)], 1)
    template = (template + 0.0005 * rule("v_template", seed, (VERTICES, 3))).astype(np.float32)
    shape = 0.004 * rule("shapedirs", seed, (VERTICES, 3, 400)) / np.sqrt(1 + np.arange(400.0) % 300)
    regressor = np.zeros((5, VERTICES))
    share = 1 + 0.2 * rule("J_regressor", seed, (5, 40))
    for joint, (first, step) in enumerate([(4600, 1), (3900, 1), (2900, 1), (1704, TURN), (1713, TURN)]):
        regressor[joint, first + step * np.arange(40)] = share[joint] / share[joint].sum()
    skin = (1 + 0.5 * rule("weights", seed, (VERTICES, 5))) ** 4 + 0.01
    return {
        "v_template": template,
        "f": faces(),
        "shapedirs": shape.astype(np.float32),
        "posedirs": (0.002 * rule("posedirs", seed, (VERTICES, 3, 36))).astype(np.float32),
        "J_regressor": regressor.astype(np.float32),
        "weights": (skin / skin.sum(1, keepdims=True)).astype(np.float32),
        "kintree_table": np.array([[4294967295, 0, 1, 1, 1], [0, 1, 2, 3, 4]], np.int64),
    }


def small(count: int = 80) -> dict[str, np.ndarray]:
    """The model's first vertices: FLAME's arrays in a file of a few hundred kilobytes."""
    arrays = {
        name: array[:count] for name, array in model().items() if name not in ("f", "J_regressor", "kintree_table")
    }
    triangles = faces()
    regressor = np.zeros((5, count), np.float32)
    regressor[np.arange(5), np.arange(5)] = 1
    return arrays | {
        "f": triangles[triangles.max(1) < count],
        "J_regressor": regressor,
        "kintree_table": model()["kintree_table"],
    }


def faces() -> np.ndarray:
    """(i, i+1, i+34) and (i+1, i+35, i+34), alternating."""
    i = np.arange(VERTICES - TURN - 1)
    pairs = [[i, i + 1, i + TURN], [i + 1, i + TURN + 1, i + TURN]]
    return np.transpose(pairs, (2, 0, 1)).reshape(-1, 3).astype(np.uint32)


def embeddings(seed: int = WEIGHT_SEED) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Static (51) and dynamic (79 x 17) landmark embeddings."""
    row, column = np.indices((79, 17))
    count = len(faces())

    def barycentrics(label: str, shape: tuple[int, ...]) -> np.ndarray:
        b = 1 + 0.25 * rule(label, seed, (*shape, 3))
        return (b / b.sum(-1, keepdims=True)).astype(np.float32)

    static = {"lmk_face_idx": (191 * np.arange(51) + 7) % count, "lmk_b_coords": barycentrics("static", (51,))}
    dynamic_faces = (131 * row + 577 * column + 11) % count
    return static, {"lmk_face_idx": dynamic_faces, "lmk_b_coords": barycentrics("dynamic", (79, 17))}


class Ch:
    """Stands in for chumpy's array."""


class OldColumns:
    """Stands in for an old scipy's csc_matrix."""


class _OldPickler(pickle._Pickler):  # type: ignore[misc,name-defined]
    """Writes the stand-ins under the names that the published files use."""

    def save_global(self, obj: Any, name: str | None = None) -> None:
        old = {Ch: b"cchumpy.ch\nCh\n", OldColumns: b"cscipy.sparse.csc\ncsc_matrix\n"}.get(obj)
        if old is None:
            super().save_global(obj, name)
        else:
            self.write(old)


def old_style(arrays: dict[str, np.ndarray]) -> bytes:
    """A pickle of the model as the published ones: protocol 2, chumpy arrays, a sparse regressor with scipy's old path."""
    content: dict[str, Any] = dict(arrays) | {"bs_style": "lbs", "bs_type": "lrotmin"}
    for name in ("v_template", "shapedirs"):
        content[name] = Ch()
        content[name].__dict__.update(x=np.asarray(arrays[name], np.float64), _status="new", _dirty_vars=set())
    matrix, kept = scipy.sparse.csc_matrix(arrays["J_regressor"]), OldColumns()
    kept.__dict__.update(_shape=matrix.shape, indptr=matrix.indptr, indices=matrix.indices, data=matrix.data)
    content["J_regressor"] = kept
    file = io.BytesIO()
    _OldPickler(file, protocol=2).dump(content)
    return file.getvalue()


def write(folder: Path, name: str = "generic_model.pkl") -> Path:
    """Write the model as an old pickle, or as npz by the name's ending."""
    path = folder / name
    if path.suffix == ".npz":
        np.savez(path, **model())
    else:
        path.write_bytes(old_style(model()))
    return path


def globals_named(path: Path) -> set[str]:
    """The globals that a pickle asks for."""
    return {str(argument) for opcode, argument, _ in pickletools.genops(path.read_bytes()) if opcode.name == "GLOBAL"}
