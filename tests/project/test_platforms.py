"""What can be tested here of Windows and macOS: imports, encodings, and a checkout whose links are plain files."""

import ast
import os
import subprocess
import sys
import sysconfig
import tomllib
import zipfile
from functools import cache
from pathlib import Path

import pytest

from facecraft4d import cli_folder
from facecraft4d.toolkit.memory import peak_memory

ROOT = Path(__file__).parents[2]
PRODUCT = ("facecraft4d", "toolkit", "runtime", "exporters", "samples", "shaders")
PATTERN = {"facecraft4d": "*.py"}
"""The links in it lead to the other folders."""
ONE_SYSTEM_ONLY = frozenset(
    {"resource", "fcntl", "pwd", "grp", "termios", "tty", "pty", "syslog", "msvcrt", "winreg", "winsound"}
)


@cache
def modules() -> tuple[tuple[str, ast.Module], ...]:
    """The syntax tree of each module of the product, by its path."""
    paths = [path for folder in PRODUCT for path in sorted((ROOT / folder).glob(PATTERN.get(folder, "**/*.py")))]
    return tuple((str(path.relative_to(ROOT)), ast.parse(path.read_text(encoding="utf-8"))) for path in paths)


@pytest.mark.slow
def test_modules_of_one_system_are_imported_where_they_are_used() -> None:
    for name, tree in modules():
        inside = {node for f in ast.walk(tree) if isinstance(f, ast.FunctionDef) for node in ast.walk(f)}
        for node in ast.walk(tree):
            found = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            found += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert node in inside or not {each.split(".")[0] for each in found} & ONE_SYSTEM_ONLY, name


@pytest.mark.slow
def test_text_files_name_their_encoding() -> None:
    """Windows reads and writes text in its own code page unless told otherwise."""
    for name, tree in modules():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                if node.func.attr in ("read_text", "write_text"):
                    assert any(word.arg == "encoding" for word in node.keywords), f"{name}:{node.lineno}"


def test_where_python_cannot_tell_the_peak_of_memory_it_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    assert peak_memory() > 1 << 20
    monkeypatch.setitem(sys.modules, "resource", None)
    assert peak_memory() == 0


def test_on_windows_the_lock_is_msvcrts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    held: list[tuple[int, int]] = []

    class Msvcrt:
        LK_NBLCK = 2

        @staticmethod
        def locking(_: int, mode: int, count: int) -> None:
            if held:
                raise PermissionError
            held.append((mode, count))

    monkeypatch.setitem(sys.modules, "msvcrt", Msvcrt())
    monkeypatch.setattr(cli_folder.sys, "platform", "win32")
    with cli_folder.alone_in(tmp_path), pytest.raises(cli_folder.UserError), cli_folder.alone_in(tmp_path):
        pass
    assert held == [(2, 1)]


def plain_checkout(place: Path) -> None:
    """A copy of what git would check out where it makes no links: each is a small file that holds its target."""
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if listed.returncode:
        pytest.skip("not a git checkout")
    for name in listed.stdout.splitlines():
        source, target = ROOT / name, place / name
        if source.is_symlink() or source.is_file():
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(os.readlink(source).encode() if source.is_symlink() else source.read_bytes())
    assert (place / "facecraft4d" / "toolkit").is_file()


MAKE = "import sys; from setuptools.build_meta import build_editable; build_editable(sys.argv[1])"
USE = """
import importlib, site, sys
unpacked, checkout, *packages = sys.argv[1:]
site.addsitedir(unpacked)
for name in packages:
    assert importlib.import_module(name).__file__.startswith(checkout), name
import facecraft4d.toolkit.core.geometry, facecraft4d.toolkit.pipeline
from facecraft4d.cli import main
sys.exit(main(["--help"]))
"""


@pytest.mark.slow
def test_a_checkout_whose_links_are_plain_files_installs_editable_and_works(tmp_path: Path) -> None:
    """The wheel of an editable install is made and unpacked here, without pip: that would first uninstall the one these tests run in."""
    pytest.importorskip("setuptools", minversion="77")
    checkout, wheels, unpacked = (tmp_path / name for name in ("checkout", "wheels", "unpacked"))
    plain_checkout(checkout)
    wheels.mkdir()
    subprocess.run([sys.executable, "-c", MAKE, str(wheels)], cwd=checkout, check=True, capture_output=True)
    with zipfile.ZipFile(next(wheels.glob("*.whl"))) as archive:
        archive.extractall(unpacked)
    packages = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]["packages"]
    # -S: the install that these tests run in must not answer in place of the new one
    command = [sys.executable, "-S", "-c", USE, str(unpacked), str(checkout), *packages]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join((str(unpacked), sysconfig.get_paths()["purelib"]))}
    used = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert used.returncode == 0, used.stderr
    assert "build" in used.stdout
