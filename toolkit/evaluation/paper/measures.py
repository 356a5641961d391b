"""CLIP-I, ID and FID of heads against their photographs: what of each picture, means of groups, distances of sets (`metrics.PAPER` says how)."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float64

from facecraft4d.toolkit.core.asset import Avatar
from facecraft4d.toolkit.core.stages import Progress
from facecraft4d.toolkit.evaluation.identity import embedding_at
from facecraft4d.toolkit.evaluation.kept import Kept
from facecraft4d.toolkit.evaluation.metrics import PAPER
from facecraft4d.toolkit.evaluation.paper import alignment, arcface
from facecraft4d.toolkit.evaluation.paper import views as pictures
from facecraft4d.toolkit.evaluation.paper.frechet import frechet_distance
from facecraft4d.toolkit.evaluation.paper.inception import features
from facecraft4d.toolkit.evaluation.paper.networks import Networks
from facecraft4d.toolkit.evaluation.paper.views import Shown

COSINES = ("clip_i", "id_arcface", "id_sface")
"""Measures of one picture."""
DISTANCES = ("fid", "fd_inc768")
"""Measures of sets."""
NO_FACE = "YuNet finds no face in the photograph: identity is not measured"
Vectors = Mapping[str, Float64[np.ndarray, " d"]]
"""By the measure that compares them."""


@dataclass(frozen=True, slots=True, eq=False)
class Row:
    """A picture of a head."""

    group: str
    name: str
    scores: Mapping[str, float]
    """Cosines with the photograph, those of COSINES that could be measured."""
    features: Vectors
    """For the distances of sets."""


@dataclass(frozen=True, slots=True, eq=False)
class Likeness:
    """How near one head comes to its photograph."""

    rows: tuple[Row, ...]
    photograph: Vectors
    notes: tuple[str, ...] = ()

    def groups(self) -> tuple[str, ...]:
        """In the order of their first pictures."""
        return tuple(dict.fromkeys(row.group for row in self.rows))


def likeness(
    avatar: Avatar, kept: Kept, networks: Networks, size: int, moments: int, report: Callable[[Progress], None]
) -> Likeness:
    """Draw a finished head at the paper's viewpoints, `size` pixels, and compare each picture with the photograph."""
    photograph = pictures.reference(kept.views.views[0], size)
    known, rows = vectors(photograph, networks), []
    for done, (group, shown) in enumerate(pictures.shown(avatar, kept, photograph, moments)):
        report(Progress("paper", done, done + 1, f"{group}, {shown.name}"))
        found = vectors(shown, networks)
        scores = {name: float(found[name] @ known[name]) for name in COSINES if name in found and name in known}
        rows.append(Row(group, shown.name, scores, {name: found[name] for name in DISTANCES if name in found}))
    notes = () if photograph.points is not None else (NO_FACE,)
    return Likeness(tuple(rows), {name: known[name] for name in DISTANCES if name in known}, notes)


def vectors(shown: Shown, networks: Networks) -> Vectors:
    """What each network makes of a picture, by the measure: unit vectors of those that are compared by their cosine."""
    found: dict[str, np.ndarray] = {name: features(each, shown.image) for name, each in networks.frechet.items()}
    if networks.clip is not None:
        found["clip_i"] = networks.clip.embedded(shown.image)
    if shown.points is not None and networks.sface:
        found["id_sface"] = embedding_at(shown.image, shown.points)
    if shown.points is not None and networks.arcface is not None:
        found["id_arcface"] = arcface.embedded(networks.arcface, alignment.aligned(shown.image, shown.points))
    return {name: np.asarray(vector, np.float64) for name, vector in found.items()}


def of_group(heads: Sequence[Likeness], group: str) -> dict[str, float]:
    """The measures of some heads' pictures of a group, in the order of `metrics.PAPER`: means of the cosines over all pictures that have them;
    distances of all their pictures from all their photographs, where there are two heads or more. NaN for what is not measured."""
    rows = [row for head in heads for row in head.rows if row.group == group]
    found = {name: _mean([row.scores[name] for row in rows if name in row.scores]) for name in COSINES}
    found |= {name: _distance(heads, rows, name) for name in DISTANCES}
    return {name: found[name] for name in PAPER}


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values)) if values else math.nan


def _distance(heads: Sequence[Likeness], rows: Sequence[Row], name: str) -> float:
    true = [head.photograph[name] for head in heads if name in head.photograph]
    made = [row.features[name] for row in rows if name in row.features]
    if min(len(true), len(made)) < 2:
        return math.nan
    return frechet_distance(np.stack(made), np.stack(true))


def as_json(heads: Mapping[str, Likeness], notes: Sequence[str]) -> dict[str, Any]:
    """What evaluation.json says of the paper's measures: how each is made, means and distances by group, every picture. NaN is null."""
    groups = tuple(dict.fromkeys(group for head in heads.values() for group in head.groups()))
    return {
        "measures": {name: {"label": each.label, "how": each.how} for name, each in PAPER.items()},
        "groups": [
            {"group": group, "heads": len(heads), "pictures": _count(heads, group)}
            | plain(of_group(list(heads.values()), group))
            for group in groups
        ],
        "pictures": [
            {"head": name, "group": row.group, "name": row.name} | plain(row.scores)
            for name, head in heads.items()
            for row in head.rows
        ],
        "notes": [*notes, *(f"{name}: {note}" for name, head in heads.items() for note in head.notes)],
    }


def _count(heads: Mapping[str, Likeness], group: str) -> int:
    return sum(row.group == group for head in heads.values() for row in head.rows)


def plain(values: Mapping[str, float]) -> dict[str, float | None]:
    """Rounded numbers; None for those that are not measured."""
    return {name: round(value, 5) if math.isfinite(value) else None for name, value in values.items()}
