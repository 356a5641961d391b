"""Turns avatars into files and back; the file's suffix chooses the format. Never imports torch."""

from collections.abc import Callable
from pathlib import Path

from facecraft4d.exporters.glb import MAX_FILE_BYTES
from facecraft4d.exporters.gltf import export_gltf
from facecraft4d.exporters.gltf_reading import read_gltf
from facecraft4d.toolkit.core.asset import Avatar
from facecraft4d.toolkit.core.checks import UserError
from facecraft4d.toolkit.core.files import write_whole

EXPORTERS: dict[str, Callable[[Avatar], bytes]] = {".glb": export_gltf}
"""What `export` can write, by suffix."""


def export(avatar: Avatar, path: Path) -> None:
    """Write the avatar in the format of the path's suffix: whole or not at all."""
    writer = EXPORTERS.get(path.suffix.lower())
    if writer is None:
        raise UserError(
            f"{path}: cannot write {path.suffix or 'a file without suffix'}; known are {', '.join(EXPORTERS)}"
        )
    write_whole(path, writer(avatar))


def load(path: Path) -> Avatar:
    """Read an avatar from a GLB file that `export` wrote. Raises UserError for anything else."""
    try:
        size = path.stat().st_size
        if size > MAX_FILE_BYTES:
            raise UserError(f"{path}: avatars may have at most {MAX_FILE_BYTES >> 20} MiB, found {size >> 20} MiB")
        data = path.read_bytes()
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}") from None
    return read_gltf(data, path.name)
