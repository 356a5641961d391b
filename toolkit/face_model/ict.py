"""Reads ICT-FaceKit's folder (R. Li et al. 2020, the light version) as a FaceModel: 100 identities and 53 expressions as OBJ files in centimetres.

Its readme's tables say which vertices are which part. The licence is what stands in the folder's LICENSE, and nothing else.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float32, Float64, Int32, Int64

from facecraft4d.toolkit import weights
from facecraft4d.toolkit.core.arkit import ARKIT_NAMES, JOINT_NAMES
from facecraft4d.toolkit.core.checks import UserError, check_all
from facecraft4d.toolkit.core.ingredients import Commercial, Ingredient
from facecraft4d.toolkit.core.stages import Progress
from facecraft4d.toolkit.core.text import shown
from facecraft4d.toolkit.core.untrusted.door import at_the_border, read_untrusted
from facecraft4d.toolkit.face_model.model import JOINT_PARENTS, ROLE, FaceModel
from facecraft4d.toolkit.face_model.obj_files import read_obj, read_obj_vertices

STAGE = "face_model"
ROW = "ict_facekit"
"""In the weights' table."""
FOLDER, LICENCE, NEUTRAL = "FaceXModel", "LICENSE", "generic_neutral_mesh.obj"
WHAT = "a mesh of ICT-FaceKit (.obj)"
ADVICE = "fetch the folder again from github.com/ICT-VGL/ICT-FaceKit"
METRES = 0.01
"""It counts in centimetres."""
IDENTITIES = 100
SIGMAS = (-3.0, 3.0)
"""Its identity weights are in standard deviations."""
LARGEST_LICENCE = 64 << 10
QUOTED = 120
"""Characters of a licence's beginning that are quoted."""
PARTS = (
    (9409, "skin"), (11248, "skin"), (13294, "mouth_interior"), (13678, "eye_sockets"), (14062, "eye_sockets"), (17039, "mouth_interior"),
    (19247, "teeth"), (21451, "teeth"), (23021, "eyes"), (24591, "eyes"),
)  # fmt: skip
"""Where each part of the mesh ends, and its region: face, head and neck, mouth, eye sockets left and right, gums with tongue, upper and lower
teeth, eyeballs left and right. Behind them come films of tears, shadows and lashes, which shaders of others need: they are left out."""
VERTICES = 26_719
RIGID = {6: "neck", 7: "jaw", 8: "eye_left", 9: "eye_right"}
"""The joint of each part that is stiff."""
SEAM_DIGITS = 5
"""Decimals of a centimetre in which vertices of the skin that are one agree, on either side of a seam between its parts."""
HEAD_METRES = (0.1, 1.0)
"""Least and most extent."""


def load_ict(folder: Path, report: Callable[[Progress], None]) -> FaceModel:
    """The folder as a FaceModel whose skin knows no joints but the neck. UserError that names what is missing, or which file is something else."""
    place = checked_folder(folder)
    neutral = read_obj(place / NEUTRAL, WHAT, ADVICE)
    with at_the_border(place / NEUTRAL, WHAT, ADVICE):
        _check(neutral.vertices)
    used, triangles, part, kept = _welded(neutral.vertices, neutral.triangles)
    vertices = np.asarray(neutral.vertices[used] * METRES, np.float32)
    identities, expressions = _directions(place, used, vertices, report)
    skin, names = _skin(_part_of(used)), tuple(dict.fromkeys(name for _, name in PARTS))
    corner_uvs = (
        np.zeros((len(triangles), 3, 2), np.float32) if neutral.corner_uvs is None else neutral.corner_uvs[kept]
    )
    return FaceModel(
        vertices=vertices,
        triangles=triangles,
        corner_uvs=np.clip(corner_uvs, 0, 1),
        triangle_regions=np.array([names.index(name) for _, name in PARTS], np.uint8)[part],
        region_names=names,
        identity_names=identity_files(),
        identity_deltas=identities,
        identity_ranges=np.tile(np.array(SIGMAS, np.float32), (IDENTITIES, 1)),
        identity_mean=np.zeros(IDENTITIES, np.float32),
        identity_whitening=np.eye(IDENTITIES, dtype=np.float32),
        expression_names=ARKIT_NAMES,
        expression_deltas=expressions,
        joint_names=JOINT_NAMES,
        joint_parents=JOINT_PARENTS,
        joint_regressor=_regressor(skin),
        skin_weights=skin,
        mirror_vertices=np.zeros(0, np.int32),
        ingredients=(_ingredient(folder),),
    )


def _directions(
    place: Path, used: Int64[np.ndarray, " v"], vertices: Float32[np.ndarray, "v 3"], report: Callable[[Progress], None]
) -> tuple[Float32[np.ndarray, "i v 3"], Float32[np.ndarray, "e v 3"]]:
    """What each identity, and each of ARKit's expressions, moves the `used` of the files' vertices by, metres."""
    count = IDENTITIES + len(ARKIT_NAMES)

    def difference(name: str, step: int) -> Float32[np.ndarray, "v 3"]:
        report(Progress(STAGE, step, count, f"reading {name}.obj"))
        moved = read_obj_vertices(place / f"{name}.obj", WHAT, VERTICES, ADVICE)
        return np.asarray(moved[used] * METRES - vertices, np.float32)

    identities = np.stack([difference(name, step) for step, name in enumerate(identity_files())])
    expressions = np.stack(
        [
            sum((difference(part, IDENTITIES + step) for part in expression_files(name)), np.zeros_like(vertices))
            for step, name in enumerate(ARKIT_NAMES)
        ]
    )
    return identities, expressions


def checked_folder(folder: Path) -> Path:
    """The folder of meshes inside, complete by the names of its files; UserError that names what is missing."""
    place = folder / FOLDER
    if not place.is_dir():
        raise UserError(
            f"{folder}: expected ICT-FaceKit's folder with {FOLDER}/{NEUTRAL} in it, found no {FOLDER}; {ADVICE}"
        )
    expressions = dict.fromkeys(part for name in ARKIT_NAMES for part in expression_files(name))
    wanted = [NEUTRAL, *(f"{name}.obj" for name in (*identity_files(), *expressions))]
    missing = [name for name in wanted if not (place / name).is_file()]
    if missing:
        more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
        raise UserError(f"{place}: expected {len(wanted)} meshes of ICT-FaceKit, found no {missing[0]}{more}; {ADVICE}")
    return place


def identity_files() -> tuple[str, ...]:
    """Names of its identities, without endings."""
    return tuple(f"identity{index:03d}" for index in range(IDENTITIES))


def expression_files(name: str) -> tuple[str, ...]:
    """The shapes that together are an expression of ARKit's; none for the tongue, which it does not move."""
    if name == "tongueOut":
        return ()
    if name in ("browInnerUp", "cheekPuff"):
        return f"{name}_L", f"{name}_R"
    for side in ("Left", "Right"):
        if name.endswith(side) and name not in ("jawLeft", "jawRight", "mouthLeft", "mouthRight"):
            return (f"{name.removesuffix(side)}_{side[0]}",)
    return (name,)


def _check(vertices: np.ndarray) -> None:
    if len(vertices) != VERTICES:
        raise ValueError(f"{len(vertices)} vertices where ICT-FaceKit has {VERTICES}")
    size = float(np.ptp(vertices, axis=0).max()) * METRES
    check_all("the head's extent in metres", size, *HEAD_METRES)


def _part_of(vertices: Int64[np.ndarray, " n"]) -> Int64[np.ndarray, " n"]:
    return np.searchsorted(np.array([end for end, _ in PARTS]), vertices, side="right")


def _welded(
    vertices: Float64[np.ndarray, "v 3"], triangles: Int32[np.ndarray, "f 3"]
) -> tuple[Int64[np.ndarray, " w"], Int32[np.ndarray, "g 3"], Int64[np.ndarray, " g"], Bool[np.ndarray, " f"]]:
    """The parts that are kept as one mesh, skin without seams: which vertices it has, its triangles among these, the part of each of them, and
    which of the file's triangles they are."""
    part = _part_of(triangles.max(1).astype(np.int64))
    same = np.arange(len(vertices))
    skin = np.array([name == "skin" for _, name in (*PARTS, (0, ""))])[_part_of(same)]
    _, first, group = np.unique(vertices[skin].round(SEAM_DIGITS), axis=0, return_index=True, return_inverse=True)
    same[skin] = np.flatnonzero(skin)[first[group.ravel()]]
    joined = same[triangles]
    kept = (part < len(PARTS)) & (joined != np.roll(joined, 1, 1)).all(1)
    used, compact = np.unique(joined[kept], return_inverse=True)
    return used, compact.reshape(-1, 3).astype(np.int32), part[kept], kept


def _skin(parts: Int64[np.ndarray, " v"]) -> Float32[np.ndarray, "v 5"]:
    """Stiff parts on their joints, all else on the neck's."""
    joints = [JOINT_NAMES.index(RIGID.get(part, "neck")) for part in range(len(PARTS))]
    return np.asarray(np.eye(len(JOINT_NAMES))[np.array(joints)[parts]], np.float32)


def _regressor(skin: Float32[np.ndarray, "v 5"]) -> Float32[np.ndarray, "5 v"]:
    """Each joint in the middle of what rides on it, the root in the middle of all."""
    riding = np.where(skin.sum(0) > 0, skin, 1)
    return np.ascontiguousarray((riding / riding.sum(0, dtype=np.float64)).T, np.float32)


def _ingredient(folder: Path) -> Ingredient:
    """What the user's own copy says of itself: its LICENSE decides, and is quoted."""
    row, sha256 = weights.row(ROW), weights.content_sha256(folder / FOLDER)
    if not (folder / LICENCE).is_file():
        source = f"the user's own folder without a file {LICENCE}, so its licence is not known; {row.credit}"
        return Ingredient("ICT-FaceKit", ROLE, "unknown", Commercial.UNKNOWN, source, sha256)
    text = read_untrusted(folder / LICENCE, "a licence as text", LARGEST_LICENCE).decode(errors="replace")
    words = " ".join(text.split())
    is_mit = words.startswith("MIT License") and "without restriction" in words and "sell copies" in words
    licence, verdict = (row.licence, row.commercial_use) if is_mit else ("unknown", Commercial.UNKNOWN)
    source = f'the user\'s own folder, whose {LICENCE} begins "{shown(words, QUOTED)}"; {row.credit}'
    return Ingredient("ICT-FaceKit", ROLE, licence, verdict, source, sha256)
