"""Five scenes of splats and what the readable twin draws of them in float64, with all gradients: the measure for gsplat.

The twin is too slow for whole pictures of this size, so it composites tile by tile; each tile gets the splats that reach it.
Where float32 may fall on the other side of a threshold (the faintest contribution that counts, the end of a pixel), a picture is
"unsure": such pixels send no gradients back, and only their mean counts.
"""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from facecraft4d.toolkit.splatting import reference
from facecraft4d.toolkit.splatting.settings import TILE, Settings

Arrays = dict[str, np.ndarray]

INPUTS = ("means", "quats", "scales", "opacities", "colors")
"""What has a gradient, named as the rasteriser's arguments."""
MARGIN = 2e-3
"""Relative distance from a threshold within which float32 may decide otherwise."""
NEAR, FAR = 0.4, 0.8
"""Camera z of the splats, metres: evenly spaced, so that no two change places in float32."""


@dataclass(frozen=True)
class Case:
    """One scene's shape."""

    name: str
    splats: int
    width: int
    height: int
    channels: int = 6
    sh_degree: int | None = None
    antialiased: bool = False
    cameras: int = 1

    @property
    def settings(self) -> Settings:
        """What the twin is told."""
        return Settings(self.width, self.height, antialiased=self.antialiased)


CASES = (
    Case("training", 2_000, 96, 80),
    Case("antialiased", 2_000, 88, 96, antialiased=True),
    Case("harmonics", 3_000, 128, 112, channels=3, sh_degree=3),
    Case("two cameras", 5_000, 112, 128, cameras=2),
    Case("crowded", 20_000, 192, 192),
)


def inputs(case: Case, seed: int = 0) -> Arrays:
    """The scene as float32 arrays: INPUTS, `viewmats` [c, 4, 4], `Ks` [c, 3, 3], `backgrounds` [c, d]."""
    rng, n = np.random.default_rng((seed, case.splats, case.width)), case.splats
    focal = 1.2 * case.width
    depth = NEAR + (FAR - NEAR) * (rng.permutation(n) + 0.5) / n
    across = rng.uniform(-0.6, 0.6, (n, 2)) * [case.width, case.height] / focal * depth[:, None]
    view = _view(rng.normal(size=4))
    sigma = 1.3 / math.sqrt(n) * depth[:, None] * np.exp(rng.normal(-1, 0.5, (n, 3)))
    arrays = {
        "means": (np.column_stack([across, depth]) - view[:3, 3]) @ view[:3, :3],
        "quats": rng.normal(size=(n, 4)),
        "scales": sigma,
        "opacities": rng.uniform(0.1, 0.95, n),
        "colors": _colors(case, rng),
        "viewmats": np.stack([_rolled(view, index) for index in range(case.cameras)]),
        "Ks": np.tile([[focal, 0, case.width / 2], [0, focal, case.height / 2], [0, 0, 1]], (case.cameras, 1, 1)),
        "backgrounds": rng.random((case.cameras, case.channels)),
    }
    return {name: np.ascontiguousarray(array, np.float32) for name, array in arrays.items()}


def _view(quaternion: np.ndarray) -> np.ndarray:
    """camera_from_world with some rotation."""
    view = np.eye(4)
    view[:3, :3] = reference.rotations(torch.from_numpy(quaternion)[None])[0].numpy()
    view[:3, 3] = 0.05, -0.03, 0.02
    return view


def _rolled(view: np.ndarray, index: int) -> np.ndarray:
    """The camera turned about its own axis by a radian for each index: other pictures, equal depths."""
    roll = np.eye(4)
    roll[:2, :2] = [[math.cos(index), -math.sin(index)], [math.sin(index), math.cos(index)]]
    return roll @ view


def _colors(case: Case, rng: np.random.Generator) -> np.ndarray:
    if case.sh_degree is None:
        return rng.random((case.splats, case.channels))
    coefficients = rng.normal(0, 0.15, (case.splats, (case.sh_degree + 1) ** 2, 3))
    coefficients[:, 0] += rng.uniform(0, 2, (case.splats, 3))
    return coefficients


def cotangents(shape: tuple[int, ...]) -> np.ndarray:
    """Gradients of a number with respect to a picture [c, h, w, d]: waves, so that nobody has to carry them."""
    waves = sum(step * index for step, index in zip((1.3, 0.37, 0.61, 2.1), np.indices(shape), strict=True))
    return np.cos(waves) / math.sqrt(math.prod(shape))


def expected(case: Case, scene: Arrays) -> Arrays:
    """What should come out: `image` [c, h, w, d], `alpha` [c, h, w, 1], `sure` [c, h, w], and `d_NAME` for INPUTS and means2d [c, n, 2].

    Gradients are those of sum(cotangents * image) + sum(cotangents * alpha) over the sure pixels.
    """
    leaves = {name: torch.from_numpy(array).double() for name, array in scene.items()}
    for name in INPUTS:
        leaves[name].requires_grad_()
    cameras = [_by_twin(case, leaves, index) for index in range(case.cameras)]
    found = {name: np.stack([camera[name] for camera in cameras]) for name in cameras[0]}
    return found | {f"d_{name}": leaves[name].grad.numpy() for name in INPUTS}  # type: ignore[union-attr]


def _by_twin(case: Case, leaves: dict[str, Tensor], index: int) -> Arrays:
    """One camera's picture; adds to the gradients of the leaves."""
    view, s = leaves["viewmats"][index], case.settings
    means2d, conics, depths, opacities, radii = reference.project(
        *(leaves[name] for name in INPUTS[:4]), view, leaves["Ks"][index], s
    )
    colors = leaves["colors"]
    if case.sh_degree is not None:
        colors = reference.evaluate_sh(leaves["means"] - torch.linalg.inv(view)[:3, 3], colors, case.sh_degree)
    projected = [means2d, conics, opacities, colors]
    flat = [tensor.detach().requires_grad_() for tensor in projected]
    shape = (case.cameras, case.height, case.width)
    weights = torch.cat([torch.from_numpy(cotangents((*shape, d))[index]) for d in (case.channels, 1)], -1)
    picture = torch.zeros(case.height, case.width, case.channels + 2, dtype=torch.float64)
    for top in range(0, case.height, TILE):
        for left in range(0, case.width, TILE):
            window = slice(top, min(top + TILE, case.height)), slice(left, min(left + TILE, case.width))
            tile = _tile(flat, depths.detach(), radii, leaves["backgrounds"][index], s, window)
            (tile[..., :-1] * weights[window] * tile[..., -1:]).sum().backward()
            picture[window] = tile.detach()
    torch.autograd.backward(projected, [tensor.grad for tensor in flat])
    image, alpha, sure = picture[..., :-2].numpy(), picture[..., -2:-1].numpy(), picture[..., -1].numpy() > 0
    return {"image": image, "alpha": alpha, "sure": sure, "d_means2d": flat[0].grad.numpy()}  # type: ignore[union-attr]


def _tile(flat: list[Tensor], depths: Tensor, radii: Tensor, background: Tensor, s: Settings, window: Any) -> Tensor:
    """Colours, alpha and sureness of the pixels in a window [h, w, d + 2]."""
    low = torch.tensor([window[1].start, window[0].start])
    high = torch.tensor([window[1].stop, window[0].stop])
    centers = flat[0].detach()
    hit = torch.nonzero(((radii > 0) & (centers + radii > low) & (centers - radii < high)).all(-1))[:, 0]
    means2d, conics, opacities, colors = (tensor[hit] for tensor in flat)
    inside = s._replace(width=int(high[0] - low[0]), height=int(high[1] - low[1]))
    geometry = means2d - low, conics, depths[hit], opacities
    image, alpha = reference.composite(*geometry, radii[hit], colors, background, inside)
    sure = _sure(*(tensor.detach() for tensor in geometry), inside)
    return torch.cat([image, alpha[..., None], sure[..., None].double()], -1)


def _sure(means2d: Tensor, conics: Tensor, depths: Tensor, opacities: Tensor, s: Settings) -> Tensor:
    """Pixels [h, w] whose contributions and whose end lie off the thresholds."""
    order = torch.argsort(depths)
    rows, columns = torch.meshgrid(torch.arange(s.height) + 0.5, torch.arange(s.width) + 0.5, indexing="ij")
    dx, dy = columns[..., None] - means2d[order, 0], rows[..., None] - means2d[order, 1]
    a, b, c = conics[order].unbind(-1)
    alpha = opacities[order] * torch.exp(-0.5 * (a * dx * dx + c * dy * dy) - b * dx * dy)
    left = torch.cumprod(1 - torch.where(alpha >= s.alpha_cutoff, alpha, 0), -1)
    faint = ((alpha / s.alpha_cutoff - 1).abs() < MARGIN) & (left > s.transmittance_stop / 10)
    return ~(faint | ((left / s.transmittance_stop - 1).abs() < MARGIN)).any(-1)


def write(folder: Path, cases: tuple[Case, ...] = CASES) -> None:
    """One file for each case: the scene and what should come out, computed in float64, kept as float32."""
    folder.mkdir(parents=True, exist_ok=True)
    for case in cases:
        scene = inputs(case)
        results = {name: _narrow(array) for name, array in expected(case, scene).items()}
        np.savez_compressed(folder / _file_name(case), **scene, **{f"expected_{k}": v for k, v in results.items()})


def read(folder: Path, case: Case) -> tuple[Arrays, Arrays]:
    """The scene and what should come out."""
    with np.load(folder / _file_name(case), allow_pickle=False) as archive:
        arrays = dict(archive)
    results = {name.removeprefix("expected_"): a for name, a in arrays.items() if name.startswith("expected_")}
    return {name: a for name, a in arrays.items() if not name.startswith("expected_")}, results


def _narrow(array: np.ndarray) -> np.ndarray:
    return array.astype(np.float32) if array.dtype == np.float64 else array


def _file_name(case: Case) -> str:
    return f"{case.name.replace(' ', '_')}.npz"
