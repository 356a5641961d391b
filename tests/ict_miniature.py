"""A miniature of ICT-FaceKit's folder: its layout, its files, its parts in their order, of a ball on a neck and a few triangles; no byte of theirs.

`shrink` makes the reader expect its sizes.
"""

from pathlib import Path

import numpy as np
import pytest

from facecraft4d.toolkit.face_model import ict

PART_VERTICES = 12
"""Of each part but the first two: a ball, and a neck that begins with the ball's lowest ring over again, as at a seam."""
ROWS, COLUMNS = 8, 10
BALL, NECK = ROWS * COLUMNS, 2 * COLUMNS
LICENCE = (
    "MIT License\n\nCopyright (c) 2020 Nobody\n\nPermission is hereby granted, to deal in the Software without restriction, including the rights to "
    "use, copy, and/or sell copies of the Software.\n"
)


def shrink(monkeypatch: pytest.MonkeyPatch, identities: int = 4) -> None:
    """Fewer vertices to a part, and fewer identities."""
    ends = [BALL, *(BALL + NECK + index * PART_VERTICES for index in range(len(ict.PARTS) - 1))]
    monkeypatch.setattr(ict, "PARTS", tuple((end, name) for end, (_, name) in zip(ends, ict.PARTS, strict=True)))
    monkeypatch.setattr(ict, "VERTICES", ends[-1] + 2 * PART_VERTICES)
    monkeypatch.setattr(ict, "IDENTITIES", identities)


def neutral() -> np.ndarray:
    """Centimetres."""
    down, around = np.meshgrid(
        np.linspace(0.2, np.pi - 0.2, ROWS), np.linspace(0, 2 * np.pi, COLUMNS, endpoint=False), indexing="ij"
    )
    sphere = np.stack([np.sin(down) * np.sin(around), np.cos(down), np.sin(down) * np.cos(around)], -1).reshape(-1, 3)
    neck = np.concatenate([sphere[-COLUMNS:], sphere[-COLUMNS:] - [0, 0.3, 0]])
    rng = np.random.default_rng(7)
    others = rng.normal(scale=0.02, size=(ict.VERTICES - BALL - NECK, 3))
    return (10 * np.concatenate([sphere, neck, others])).round(6)


def moved(name: str) -> np.ndarray:
    """Displacements of one identity or expression, centimetres: different ones for every name, equal on both sides of the seam."""
    rng = np.random.default_rng(sum(map(ord, name)))
    found = rng.normal(scale=0.05, size=(ict.VERTICES, 3)).round(6)
    found[BALL : BALL + COLUMNS] = found[BALL - COLUMNS : BALL]
    return found


def welded() -> np.ndarray:
    """The vertices that are kept: those of the parts that count, each one at the seam once."""
    kept = np.arange(ict.PARTS[-1][0])
    return kept[(kept < BALL) | (kept >= BALL + COLUMNS)]


def quads() -> list[tuple[int, ...]]:
    """Counted from 0: ball and neck of quads, triangles to each other part."""

    def rings(start: int, rows: int) -> list[tuple[int, ...]]:
        return [
            (
                start + r * COLUMNS + c,
                start + (r + 1) * COLUMNS + c,
                start + (r + 1) * COLUMNS + (c + 1) % COLUMNS,
                start + r * COLUMNS + (c + 1) % COLUMNS,
            )
            for r in range(rows - 1)
            for c in range(COLUMNS)
        ]

    return rings(0, ROWS) + rings(BALL, 2) + [(v, v + 1, v + 2) for v in range(BALL + NECK, ict.VERTICES, 3)]


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
