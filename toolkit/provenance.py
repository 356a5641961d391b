"""What went into an avatar: the ingredients of its stages joined, the versions and options that made it."""

import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

from facecraft4d.toolkit import weights
from facecraft4d.toolkit.config import BuildConfig
from facecraft4d.toolkit.core.asset import Provenance
from facecraft4d.toolkit.core.ingredients import Ingredient
from facecraft4d.toolkit.core.text import shown

PACKAGES = ("facecraft4d", "numpy", "numba", "scipy", "torch")
"""What computes a build."""


def provenance(ingredients: Iterable[Ingredient], config: BuildConfig) -> Provenance:
    """The provenance of a build, without metrics. What several stages name (same name, role and bytes) is listed once, where it came first.

    Two that agree in all that but not in their verdict stay both, so that the stricter decides.
    """
    once: dict[tuple[str, ...], Ingredient] = {}
    for each in ingredients:
        once.setdefault((each.name, each.role, each.sha256, each.commercial_use), each)
    versions = {name: version(name) for name in PACKAGES}
    return Provenance(tuple(once.values()), config.seed, versions, options(config))


def options(config: BuildConfig) -> dict[str, str]:
    """Every option by its name on the command line, without dashes. Of a path only the last name and the hash are told, not where it lies."""
    return dict(_flat("", asdict(config)))


def _flat(prefix: str, tree: Mapping[str, Any]) -> list[tuple[str, str]]:
    rows: list[tuple[str, str]] = []
    for name, value in tree.items():
        rows += _flat(f"{prefix}{name}.", value) if isinstance(value, Mapping) else [(prefix + name, str(_told(value)))]
    return rows


def _told(value: Any) -> Any:
    """The value without places on the user's disk."""
    if isinstance(value, tuple | list):
        return tuple(_told(item) for item in value)
    if not isinstance(value, Path):
        return value
    name = shown(Path(os.path.abspath(value)).name)
    return f"{name} (sha256 {weights.content_sha256(value)})" if value.exists() else f"{name} (not found)"
