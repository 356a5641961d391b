"""The format web: a folder that serves itself, small and offline; and what its modules say without a browser."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from places import ROOT
from web_cases import PLAYER, run_module

from facecraft4d.exporters import ExportOptions, export, load
from facecraft4d.exporters.gltf import glb
from facecraft4d.exporters.gltf import reading as gltf_reading
from facecraft4d.exporters.gltf import writing as gltf
from facecraft4d.exporters.web import AVATAR, README, lost_in_web, web_files
from facecraft4d.file_server import CONTENT_TYPES, HEADERS
from facecraft4d.runtime.camera import SHOULDERS, framing
from facecraft4d.toolkit.core import asset
from facecraft4d.toolkit.core.asset import Avatar
from facecraft4d.toolkit.core.datatypes import BoundSplats
from facecraft4d.toolkit.core.motion import GREETING, builtin_clip, on_rig
from facecraft4d.toolkit.core.rigging import in_regions, place_splats
from facecraft4d.toolkit.core.untrusted import door
from facecraft4d.toolkit.splatting.settings import Settings

MOST_LINES = 1_000
MOST_BYTES = 6_000_000
"""Of a head with 50,000 splats and 52 expressions."""
MANY = 50_000
SECONDS = (0.0, 0.31, 1.7, 2.99)


def grown(avatar: Avatar, count: int) -> Avatar:
    """With so many splats, each different."""
    rng = np.random.default_rng(2)
    rows = rng.integers(0, len(avatar.splats.means), count)
    parts = {name: getattr(avatar.splats, name)[rows] for name in BoundSplats.__slots__}
    return replace(avatar, splats=BoundSplats(**parts | {"means": rng.normal(size=(count, 3)).astype(np.float32)}))


def test_folder_holds_player_avatar_and_note(tiny_avatar: Avatar, tmp_path: Path) -> None:
    written = export(tiny_avatar, tmp_path / "head", "web")
    names = {path.name for path in written}
    assert {path.name for path in PLAYER.iterdir() if path.is_file()} - {"__init__.py"} | {AVATAR, README} == names
    again = load(tmp_path / "head" / AVATAR)
    assert np.array_equal(again.splats.means, tiny_avatar.splats.means) and again.texture is None
    note = (tmp_path / "head" / README).read_text()
    assert "createAvatar" in note and "CC0-1.0" in note and "{" + "rights}" not in note
    assert "texture" in lost_in_web(tiny_avatar, ExportOptions())
    assert all(Path(name).suffix in CONTENT_TYPES for name in names)


@pytest.mark.slow
def test_size_of_fifty_thousand_splats(tiny_avatar: Avatar) -> None:
    files = dict(web_files(grown(tiny_avatar, MANY), ExportOptions()))
    assert sum(map(len, files.values())) < MOST_BYTES


def test_player_is_small_and_needs_nothing() -> None:
    """Under a thousand lines within the house's width; no address, no inline code, no evaluation, no markup from texts."""
    sources = {path.name: path.read_text() for path in PLAYER.iterdir() if path.suffix in (".js", ".html", ".css")}
    scripts = {name: text for name, text in sources.items() if name.endswith(".js")}
    count = sum(len(text.splitlines()) for text in scripts.values())
    assert count < MOST_LINES and f"{count} lines" in (ROOT / "docs" / "formats" / "web.md").read_text()
    assert max(len(line) for text in scripts.values() for line in text.splitlines()) <= 120
    for name, text in sources.items():
        assert "//" not in re.sub(r"^\s*//.*|\s//.*", "", text, flags=re.M), name  # no address of another place
        for word in ("eval(", "Function(", "innerHTML", "outerHTML", "insertAdjacentHTML", "document.write"):
            assert word not in text, name
    page = sources["index.html"]
    assert (
        re.findall(r"<script[^>]*>([^<]*)</script>", page) == [""]
        and "style=" not in page
        and " on" + "click" not in page
    )
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', page)
    assert policy is not None and f"{policy[1]}; frame-ancestors 'self'" == HEADERS["Content-Security-Policy"]


def test_numbers_of_the_picture_are_the_renderers(tmp_path: Path) -> None:
    found = run_module(tmp_path, "result = (await import('./renderer.js')).SETTINGS;")
    settings = Settings(1, 1)
    assert found == {
        "nearPlane": settings.near_plane,
        "lowPass": settings.eps2d,
        "cutoff": settings.alpha_cutoff,
        "sigmaClamp": settings.sigma_clamp,
        "alphaMax": settings.alpha_max,
    }


def test_camera_is_the_players(tiny_avatar: Avatar, tmp_path: Path) -> None:
    """Framing of the head, and the matrix and focal length of some views of it."""
    rig, splats = tiny_avatar.rig, tiny_avatar.splats
    means, beside = place_splats(splats, rig.vertices, rig).means, in_regions(rig, "neck")[splats.triangles]
    views = [(0.0, 0.0), (40.0, 15.0), (180.0, -10.0), (-60.0, 80.0)]
    body = """
    const { framing, pinhole } = await import('./camera.js');
    const view = framing(Float32Array.from(given.means), given.beside);
    result = { view, cameras: given.views.map(([yaw, pitch]) => pinhole({ ...view, yaw, pitch }, 640, 480)) };"""
    found = run_module(tmp_path, body, {"means": means.ravel().tolist(), "beside": beside.tolist(), "views": views})
    orbit = framing(
        replace(
            tiny_avatar, rig=replace(rig, region_names=tuple(SHOULDERS if n == "neck" else n for n in rig.region_names))
        )
    )
    assert np.allclose(found["view"]["target"], orbit.target, atol=1e-6)
    assert np.isclose(found["view"]["distance"], orbit.distance) and found["view"]["fov"] == orbit.fov_y_degrees
    for (yaw, pitch), mine in zip(views, found["cameras"], strict=True):
        camera = replace(orbit, yaw_degrees=yaw, pitch_degrees=pitch).camera(640, 480)
        assert np.allclose(np.reshape(mine["cameraFromWorld"], (4, 4)), camera.camera_from_world, atol=1e-6)
        assert np.isclose(mine["focal"], camera.fx)


def test_clips_are_the_motions(tiny_avatar: Avatar, tmp_path: Path) -> None:
    options = ExportOptions(clips=(builtin_clip(GREETING), builtin_clip("visemes")))
    (tmp_path / "avatar.glb").write_bytes(dict(web_files(tiny_avatar, options))[AVATAR])
    body = """
    const { readAvatar } = await import('./avatar.js'); const { poseAt } = await import('./motion.js');
    const { rig, clips } = readAvatar(fileBuffer('avatar.glb'));
    result = clips.map((clip) => ({ name: clip.name, poses: given.map((seconds) => poseAt(clip, rig, seconds)) }));"""
    found = run_module(tmp_path, body, SECONDS)
    assert [clip["name"] for clip in found] == [clip.name for clip in options.clips]
    for mine, clip in zip(found, options.clips, strict=True):
        motion = on_rig(clip, tiny_avatar.rig)
        for seconds, pose in zip(SECONDS, mine["poses"], strict=True):
            expected = motion.at(seconds)
            for name, weight in zip(tiny_avatar.rig.expression_names, expected.expression, strict=True):
                assert np.isclose(pose["expressions"].get(name, 0.0), weight, atol=1e-5)
            for name, turn in zip(tiny_avatar.rig.joint_names, expected.joint_rotations, strict=True):
                assert np.allclose(pose["joints"].get(name, (0, 0, 0)), turn, atol=1e-3)
            assert np.allclose(pose["translation"], expected.translation, atol=1e-5)


def idle(folder: Path, seed: int) -> list[dict[str, Any]]:
    """A minute of it, thirty times a second."""
    body = """
    const { Idle } = await import('./motion.js'), life = new Idle(given);
    result = Array.from({ length: 1800 }, (_, frame) => {
      const pose = { expressions: {}, joints: { neck: [1, 0, 0] } };
      life.enliven(pose, frame / 30);
      return pose;
    });"""
    found: list[dict[str, Any]] = run_module(folder, body, seed)
    return found


@pytest.mark.slow
def test_idle_life_is_seeded_and_small(tmp_path: Path) -> None:
    first, again, other = idle(tmp_path, 1), idle(tmp_path, 1), idle(tmp_path, 2)
    assert first == again != other
    lids = np.array([pose["expressions"]["eyeBlinkLeft"] for pose in first])
    blinks = np.count_nonzero(np.diff((lids > 0.5).astype(int)) == 1)
    assert 8 <= blinks <= 30 and lids.min() == 0 and 0.9 < lids.max() <= 1
    necks = np.array([pose["joints"]["neck"] for pose in first]) - (1, 0, 0)
    eyes = np.array([pose["joints"]["eye_left"] for pose in first])
    assert 0.005 < np.abs(necks).max() < 0.05 and np.abs(np.diff(necks, axis=0)).max() < 2e-3
    assert 0.03 < np.abs(eyes).max() < 0.1 and 15 < np.count_nonzero(np.diff(eyes[:, 1])) < 100


def test_messages_keep_what_is_sound(tmp_path: Path) -> None:
    body = """
    const { readMessage } = await import('./stream.js');
    const rig = { expressionNames: ['jawOpen', '__proto__', 'toString'], jointNames: ['neck'] };
    const say = (rest) => readMessage({ type: 'facecraft4d', ...rest }, rig);
    result = [
      say({ weights: { jawOpen: 2, toString: -1, unheard: 1 }, joints: { neck: [9, 0, -9] } }),
      say({ weights: { jawOpen: NaN }, joints: { neck: [0, Infinity, 0] } }),
      say({ weights: JSON.parse('{"__proto__": 0.5}') }),
      say({ weights: null }), say({ joints: 'neck' }), readMessage(null, rig), readMessage({ type: 'facecraft' }, rig),
    ];"""
    found = run_module(tmp_path, body)
    assert found[0] == {"expressions": {"jawOpen": 1, "toString": 0}, "joints": {"neck": [np.pi, 0, -np.pi]}}
    assert found[1] == {"expressions": {}, "joints": {}}
    assert found[2]["expressions"] == {"__proto__": 0.5}
    assert found[3:] == [None] * 4


def test_order_of_drawing_is_exact(tmp_path: Path) -> None:
    """Farthest first by float32 depth, what is before the near plane left out, for depths over nine powers of ten."""
    rng = np.random.default_rng(4)
    depths = np.concatenate([10 ** rng.uniform(-4, 5, 3000), -(10 ** rng.uniform(-4, 5, 100))]).astype(np.float32)
    body = """
    globalThis.self = { postMessage: (data) => { result = data.order; } };
    await import('./sort_worker.js');
    const means = Float32Array.from(given.flatMap((z) => [0, 0, z])), triangles = new Uint32Array(given.length);
    self.onmessage({ data: { splats: { means, triangles } } });
    const frames = Float32Array.from([1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0]), cameraFromWorld = [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0];
    self.onmessage({ data: { frames, camera: { cameraFromWorld }, nearPlane: 0.01 } });"""
    order = np.array(run_module(tmp_path, body, depths.astype(float).tolist()))
    assert sorted(order) == np.flatnonzero(depths >= np.float32(0.01)).tolist()
    assert (np.diff(depths[order]) <= 0).all()


def test_limits_are_the_python_readers() -> None:
    """Each number that both readers hold a file to, by its name in the sources."""
    text = "".join((PLAYER / name).read_text() for name in ("glb.js", "avatar.js"))
    found = dict(re.findall(r"\b([A-Z][A-Z_]+) = (0x\w+|[\d.e-]+(?: \*\* \d+)?)", text))
    named = {name: float(eval(value)) for name, value in found.items()}
    shared = {module: set(named) & set(vars(module)) for module in (glb, gltf, gltf_reading, asset)}
    assert sum(map(len, shared.values())) >= 15
    for module, names in shared.items():
        assert {name: named[name] for name in names} == {name: float(vars(module)[name]) for name in names}
    for name, kind in (
        ("MEAN", "means"),
        ("ROTATION", "rotations_wxyz"),
        ("LOGIT", "opacity_logits"),
        ("COLOR", "colors"),
    ):
        assert named[f"MOST_{name}"] == asset.LOCAL_RANGES[kind][1]
    budget = f"BUDGET = {{ factor: {door.BUDGET_TIMES}, least: 2 ** {door.LEAST_BUDGET.bit_length() - 1}, "
    assert budget + f"most: 2 ** {door.MOST_BUDGET.bit_length() - 1} }}" in text
    low, high = asset.LOCAL_RANGES["log_scales"]
    assert f"LOG_SCALES = [{low:g}, {high:g}]" in text
