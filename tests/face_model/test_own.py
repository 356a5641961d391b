"""Head models that users bring: which licence a file's name stands for, what decides what is kept, where to ask for what is missing."""

import shutil
from dataclasses import replace
from pathlib import Path

import ict_miniature
import numpy as np
import pytest
import synthetic_flame

from facecraft4d.toolkit import face_model, weights
from facecraft4d.toolkit.config import FaceModelConfig, FaceModelKind
from facecraft4d.toolkit.core.asset import Provenance
from facecraft4d.toolkit.core.checks import UserError
from facecraft4d.toolkit.core.ingredients import Commercial
from facecraft4d.toolkit.core.stages import silent
from facecraft4d.toolkit.face_model import load_flame
from facecraft4d.toolkit.face_model.flame import EDITIONS, edition
from facecraft4d.toolkit.face_model.own import bare_model, given, own_files


@pytest.fixture
def flame(tmp_path: Path) -> Path:
    path = tmp_path / "flame2023.npz"
    np.savez(path, **synthetic_flame.small())
    return path


def of(path: Path, **options: object) -> FaceModelConfig:
    return replace(FaceModelConfig(FaceModelKind.FLAME, path), **options)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "title", "verdict"),
    [
        ("flame2023_Open.npz", "FLAME 2023 Open", Commercial.YES),
        ("FLAME2023_OPEN.npz", "FLAME 2023 Open", Commercial.YES),
        ("flame2023.npz", "FLAME 2023", Commercial.NO),
        ("generic_model.npz", "FLAME 2020", Commercial.NO),
        ("flame2023_Open (1).npz", "FLAME, edition unknown", Commercial.UNKNOWN),
        ("my_head.npz", "FLAME, edition unknown", Commercial.UNKNOWN),
    ],
)
def test_a_files_name_stands_for_its_licence_and_another_name_is_never_clean(
    flame: Path, name: str, title: str, verdict: Commercial
) -> None:
    path = flame.rename(flame.with_name(name))
    (found,) = load_flame(path).ingredients
    assert (found.name, found.commercial_use, found.role) == (title, verdict, "head model")
    assert ("by its file name" in found.source) == (verdict is not Commercial.UNKNOWN) and name in found.source
    assert (found.licence == "unknown") == (verdict is Commercial.UNKNOWN)
    provenance = Provenance((found,))
    assert provenance.verdict is verdict and title in provenance.reason


def test_every_edition_is_in_the_table_and_known_by_all_its_names() -> None:
    for name in EDITIONS:
        row = weights.row(name)
        assert isinstance(row, weights.BroughtWeights)
        assert {edition(pattern) for pattern, _ in row.expected} == {name}
        assert bool(row.commercial_use) == (row.licence == "CC-BY-4.0")


def test_where_none_is_given_one_line_says_where_to_ask(monkeypatch: pytest.MonkeyPatch, flame: Path) -> None:
    for kind, place in ((FaceModelKind.FLAME, "flame.is.tue.mpg.de"), (FaceModelKind.ICT, "github.com/ICT-VGL")):
        with pytest.raises(UserError) as refused:
            given(FaceModelConfig(kind))
        assert place in str(refused.value) and "--face-model.file" in str(refused.value)
    monkeypatch.setenv("FACECRAFT4D_WEIGHTS_FLAME_2023", str(flame))
    assert given(FaceModelConfig(FaceModelKind.FLAME)) == flame


def test_only_what_decides_the_model_is_named_as_its_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ict_miniature.shrink(monkeypatch)
    folder = ict_miniature.write(tmp_path)
    (folder / ".git").mkdir()
    assert {path.name for path in own_files(FaceModelConfig(FaceModelKind.ICT, folder))} == {"FaceXModel", "LICENSE"}
    (folder / "LICENSE").unlink()
    assert {path.name for path in own_files(FaceModelConfig(FaceModelKind.ICT, folder))} == {"FaceXModel"}


def test_what_is_kept_follows_names_content_and_options(
    tmp_path: Path, flame: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FACECRAFT4D_CACHE", str(tmp_path / "cache"))
    elsewhere, renamed = tmp_path / "other", flame.with_name("flame2023_Open.npz")
    elsewhere.mkdir()
    shutil.copy(flame, elsewhere / flame.name)
    shutil.copy(flame, renamed)
    place = face_model._adopted(of(flame))
    assert face_model._adopted(of(elsewhere / flame.name)) == place
    others = {face_model._adopted(of(renamed)), face_model._adopted(of(flame, components=3))}
    flame.write_bytes(flame.read_bytes() + b"\0")
    others.add(face_model._adopted(of(flame)))
    assert len(others | {place}) == 4


def template(path: Path, triangles: np.ndarray, count: int) -> Path:
    lines = [f"v {index} 0 0" for index in range(count)] + [f"vt {index / count} 0" for index in range(count)]
    lines += ["f " + " ".join(f"{v + 1}/{v + 1}" for v in row) for row in triangles]
    path.write_text("\n".join(lines))
    return path


def test_a_template_gives_its_texture_coordinates_and_another_mesh_is_one_line(tmp_path: Path, flame: Path) -> None:
    model = load_flame(flame)
    count = len(model.vertices)
    mesh = template(tmp_path / "head_template_mesh.obj", model.triangles[::-1], count)
    found = bare_model(of(flame, template=mesh), silent)
    assert np.allclose(found.corner_uvs[..., 0], model.triangles / count, atol=1e-6)
    template(mesh, model.triangles[:, ::-1], count)
    with pytest.raises(UserError, match=r"head_template_mesh\.obj: expected the template mesh of this FLAME model"):
        bare_model(of(flame, template=mesh), silent)
