"""Whether the avatar fills the shape prior's silhouette, and nothing else, from all round."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float32
from scipy import ndimage

from facecraft4d.toolkit.core.datatypes import ViewSet
from facecraft4d.toolkit.evaluation.drawing import Render
from facecraft4d.toolkit.images import overlap

ERODED, DILATED = 6 / 512, 10 / 512
"""Borders of the silhouette in which neither holes nor floaters count, as parts of the picture's side. The picture's own border is one:
what lies beyond was never seen, so a bust that runs out of the picture ends softly there."""


def measure(renders: Sequence[Render], coarse: ViewSet) -> dict[str, float]:
    """Worst and mean intersection over union, worst share of holes, worst share of floaters over all coarse views, as the avatar is drawn in them."""
    rows = np.array([compare(each.alpha, view.mask) for each, view in zip(renders, coarse.views, strict=True)])
    iou, holes, floaters = rows.T
    return {
        "silhouette_iou_min": float(iou.min()),
        "silhouette_iou_mean": float(iou.mean()),
        "hole_share_max": float(holes.max()),
        "floater_share_max": float(floaters.max()),
    }


def compare(alpha: Float32[np.ndarray, "h w"], mask: Float32[np.ndarray, "h w"]) -> tuple[float, float, float]:
    """IoU, share of holes inside and share of alpha outside a silhouette."""
    side = max(mask.shape)
    drawn, wanted = alpha > 0.5, mask > 0.5
    inside = ndimage.distance_transform_edt(np.pad(wanted, 1))[1:-1, 1:-1] > ERODED * side
    outside = ndimage.distance_transform_edt(~wanted) > DILATED * side if wanted.any() else np.ones_like(wanted)
    holes = float((inside & ~drawn).sum() / max(inside.sum(), 1))
    return overlap(drawn, wanted), holes, float(alpha[outside].sum() / max(alpha.sum(), 1e-9))
