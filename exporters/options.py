"""What a user may choose when an avatar is exported; each dataclass is a part of the command line."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np
from jaxtyping import Float32, Int32

from facecraft4d.toolkit.core.datatypes import Motion

TITLE = "Head avatar"
CREATOR = "made with facecraft4d"


class Purpose(StrEnum):
    """For whom a GLB is: splats at rest are for engines, their binding for players that know it, and one follows from the other."""

    ALL = "all"
    ENGINE = "engine"
    PLAYER = "player"


class Character(StrEnum):
    """Standards that say what a GLB's morph targets and joints mean."""

    NONE = "none"
    KHR = "khr"


class LevelFiles(StrEnum):
    """Where levels of detail go."""

    CHAIN = "chain"
    FILES = "files"


class PlyForm(StrEnum):
    """What a PLY's numbers are relative to."""

    WORLD = "world"
    GAUSSIAN_AVATARS = "gaussian-avatars"


class Frame(StrEnum):
    """Axes of a file whose format names none."""

    Y_UP = "y-up"
    Y_DOWN = "y-down"


class Shown(StrEnum):
    """What a USD shows until its variant is changed."""

    MESH = "mesh"
    SPLATS = "splats"


class DeltaType(StrEnum):
    """How a displacement is stored."""

    HALF = "half"
    INT16 = "int16"


@dataclass(frozen=True, slots=True)
class GltfOptions:
    """GLB (gltf)."""

    purpose: Purpose = Purpose.ALL
    """all: splats at rest and their binding; engine: without the binding, facecraft4d cannot read it back; player: without the splats at rest."""
    splat_morphs: bool = False
    """POSITION morph targets of every expression on the splats, for engines that read them there."""
    character: Character = Character.NONE
    """khr: the KHR_character family (a draft), so that others know what the expressions and joints mean."""
    levels: LevelFiles = LevelFiles.CHAIN
    """chain: levels of detail in the one file (MSFT_lod); files: a file for each."""


@dataclass(frozen=True, slots=True)
class PlyOptions:
    """PLY."""

    ply_form: PlyForm = PlyForm.WORLD
    """world: what every splat viewer reads; gaussian-avatars: splats in their triangles' frames, with binding and FLAME's parameters beside it."""
    ply_frame: Frame = Frame.Y_UP
    """y-up: upright in Spark and PlayCanvas; y-down (RDF): upright in Babylon.js and after splat-transform."""


@dataclass(frozen=True, slots=True)
class SpzOptions:
    """SPZ."""

    spz_version: int = 3
    """3 (gzip, read everywhere) or 4 (Zstandard)."""
    spz_bits: int = 18
    """Fractional bits of a position, 12 to 20: 12 are steps of 0.24 mm, 18 of 4 micrometres."""


@dataclass(frozen=True, slots=True)
class ObjOptions:
    """OBJ."""

    obj_expressions: bool = False
    """One OBJ for each expression beside the neutral one."""


@dataclass(frozen=True, slots=True)
class UsdOptions:
    """USD."""

    usd_shown: Shown = Shown.MESH
    """mesh: what every program shows; splats: for programs that know them (Omniverse, OS 27 of Apple). The other stays in the file, as a variant."""


@dataclass(frozen=True, slots=True)
class RigOptions:
    """Splat deltas for engine programmers (rig)."""

    delta_type: DeltaType = DeltaType.HALF
    """half: 16 bit floats; int16: integers with a scale for each expression."""


@dataclass(frozen=True, slots=True, eq=False)
class FlameMesh:
    """What a FLAME file holds of its mesh, metres; a direction's displacements are those of a standard deviation."""

    vertices: Float32[np.ndarray, "v 3"]
    """The mean face."""
    triangles: Int32[np.ndarray, "f 3"]
    identities: Float32[np.ndarray, "s v 3"]
    expressions: Float32[np.ndarray, "e v 3"]
    joint_regressor: Float32[np.ndarray, "j v"]
    """Joint positions = regressor @ vertices at rest, expression and all."""


@dataclass(frozen=True, slots=True)
class ExportOptions:
    """What a writer is told beside the avatar and the name of its file. Every writer reads the first four, and its own group."""

    expressions: Mapping[str, float] = field(default_factory=dict)
    """Weights of the pose that a format without a rig shows."""
    clips: tuple[Motion, ...] = ()
    """Motions to write, in a format that can hold some."""
    title: str = TITLE
    """dc:title and its like."""
    creator: str = CREATOR
    """dc:creator and its like: who made the avatar."""
    gltf: GltfOptions = GltfOptions()
    flame: FlameMesh | None = None
    """The user's FLAME file, for formats that store an avatar built on it by FLAME's parameters."""
    ply: PlyOptions = PlyOptions()
    spz: SpzOptions = SpzOptions()
    usd: UsdOptions = UsdOptions()
    obj: ObjOptions = ObjOptions()
    rig: RigOptions = RigOptions()
