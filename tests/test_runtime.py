"""Animation, cameras, clips, backgrounds, pictures, summaries; and that none of it needs torch."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from facecraft4d.exporters import load
from facecraft4d.runtime import (
    Backend,
    RenderOptions,
    find_clip,
    pose_from_weights,
    render_image,
    render_still,
    summarize,
)
from facecraft4d.runtime.animate import Animator
from facecraft4d.runtime.camera import OrbitCamera, framing
from facecraft4d.runtime.clip import blend, on_rig
from facecraft4d.runtime.picture import background_color, composite
from facecraft4d.runtime.sort import back_to_front
from facecraft4d.runtime.still import option_camera
from facecraft4d.toolkit.core.asset import Avatar
from facecraft4d.toolkit.core.checks import UserError
from facecraft4d.toolkit.core.datatypes import Clip, Pose
from facecraft4d.toolkit.core.geometry import camera_center, orbit_camera, project
from facecraft4d.toolkit.core.motion import builtin_clips
from facecraft4d.toolkit.core.rigging import carry_splats, neutral_pose, pose_vertices

TINY = Path(__file__).parents[1] / "samples" / "tiny_avatar.glb"


@pytest.fixture(scope="module")
def tiny() -> Avatar:
    return load(TINY)


def random_pose(rng: np.random.Generator, expressions: int = 52) -> Pose:
    weights = rng.uniform(-0.2, 1.2, expressions) * (rng.uniform(size=expressions) < 0.3)
    rotations, translation = rng.normal(scale=0.3, size=(5, 3)), rng.normal(scale=0.05, size=3)
    return Pose(weights.astype(np.float32), rotations.astype(np.float32), translation.astype(np.float32))


def ramp(frames: int = 5, fps: float = 10.0) -> Clip:
    """jawOpen and the neck rise with time; one expression and one joint that no rig has."""
    time = np.arange(frames, dtype=np.float32)
    expressions = np.stack([time, -time], -1)
    rotations = np.stack([np.outer(time, [0.1, 0, 0]), np.outer(time, [9, 9, 9])], 1).astype(np.float32)
    return Clip(
        "ramp", fps, ("jawOpen", "unknown"), expressions, ("neck", "tail"), rotations, np.zeros((frames, 3), np.float32)
    )


# animation


def test_animator_is_the_reference(tiny: Avatar) -> None:
    rng, animator = np.random.default_rng(0), Animator(tiny)
    for pose in (neutral_pose(tiny.rig), *(random_pose(rng) for _ in range(5))):
        expected = carry_splats(tiny.splats, pose_vertices(tiny.rig, pose), tiny.rig)
        found = animator.splats(pose)
        assert np.allclose(found.means, expected.means, atol=1e-6)
        assert np.allclose(found.scales, expected.scales, rtol=1e-4)
        assert np.allclose(np.abs((found.rotations_wxyz * expected.rotations_wxyz).sum(1)), 1, atol=1e-5)
        assert np.array_equal(found.opacities, expected.opacities) and np.array_equal(found.colors, expected.colors)


def test_animator_remembers_the_last_pose(tiny: Avatar) -> None:
    animator, pose = Animator(tiny), random_pose(np.random.default_rng(1))
    splats = animator.splats(pose)
    assert animator.splats(Pose(pose.expression.copy(), pose.joint_rotations.copy(), pose.translation.copy())) is splats
    assert animator.splats(neutral_pose(tiny.rig)) is not splats
    assert np.array_equal(animator.splats(pose).means, splats.means)


def test_animator_without_expressions(tiny: Avatar) -> None:
    rig = replace(tiny.rig, expression_names=(), expression_deltas=tiny.rig.expression_deltas[:0])
    splats = Animator(replace(tiny, rig=rig)).splats(neutral_pose(rig))
    assert np.allclose(splats.means, carry_splats(tiny.splats, rig.vertices, rig).means, atol=1e-6)


def test_triangles_without_area_stay_finite(tiny: Avatar) -> None:
    rig = replace(tiny.rig, vertices=np.zeros_like(tiny.rig.vertices))
    splats = Animator(replace(tiny, rig=rig)).splats(neutral_pose(rig))
    assert all(np.isfinite(part).all() for part in (splats.means, splats.rotations_wxyz, splats.scales))


# sorting and cameras


def test_back_to_front_is_sorted_and_leaves_out_what_is_behind() -> None:
    means = np.random.default_rng(2).normal(scale=2, size=(1000, 3)).astype(np.float32)
    camera = orbit_camera(20.0, 10.0, 1.0, 64)
    order = back_to_front(means, camera, 0.01)
    depth = project(camera, means.astype(np.float64))[1]
    assert (np.diff(depth[order]) < 1e-5).all() and len(set(order.tolist())) == len(order) < 1000
    assert abs(len(order) - (depth >= 0.01).sum()) <= 1


def test_orbit_agrees_with_the_portrait_camera() -> None:
    camera, portrait = OrbitCamera((0.0, 0.0, 0.0), 1.5, 25.0, -10.0).camera(96, 96), orbit_camera(25.0, -10.0, 1.5, 96)
    assert np.allclose(camera.camera_from_world, portrait.camera_from_world)
    assert np.allclose(
        (camera.fx, camera.fy, camera.cx, camera.cy), (portrait.fx, portrait.fy, portrait.cx, portrait.cy)
    )


def test_orbit_stays_on_its_sphere_and_short_of_the_poles() -> None:
    orbit = OrbitCamera((0.1, 0.2, 0.3), 1.2)
    for _ in range(30):
        orbit = orbit.turned(37.0, 11.0)
        assert np.isclose(np.linalg.norm(camera_center(orbit.camera(8, 8)) - [0.1, 0.2, 0.3]), 1.2)
        assert -180 <= orbit.yaw_degrees < 180 and orbit.pitch_degrees <= 89
    assert np.isclose(orbit.zoomed(2.0).distance, 0.6) and orbit.zoomed(1e9).distance == 0.05
    with pytest.raises(ValueError, match="pitch_degrees must be between"):
        OrbitCamera((0.0, 0.0, 0.0), 1.0, pitch_degrees=95.0)


@pytest.mark.parametrize("fov", [13.4, 60.0])
def test_framing_holds_the_head_at_every_yaw(tiny: Avatar, fov: float) -> None:
    means = carry_splats(tiny.splats, tiny.rig.vertices, tiny.rig).means
    heights = []
    for yaw in range(0, 360, 30):
        pixels, depth = project(framing(tiny, fov).turned(float(yaw), 0.0).camera(100, 100), means)
        assert (pixels > 0).all() and (pixels < 100).all() and (depth > 0).all()
        heights.append(np.ptp(pixels[:, 1]))
    assert min(heights) > 60


def test_zoom_enlarges_about_the_middle(tiny: Avatar) -> None:
    means = carry_splats(tiny.splats, tiny.rig.vertices, tiny.rig).means
    plain, large = (
        project(option_camera(tiny, RenderOptions(zoom=zoom, fov=40.0)).camera(100, 100), means)[0]
        for zoom in (1.0, 2.5)
    )
    assert np.allclose(large - 50, 2.5 * (plain - 50), atol=1e-6)


# clips


def test_clip_on_a_rig(tiny: Avatar) -> None:
    motion = on_rig(ramp(), tiny.rig)
    jaw, neck = tiny.rig.expression_names.index("jawOpen"), tiny.rig.joint_names.index("neck")
    assert motion.duration == 0.5
    for seconds, value in ((0.0, 0.0), (0.1, 1.0), (0.25, 2.5), (0.5, 0.0), (0.65, 1.5), (-0.1, 4.0), (0.45, 2.0)):
        pose = motion.pose(seconds)
        assert np.isclose(pose.expression[jaw], value, atol=1e-4) and np.isclose(
            pose.expression.sum(), value, atol=1e-4
        )
        assert np.allclose(pose.joint_rotations[neck], [0.1 * value, 0, 0], atol=1e-5)
        assert np.count_nonzero(pose.joint_rotations) <= 1


def test_blend_meets_both_ends() -> None:
    rng = np.random.default_rng(3)
    a, b = random_pose(rng), random_pose(rng)
    for weight, end in ((0.0, a), (1.0, b)):
        for name in ("expression", "joint_rotations", "translation"):
            assert np.allclose(getattr(blend(a, b, weight), name), getattr(end, name))


def test_builtin_clips_are_found_and_play(tiny: Avatar) -> None:
    animator = Animator(tiny)
    for name in builtin_clips():
        motion = on_rig(find_clip(name), tiny.rig)
        splats = animator.splats(motion.pose(motion.duration / 3))
        assert motion.duration > 0 and np.isfinite(splats.means).all()


def test_unknown_clips_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no clip is called dancing: there are"):
        find_clip("dancing")
    with pytest.raises(UserError, match="no such clip"):
        find_clip(str(tmp_path / "none.csv"))


def test_expressions_by_name(tiny: Avatar) -> None:
    pose = pose_from_weights(tiny.rig, {"jawOpen": 0.5})
    assert pose.expression[tiny.rig.expression_names.index("jawOpen")] == 0.5 and np.count_nonzero(pose.expression) == 1
    with pytest.raises(UserError, match="no expression jawopen; it has jawOpen"):
        pose_from_weights(tiny.rig, {"jawopen": 0.5})


# pictures


@pytest.mark.parametrize(
    ("text", "color"),
    [
        ("white", (1, 1, 1)),
        ("black", (0, 0, 0)),
        ("transparent", None),
        ("#ff8000", (1, 128 / 255, 0)),
        ("#FFffFF", (1, 1, 1)),
    ],
)
def test_backgrounds(text: str, color: tuple[float, float, float] | None) -> None:
    assert background_color(text) == color


@pytest.mark.parametrize("text", ["", "red", "#fff", "#12345g", "#1234567", "White"])
def test_unknown_backgrounds_are_refused(text: str) -> None:
    with pytest.raises(UserError, match="background must be white, black, transparent or #rrggbb"):
        background_color(text)


def test_composite_over_transparency_then_colour_is_composite_over_colour() -> None:
    rng = np.random.default_rng(4)
    alpha = rng.uniform(size=(9, 7, 1)).astype(np.float32)
    premultiplied = np.concatenate([alpha * rng.uniform(size=(9, 7, 3)).astype(np.float32), alpha], -1)
    straight = composite(premultiplied, None).astype(float) / 255
    over = straight[..., :3] * straight[..., 3:] + (1 - straight[..., 3:]) * [0.2, 0.4, 0.6]
    assert np.abs(over * 255 - composite(premultiplied, (0.2, 0.4, 0.6))).max() < 1.6


def test_expression_moves_only_its_region(tiny: Avatar) -> None:
    options = RenderOptions(size=96)
    rest = render_image(tiny, neutral_pose(tiny.rig), options).astype(int)
    opened = render_image(tiny, pose_from_weights(tiny.rig, {"jawOpen": 1.0}), options).astype(int)
    moved = np.abs(opened - rest).max(-1) > 2
    assert moved[55:].any() and not moved[:45].any()
    blinked = render_image(tiny, pose_from_weights(tiny.rig, {"eyeBlinkLeft": 1.0}), options).astype(int)
    columns = np.flatnonzero((np.abs(blinked - rest).max(-1) > 2).any(0))
    assert columns.min() > 48  # the subject's left is on the right of the picture


def test_stills(tiny: Avatar, tmp_path: Path) -> None:
    pose, clear = neutral_pose(tiny.rig), RenderOptions(size=64, background="transparent")
    render_still(tiny, pose, tmp_path / "new" / "still.png", clear)
    image = np.asarray(Image.open(tmp_path / "new" / "still.png"))
    assert image.shape == (64, 64, 4) and image[0, 0, 3] == 0 and image[32, 32, 3] == 255
    render_still(tiny, pose, tmp_path / "still.jpg", RenderOptions(size=64, background="#00ff00"))
    assert np.abs(np.asarray(Image.open(tmp_path / "still.jpg"))[2, 2].astype(int) - [0, 255, 0]).max() < 8
    for path, options, message in (
        ("still.gif", clear, "must end in .png"),
        ("still.jpg", clear, "JPEG cannot be transparent"),
        ("still.png", replace(clear, size=8), "size must be between 16 and 8192, got 8"),
        ("still.png", replace(clear, pitch=95.0), "pitch must be between"),
        ("still.png", replace(clear, zoom=0.0), "zoom must be between"),
        ("still.png", replace(clear, yaw=float("nan")), "yaw must be between"),
        ("still.png", replace(clear, background="pink"), "background must be"),
    ):
        with pytest.raises(UserError, match=message):
            render_still(tiny, pose, tmp_path / path, options)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["new", "still.jpg"]


# summary and imports


def test_summary_counts(tiny: Avatar) -> None:
    found = summarize(TINY)
    assert found.file_bytes == TINY.stat().st_size and found.splats == len(tiny.splats.means)
    assert found.vertices == len(tiny.rig.vertices) and sum(found.region_triangles.values()) == found.triangles
    assert found.licences == ("CC0-1.0",) and found.verdict and len(found.expressions) == 52
    assert found.carrying_triangles == len(np.unique(tiny.splats.triangles)) and 0.2 < found.extent[1] < 0.4


def test_torch_is_not_needed(tmp_path: Path) -> None:
    """Load, animate, draw and record with every toolkit extra blocked."""
    code = f"""
import sys
class Block:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {{"torch", "scipy", "cv2", "lpips", "gsplat", "trimesh", "pymatting", "ai_edge_litert"}}:
            raise ImportError(name + " is blocked")
sys.meta_path.insert(0, Block())
from pathlib import Path
import facecraft4d.runtime as r, facecraft4d.exporters as e
avatar = e.load(Path({str(TINY)!r}))
r.render_still(avatar, r.pose_from_weights(avatar.rig, {{"jawOpen": 1.0}}), Path("a.png"), r.RenderOptions(size=64, backend=r.Backend.SOFTWARE))
e.export(avatar, Path("again.glb"))
assert "torch" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True)
    assert (tmp_path / "a.png").exists() and (tmp_path / "again.glb").exists()


def test_opengl_on_request_is_an_error_where_it_is_missing(monkeypatch: pytest.MonkeyPatch, tiny: Avatar) -> None:
    from facecraft4d.runtime import opengl, renderer

    def missing() -> None:
        raise opengl.NoOpenGL("no driver")

    monkeypatch.setattr(opengl, "offscreen_context", missing)
    with pytest.raises(UserError, match="no driver; take --backend software"):
        renderer.open_renderer(32, 32, Backend.OPENGL)
    assert "no driver" in renderer.open_renderer(32, 32, Backend.AUTO).note
