"""The CPU side of `rasterize`: cameras in turn, packing, depth channels, what `meta` holds."""

import math
from typing import Any, NamedTuple

import torch
from torch import Tensor

from facecraft4d.toolkit.splatting import reference
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


class Options(NamedTuple):
    """What to return and how."""

    render_mode: str = "RGB"
    packed: bool = True
    absgrad: bool = False


def render(scene: Scene, settings: Settings, options: Options) -> tuple[Tensor, Tensor, dict[str, Any]]:
    """Colours [..., C, H, W, X], alphas [..., C, H, W, 1] and meta."""
    s = settings
    lead, n, c = scene.means.shape[:-2], scene.means.shape[-2], scene.viewmats.shape[-3]
    b = math.prod(lead)
    flat = [t.reshape(b, *t.shape[len(lead) :]) for t in scene[:4]]
    views, ks = scene.viewmats.reshape(b, c, 4, 4), scene.Ks.reshape(b, c, 3, 3)
    colors = scene.colors.reshape(b, *scene.colors.shape[len(lead) :])
    per_camera = scene.colors.dim() - len(lead) == (3 if scene.sh_degree is None else 4)
    proj = []
    for i in range(b):
        for j in range(c):
            proj.append(reference.project(*[t[i] for t in flat], views[i, j], ks[i, j], s))
    means2d, conics, depths, opac, radii = [torch.stack(t) for t in zip(*proj)]
    means2d = means2d.reshape(*lead, c, n, 2)
    cols = []
    for i in range(b):
        for j in range(c):
            cc = colors[i, j] if per_camera else colors[i]
            if scene.sh_degree is not None:
                campos = -views[i, j, :3, :3].T @ views[i, j, :3, 3]
                cc = reference.evaluate_sh(flat[0][i] - campos, cc, scene.sh_degree)
            cols.append(cc)
    images, alphas = [], []
    for k in range(b * c):
        cc = cols[k]
        bg = torch.zeros_like(cc[0]) if scene.backgrounds is None else scene.backgrounds.reshape(b * c, -1)[k]
        if options.render_mode.startswith("RGB+"):
            cc, bg = torch.cat([cc, depths[k][:, None]], -1), torch.cat([bg, bg.new_zeros(1)])
        elif options.render_mode != "RGB":
            cc, bg = depths[k][:, None], bg.new_zeros(1)
        image, alpha = reference.composite(means2d.reshape(b * c, n, 2)[k], conics[k], depths[k], opac[k], radii[k], cc, bg, s)
        if options.render_mode.endswith("ED"):
            image = torch.cat([image[..., :-1], image[..., -1:] / alpha[..., None].clamp_min(1e-10)], -1)
        images.append(image)
        alphas.append(alpha)
    meta: dict[str, Any] = dict(means2d=means2d, radii=radii.int().reshape(*lead, c, n, 2), depths=depths, conics=conics, opacities=opac,
                width=s.width, height=s.height, n_cameras=c, n_batches=b, tile_size=TILE, gaussian_ids=None, camera_ids=None, batch_ids=None)
    h, w = s.height, s.width
    return torch.stack(images).reshape(*lead, c, h, w, -1), torch.stack(alphas).reshape(*lead, c, h, w, 1), meta
