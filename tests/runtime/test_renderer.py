"""Which renderer is opened, and that none of it needs torch."""

import subprocess
import sys
from pathlib import Path

import pytest
from places import TINY

from facecraft4d.runtime import Backend
from facecraft4d.toolkit.core.asset import Avatar
from facecraft4d.toolkit.core.checks import UserError


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
