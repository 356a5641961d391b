"""Differentiable Gaussian splatting behind gsplat's own call: gsplat on CUDA, compiled CPU kernels elsewhere."""

import functools
import inspect
from collections.abc import Callable, Mapping
from enum import Enum
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from facecraft4d.toolkit.core.checks import check_finite, check_known, check_shape
from facecraft4d.toolkit.splatting import backend
from facecraft4d.toolkit.splatting.settings import TILE, Settings

RENDER_MODES = ("RGB", "D", "ED", "RGB+D", "RGB+ED")


class RollingShutterType(Enum):
    """gsplat's names for the shutter; the CPU draws with a global one."""

    ROLLING_TOP_TO_BOTTOM = 0
    ROLLING_LEFT_TO_RIGHT = 1
    ROLLING_BOTTOM_TO_TOP = 2
    ROLLING_RIGHT_TO_LEFT = 3
    GLOBAL = 4


def rasterization(
    means: Tensor,
    quats: Tensor,
    scales: Tensor,
    opacities: Tensor,
    colors: Tensor,
    viewmats: Tensor,
    Ks: Tensor,
    width: int,
    height: int,
    near_plane: float = 0.01,
    far_plane: float = 1e10,
    radius_clip: float = 0.0,
    eps2d: float = 0.3,
    sh_degree: int | None = None,
    packed: bool = True,
    tile_size: int = 16,
    backgrounds: Tensor | None = None,
    render_mode: Literal["RGB", "D", "ED", "RGB+D", "RGB+ED"] = "RGB",
    sparse_grad: bool = False,
    absgrad: bool = False,
    rasterize_mode: Literal["classic", "antialiased"] = "classic",
    channel_chunk: int = 32,
    distributed: bool = False,
    camera_model: Literal["pinhole", "ortho", "fisheye", "ftheta"] = "pinhole",
    segmented: bool = False,
    covars: Tensor | None = None,
    with_ut: bool = False,
    with_eval3d: bool = False,
    radial_coeffs: Tensor | None = None,
    tangential_coeffs: Tensor | None = None,
    thin_prism_coeffs: Tensor | None = None,
    ftheta_coeffs: Any = None,
    rolling_shutter: Any = RollingShutterType.GLOBAL,
    viewmats_rs: Tensor | None = None,
) -> tuple[Tensor, Tensor, dict[str, Any]]:
    """Draw N Gaussians from C cameras; gradients reach everything but `Ks`.

    `means` [..., N, 3] world, `quats` [..., N, 4] wxyz of any length, `scales` [..., N, 3], `opacities` [..., N] in [0, 1],
    `colors` [..., (C,) N, D] or, with `sh_degree`, harmonics [..., (C,) N, K, 3]; `viewmats` [..., C, 4, 4] camera_from_world
    with OpenCV axes, `Ks` [..., C, 3, 3] in pixels, pixel centres at one half; `backgrounds` [..., C, D].
    Returns colours [..., C, height, width, X], alphas [..., C, height, width, 1] and `meta` with what densification needs:
    means2d (its `.grad` after `retain_grad()`, its `.absgrad` when asked for), radii, depths, conics, opacities, and for
    `packed` the batch_ids, camera_ids and gaussian_ids of each row.
    On a CPU, what gsplat can and this cannot raises ValueError with the argument's name.
    Source: gsplat 1.5.3, ``rendering.rasterization``; Kerbl et al. 2023.
    """
    arguments = dict(locals())
    if means.is_cuda:
        return through_gsplat(arguments)
    _refuse_unsupported(arguments)
    settings = Settings(
        width,
        height,
        near_plane,
        far_plane,
        radius_clip,
        eps2d,
        rasterize_mode == "antialiased",
        camera_model == "ortho",
    )
    scene = backend.Scene(means, quats, scales, opacities, colors, viewmats, Ks, backgrounds, sh_degree)
    _check_scene(scene)
    return backend.render(scene, settings, backend.RasterOptions(render_mode, packed, absgrad))


_DEFAULTS = {name: parameter.default for name, parameter in inspect.signature(rasterization).parameters.items()}
"""Of `rasterization`'s arguments; read once, since looking at signatures takes as long as drawing."""


def through_gsplat(arguments: Mapping[str, Any]) -> tuple[Tensor, Tensor, dict[str, Any]]:
    """Hand `rasterization`'s arguments to gsplat; versions differ in their parameters, so those it lacks must stand at their default."""
    import gsplat

    given = {name: value for name, value in arguments.items() if value is not _DEFAULTS[name]}
    for name in given.keys() - _parameters(gsplat.rasterization):
        raise ValueError(f"{name} is not known to the installed gsplat {gsplat.__version__}, got {given[name]!r}")
    backgrounds = given.pop("backgrounds", None)
    image, alpha, meta = gsplat.rasterization(**given)
    if backgrounds is not None and "RGB" in given.get("render_mode", "RGB"):
        image = _over(image, alpha, backgrounds)
    return image, alpha, meta


def _over(image: Tensor, alpha: Tensor, backgrounds: Tensor) -> Tensor:
    """Pictures [..., C, h, w, X] over colours [..., C, D]; depth, channel D of X where there is one, has no background.

    Ours and not gsplat's own, which 1.5.3 refuses for packed rows.
    """
    behind = functional.pad(backgrounds, (0, image.shape[-1] - backgrounds.shape[-1]))
    return image + (1 - alpha) * behind[..., None, None, :]


@functools.cache
def _parameters(function: Callable[..., Any]) -> frozenset[str]:
    return frozenset(inspect.signature(function).parameters)


def _refuse_unsupported(arguments: dict[str, Any]) -> None:
    """Raise for what only gsplat's CUDA kernels do."""
    check_known("render_mode", arguments["render_mode"], RENDER_MODES)
    check_known("rasterize_mode", arguments["rasterize_mode"], ("classic", "antialiased"))
    check_known("camera_model on a CPU", arguments["camera_model"], ("pinhole", "ortho"))
    fixed: dict[str, Any] = {
        "tile_size": TILE,
        "sparse_grad": False,
        "distributed": False,
        "segmented": False,
        "with_ut": False,
    }
    fixed |= {"with_eval3d": False, "covars": None, "radial_coeffs": None, "tangential_coeffs": None}
    fixed |= {"thin_prism_coeffs": None, "ftheta_coeffs": None, "viewmats_rs": None}
    for name, value in fixed.items():
        if arguments[name] is not value and arguments[name] != value:
            raise ValueError(f"{name} must be {value!r} on a CPU, got {arguments[name]!r}")
    if getattr(arguments["rolling_shutter"], "name", None) != "GLOBAL":
        raise ValueError(f"rolling_shutter must be GLOBAL on a CPU, got {arguments['rolling_shutter']!r}")
    for name in ("width", "height", "channel_chunk"):
        if arguments[name] < 1:
            raise ValueError(f"{name} must be at least 1, got {arguments[name]}")


def _check_scene(scene: backend.Scene) -> None:
    """Shapes, precision and device agree; numbers are finite."""
    lead, n, c = scene.means.shape[:-2], scene.means.shape[-2], scene.viewmats.shape[-3]
    check_shape("means", scene.means, (*lead, n, 3))
    check_shape("quats", scene.quats, (*lead, n, 4))
    check_shape("scales", scene.scales, (*lead, n, 3))
    check_shape("opacities", scene.opacities, (*lead, n))
    check_shape("viewmats", scene.viewmats, (*lead, c, 4, 4))
    check_shape("Ks", scene.Ks, (*lead, c, 3, 3))
    _check_colors(scene, (*lead, n), (*lead, c, n))
    for name, tensor in scene.tensors().items():
        if tensor.dtype != scene.means.dtype or tensor.device != scene.means.device:
            raise ValueError(
                f"{name} must be {scene.means.dtype} on {scene.means.device} as means is, got {tensor.dtype} on {tensor.device}"
            )
        values = tensor.detach().numpy()
        if not np.isfinite(values.sum()):
            check_finite(name, values)
    if scene.means.dtype not in (torch.float32, torch.float64):
        raise ValueError(f"means must be float32 or float64, got {scene.means.dtype}")


def _check_colors(scene: backend.Scene, per_splat: tuple[int, ...], per_camera: tuple[int, ...]) -> None:
    """Colours are [..., (C,) N, D] or harmonics [..., (C,) N, K, 3]; the background has as many channels."""
    shape, trailing = tuple(scene.colors.shape), 1 if scene.sh_degree is None else 2
    if shape[:-trailing] not in (per_splat, per_camera):
        raise ValueError(f"colors must be {list(per_splat)} or {list(per_camera)} and channels, got {list(shape)}")
    if scene.sh_degree is not None:
        if scene.sh_degree not in (0, 1, 2, 3):
            raise ValueError(f"sh_degree must be 0, 1, 2 or 3, got {scene.sh_degree}")
        if shape[-1] != 3 or shape[-2] < (scene.sh_degree + 1) ** 2:
            raise ValueError(
                f"colors must hold {(scene.sh_degree + 1) ** 2} harmonics of 3 channels, got {list(shape)}"
            )
    if scene.backgrounds is not None:
        check_shape("backgrounds", scene.backgrounds, (*scene.viewmats.shape[:-2], shape[-1]))
