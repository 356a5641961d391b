"""A folder of ICT-FaceKit's layout with a face in it: the CC0 head's, cut into its parts. The reader is made to expect its sizes."""

from pathlib import Path

import ict_miniature
import numpy as np
import pytest

from facecraft4d.toolkit.core.arkit import ARKIT_NAMES
from facecraft4d.toolkit.face_model import FaceModel, ict

SHIFT, SCALE = np.array([0.3, 1.5, -2.0]), 103.0
"""Centimetres from the midpoint between the ears, and centimetres of a metre: this head is a little larger."""
UNUSED = 6
"""Vertices of films and lashes."""


def cut(head: FaceModel) -> list[np.ndarray]:
    """Which of the head's triangles each part has."""
    names = np.array(head.region_names)[head.triangle_regions]
    middle = head.vertices[head.triangles].mean(1)
    jaw = head.skin_weights[head.triangles, 2].mean(1) > 0.5
    left, skin = middle[:, 0] > 0, np.isin(names, ["skin", "lips", "ears", "scalp", "neck", "eyelids"])
    front = middle[:, 2] > 0
    wanted = [
        skin & front, skin & ~front, names == "mouth_interior", (names == "eye_sockets") & left, (names == "eye_sockets") & ~left,
        names == "tongue", (names == "teeth") & ~jaw, (names == "teeth") & jaw, (names == "eyes") & left, (names == "eyes") & ~left,
    ]  # fmt: skip
    return [np.flatnonzero(each) for each in wanted]


def write(
    folder: Path, head: FaceModel, monkeypatch: pytest.MonkeyPatch, identities: int = 3
) -> tuple[Path, np.ndarray]:
    """The folder, of so many of the head's identities, and which of the head's vertices each of its meshes' is."""
    triangles = [head.triangles[part] for part in cut(head)]
    vertices = [np.unique(each) for each in triangles]
    ends = np.cumsum([len(each) for each in vertices])
    monkeypatch.setattr(ict, "PARTS", tuple((int(end), name) for end, (_, name) in zip(ends, ict.PARTS, strict=True)))
    monkeypatch.setattr(ict, "VERTICES", int(ends[-1]) + UNUSED)
    monkeypatch.setattr(ict, "IDENTITIES", identities)
    rows, corners = np.concatenate(vertices), []
    for start, inside, part in zip([0, *ends], triangles, vertices, strict=False):
        corners.append(start + np.searchsorted(part, inside) + 1)
    faces = "".join(f"f {a} {b} {c}\n" for a, b, c in np.concatenate(corners))
    place = folder / "ICT-FaceKit" / ict.FOLDER
    place.mkdir(parents=True)
    (place.parent / ict.LICENCE).write_text(ict_miniature.LICENCE)

    def save(name: str, moved: np.ndarray) -> None:
        places = np.concatenate([SCALE * (head.vertices + moved)[rows] + SHIFT, np.zeros((UNUSED, 3))])
        lines = "".join("v {:.6f} {:.6f} {:.6f}\n".format(*row) for row in places)
        (place / name).write_text(lines + faces)

    save(ict.NEUTRAL, np.zeros_like(head.vertices))
    for index, name in enumerate(ict.identity_files()):
        save(f"{name}.obj", head.identity_deltas[index])
    for name, delta in zip(ARKIT_NAMES, head.expression_deltas, strict=True):
        for part in ict.expression_files(name):
            side = (
                1.0
                if part == name or name not in ("browInnerUp", "cheekPuff")
                else (head.vertices[:, :1] > 0) == part.endswith("_L")
            )
            save(f"{part}.obj", side * delta)
    return place.parent, rows
