"""Small scenes for the rasteriser's tests."""

from typing import Any

import torch
from torch import Tensor

from facecraft4d.toolkit.splatting import reference
from facecraft4d.toolkit.splatting.rasterize import rasterization
from facecraft4d.toolkit.splatting.settings import Settings

SMOOTH = {"alpha_cutoff": 1e-14, "extent_max": 1e9, "transmittance_stop": 0.0}
"""Settings without visible jumps, so that finite differences mean something."""


def camera(width: int, height: int, focal: float = 40.0, dtype: torch.dtype = torch.float64) -> tuple[Tensor, Tensor]:
    """One camera at the origin that looks along +z: viewmats [1, 4, 4], Ks [1, 3, 3]."""
    intrinsics = torch.tensor([[focal, 0, width / 2], [0, focal, height / 2], [0, 0, 1]], dtype=dtype)
    return torch.eye(4, dtype=dtype)[None], intrinsics[None]


def splats(n: int, seed: int, dtype: torch.dtype = torch.float64, channels: int = 3) -> dict[str, Tensor]:
    """n random splats in front of `camera`, named as the rasteriser's arguments."""
    g = torch.Generator().manual_seed(seed)

    def rand(*shape: int) -> Tensor:
        return torch.rand(*shape, generator=g, dtype=torch.float64)

    scene = {
        "means": (rand(n, 3) - 0.5) * torch.tensor([1.2, 1.0, 1.0], dtype=torch.float64) + torch.tensor([0, 0, 2.5]),
        "quats": torch.randn(n, 4, generator=g, dtype=torch.float64),
        "scales": 0.03 + 0.15 * rand(n, 3),
        "opacities": 0.1 + 0.85 * rand(n),
        "colors": rand(n, channels),
    }
    return {name: value.to(dtype) for name, value in scene.items()}


def leaves(scene: dict[str, Tensor]) -> dict[str, Tensor]:
    """The same numbers as fresh parameters."""
    return {name: value.detach().clone().requires_grad_() for name, value in scene.items()}


def twin(scene: dict[str, Tensor], viewmats: Tensor, Ks: Tensor, s: Settings, mode: str = "RGB",
         sh_degree: int | None = None, backgrounds: Tensor | None = None) -> tuple[Tensor, Tensor]:  # fmt: skip
    """What `rasterization` should give, by the readable twin: images [c, h, w, x], alphas [c, h, w, 1]."""
    images, alphas = zip(*(
        _twin_image(scene, viewmats[i], Ks[i], s, mode, sh_degree, None if backgrounds is None else backgrounds[i])
        for i in range(len(viewmats))
    ), strict=True)  # fmt: skip
    return torch.stack(images), torch.stack(alphas)[..., None]


def _twin_image(scene: dict[str, Tensor], viewmat: Tensor, k: Tensor, s: Settings, mode: str,
                sh_degree: int | None, background: Tensor | None) -> tuple[Any, Any]:  # fmt: skip
    geometry = [scene[name] for name in ("means", "quats", "scales", "opacities")]
    means2d, conics, depths, opacities, radii = reference.project(*geometry, viewmat, k, s)
    colors = scene["colors"]
    if sh_degree is not None:
        colors = reference.evaluate_sh(scene["means"] - torch.linalg.inv(viewmat)[:3, 3], colors, sh_degree)
    background = colors.new_zeros(colors.shape[-1]) if background is None else background
    if mode != "RGB":
        zero, depth = background.new_zeros(1), depths[:, None]
        colors = torch.cat([colors, depth], 1) if "RGB" in mode else depth
        background = torch.cat([background, zero]) if "RGB" in mode else zero
    image, alpha = reference.composite(means2d, conics, depths, opacities, radii, colors, background, s)
    if mode.endswith("ED"):
        image = torch.cat([image[..., :-1], image[..., -1:] / alpha[..., None].clamp_min(1e-10)], -1)
    return image, alpha


SIZE = 33
"""Odd, so that the optical axis meets the centre of a pixel and tiles hang over the edge."""


CENTRE = SIZE // 2


def on_axis(depths: list[float], opacities: list[float], scale: float = 0.1) -> dict[str, Tensor]:
    """Round splats on the optical axis with colours 1, 10, 100, ..."""
    n = len(depths)
    means = torch.zeros(n, 3, dtype=torch.float64)
    means[:, 2] = torch.tensor(depths)
    quats = torch.tensor([[1.0, 0, 0, 0]], dtype=torch.float64).repeat(n, 1)
    colors = (10.0 ** torch.arange(n, dtype=torch.float64))[:, None].repeat(1, 3)
    return {"means": means, "quats": quats, "scales": torch.full((n, 3), scale, dtype=torch.float64),
            "opacities": torch.tensor(opacities, dtype=torch.float64), "colors": colors}  # fmt: skip


def draw(scene: dict[str, Tensor], **options: Any) -> tuple[Tensor, Tensor, dict[str, Any]]:
    """One picture by the camera on the axis."""
    return rasterization(
        **scene, **dict(zip(("viewmats", "Ks"), camera(SIZE, SIZE), strict=True)), width=SIZE, height=SIZE, **options
    )


def spread(depth: float, scale: float = 0.1) -> float:
    """Variance in square pixels of an on-axis round splat."""
    return (40.0 * scale / depth) ** 2 + 0.3
