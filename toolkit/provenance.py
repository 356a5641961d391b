"""What went into an avatar: its ingredients with their licences, the versions and options that made it."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from importlib.metadata import version
from typing import Any

from facecraft4d.toolkit.config import BuildConfig
from facecraft4d.toolkit.core.asset import Provenance
from facecraft4d.toolkit.core.datatypes import Ingredient

PACKAGES = ("facecraft4d", "numpy", "numba", "scipy", "torch")
"""What computes a build."""


def provenance(ingredients: Iterable[Ingredient], config: BuildConfig) -> Provenance:
    """The provenance of a build whose stages hand on these ingredients, each named once, without metrics."""
    versions = {name: version(name) for name in PACKAGES}
    return Provenance(tuple(dict.fromkeys(ingredients)), config.seed, versions, options(config))


def options(config: BuildConfig) -> dict[str, str]:
    """Every option by its name on the command line, without dashes."""
    return dict(_flat("", asdict(config)))


def _flat(prefix: str, tree: Mapping[str, Any]) -> list[tuple[str, str]]:
    rows: list[tuple[str, str]] = []
    for name, value in tree.items():
        rows += _flat(f"{prefix}{name}.", value) if isinstance(value, Mapping) else [(prefix + name, str(value))]
    return rows
