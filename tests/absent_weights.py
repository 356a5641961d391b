"""Weights that are not there and cannot be fetched."""

from pathlib import Path
from typing import Any

import pytest

from facecraft4d.toolkit import weights
from facecraft4d.toolkit.core.checks import UserError


def take_away(monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    """As if these weights were not there and could not be fetched."""
    found = weights.path

    def path(name: str, *rest: Any, **options: Any) -> Path:
        if name in names:
            raise UserError(f"weights '{name}' could not be fetched")
        return found(name, *rest, **options)

    monkeypatch.setattr(weights, "path", path)
