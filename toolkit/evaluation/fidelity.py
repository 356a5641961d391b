"""How near an avatar comes to pictures whose poses and cameras are known."""

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float, Float32
from scipy import ndimage

from facecraft4d.toolkit.core.asset import Avatar
from facecraft4d.toolkit.core.datatypes import View
from facecraft4d.toolkit.core.geometry import LUMA
from facecraft4d.toolkit.core.stages import Progress
from facecraft4d.toolkit.evaluation.drawing import draw
from facecraft4d.toolkit.evaluation.identity import embedding, five_points
from facecraft4d.toolkit.evaluation.metrics import MEASURES, absence_notes, measurable, networks
from facecraft4d.toolkit.evaluation.paper.alignment import aligned
from facecraft4d.toolkit.evaluation.paper.arcface import IResNet, embedded
from facecraft4d.toolkit.evaluation.truth import Truth
from facecraft4d.toolkit.losses import Trunk, lpips, psnr, ssim
from facecraft4d.toolkit.needs import missing_weights

BORDER_PIXELS = 3
"""Sharpness is measured this far inside the silhouette, whose edge would outweigh everything within."""
DIGITS = 5
"""Of the numbers in JSON."""
ARCFACE = "arcface"
"""The user's own weights: they come as a network, since an option may point to them."""


@dataclass(frozen=True, slots=True, eq=False)
class Fidelity:
    """What was measured of each picture."""

    truths: tuple[Truth, ...]
    rows: tuple[Mapping[str, float], ...]
    """By the names of `metrics.MEASURES`, one mapping a picture; identity is NaN where the truth shows no face, all is where its network is missing."""
    notes: tuple[str, ...] = ()
    """What could not be measured, and why."""

    def groups(self) -> dict[str, dict[str, float]]:
        """Means of each group, in the order of their first pictures; identity over the pictures whose truth shows a face, NaN if none does."""
        names = dict.fromkeys(truth.group for truth in self.truths)
        return {name: means([row for truth, row in self.of(name)]) for name in names}

    def of(self, group: str) -> list[tuple[Truth, Mapping[str, float]]]:
        """The pictures of a group."""
        return [pair for pair in zip(self.truths, self.rows, strict=True) if pair[0].group == group]

    def faces(self, group: str) -> int:
        """Pictures of a group in whose truth a face was found."""
        return sum(not math.isnan(row["identity"]) for _, row in self.of(group))

    def measured(self) -> tuple[str, ...]:
        """The measures that any picture has."""
        return tuple(name for name in MEASURES if any(not math.isnan(row[name]) for row in self.rows))


def evaluate(
    avatar: Avatar, truths: Sequence[Truth], report: Callable[[Progress], None], arcface: IResNet | None = None
) -> Fidelity:
    """Draw the avatar as each picture shows its truth, and compare. Measures whose networks cannot be had are left out, with a note."""
    fetched = [name for name in networks(MEASURES) if name != ARCFACE]
    absent = [*missing_weights(fetched, report), *((ARCFACE,) if arcface is None else ())]
    wanted, rows = measurable(MEASURES, absent), []
    for done, truth in enumerate(truths):
        report(Progress("evaluate", done, len(truths), f"{truth.group}, {truth.name}"))
        view = truth.view()
        rows.append(compare(draw(avatar, truth.pose, view.camera).image, view, wanted, arcface))
    report(Progress("evaluate", len(truths), len(truths)))
    return Fidelity(tuple(truths), tuple(rows), absence_notes(MEASURES, absent))


def means(rows: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """The mean of each measure over the pictures that have it; NaN where none has."""
    found = {name: [row[name] for row in rows if not math.isnan(row[name])] for name in MEASURES}
    return {name: float(np.mean(values)) if values else math.nan for name, values in found.items()}


def compare(
    image: Float32[np.ndarray, "h w 3"],
    truth: View,
    wanted: Collection[str] = MEASURES,
    arcface: IResNet | None = None,
) -> dict[str, float]:
    """The measures (`metrics.MEASURES`) of one picture; NaN for those that are not `wanted`."""
    first, second = (torch.from_numpy(np.ascontiguousarray(p.transpose(2, 0, 1)[None])) for p in (image, truth.image))
    measures: dict[str, Callable[[], Any]] = {
        "psnr_db": lambda: psnr(first, second),
        "ssim": lambda: ssim(first, second),
        "lpips_vgg": lambda: lpips(Trunk.VGG16)(first, second),
        "lpips_alex": lambda: lpips(Trunk.ALEXNET)(first, second),
        "identity": lambda: same_person(image, truth.image, embedding),
        "identity_arcface": lambda: (
            math.nan if arcface is None else same_person(image, truth.image, partial(_face, arcface))
        ),
        "sharpness": lambda: sharpness(image, truth.image, truth.mask > 0.5),
        "detail": lambda: detail(image, truth.image, truth.mask > 0.5),
    }
    with torch.no_grad():
        return {name: float(measure()) if name in wanted else math.nan for name, measure in measures.items()}


Embedding = Callable[[Float32[np.ndarray, "h w 3"]], Float32[np.ndarray, " d"] | None]
"""The unit vector of the largest face in a picture, None where YuNet finds none."""


def same_person(
    image: Float32[np.ndarray, "h w 3"], truth: Float32[np.ndarray, "h w 3"], embedding: Embedding
) -> float:
    """Cosine of the faces' embeddings: 0 where YuNet finds no face in the drawing, NaN where it finds none in the truth."""
    true_face = embedding(truth)
    if true_face is None:
        return math.nan
    face = embedding(image)
    return 0.0 if face is None else float(true_face @ face)


def _face(network: IResNet, image: Float32[np.ndarray, "h w 3"]) -> Float32[np.ndarray, "512"] | None:
    """ArcFace's embedding."""
    points = five_points(image)
    return None if points is None else embedded(network, aligned(image, points))


def sharpness(
    image: Float32[np.ndarray, "h w 3"], truth: Float32[np.ndarray, "h w 3"], mask: Bool[np.ndarray, "h w"]
) -> float:
    """Energy of the image's gradients inside the mask over that of the truth's: 1 is as sharp as the truth, less is blurred."""
    found, wanted = _slopes(image, mask), _slopes(truth, mask)
    return float((found**2).sum() / max((wanted**2).sum(), 1e-12))


def detail(
    image: Float32[np.ndarray, "h w 3"], truth: Float32[np.ndarray, "h w 3"], mask: Bool[np.ndarray, "h w"]
) -> float:
    """The image's gradients inside the mask projected on the truth's: the share of its detail that is there and in its place.

    1 where all of it is, 0 where none is; other detail, which sharpness counts too, does not count.
    """
    found, wanted = _slopes(image, mask), _slopes(truth, mask)
    return float((found * wanted).sum() / max((wanted**2).sum(), 1e-12))


def _slopes(image: Float32[np.ndarray, "h w 3"], mask: Bool[np.ndarray, "h w"]) -> Float[np.ndarray, "2 n"]:
    """Luminance gradients, down and across, of the pixels well inside the mask."""
    inside = ndimage.binary_erosion(mask, iterations=BORDER_PIXELS)
    luminance = image @ LUMA
    return np.stack([np.gradient(luminance, axis=axis)[inside] for axis in (0, 1)])


def as_json(fidelity: Fidelity, about: Mapping[str, str]) -> dict[str, Any]:
    """The content of evaluation.json: `about` what was compared, how each measure is made, means by group, every picture. NaN is null."""
    groups = [
        {"group": name, "pictures": len(fidelity.of(name)), "faces": fidelity.faces(name)} | _plain(found)
        for name, found in fidelity.groups().items()
    ]
    pictures = [
        {"group": truth.group, "name": truth.name} | _plain(row)
        for truth, row in zip(fidelity.truths, fidelity.rows, strict=True)
    ]
    how = {name: {"label": each.label, "unit": each.unit, "how": each.how} for name, each in MEASURES.items()}
    return {**about, "measures": how, "groups": groups, "pictures": pictures, "notes": list(fidelity.notes)}


def _plain(values: Mapping[str, float]) -> dict[str, float | None]:
    return {name: round(value, DIGITS) if math.isfinite(value) else None for name, value in values.items()}
