"""Which renderer is opened, and that none of it needs torch."""

import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from opengl_cases import clean_context, psnr
from places import TINY

from facecraft4d.runtime import Backend, open_renderer
from facecraft4d.runtime.gl.instances import Tier
from facecraft4d.runtime.opengl import OffscreenRenderer
from facecraft4d.toolkit.core.asset import Avatar
from facecraft4d.toolkit.core.checks import UserError
from facecraft4d.toolkit.core.geometry import orbit_camera
from facecraft4d.toolkit.core.rigging import pose_from_weights


@pytest.mark.slow
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


def test_opengl_on_request_is_an_error_where_it_is_missing(
    monkeypatch: pytest.MonkeyPatch, tiny_avatar: Avatar
) -> None:
    from facecraft4d.runtime import opengl, renderer

    def missing() -> None:
        raise opengl.NoOpenGL("no driver")

    monkeypatch.setattr(opengl, "offscreen_context", missing)
    with pytest.raises(UserError, match="no driver; take --backend software"):
        renderer.open_renderer((tiny_avatar,), 32, 32, Backend.OPENGL)
    assert "no driver" in renderer.open_renderer((tiny_avatar,), 32, 32, Backend.AUTO).note


def test_opengl_says_that_kernels_are_being_compiled(tiny_avatar: Avatar, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only where the processor lays out what an emulated card draws, and only the first time."""
    with clean_context():  # or skip
        pass
    for kept in (False, True):
        monkeypatch.setattr("facecraft4d.runtime.opengl.projects_at_once", lambda kept=kept: kept)
        for tier in (Tier.UPLOAD, Tier.FEEDBACK):
            with closing(OffscreenRenderer((tiny_avatar,), 32, 32, tier)) as renderer:
                assert ("compiling" in renderer.note) == (tier is Tier.UPLOAD and not kept)


def test_compensated_opacity_is_the_same_off_screen_by_both(tiny_avatar: Avatar) -> None:
    with clean_context():  # or skip
        pass
    pictures, pose, camera = [], pose_from_weights(tiny_avatar.rig, {}), orbit_camera(0.0, 0.0, 6.0, 64)
    for backend, antialiased in ((Backend.SOFTWARE, False), (Backend.SOFTWARE, True), (Backend.OPENGL, True)):
        with closing(open_renderer((tiny_avatar,), 64, 64, backend, antialiased)) as renderer:
            pictures.append(renderer.draw((pose,), camera))
    assert psnr(pictures[1], pictures[2]) > 50 and pictures[1][..., 3].sum() < 0.97 * pictures[0][..., 3].sum()
