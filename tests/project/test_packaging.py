"""What is on disk is what gets installed; documents point at what exists."""

import re
import subprocess
import sys
import tomllib
import zipfile

import pytest
from places import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
LINKED = ("toolkit", "runtime", "exporters", "samples", "shaders")


def test_every_package_on_disk_is_in_the_list() -> None:
    on_disk = {"facecraft4d"}
    for folder in LINKED:
        for init in (ROOT / folder).rglob("__init__.py"):
            on_disk.add("facecraft4d." + ".".join(init.parent.relative_to(ROOT).parts))
    assert on_disk == set(PROJECT["tool"]["setuptools"]["packages"])


def test_every_folder_with_modules_is_a_package() -> None:
    for folder in LINKED:
        for module in (ROOT / folder).rglob("*.py"):
            scripts = module.parent.relative_to(ROOT).parts[:2] in {
                ("samples", "clips"),
                ("samples", "engines"),
                ("samples", "embedding"),
            }
            assert scripts or (module.parent / "__init__.py").exists(), module


def test_links_name_the_folders() -> None:
    for folder in LINKED:
        assert (ROOT / "facecraft4d" / folder).resolve() == ROOT / folder


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """Names of the files in the wheel, built without the network from a copy of what git would take."""
    place = tmp_path_factory.mktemp("wheel")
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if listed.returncode:
        pytest.skip("not a git checkout")
    source = place / "source"
    for name in listed.stdout.splitlines():
        if (ROOT / name).is_file() and not (ROOT / name).is_symlink():
            target = source / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes((ROOT / name).read_bytes())
    command = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "-q",
        "--no-deps",
        "--no-build-isolation",
        "-w",
        str(place),
        str(source),
    ]
    built = subprocess.run(command, capture_output=True, text=True, check=False)
    if "No module named 'setuptools'" in built.stderr or "Cannot import 'setuptools" in built.stderr:
        pytest.skip("setuptools is not installed here")
    assert built.returncode == 0, built.stderr
    with zipfile.ZipFile(next(place.glob("*.whl"))) as archive:
        return set(archive.namelist())


@pytest.mark.slow
def test_the_wheel_holds_every_module_and_data_file(wheel: set[str]) -> None:
    """A wheel built from what git would take holds all that the package needs when it is installed."""
    wanted = {"facecraft4d/cli.py", "facecraft4d/py.typed", "facecraft4d/samples/tiny_avatar.glb"}
    for folder in LINKED:
        wanted |= {
            f"facecraft4d/{path.relative_to(ROOT)}"
            for path in (ROOT / folder).rglob("*.py")
            if not {"clips", "engines", "embedding"} & set(path.parts)
        }
    for pattern in (
        "shaders/*.vert",
        "shaders/*.frag",
        "shaders/*.glsl",
        "shaders/*.wgsl",
        "shaders/*.hlsl",
        "samples/*.json",
        "exporters/web_player/*.*",
        "samples/clips/*.csv",
        "samples/portraits/*.*",
    ):
        wanted |= {f"facecraft4d/{path.relative_to(ROOT)}" for path in ROOT.glob(pattern)}
    assert wanted <= wheel, sorted(wanted - wheel)


@pytest.mark.slow
def test_the_wheel_holds_nothing_else(wheel: set[str]) -> None:
    """No test, document or benchmark is installed with the package."""
    assert not [name for name in wheel if not name.startswith(("facecraft4d/", "facecraft4d-"))]


def test_core_dependencies_are_enough_to_play() -> None:
    heavy = re.compile(r"torch|scipy|opencv|litert|pymatting|gsplat")
    assert not [name for name in PROJECT["project"]["dependencies"] if heavy.search(name)]


@pytest.mark.parametrize(
    "document", ["README.md", "CONTRIBUTING.md", *(str(p.relative_to(ROOT)) for p in (ROOT / "docs").glob("*.md"))]
)
def test_documents_point_at_what_exists(document: str) -> None:
    text = (ROOT / document).read_text()
    links = re.findall(r"\]\(([^)#:\s]+)\)", text)
    named = re.findall(r"(?<![\w/.])(?:docs|toolkit|samples|tests|runtime|exporters)/[\w/]+\.(?:md|py|json|glb)", text)
    here = (ROOT / document).parent
    missing = [name for name in links if not (here / name).exists()] + [
        name for name in named if not (ROOT / name).exists()
    ]
    assert not missing


def test_no_machine_paths_in_documents() -> None:
    for path in (ROOT / "README.md", *(ROOT / "docs").glob("*.md")):
        assert not re.search(r"(?<![\w.])/(?:work|root|tmp)/", path.read_text()), path
