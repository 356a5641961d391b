"""Files that change under a viewer, or are dropped on it."""

from collections.abc import Callable
from pathlib import Path

from facecraft4d import exporters
from facecraft4d.exporters.motions import find_motion
from facecraft4d.runtime.viewer.state import ViewerState
from facecraft4d.toolkit.core.asset import Avatar
from facecraft4d.toolkit.core.checks import UserError

LOOK_SECONDS = 0.5
"""Between two looks at the file."""


class Watched:
    """A file whose changes are waited for."""

    def __init__(self, path: Path, load: Callable[[Path], Avatar]) -> None:
        """`load` reads it, or raises UserError."""
        self.path, self.load = path, load
        self._seen, self._next = _stamp(path), 0.0

    def changed(self, now: float) -> bool:
        """True once after the file became another one; looks twice a second. `now` in seconds of any clock."""
        if now < self._next:
            return False
        self._next = now + LOOK_SECONDS
        stamp = _stamp(self.path)
        if stamp is None or stamp == self._seen:
            return False
        self._seen = stamp
        return True


def _stamp(path: Path) -> tuple[int, int] | None:
    """What tells one file from the next: when it was changed, and its size; None where there is none."""
    try:
        facts = path.stat()
    except OSError:
        return None
    return facts.st_mtime_ns, facts.st_size


def take_dropped(state: ViewerState, path: Path) -> bool:
    """Show the avatar in a file, or play the clip; says what it was, or why it is neither. True where it was an avatar."""
    if path.suffix.lower() != ".glb":
        _tried(state, path, lambda: state.add_clip(find_motion(str(path))))
        return False
    try:
        avatar = exporters.load(path)
    except UserError as refused:
        try:
            state.add_clip(find_motion(str(path)))  # a character of another program, with animations
            state.tell(f"plays {path.name}")
        except UserError:
            state.tell(str(refused))
        return False
    state.change_avatar(avatar, same=False)
    state.tell(f"{path.name}: {len(avatar.splats.means):,} splats")
    return True


def read_again(state: ViewerState, file: Watched) -> None:
    """Show what a build has made of the file; a file that is no avatar (yet) changes nothing."""
    _tried(state, file.path, lambda: state.change_avatar(file.load(file.path), same=True))


def _tried(state: ViewerState, path: Path, act: Callable[[], None]) -> None:
    try:
        act()
        state.tell(f"{path.name} is there")
    except UserError as error:
        state.tell(str(error))
