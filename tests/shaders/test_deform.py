"""The portable deformation, run in each shading language through the compute passes that the engine samples ship."""

import runpy
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from deform_runners import (
    ENGINES,
    Bound,
    Runner,
    hlsl_modules,
    opengl_runner,
    shader,
    spirv,
    webgpu_device,
    webgpu_runner,
    wgsl_modules,
)
from parity_cases import CORRECTED, PLAIN, Case, Deformed, assert_parity

from facecraft4d.exporters import load
from facecraft4d.runtime.opengl import NoOpenGL, offscreen_context
from facecraft4d.toolkit.core.asset import Avatar
from facecraft4d.toolkit.core.geometry import rotation_from_wxyz
from facecraft4d.toolkit.core.rigging import opacities

AVATARS = {"parity_avatar.glb": PLAIN, "parity_correctives.glb": CORRECTED}
MAKER: dict[str, Any] = runpy.run_path(str(ENGINES / "deform_buffers.py"))


@pytest.fixture(scope="module")
def device() -> Any:
    return webgpu_device()


@pytest.fixture(scope="module", params=["glsl", "wgsl", "hlsl"])
def runner(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runner]:
    if request.param == "glsl":
        yield from _opengl()
        return
    device = request.getfixturevalue("device")
    if request.param == "wgsl":
        yield webgpu_runner(device, wgsl_modules(device))
    else:
        yield webgpu_runner(device, hlsl_modules(device, tmp_path_factory.mktemp("hlsl")))


def _opengl() -> Iterator[Runner]:
    try:
        context = offscreen_context()
    except NoOpenGL as error:
        pytest.skip(f"no OpenGL off screen: {error}")
    if context.version_code < 430:
        pytest.skip(f"compute shaders need OpenGL 4.3, found {context.version_code}")
    yield opengl_runner(context)
    context.release()


def deformed(run: Runner, avatar: Avatar, case: Case) -> tuple[Deformed, np.ndarray]:
    """What the passes give, and the opacities beside it."""
    rig, splats, pose = avatar.rig, avatar.splats, case.pose
    kept = MAKER["deform_buffers"](rig, splats)
    joints, vertices, count = len(rig.joint_names), len(rig.vertices), len(splats.means)
    written = {
        "matrices": np.zeros((joints, 4, 4), np.float32),
        "coefficients": np.zeros(len(rig.expression_names) + 9 * (joints - 1), np.float32),
        "posed": np.zeros((vertices, 4), np.float32),
        "placed": np.zeros((count, 3, 4), np.float32),
    }
    moving = {"pose": np.concatenate([pose.expression, pose.joint_rotations.ravel(), pose.translation])}
    names = "pose bind_joints parents matrices coefficients mesh starts deltas posed triangles bound placed".split()
    everything = kept | written | moving
    found = run({name: everything[name] for name in names}, (len(rig.expression_names), joints, vertices, count))
    placed = found["placed"]
    return Deformed(found["posed"][:, :3], placed[:, 0, :3], placed[:, 1], placed[:, 2, :3]), placed[:, 0, 3]


@pytest.mark.slow
@pytest.mark.parametrize("name", AVATARS)
def test_passes_give_what_the_file_expects(runner: Runner, name: str) -> None:
    avatar = load(Path(str(files("facecraft4d.samples") / name)))
    for case in AVATARS[name]:
        found, opacity = deformed(runner, avatar, case)
        assert_parity(found, case.expected, f"{name}: {case.name}")
        np.testing.assert_allclose(opacity, opacities(avatar.splats.opacity_logits), atol=1e-6)


@pytest.mark.parametrize(
    ("copy", "original"),
    [
        ("godot4/deform.glslinc", "deform.glsl"),
        ("unity/deform.hlsl", "deform.hlsl"),
        ("unreal/deform.ush", "deform.hlsl"),
    ],
)
def test_engines_have_the_very_functions(copy: str, original: str) -> None:
    assert (ENGINES / copy).read_text(encoding="utf-8") == shader(original)


SWAP = np.array([[1, 0, 0], [0, 0, 1], [0, 1, 0]])
"""From our frame to Unreal's, but for centimetres."""


@pytest.mark.slow
def test_the_niagara_function_gives_the_same_splats_in_unreals_frame(device: Any, tmp_path: Path) -> None:
    avatar = load(Path(str(files("facecraft4d.samples") / "parity_avatar.glb")))
    source = Path(__file__).parent / "niagara.hlsl"
    module = device.create_shader_module(code=spirv(source, "Niagara", tmp_path, 0, ENGINES / "unreal"))
    for case in PLAIN:
        corners = case.expected.vertices[avatar.rig.triangles[avatar.splats.triangles]] @ SWAP * 100
        arrays = {
            "corners": np.pad(corners, ((0, 0), (0, 0), (0, 1))).astype(np.float32),
            "bound": MAKER["bound_rows"](avatar.splats),
            "placed": np.zeros((len(corners), 3, 4), np.float32),
        }
        bound = Bound(device, arrays)
        bound.dispatch(module, "Niagara", len(corners))
        placed = bound.read("placed").reshape(-1, 3, 4)
        np.testing.assert_allclose(placed[:, 0, :3] / 100, case.expected.means @ SWAP, atol=1e-5, err_msg=case.name)
        expected = SWAP @ covariances(case.expected.rotations_wxyz, case.expected.scales) @ SWAP
        found = covariances(np.roll(placed[:, 1], 1, 1), placed[:, 2, :3] / 100)
        np.testing.assert_allclose(found, expected, atol=1e-7, err_msg=case.name)
        assert np.abs(expected).max() > 1e-4


def covariances(rotations_wxyz: np.ndarray, scales: np.ndarray) -> np.ndarray:
    """[n, 3, 3], square metres."""
    axes = rotation_from_wxyz(rotations_wxyz) * scales[:, None]
    return np.asarray(axes @ axes.transpose(0, 2, 1))


def test_the_copy_to_gsplats_buffers_compiles(tmp_path: Path) -> None:
    assert spirv(ENGINES / "unity" / "DeformPasses.compute", "CopyToGsplat", tmp_path, 1)
