"""What goes into an avatar, under which licence, and whether it may be sold."""

from dataclasses import dataclass
from enum import StrEnum


class Commercial(StrEnum):
    """Whether something may be used commercially. Only YES is true: an `if` clears nothing that is in doubt."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"

    def __bool__(self) -> bool:
        return self is Commercial.YES


@dataclass(frozen=True, slots=True)
class Ingredient:
    """Something that went into an avatar: a prior, a weight file, a data set, the photograph."""

    name: str
    role: str
    """What it did: landmarks, matting, head model, driving clip, ..."""
    licence: str
    """SPDX identifier where there is one."""
    commercial_use: Commercial
    source: str
    """Where it comes from, with credit where the licence asks for it."""
    sha256: str = ""
