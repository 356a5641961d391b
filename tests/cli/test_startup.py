"""How a command begins and ends: it waits for no compiler, window or video that it does not need, and says nothing when its reader leaves."""

import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

import facecraft4d.exporters
import facecraft4d.runtime

DRAWING = frozenset({"numba", "moderngl"})
FOREIGN = frozenset({"av", "glfw", "imgui_bundle", "torch", "scipy", "cv2", "pxr", "zstandard", "pythonosc"})
"""What no still picture needs."""
OWN = frozenset({"tyro", "rich", "jaxtyping", "PIL", "facecraft4d.runtime", "facecraft4d.exporters"})
"""What the list of commands needs not."""
PROGRAM = """
import sys
from facecraft4d.cli import main
code = 0
try:
    code = main()
except SystemExit as stop:
    code = stop.code or 0
print(sorted(name for name in {heavy} if sys.modules.get(name)), code)
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "heavy"),
    [
        (("--help",), DRAWING | FOREIGN | OWN),
        (("--version",), DRAWING | FOREIGN | OWN),
        (("render", "--help"), DRAWING | FOREIGN),
        (("play", "--help"), DRAWING | FOREIGN),
        (("export", "--help"), DRAWING | FOREIGN),
        (("inspect", "AVATAR"), DRAWING | FOREIGN),
        (("render", "AVATAR", "--size", "64", "--out", "PICTURE"), FOREIGN),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_nothing_heavy_is_loaded(
    words: tuple[str, ...], heavy: frozenset[str], tiny_path: Path, tmp_path: Path
) -> None:
    places = {"AVATAR": str(tiny_path), "PICTURE": str(tmp_path / "still.png")}
    arguments = [places.get(word, word) for word in words]
    run = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(heavy=set(heavy)), *arguments], capture_output=True, text=True, timeout=60
    )
    assert run.stdout.splitlines()[-1] == "[] 0", run.stderr


def test_a_name_stays_what_it_is_after_its_module_was_imported() -> None:
    from facecraft4d.runtime import recording, still

    assert all(not isinstance(getattr(facecraft4d.runtime, name), type(still)) for name in facecraft4d.runtime.__all__)
    assert facecraft4d.runtime.record is recording.record


@pytest.mark.parametrize("package", [facecraft4d.exporters, facecraft4d.runtime])
def test_every_name_of_a_package_has_a_home(package: ModuleType) -> None:
    listed = [name for names in package.HOMES.values() for name in names]
    assert sorted(listed) == sorted(package.__all__)
    assert all(getattr(package, name) is not None for name in listed)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="closed pipes are another error there")
def test_a_reader_that_leaves_is_no_mistake(tiny_path: Path) -> None:
    command = [sys.executable, "-m", "facecraft4d.cli", "inspect", str(tiny_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as run:
        assert run.stdout is not None and run.stderr is not None
        run.stdout.close()
        assert run.stderr.read() == b"" and run.wait(60) == 141
