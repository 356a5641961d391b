"""Texts from elsewhere made fit for a terminal, a page, a message: nothing in them acts, nothing in them is endless."""

import unicodedata

MOST_CHARACTERS = 2000
"""Of a message: a screenful. What is longer is cut."""
ACTING = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
"""Unicode's categories of characters that steer a terminal (escape, bell), turn the direction of writing, break lines or are no characters."""


def shown(text: object, most: int = MOST_CHARACTERS) -> str:
    """The text in one line of at most `most` characters: runs of white space are one blank, other control characters are escaped (\\x1b)."""
    return cut(harmless(" ".join(str(text)[: 4 * most].split())), most)


def harmless(text: str) -> str:
    """The text with every control character escaped, line breaks too."""
    return text if text.isascii() and text.isprintable() else "".join(map(_escaped, text))


def cut(text: str, most: int) -> str:
    """At most `most` characters of it, three dots in place of the rest."""
    return text if len(text) <= most else f"{text[: most - 3]}..."


def as_bytes(text: str) -> bytes:
    """UTF-8; bytes of a file's name that are none stay visible as \\udcXX."""
    return text.encode(errors="backslashreplace")


def _escaped(letter: str) -> str:
    if letter.isascii() and letter.isprintable():
        return letter
    if unicodedata.category(letter) not in ACTING:
        return letter
    return letter.encode("unicode_escape", "surrogatepass").decode("ascii")
