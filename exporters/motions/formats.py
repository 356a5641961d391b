"""The table of clip formats."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from facecraft4d.exporters.motions import audio2expression, gltf_animation, livelink_csv
from facecraft4d.toolkit.core.checks import UserError
from facecraft4d.toolkit.core.datatypes import Motion
from facecraft4d.toolkit.core.files import write_whole
from facecraft4d.toolkit.core.motion import MAX_BYTES, builtin_clip, builtin_clips, parse_clip, written_clip
from facecraft4d.toolkit.core.untrusted.door import read_untrusted


@dataclass(frozen=True, slots=True)
class MotionFormat:
    """How clips of one program are read and written."""

    label: str
    suffixes: tuple[str, ...]
    read: Callable[[str, bytes, str], Motion]
    """From a file's name, its bytes, and the clip's name within it ("" for the first)."""
    write: Callable[[Motion], bytes] | None
    """None where we write no such clip by itself."""


def _ours_or_epics(name: str, data: bytes, within: str) -> Motion:
    """Both are CSV: the first line tells."""
    return livelink_csv.parse(name, data) if livelink_csv.fits(data) else parse_clip(name, data)


MOTION_FORMATS: Mapping[str, MotionFormat] = {
    "csv": MotionFormat("FaceCraft4D clip", (".csv",), _ours_or_epics, written_clip),
    "livelink": MotionFormat("Live Link Face recording", (".csv",), _ours_or_epics, livelink_csv.written),
    "audio2expression": MotionFormat(
        "LAM_Audio2Expression", (".json",), lambda name, data, _: audio2expression.parse(name, data), audio2expression.written,
    ),
    "gltf": MotionFormat("glTF animation", (".glb",), gltf_animation.parse, None),
}  # fmt: skip
"""In the order of help texts; the first that has a file's suffix reads it, and writes it unless another is asked for."""


def find_motion(name: str) -> Motion:
    """A clip by the name of one that comes with the package, or from a file: its path, and behind # the clip's name in a glTF file. UserError."""
    if name in builtin_clips():
        return builtin_clip(name)
    file, within = (name, "") if Path(name).is_file() else name.partition("#")[::2]  # files may have a # of their own
    path = Path(file)
    known = [suffix for each in MOTION_FORMATS.values() for suffix in each.suffixes]
    if path.suffix.lower() not in known and not (set(name) & set("/\\") or path.is_file()):
        raise UserError(f"no clip is called {name}: there are {', '.join(builtin_clips())}, or give the path of a file")
    if not path.is_file():
        raise UserError(f"{path}: no such clip file; built in are {', '.join(builtin_clips())}")
    return _of_suffix(path).read(path.name, read_untrusted(path, "a clip", MAX_BYTES, "cut it into pieces"), within)


def write_motion(path: Path, clip: Motion, kind: str | None = None) -> None:
    """Write a clip, whole or not at all, in the format of its suffix or in the named one. UserError for what cannot be written."""
    if kind is not None and kind not in MOTION_FORMATS:
        raise UserError(f"--to {kind}: expected one of {', '.join(MOTION_FORMATS)}")
    write_whole(path, _writer(path, kind)(clip))


def check_writable(path: Path) -> None:
    """UserError for a file that `write_motion` could not write, before long work."""
    _writer(path, None)
    if not path.absolute().parent.is_dir():
        raise UserError(f"{path}: there is no folder {path.parent}")


def _writer(path: Path, kind: str | None) -> Callable[[Motion], bytes]:
    chosen = _of_suffix(path) if kind is None else MOTION_FORMATS[kind]
    if chosen.write is None:
        raise UserError(
            f"{path}: a {chosen.label} belongs to a head: facecraft4d export avatar.glb --to gltf --clip CLIP"
        )
    return chosen.write


def _of_suffix(path: Path) -> MotionFormat:
    found = [each for each in MOTION_FORMATS.values() if path.suffix.lower() in each.suffixes]
    if not found:
        labels = ", ".join(f"{'/'.join(each.suffixes)} ({each.label})" for each in MOTION_FORMATS.values())
        raise UserError(f"{path}: expected a clip: {labels}")
    return found[0]
