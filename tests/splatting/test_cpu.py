"""Drawing without torch."""

import subprocess
import sys

import numpy as np
import pytest
import torch
from splat_scenes import SIZE, splats

from facecraft4d.toolkit.core import geometry
from facecraft4d.toolkit.core.datatypes import Camera, Splats
from facecraft4d.toolkit.splatting import cpu
from facecraft4d.toolkit.splatting.rasterize import rasterization


def test_drawing_without_torch_is_the_same_picture() -> None:
    scene = splats(60, 15, torch.float32)
    view = geometry.camera_from_world_looking_at(np.array([0.4, 0.2, 0.0]), np.array([0.0, 0.0, 2.5]))
    shot = Camera(view, 40.0, 42.0, 17.0, 15.0, SIZE, 28)
    numbers = [scene[name].numpy() for name in ("means", "quats", "scales", "opacities", "colors")]
    picture = cpu.draw(Splats(*numbers), shot, (0.2, 0.4, 0.6))
    Ks = torch.tensor([[[40.0, 0, 17.0], [0, 42.0, 15.0], [0, 0, 1]]])
    viewmats, behind = torch.from_numpy(view)[None], torch.tensor([[0.2, 0.4, 0.6]])
    expected = rasterization(**scene, viewmats=viewmats.float(), Ks=Ks, width=SIZE, height=28, backgrounds=behind)
    assert np.abs(picture[..., :3] - expected[0][0, ..., :3].numpy()).max() < 1e-5
    assert np.abs(picture[..., 3] - expected[1][0, ..., 0].numpy()).max() < 1e-5
    with pytest.raises(ValueError, match=r"splats\.scales"):
        cpu.draw(Splats(numbers[0], numbers[1], numbers[2] * np.float32(np.nan), *numbers[3:]), shot)


@pytest.mark.slow
def test_drawing_does_not_import_torch() -> None:
    code = "import sys, facecraft4d.toolkit.splatting.cpu; sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
