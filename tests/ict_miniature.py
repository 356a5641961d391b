"""A miniature of ICT-FaceKit's folder: its layout, its files, its parts in their order, of a sphere and a few triangles; no byte of theirs.

`shrink` makes the reader expect its sizes.
"""

from pathlib import Path

import numpy as np
import pytest

from facecraft4d.toolkit.face_model import ict

PART_VERTICES = 12
"""Of each part but the first, which is a sphere."""
ROWS, COLUMNS = 8, 10
LICENCE = (
    "MIT License\n\nCopyright (c) 2020 Nobody\n\nPermission is hereby granted, to deal in the Software without restriction, including the rights to "
    "use, copy, and/or sell copies of the Software.\n"
)


def shrink(monkeypatch: pytest.MonkeyPatch, identities: int = 4) -> None:
    """Fewer vertices to a part, and fewer identities."""
    first = ROWS * COLUMNS
    ends = [first + index * PART_VERTICES for index in range(len(ict.PARTS))]
    monkeypatch.setattr(ict, "PARTS", tuple((end, name) for end, (_, name) in zip(ends, ict.PARTS, strict=True)))
    monkeypatch.setattr(ict, "VERTICES", ends[-1] + 2 * PART_VERTICES)
    monkeypatch.setattr(ict, "IDENTITIES", identities)


def neutral() -> np.ndarray:
    """Centimetres."""
    down, around = np.meshgrid(
        np.linspace(0.2, np.pi - 0.2, ROWS), np.linspace(0, 2 * np.pi, COLUMNS, endpoint=False), indexing="ij"
    )
    sphere = np.stack([np.sin(down) * np.sin(around), np.cos(down), np.sin(down) * np.cos(around)], -1).reshape(-1, 3)
    rng = np.random.default_rng(7)
    others = rng.normal(scale=0.2, size=(ict.VERTICES - len(sphere), 3))
    return np.concatenate([10 * sphere, others]).round(6)


def moved(name: str) -> np.ndarray:
    """Displacements of one identity or expression, centimetres: different ones for every name."""
    rng = np.random.default_rng(sum(map(ord, name)))
    return rng.normal(scale=0.05, size=(ict.VERTICES, 3)).round(6)


def quads() -> list[tuple[int, ...]]:
    """Counted from 0: a sphere of quads, three triangles to each other part."""
    found = [
        (r * COLUMNS + c, (r + 1) * COLUMNS + c, (r + 1) * COLUMNS + (c + 1) % COLUMNS, r * COLUMNS + (c + 1) % COLUMNS)
        for r in range(ROWS - 1)
        for c in range(COLUMNS)
    ]
    start = ROWS * COLUMNS
    return found + [(v, v + 1, v + 2) for v in range(start, ict.VERTICES, 4)]


def obj(vertices: np.ndarray) -> str:
    """As theirs: a material, positions, texture coordinates, polygons."""
    lines = ["mtllib ICTFaceModelMaterial.mtl", *("v {:.6f} {:.6f} {:.6f}".format(*row) for row in vertices)]
    lines += [f"vt {index / len(vertices):.5f} {1 - index / len(vertices):.5f}" for index in range(len(vertices))]
    lines += ["f " + " ".join(f"{v + 1}/{v + 1}" for v in polygon) for polygon in quads()]
    return "\n".join(lines) + "\n"


def write(folder: Path, licence: str | None = LICENCE) -> Path:
    """The folder; its name is ICT-FaceKit."""
    place = folder / "ICT-FaceKit" / ict.FOLDER
    place.mkdir(parents=True)
    (place / ict.NEUTRAL).write_text(obj(neutral()))
    for name in (
        *ict.identity_files(),
        *dict.fromkeys(part for each in ict.ARKIT_NAMES for part in ict.expression_files(each)),
    ):
        (place / f"{name}.obj").write_text(obj(neutral() + moved(name)))
    if licence is not None:
        (place.parent / ict.LICENCE).write_text(licence)
    return place.parent
