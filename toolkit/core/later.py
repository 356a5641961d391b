"""Names of a package that are imported when they are first asked for (PEP 562): who needs one of them does not wait for the others."""

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any


def names_later(package: str, homes: Mapping[str, tuple[str, ...]]) -> Callable[[str], Any]:
    """A package's `__getattr__` for names that live in modules; `homes` is the names by module."""
    module_of = {name: module for module, names in homes.items() for name in names}

    def named(name: str) -> Any:
        if name not in module_of:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return getattr(import_module(module_of[name]), name)

    return named
