"""The default head's mean face and the directions in which people differ, from MakeHuman's targets.

MakeHuman multiplies its macro settings (sex, age, build, ancestry); here each is a straight line through the mean adult, and each
pair of opposite detail targets one component, so that the model stays linear.
"""

from collections.abc import Iterator

import numpy as np
from jaxtyping import Float64

from facecraft4d.toolkit.face_model.makehuman import MakeHuman

Deltas = Float64[np.ndarray, "v 3"]

FOLDERS = ("head", "forehead", "eyebrows", "eyes", "nose", "mouth", "cheek", "chin", "ears", "neck")
"""Target folders whose details a portrait shows."""
HEAD_MOVING = ("head", "neck")
"""Folders whose targets also carry the whole head along; its place is the frame's business."""
OPPOSITES = (
    ("incr", "decr"), ("up", "down"), ("forward", "backward"), ("out", "in"), ("convex", "concave"), ("uncompress", "compress"),
)  # fmt: skip
MACRO_FOLDER = "mpfb2/targets/macrodetails"
SEXES = ("female", "male")
ANCESTRIES = ("african", "asian", "caucasian")
NEGLIGIBLE = 0.003
"""Targets that move no vertex of the head by this much (decimetres) are left out."""


def macro_shape(
    data: MakeHuman,
    count: int,
    sexes: tuple[str, ...] = SEXES,
    ancestries: tuple[str, ...] = ANCESTRIES,
    build: tuple[str, str, str] = ("young", "averagemuscle", "averageweight"),
) -> Deltas:
    """Displacement of the base mesh: the mean over sexes and ancestries at one age and build; decimetres."""
    age, muscle, weight = build
    names = [f"{MACRO_FOLDER}/universal-{sex}-{age}-{muscle}-{weight}.target.gz" for sex in sexes]
    mean = np.mean([data.target(name, count) for name in names], 0)
    names = [f"{MACRO_FOLDER}/{ancestry}-{sex}-{age}.target.gz" for ancestry in ancestries for sex in sexes]
    return np.asarray(mean + np.mean([data.target(name, count) for name in names], 0))


def macro_directions(data: MakeHuman, count: int, mean: Deltas) -> Iterator[tuple[str, Deltas, tuple[float, float]]]:
    """(name, displacement at weight 1, range) of the overall characteristics."""
    yield "masculine", macro_shape(data, count, sexes=("male",)) - mean, (-1.0, 1.0)
    yield "old", macro_shape(data, count, build=("old", "averagemuscle", "averageweight")) - mean, (0.0, 1.0)
    yield "child", macro_shape(data, count, build=("child", "averagemuscle", "averageweight")) - mean, (0.0, 1.0)
    for name, column in (("muscle", 1), ("weight", 2)):
        extremes = []
        for extreme in ("max", "min"):
            build = ["young", "averagemuscle", "averageweight"]
            build[column] = extreme + name
            extremes.append(macro_shape(data, count, build=(build[0], build[1], build[2])))
        yield name, (extremes[0] - extremes[1]) / 2, (-1.0, 1.0)
    for ancestry in ANCESTRIES:
        yield ancestry, macro_shape(data, count, ancestries=(ancestry,)) - mean, (-0.5, 1.0)


def detail_directions(data: MakeHuman, count: int) -> Iterator[tuple[str, str, Deltas, tuple[float, float]]]:
    """(folder, name, displacement at weight 1, range) of the local details; a pair of opposites is one component, named for +1."""
    for folder in FOLDERS:
        files = {name.removesuffix(".target.gz") for name in data.names(f"mpfb2/targets/{folder}")}

        def read(name: str, folder: str = folder) -> Deltas:
            return data.target(f"mpfb2/targets/{folder}/{name}.target.gz", count)

        for name in sorted(files):
            stem, _, last = name.rpartition("-")
            opposite = dict(OPPOSITES).get(last)
            if opposite and f"{stem}-{opposite}" in files:
                yield folder, name, (read(name) - read(f"{stem}-{opposite}")) / 2, (-1.0, 1.0)
            elif not any(last == low and f"{stem}-{high}" in files for high, low in OPPOSITES):
                yield folder, name, read(name), (0.0, 1.0)
