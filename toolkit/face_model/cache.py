"""Face models as our own npz files: arrays and one JSON text, no pickle."""

import dataclasses
import json
import os
import tempfile
import types
import typing
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from facecraft4d.toolkit.asset import Ingredient
from facecraft4d.toolkit.face_model.model import ContourPoints, FaceModel, HairHull, SurfacePoints

PARTS = {part.__name__: part for part in (SurfacePoints, ContourPoints, HairHull)}


def save_model(model: FaceModel, path: Path) -> None:
    """Write a face model; the file appears whole or not at all."""
    arrays: dict[str, np.ndarray] = {}
    texts: dict[str, Any] = {}
    for field in dataclasses.fields(model):
        value = getattr(model, field.name)
        if isinstance(value, np.ndarray):
            arrays[field.name] = value
        elif type(value).__name__ in PARTS:
            arrays |= {f"{field.name}.{part.name}": getattr(value, part.name) for part in dataclasses.fields(value)}
        elif field.name == "ingredients":
            texts[field.name] = [dataclasses.asdict(ingredient) for ingredient in value]
        elif value is not None:
            texts[field.name] = value
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, suffix=".npz")
    try:
        with os.fdopen(handle, "wb") as file:
            np.savez(file, allow_pickle=False, texts=np.array(json.dumps(texts)), **arrays)
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def load_model(path: Path) -> FaceModel:
    """Read what save_model() wrote. ValueError if it is something else."""
    try:
        with np.load(path, allow_pickle=False) as stored:
            arrays = dict(stored)
    except (zipfile.BadZipFile, EOFError, KeyError, ValueError) as error:
        raise ValueError(f"{path}: expected a face model (npz), found a damaged file ({error})") from error
    fields = json.loads(str(arrays.pop("texts", "{}")))
    fields = {name: tuple(value) if isinstance(value, list) else value for name, value in fields.items()}
    fields["ingredients"] = tuple(Ingredient(**ingredient) for ingredient in fields.get("ingredients", ()))
    hints = typing.get_type_hints(FaceModel)
    parts: dict[str, dict[str, np.ndarray]] = {}
    for name, array in arrays.items():
        field, _, part = name.partition(".")
        if part:
            parts.setdefault(field, {})[part] = array
        else:
            fields[field] = array
    for field, values in parts.items():
        fields[field] = _part_type(hints[field])(**values)
    try:
        return FaceModel(**fields)
    except TypeError as error:
        raise ValueError(f"{path}: expected a face model of this version ({error})") from error


def _part_type(hint: Any) -> Any:
    """The class in `Class | None`."""
    return next(kind for kind in typing.get_args(hint) if kind is not types.NoneType)
