"""Pivotal tuning of the texture: with shape and camera fixed, the texels are fine-tuned until the render equals the photograph."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Float32, Int64
from torch import Tensor
from torch.nn import functional

from facecraft4d.toolkit.core.datatypes import Mesh
from facecraft4d.toolkit.core.geometry import camera_center, normalized, vertex_normals
from facecraft4d.toolkit.losses import Trunk, lpips
from facecraft4d.toolkit.meshes.raster import interpolate, rasterize
from facecraft4d.toolkit.repeatable import repeatable
from facecraft4d.toolkit.shape_prior.parametric.paint.texels import ReferenceView

_RATE, _LPIPS_WEIGHT = 5e-3, 0.1
"""Adam's rate in sRGB, and the weight of LPIPS beside the mean squared difference."""
_PERCEIVED_SIZE = 128
"""Side in pixels of the pictures that LPIPS compares."""
_LEAST_FACING, _LEAST_RIM = 0.7, 3.0
"""Texels seen more obliquely (cosine) or nearer to the matte's border (pixels) keep what completion gave them."""


@dataclass(frozen=True, slots=True, eq=False)
class _Seen:
    """The pixels that may change texels, each a blend of four of them."""

    rows: Tensor
    columns: Tensor
    owners: Tensor
    """Position [n, 4] in `texels` of the four texels around each pixel's texture coordinate."""
    shares: Float[Tensor, "n 4"]
    texels: np.ndarray
    """Flat indices of the texels that some pixel blends."""
    target: Float[Tensor, "n 3"]
    picture: Float[Tensor, "h w 3"]


@repeatable()
def tune_texture(
    posed: Mesh, photo: ReferenceView, iterations: int
) -> tuple[Float32[np.ndarray, "s s 3"], dict[str, float]]:
    """Adam on the well seen texels with L2 and LPIPS against the photograph. Returns the texture and the last losses."""
    seen = _seen(posed, photo)
    size = posed.texture.shape[0]
    values = torch.as_tensor(posed.texture.reshape(-1, 3)[seen.texels]).clone().requires_grad_(True)
    network = lpips(Trunk.ALEXNET)
    wanted = network.features(_small(seen.picture))
    optimizer = torch.optim.Adam([values], lr=_RATE)
    losses: dict[str, float] = {}
    for _ in range(iterations if len(seen.texels) else 0):
        optimizer.zero_grad()
        # Four selections: their gradients add up much faster than those of one gather.
        colors = sum(
            (values.index_select(0, seen.owners[:, k]) * seen.shares[:, k, None] for k in range(4)),
            torch.zeros_like(seen.target),
        )
        square = (colors - seen.target).square().mean()
        picture = seen.picture.index_put((seen.rows, seen.columns), colors)
        perceived = network.distance(network.features(_small(picture)), wanted).mean()
        torch.autograd.backward([square + _LPIPS_WEIGHT * perceived])
        optimizer.step()
        losses = {"l2": square.item(), "lpips": perceived.item()}
    tuned = posed.texture.reshape(-1, 3).copy()
    tuned[seen.texels] = values.detach().clamp(0, 1).numpy()
    return tuned.reshape(size, size, 3), losses


def _seen(posed: Mesh, photo: ReferenceView) -> _Seen:
    fragments = rasterize(photo.camera, posed.vertices, posed.triangles)
    normals = interpolate(fragments, vertex_normals(posed.vertices, posed.triangles)[posed.triangles])
    points = interpolate(fragments, posed.vertices[posed.triangles])
    view = normalized(camera_center(photo.camera) - points.astype(np.float64))
    mask = fragments.covered & ((normalized(normals) * view).sum(-1) > _LEAST_FACING) & (photo.rim > _LEAST_RIM)
    rows, columns = np.nonzero(mask)
    corners, shares = _bilinear(interpolate(fragments, posed.corner_uvs)[mask], posed.texture.shape[0])
    texels, owners = np.unique(corners, return_inverse=True)
    return _Seen(
        rows=torch.as_tensor(rows),
        columns=torch.as_tensor(columns),
        owners=torch.as_tensor(owners.reshape(corners.shape)),
        shares=torch.as_tensor(shares),
        texels=texels,
        target=torch.as_tensor(photo.image[mask]),
        picture=torch.as_tensor(photo.image),
    )


def _bilinear(uv: Float32[np.ndarray, "n 2"], size: int) -> tuple[Int64[np.ndarray, "n 4"], Float32[np.ndarray, "n 4"]]:
    """The four texels of a bilinear sample as flat indices, and their shares."""
    at = np.clip(uv.astype(np.float64) * size - 0.5, 0, size - 1.001)
    low = np.floor(at).astype(np.int64)
    s, t = (at - low).T
    flat = low[:, 1] * size + low[:, 0]
    corners = np.stack([flat, flat + 1, flat + size, flat + size + 1], -1)
    return corners, np.stack([(1 - s) * (1 - t), s * (1 - t), (1 - s) * t, s * t], -1).astype(np.float32)


def _small(picture: Float[Tensor, "h w 3"]) -> Float[Tensor, "1 3 s s"]:
    return functional.avg_pool2d(picture.permute(2, 0, 1)[None], max(1, picture.shape[0] // _PERCEIVED_SIZE))
