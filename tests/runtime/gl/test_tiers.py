"""Every tier draws the same picture, and deforms as samples/parity.json says."""

from collections.abc import Iterator
from dataclasses import replace
from types import SimpleNamespace

import moderngl
import numpy as np
import pytest
from head_cases import mixed, random_pose
from opengl_cases import WHOLE, clean_context, drawn, needs, psnr
from parity_cases import CORRECTED, PLAIN, Case
from places import ROOT

from facecraft4d import cli_doctor
from facecraft4d.exporters import load
from facecraft4d.runtime.animate import Animator, Heads
from facecraft4d.runtime.camera import framing
from facecraft4d.runtime.gl.compute import RadixSort
from facecraft4d.runtime.gl.instances import Tier
from facecraft4d.runtime.gl.packing import pack
from facecraft4d.runtime.gl.tiers import open_instances, suitable_tier
from facecraft4d.toolkit.core.asset import Avatar
from facecraft4d.toolkit.core.datatypes import Camera, Pose
from facecraft4d.toolkit.core.geometry import orbit_camera, unproject
from facecraft4d.toolkit.core.rigging import neutral_pose, pose_from_weights
from facecraft4d.toolkit.splatting.cpu import draw, draw_depth

SIZE = 96
GLSL_TOLERANCE = 1e-4
"""Metres, between the card and the numbers of the file."""
AVATARS = {"parity_avatar.glb": PLAIN, "parity_correctives.glb": CORRECTED}
ON_THE_CARD = [Tier.COMPUTE, Tier.FEEDBACK]


@pytest.fixture(scope="module")
def context() -> Iterator[moderngl.Context]:
    with clean_context() as made:
        yield made


def by_processor(
    avatars: tuple[Avatar, ...], poses: tuple[Pose, ...], camera: Camera, antialiased: bool = False
) -> np.ndarray:
    return draw(Heads(avatars).splats(poses), camera, None, antialiased)


@pytest.mark.slow
@pytest.mark.parametrize("tier", Tier)
@pytest.mark.parametrize("seed", range(3))
def test_same_picture_in_any_pose(context: moderngl.Context, tiny_avatar: Avatar, tier: Tier, seed: int) -> None:
    rng = np.random.default_rng(seed)
    pose = random_pose(rng)
    camera = framing(tiny_avatar).turned(rng.uniform(-180, 180), rng.uniform(-40, 40)).camera(SIZE, SIZE + 17)
    found, depth = drawn(context, tier, (tiny_avatar,), (pose,), camera)
    assert psnr(found, by_processor((tiny_avatar,), (pose,), camera)) > 50
    expected, alpha = draw_depth(Animator(tiny_avatar).splats(pose), camera)
    solid = alpha > 0.5
    assert solid.sum() > 500 and np.abs(depth[solid] - expected[solid]).max() < 2e-3
    assert np.array_equal(np.isinf(depth), found[..., 3] == 0)


@pytest.mark.parametrize("tier", Tier)
def test_same_picture_of_two_heads(context: moderngl.Context, tiny_avatar: Avatar, tier: Tier) -> None:
    """Merged, with joints, coefficients, triangles and splats behind each other, in any order; the nearer covers the farther."""
    rng = np.random.default_rng(5)
    avatars = tiny_avatar, load(ROOT / "samples" / "parity_correctives.glb"), mixed(tiny_avatar.level(200), rng)
    places = ([-0.05, 0, 0.1], [0.05, 0, -0.1], [0.1, 0.02, 0.0])
    poses = tuple(
        replace(
            neutral_pose(avatar.rig),
            expression=rng.uniform(0, 0.8, len(avatar.rig.expression_names)).astype(np.float32),
            joint_rotations=rng.normal(scale=0.2, size=(len(avatar.rig.joint_names), 3)).astype(np.float32),
            translation=np.array(place, np.float32),
        )
        for avatar, place in zip(avatars, places, strict=True)
    )
    camera = orbit_camera(20.0, 5.0, 1.2, SIZE)
    found, _ = drawn(context, tier, avatars, poses, camera)
    assert psnr(found, by_processor(avatars, poses, camera)) > 50


@pytest.mark.parametrize("tier", Tier)
def test_from_inside_the_head_nothing_blows_up(context: moderngl.Context, tiny_avatar: Avatar, tier: Tier) -> None:
    """Splats beside, behind and right before the camera."""
    camera = orbit_camera(10.0, 0.0, 0.03, SIZE)
    pose = neutral_pose(tiny_avatar.rig)
    found, _ = drawn(context, tier, (tiny_avatar,), (pose,), camera)
    assert np.isfinite(found).all() and psnr(found, by_processor((tiny_avatar,), (pose,), camera)) > 40


@pytest.mark.parametrize("tier", Tier)
def test_compensated_opacity_is_the_processors(context: moderngl.Context, tiny_avatar: Avatar, tier: Tier) -> None:
    """From afar splats are as small as a pixel: without it the low-pass filter makes them fat. It is off unless asked for."""
    camera = orbit_camera(0.0, 0.0, 9.0, SIZE)
    pose = (neutral_pose(tiny_avatar.rig),)
    found, _ = drawn(context, tier, (tiny_avatar,), pose, camera, WHOLE._replace(antialiased=True))
    plain, _ = drawn(context, tier, (tiny_avatar,), pose, camera)
    assert psnr(found, by_processor((tiny_avatar,), pose, camera, True)) > 50
    assert psnr(plain, by_processor((tiny_avatar,), pose, camera)) > 50
    assert found[..., 3].sum() < 0.97 * plain[..., 3].sum()


@pytest.mark.parametrize("tier", ON_THE_CARD)
@pytest.mark.parametrize("name", AVATARS)
def test_the_card_deforms_as_the_file_says(context: moderngl.Context, tier: Tier, name: str) -> None:
    """Vertices as they are; centres of splats by the way back from their pixel and camera z."""
    needs(tier, context)
    avatar = load(ROOT / "samples" / name)
    instances = open_instances(context, (avatar,), tier)
    camera = orbit_camera(0.0, 0.0, 2.0, 512)
    for case in AVATARS[name]:
        check_case(instances, avatar, camera, case)
    instances.release()


def check_case(instances: object, avatar: Avatar, camera: Camera, case: Case) -> None:
    count = instances.write((case.pose,), camera, False)  # type: ignore[attr-defined]
    posed = np.frombuffer(instances.posed.read(), np.float32).reshape(-1, 4)[: len(avatar.rig.vertices), :3]  # type: ignore[attr-defined]
    assert np.abs(posed - case.expected.vertices).max() < GLSL_TOLERANCE, case.name
    rows = np.frombuffer(instances.buffer.read(), np.float32).reshape(-1, 12)[:count].astype(np.float64)  # type: ignore[attr-defined]
    assert (rows[:, 2] > 0).all() and (np.diff(rows[:, 3]) <= 1e-6).all(), case.name
    means = unproject(camera, rows[:, :2], rows[:, 3])
    expected = case.expected.means
    order = np.argsort(-(expected @ camera.camera_from_world[2, :3]), kind="stable")
    distances = np.linalg.norm(means[:, None] - expected[order][None], axis=2)  # ties may lie in another order
    assert distances.min(1).max() < GLSL_TOLERANCE and distances.min(0).max() < GLSL_TOLERANCE, case.name


@pytest.mark.parametrize("count", [1, 255, 256, 257, 5000])
def test_radix_sort_is_numpys(context: moderngl.Context, count: int) -> None:
    """Stable, all 32 bits, any number of blocks."""
    needs(Tier.COMPUTE, context)
    rng = np.random.default_rng(count)
    keys = rng.integers(0, 1 << 32, count, np.uint32)
    keys[rng.random(count) < 0.3] = rng.choice([0, 7, 0xFFFFFFFF])
    sort = RadixSort(context, count)
    sort.keys.write(keys.tobytes())
    sort.order.write(np.arange(count, dtype=np.uint32).tobytes())
    sort.run()
    order = np.frombuffer(sort.order.read(), np.uint32)
    assert np.array_equal(order, np.argsort(keys, kind="stable"))
    assert np.array_equal(np.frombuffer(sort.keys.read(), np.uint32), np.sort(keys))
    sort.release()


def test_five_joints_at_a_vertex_are_two_fours(context: moderngl.Context, tiny_avatar: Avatar) -> None:
    rig = tiny_avatar.rig
    weights = np.random.default_rng(0).dirichlet(np.ones(len(rig.joint_names)), len(rig.vertices)).astype(np.float32)
    avatar = replace(tiny_avatar, rig=replace(rig, skin_weights=weights))
    assert weights.shape[1] == 5 and pack((avatar,)).vertex_texels == 5
    pose, camera = random_pose(np.random.default_rng(1)), framing(avatar).camera(SIZE, SIZE)
    found, _ = drawn(context, Tier.FEEDBACK, (avatar,), (pose,), camera)
    assert psnr(found, by_processor((avatar,), (pose,), camera)) > 50


def test_indices_that_floats_cannot_tell_apart_stay_on_the_processor(
    context: moderngl.Context, tiny_avatar: Avatar, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("facecraft4d.runtime.gl.packing.EXACT", 100)
    instances = open_instances(context, (tiny_avatar,), Tier.FEEDBACK)
    assert instances.tier is Tier.UPLOAD
    instances.release()


@pytest.mark.parametrize(
    ("driver", "version", "tier"),
    [
        ("NVIDIA GeForce RTX 3060/PCIe/SSE2", 460, Tier.COMPUTE),
        ("Apple M2", 410, Tier.FEEDBACK),
        ("Mesa Intel(R) UHD Graphics 620", 460, Tier.COMPUTE),
        ("llvmpipe (LLVM 15.0.6, 256 bits)", 450, Tier.UPLOAD),
        ("Google SwiftShader", 330, Tier.UPLOAD),
    ],
)
def test_suitable_tier(driver: str, version: int, tier: Tier) -> None:
    assert suitable_tier(driver, version) is tier


def test_doctor_says_who_draws(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("facecraft4d.toolkit.doctor.diagnose", lambda report: ())
    for driver, version, words in (
        ("NVIDIA H200", 460, "the graphics card poses, sorts and draws (OpenGL 4.3"),
        ("Apple M2", 410, "the processor sorts (OpenGL 3.3"),
        ("llvmpipe (LLVM 15.0.6, 256 bits)", 450, "the processor's own rasteriser, which is quicker than llvmpipe"),
    ):
        fake = SimpleNamespace(info={"GL_RENDERER": driver}, version_code=version, release=lambda: None)
        monkeypatch.setattr("facecraft4d.runtime.opengl.offscreen_context", lambda fake=fake: fake)
        assert cli_doctor.main([]) == 0
        assert words in capsys.readouterr().out


def test_a_pose_leaves_nothing_behind(context: moderngl.Context, tiny_avatar: Avatar) -> None:
    """A frame depends on its own pose alone."""
    camera = framing(tiny_avatar).camera(SIZE, SIZE)
    rest, open_mouth = neutral_pose(tiny_avatar.rig), pose_from_weights(tiny_avatar.rig, {"jawOpen": 1.0})
    for tier in Tier:
        needs(tier, context)
        instances = open_instances(context, (tiny_avatar,), tier)
        rows = []
        for pose in (rest, open_mouth, rest):
            count = instances.write((pose,), camera, False)
            rows.append(np.frombuffer(instances.buffer.read(), np.float32).reshape(-1, 12)[:count])
        assert np.array_equal(rows[0], rows[2]) and not np.array_equal(rows[0], rows[1]), tier
        instances.release()
