"""How the viewer sorts expressions: by region of the face, by side, by what a user types."""

from collections.abc import Iterable

from facecraft4d.toolkit.core.arkit import ARKIT_NAMES

PREFIXES = (
    ("brows", "brow"),
    ("eyes", "eye"),
    ("cheeks and nose", "cheek", "nose"),
    ("jaw", "jaw"),
    ("mouth", "mouth"),
    ("tongue", "tongue"),
)
"""A region's name, then how its expressions begin; from the top of the face down."""
REST = "others"
"""Where names go that are none of ARKit's."""

SIDES = ("Left", "Right")
SINGLE = ("jaw", "mouthLeft", "mouthRight")
"""How names with a side begin that is a direction."""
AWAY = ("eyeLookIn", "eyeLookOut")
"""Towards the nose, away from it."""

WEIGHTS = (0.0, 1.0)
"""Of an expression of ARKit; beyond, faces tear."""
COMPONENTS = (-3.0, 3.0)
"""Of any other, such as FLAME's: standard deviations."""


def regions(names: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Each region that has expressions, and which; every name is in one of them."""
    found: dict[str, list[str]] = {}
    for name in names:
        home = next((region for region, *starts in PREFIXES if name.startswith(tuple(starts))), REST)
        found.setdefault(home, []).append(name)
    order = [region for region, *_ in PREFIXES] + [REST]
    return {region: tuple(found[region]) for region in order if region in found}


def matching(names: Iterable[str], query: str) -> tuple[str, ...]:
    """The names in which every word of the query stands, in any case."""
    words = query.lower().split()
    return tuple(name for name in names if all(word in name.lower() for word in words))


def mirrored(name: str) -> str:
    """The same on the other side of the face; a name without a side is its own mirror image."""
    for side, other in (SIDES, SIDES[::-1]):
        if name.endswith(side):
            return name.removesuffix(side) + other
    return name


def partner(name: str) -> str:
    """The expression of the other side that mostly moves along; the name itself where there is none.

    Eyes look aside together: one in, the other out. jawLeft and mouthLeft move one thing either way and have no partner.
    """
    other = mirrored(name)
    if name.startswith(SINGLE):
        return name
    for way, back in (AWAY, AWAY[::-1]):
        if name.startswith(way):
            return back + other.removeprefix(way)
    return other


def limits(name: str) -> tuple[float, float]:
    """Between which weights its slider runs."""
    return WEIGHTS if name in ARKIT_NAMES else COMPONENTS
