"""The oracle: projection and compositing written as plainly as torch allows, differentiable, any precision. Slow; for tests."""

import torch
from torch import Tensor

from facecraft4d.toolkit.splatting.settings import Settings

SH_BASIS = (0.28209479177387814, 0.4886025119029199, 1.0925484305920792, 0.9461746957575601, 0.31539156525252005,
            0.5462742152960396, 0.5900435899266435, 2.890611442640554, 2.2852289973223288, 0.4570457994644658,
            1.865881662950577, 1.119528997770346, 1.445305721320277)  # fmt: skip


def rotations(quats: Tensor) -> Tensor:
    """Rotation matrices [n, 3, 3] from quaternions wxyz [n, 4] of any length."""
    unit = torch.nn.functional.normalize(quats, dim=-1)
    axes = torch.eye(3, dtype=quats.dtype).expand(len(quats), 3, 3)
    cross: Tensor = torch.linalg.cross(unit[:, None, 1:].expand_as(axes), axes).mT  # cross @ u = vector part x u
    return axes + 2 * unit[:, :1, None] * cross + 2 * cross @ cross


def evaluate_sh(directions: Tensor, coefficients: Tensor, degree: int) -> Tensor:
    """Colours [n, 3] = max(0, 0.5 + sum of harmonics) for directions [n, 3] of any length and coefficients [n, k, 3]."""
    x, y, z = torch.nn.functional.normalize(directions, dim=-1).unbind(-1)
    b, xx, yy, zz = SH_BASIS, x * x, y * y, z * z
    basis = [b[0] + 0 * x, -b[1] * y, b[1] * z, -b[1] * x]
    basis += [b[2] * x * y, -b[2] * y * z, b[3] * zz - b[4], -b[2] * x * z, b[5] * (xx - yy)]
    basis += [-b[6] * y * (3 * xx - yy), b[7] * x * y * z, y * (b[9] - b[8] * zz), z * (b[10] * zz - b[11])]
    basis += [x * (b[9] - b[8] * zz), b[12] * z * (xx - yy), -b[6] * x * (xx - 3 * yy)]
    count = (degree + 1) ** 2
    return (torch.stack(basis[:count], -1)[..., None] * coefficients[:, :count]).sum(1).add(0.5).clamp_min(0)


def project(means: Tensor, quats: Tensor, scales: Tensor, opacities: Tensor, viewmat: Tensor, intrinsics: Tensor,
            s: Settings) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:  # fmt: skip
    """means2d [n, 2], conics [n, 3], depths [n], effective opacities [n], radii [n, 2] (0 = not drawn) for one camera."""
    fx, fy, cx, cy = intrinsics[0, 0], intrinsics[1, 1], intrinsics[0, 2], intrinsics[1, 2]
    x, y, z = (means @ viewmat[:3, :3].T + viewmat[:3, 3]).unbind(-1)
    zero, one = 0 * z, 0 * z + 1
    limit_x, limit_y = s.sigma_clamp * 0.5 * s.width / fx, s.sigma_clamp * 0.5 * s.height / fy
    tx = (x / z).clamp(-(cx / fx + limit_x), (s.width - cx) / fx + limit_x) / z
    ty = (y / z).clamp(-(cy / fy + limit_y), (s.height - cy) / fy + limit_y) / z
    j = [one, zero, zero, zero, one, zero] if s.ortho else [1 / z, zero, -tx, zero, 1 / z, -ty]
    jacobian = torch.stack(j, -1).reshape(-1, 2, 3) * torch.stack([fx, fy])[:, None]
    half = jacobian @ viewmat[:3, :3] @ rotations(quats) * scales[:, None]
    a, b, d = half[:, 0].square().sum(-1), (half[:, 0] * half[:, 1]).sum(-1), half[:, 1].square().sum(-1)
    before, a, d = a * d - b * b, a + s.eps2d, d + s.eps2d
    det = a * d - b * b
    if s.antialiased:
        opacities = opacities * (before / det).clamp_min(0).sqrt()
    means2d = torch.stack([fx * x * j[0] + cx, fy * y * j[0] + cy], -1)
    extent = (2 * (opacities / s.alpha_cutoff).clamp_min(1).log()).sqrt().clamp_max(s.extent_max)
    radii = (extent[:, None] * torch.stack([a, d], -1).sqrt()).ceil().detach()
    drawn = (z >= s.near_plane) & (z <= s.far_plane) & (det > 0) & (opacities >= s.alpha_cutoff)
    drawn &= (radii > s.radius_clip).any(-1) & (means2d + radii > 0).all(-1)
    drawn &= (means2d[:, 0] - radii[:, 0] < s.width) & (means2d[:, 1] - radii[:, 1] < s.height)
    return means2d, torch.stack([d / det, -b / det, a / det], -1), z, opacities, radii * drawn[:, None]


def composite(means2d: Tensor, conics: Tensor, depths: Tensor, opacities: Tensor, radii: Tensor, colors: Tensor,
              background: Tensor, s: Settings) -> tuple[Tensor, Tensor]:  # fmt: skip
    """Blend splats front to back: image [h, w, d] over `background` [d], alpha [h, w]."""
    keep = torch.nonzero((radii > 0).all(-1))[:, 0]
    order = keep[torch.argsort(depths.detach()[keep], stable=True)]
    grid = torch.meshgrid(torch.arange(s.height), torch.arange(s.width), indexing="ij")
    pixels = torch.stack(grid[::-1], -1).reshape(-1, 1, 2).to(means2d.dtype) + 0.5
    dx, dy = (pixels - means2d[order]).unbind(-1)
    a, b, c = conics[order].unbind(-1)
    sigma = 0.5 * (a * dx * dx + c * dy * dy) + b * dx * dy
    alpha = (opacities[order] * torch.exp(-sigma)).clamp_max(s.alpha_max)
    alpha = torch.where((sigma >= 0) & (alpha >= s.alpha_cutoff), alpha, 0.0)
    unstopped = torch.cumprod(1 - alpha.detach(), 1) > s.transmittance_stop
    alpha = torch.where(unstopped, alpha, 0.0)
    after = torch.cumprod(torch.cat([alpha.new_ones(len(alpha), 1), 1 - alpha], 1), 1)
    image = (alpha * after[:, :-1]) @ colors[order] + after[:, -1:] * background
    return image.reshape(s.height, s.width, -1), (1 - after[:, -1]).reshape(s.height, s.width)
