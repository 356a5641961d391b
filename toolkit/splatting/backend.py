"""The CPU side of `rasterize`: packing, depth channels and what `meta` holds, around the differentiable kernels."""

import math
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from facecraft4d.toolkit.splatting import cpu, kernels, projection
from facecraft4d.toolkit.splatting.autograd import Blend, Gather, Project, Rows, Shade
from facecraft4d.toolkit.splatting.compiling import is_kept
from facecraft4d.toolkit.splatting.settings import TILE, Settings


class Scene(NamedTuple):
    """The tensors of one call, named and shaped as in `rasterization`."""

    means: Tensor
    quats: Tensor
    scales: Tensor
    opacities: Tensor
    colors: Tensor
    viewmats: Tensor
    Ks: Tensor
    backgrounds: Tensor | None
    sh_degree: int | None

    def tensors(self) -> dict[str, Tensor]:
        """All tensors by their argument's name."""
        return {name: value for name, value in self._asdict().items() if isinstance(value, Tensor)}


class RasterOptions(NamedTuple):
    """What to return and how."""

    render_mode: str = "RGB"
    packed: bool = True
    absgrad: bool = False


def is_compiled() -> bool:
    """Whether `render` and its gradients start at once."""
    return cpu.is_compiled() and is_kept(projection.project_backward, kernels.blend_backward)


def render(scene: Scene, settings: Settings, options: RasterOptions) -> tuple[Tensor, Tensor, dict[str, Any]]:
    """Colours [..., C, H, W, X], alphas [..., C, H, W, 1] and meta, as `rasterize.rasterization`."""
    lead, n, c = scene.means.shape[:-2], scene.means.shape[-2], scene.viewmats.shape[-3]
    batches = math.prod(lead)
    flat = [t.reshape(batches, *t.shape[len(lead) :]) for t in scene[:4]]
    viewmats = scene.viewmats.reshape(batches * c, 4, 4)
    intrinsics = scene.Ks.detach().reshape(batches * c, 3, 3).double().numpy()
    rows = Rows(settings, np.ascontiguousarray(viewmats.detach().double().numpy()), intrinsics, c, options.packed)
    projected = list(Project.apply(*flat, viewmats, rows))
    if not options.packed:
        projected = [t.reshape(*lead, c, n, *t.shape[1:]) for t in projected]
    means2d, conics, depths, opacities = projected
    colors, backgrounds = _channels(scene, flat[0], viewmats, depths, rows, options.render_mode)
    images, alphas = Blend.apply(means2d, conics, opacities, depths, colors, backgrounds, rows, options.absgrad)
    images = images.reshape(*lead, c, *images.shape[1:])
    alphas = alphas.reshape(*lead, c, *alphas.shape[1:], 1)
    if options.render_mode.endswith("ED"):
        images = torch.cat([images[..., :-1], images[..., -1:] / alphas.clamp_min(1e-10)], -1)
    meta = {"means2d": means2d, "conics": conics, "depths": depths, "opacities": opacities}
    return images, alphas, meta | _facts(rows, settings, lead, n)


def _channels(
    scene: Scene, means: Tensor, viewmats: Tensor, depths: Tensor, rows: Rows, mode: str
) -> tuple[Tensor, Tensor]:
    """What is blended, by row [rows, d], and what is behind it [images, d]: colours, depth or both."""
    depth = depths.reshape(-1, 1)
    if mode in ("D", "ED"):
        return depth, depth.new_zeros(len(viewmats), 1)
    per_splat = scene.colors.dim() - scene.means.dim() == (0 if scene.sh_degree is None else 1)
    images = len(means) if per_splat else len(viewmats)
    channels = scene.colors.reshape(
        images, means.shape[1], *scene.colors.shape[scene.means.dim() - 1 + (not per_splat) :]
    )
    if scene.sh_degree is None:
        colors = Gather.apply(channels, rows)
    else:
        positions = torch.linalg.inv(viewmats)[:, :3, 3]
        colors = Shade.apply(means, channels, positions, scene.sh_degree, rows)
    behind = scene.backgrounds
    backgrounds = (
        depth.new_zeros(len(viewmats), colors.shape[-1]) if behind is None else behind.reshape(len(viewmats), -1)
    )
    if mode == "RGB":
        return colors, backgrounds
    return torch.cat([colors, depth], -1), torch.cat([backgrounds, depth.new_zeros(len(viewmats), 1)], -1)


def _facts(rows: Rows, s: Settings, lead: tuple[int, ...], n: int) -> dict[str, Any]:
    """The part of `meta` that has no gradient."""
    sizes, radii = [len(ids) for ids in rows.ids], torch.from_numpy(np.concatenate(rows.radii))
    facts: dict[str, Any] = {"batch_ids": None, "camera_ids": None, "gaussian_ids": None}
    if rows.packed:
        images = np.arange(len(sizes))
        facts = {"batch_ids": images // rows.cameras, "camera_ids": images % rows.cameras}
        facts = {name: torch.from_numpy(np.repeat(ids, sizes)) for name, ids in facts.items()}
        facts["gaussian_ids"] = torch.from_numpy(np.concatenate(rows.ids))
    else:
        radii = radii.reshape(*lead, rows.cameras, n, 2)
    facts |= {"radii": radii, "width": s.width, "height": s.height, "tile_size": TILE}
    facts |= {"tile_width": -(-s.width // TILE), "tile_height": -(-s.height // TILE)}
    return facts | {"n_batches": math.prod(lead), "n_cameras": rows.cameras}
