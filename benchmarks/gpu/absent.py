"""Stand-ins for packages that are too large to travel. They are imported on the way to what is checked, and never called there."""

import importlib.util
import sys
from importlib.machinery import ModuleSpec
from types import ModuleType

ABSENT = ("av", "ai_edge_litert", "ai_edge_litert.interpreter", "pymatting")
"""Video files, face detection, matting: none of them is part of the check."""


class _Unusable:
    """Any name from a stand-in."""

    def __init__(self, *_: object, **__: object) -> None:
        raise ModuleNotFoundError("this package is not installed here: a stand-in has its place")


def _attribute(name: str) -> type[_Unusable]:
    """Anything but what Python itself asks modules for: where their source is, say."""
    if name.startswith("__"):
        raise AttributeError(name)
    return _Unusable


def stand_in(names: tuple[str, ...] = ABSENT) -> list[str]:
    """Put an empty module in the place of each that is not installed, and return their names. Parents come before their children."""
    replaced = []
    for name in names:
        if name in sys.modules or importlib.util.find_spec(name) is not None:
            continue
        module = ModuleType(name, "A stand-in.")
        module.__getattr__ = _attribute  # type: ignore[method-assign]
        module.__path__ = []
        module.__spec__ = ModuleSpec(name, None)  # without one, libraries that only look whether it is there would fail
        sys.modules[name] = module
        replaced.append(name)
    return replaced
