"""Names that every reader takes: of files, of prims."""

import unicodedata
from collections.abc import Iterable


def plain_names(names: Iterable[str], identifiers: bool = False) -> list[str]:
    """Each in ASCII letters, digits, _ and -, each once whether or not capitals count; `identifiers` have no - and begin with no digit."""
    found: list[str] = []
    for name in names:
        plain, taken = _plain(name, "_" if identifiers else "_-"), {each.casefold() for each in found}
        if identifiers and plain[0].isdigit():
            plain = f"_{plain}"
        candidates = (plain, *(f"{plain}_{number}" for number in range(2, len(taken) + 3)))
        found.append(next(each for each in candidates if each.casefold() not in taken))
    return found


def _plain(name: str, signs: str) -> str:
    """Accents go, what is no letter of ASCII even then goes too, every other sign is an underscore."""
    ascii_name = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    return "".join(each if each.isalnum() or each in signs else "_" for each in ascii_name) or "_"
