"""How near an avatar comes to pictures whose poses and cameras are known."""

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Bool, Float32
from scipy import ndimage

from facecraft4d.toolkit.asset import Avatar
from facecraft4d.toolkit.datatypes import Pose, View
from facecraft4d.toolkit.evaluation.drawing import draw
from facecraft4d.toolkit.evaluation.identity import embedding
from facecraft4d.toolkit.geometry import LUMA
from facecraft4d.toolkit.losses import Trunk, lpips, psnr, ssim

BORDER_PIXELS = 3
"""Sharpness is measured this far inside the silhouette, whose edge would outweigh everything within."""


def measure(avatar: Avatar, pictures: Sequence[tuple[Pose, View]]) -> dict[str, float]:
    """Means over `pictures` of psnr_db, ssim, lpips_vgg, identity and sharpness.

    Identity is the cosine of SFace embeddings of the drawn and the true picture, over the pictures in whose truth YuNet finds a face; it
    counts as 0 where it finds none in the drawing. NaN where no picture shows a face.
    """
    rows = [compare(draw(avatar, pose, view.camera).image, view) for pose, view in pictures]
    return {name: float(np.nanmean([row[name] for row in rows])) for name in rows[0]}


def compare(image: Float32[np.ndarray, "h w 3"], truth: View) -> dict[str, float]:
    """The five measures of one picture; identity is NaN where the truth shows no face."""
    first, second = (torch.from_numpy(np.ascontiguousarray(p.transpose(2, 0, 1)[None])) for p in (image, truth.image))
    true_face = embedding(truth.image)
    face = None if true_face is None else embedding(image)
    with torch.no_grad():
        return {
            "psnr_db": float(psnr(first, second)),
            "ssim": float(ssim(first, second)),
            "lpips_vgg": float(lpips(Trunk.VGG16)(first, second)),
            "identity": float("nan") if true_face is None else 0.0 if face is None else float(true_face @ face),
            "sharpness": sharpness(image, truth.image, truth.mask > 0.5),
        }


def sharpness(
    image: Float32[np.ndarray, "h w 3"], truth: Float32[np.ndarray, "h w 3"], mask: Bool[np.ndarray, "h w"]
) -> float:
    """Energy of the image's gradients inside the mask over that of the truth's: 1 is as sharp as the truth, less is blurred."""
    inside = ndimage.binary_erosion(mask, iterations=BORDER_PIXELS)
    slopes = [[np.gradient(each @ LUMA, axis=axis) for axis in (0, 1)] for each in (image, truth)]
    energies = [(across[inside] ** 2).sum() + (down[inside] ** 2).sum() for down, across in slopes]
    return float(energies[0] / max(energies[1], 1e-12))
