"""Fidelity of the front view to the photograph."""

from collections.abc import Callable, Collection

import numpy as np
import torch
from jaxtyping import Float32

from facecraft4d.toolkit.core.asset import Avatar
from facecraft4d.toolkit.core.datatypes import Head, Portrait, ViewSet
from facecraft4d.toolkit.core.geometry import resized_camera
from facecraft4d.toolkit.evaluation.drawing import draw
from facecraft4d.toolkit.evaluation.metrics import METRICS, SIZE
from facecraft4d.toolkit.images import resized
from facecraft4d.toolkit.losses import Trunk, lpips, psnr, ssim


def measure(
    avatar: Avatar, portrait: Portrait, head: Head, coarse: ViewSet, wanted: Collection[str] = METRICS
) -> dict[str, float]:
    """Those `wanted` of PSNR inside the head mask; SSIM and LPIPS with everything outside of it white."""
    picture = draw(avatar, head.pose, resized_camera(coarse.views[0].camera, SIZE, SIZE))
    photo = resized(portrait.image, SIZE)
    return compare(picture.image, photo, head_mask(portrait, coarse), wanted)


def head_mask(portrait: Portrait, coarse: ViewSet) -> Float32[np.ndarray, "s s"]:
    """Where photograph and shape prior both see the head: the matte without shoulders and clothes that the head does not model."""
    matte, silhouette = resized(portrait.alpha, SIZE), resized(coarse.views[0].mask, SIZE)
    return ((matte > 0.5) & (silhouette > 0.5)).astype(np.float32)


def compare(
    image: Float32[np.ndarray, "s s 3"],
    photo: Float32[np.ndarray, "s s 3"],
    mask: Float32[np.ndarray, "s s"],
    wanted: Collection[str] = METRICS,
) -> dict[str, float]:
    """Those `wanted` of the three distances of two pictures inside a mask."""
    inside = mask[..., None]
    first, second = (_tensor(1 + inside * (each - 1)) for each in (image, photo))
    distances: dict[str, Callable[[], torch.Tensor]] = {
        "front_psnr_db": lambda: psnr(first, second, _tensor(inside)),
        "front_ssim": lambda: ssim(first, second),
        "front_lpips_vgg": lambda: lpips(Trunk.VGG16)(first, second),
    }
    with torch.no_grad():
        return {name: float(distance()) for name, distance in distances.items() if name in wanted}


def _tensor(image: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1)[None], np.float32))
