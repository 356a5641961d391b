"""The one door for files from elsewhere: a regular file, of a size that was agreed on, or one line that says why not."""

import stat
from pathlib import Path

from facecraft4d.toolkit.core.checks import UserError


def read_untrusted(path: Path, what: str, most_bytes: int, advice: str = "") -> bytes:
    """The content of a file that somebody else made. `what` names it in messages ("a clip as CSV"), `advice` says what to do if it is too large.

    Nothing is read of a folder, a device or a pipe, and never more than `most_bytes` + 1. Raises UserError.
    """
    try:
        facts = path.stat()
        if not stat.S_ISREG(facts.st_mode):
            raise UserError(f"{path}: expected {what}, found {'a folder' if path.is_dir() else 'no regular file'}")
        with path.open("rb") as stream:
            content = stream.read(most_bytes + 1)
    except FileNotFoundError:
        raise UserError(f"{path}: expected {what}, found no such file") from None
    except (OSError, ValueError) as error:  # ValueError: a name with a NUL
        reason = getattr(error, "strerror", None) or error
        raise UserError(f"{path}: expected {what}, found a file that cannot be read: {reason}") from None
    if len(content) > most_bytes:
        found = f"{facts.st_size >> 20} MiB" if facts.st_size > most_bytes else "more"
        raise UserError(
            f"{path}: expected {what} of at most {most_bytes >> 20} MiB, found {found}{advice and '; '}{advice}"
        )
    return content
