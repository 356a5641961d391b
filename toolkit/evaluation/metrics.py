"""The table of metrics: what each is called, how it is measured, and what a build should reach."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from facecraft4d.toolkit.evaluation.alarms import ALARMS

SIZE = 512
"""Side in pixels of the pictures that are compared."""


@dataclass(frozen=True, slots=True)
class Metric:
    """A row of the table."""

    label: str
    unit: str
    how: str
    """Network and version where one measures."""
    draft: float | None = None
    """Target of the preset draft; None where there is none."""
    standard: float | None = None
    """Target of the presets standard and paper."""
    more_is_better: bool = True
    weights: tuple[str, ...] = ()
    """Names of the pretrained files that it is measured with."""

    @property
    def heading(self) -> str:
        """Label and unit."""
        return f"{self.label} {self.unit}".strip()

    def target(self, preset: str) -> float | None:
        """The target under a preset."""
        return self.draft if preset == "draft" else self.standard

    def meets(self, value: float, target: float) -> bool:
        """Whether a value reaches the target."""
        return value >= target if self.more_is_better else value <= target


FACE_NETWORKS = ("yunet", "sface")
_SFACE = "cosine of SFace 2021dec embeddings (OpenCV Zoo), faces aligned by YuNet 2023mar; 0 if no face is found in the render"
_EXPRESSIONS = "front view at 512 pixels, each of the expressions at weight 1 against the neutral face"

MEASURES: dict[str, Metric] = {
    "psnr_db": Metric("PSNR", "dB", "whole picture, sRGB on white"),
    "ssim": Metric("SSIM", "", "Gaussian window 11, sigma 1.5 (Wang et al. 2004), zero padding, mean over the whole picture"),
    "lpips_vgg": Metric("LPIPS (VGG)", "", "LPIPS 0.1, VGG16 (Zhang et al. 2018), whole picture", more_is_better=False, weights=("lpips_vgg16",)),
    "lpips_alex": Metric("LPIPS (Alex)", "", "LPIPS 0.1, AlexNet (Zhang et al. 2018), whole picture", more_is_better=False, weights=("lpips_alexnet",)),
    "identity": Metric(
        "ID (SFace)", "", "cosine of SFace 2021dec embeddings (OpenCV Zoo), faces aligned by YuNet 2023mar; pictures in whose truth no face "
        "is found do not count, a drawing in which none is found counts as 0", weights=FACE_NETWORKS
    ),
    "identity_arcface": Metric(
        "ID (ArcFace)", "", "cosine of ArcFace embeddings, the user's own checkpoint, faces aligned by YuNet 2023mar; pictures as for ID (SFace)",
        weights=("yunet", "arcface")
    ),
    "sharpness": Metric("sharpness", "", "energy of luminance gradients 3 pixels inside the silhouette over that of the truth's; 1 is as sharp"),
    "detail": Metric("detail", "", "the same gradients projected on the truth's: the share of its detail that is there, in its place"),
}  # fmt: skip
"""What is measured of each picture whose pose and camera are known, in the order of tables."""

_ALIGNED = "five points of the photograph's face (YuNet 2023mar), carried by the head's surface and projected into each picture; beyond 90 degrees none"

PAPER: dict[str, Metric] = {
    "clip_i": Metric("CLIP-I", "", "mean cosine of CLIP image embeddings with the photograph's; the user's own CLIP", weights=("clip",)),
    "id_arcface": Metric(
        "ID (ArcFace)", "", f"mean cosine of ArcFace embeddings with the photograph's, the user's own checkpoint; {_ALIGNED}", weights=("yunet", "arcface")
    ),
    "id_sface": Metric("ID (SFace)", "", f"mean cosine of SFace 2021dec embeddings with the photograph's; {_ALIGNED}", weights=FACE_NETWORKS),
    "fid": Metric(
        "FID", "", "Frechet distance of all pictures from all photographs, Inception v3 of 2015-12-05 as pytorch-fid has it, the user's own file",
        more_is_better=False, weights=("inception_fid",)
    ),
    "fd_inc768": Metric(
        "FD-Inc768", "", "Frechet distance of all pictures from all photographs, 768 numbers of Keras' Inception v3 in 8 bits (nsfwjs); not FID",
        more_is_better=False, weights=("inception_nsfwjs",)
    ),
}  # fmt: skip
"""The paper's measures (section 4), and what stands in for them under names of its own, in the order of tables."""

METRICS: dict[str, Metric] = {
    "front_psnr_db": Metric("Front PSNR", "dB", "inside the head mask, 512 pixels, against the aligned photograph", 25.0, 28.0),
    "front_ssim": Metric("Front SSIM", "", "Gaussian window 11, sigma 1.5 (Wang et al. 2004), outside of the mask white in both"),
    "front_lpips_vgg": Metric(
        "Front LPIPS", "", "LPIPS 0.1, VGG16 (Zhang et al. 2018), outside of the mask white in both", 0.22, 0.14, False, ("lpips_vgg16",)
    ),
    "identity_front": Metric("Identity, front", "", _SFACE, 0.80, 0.88, weights=FACE_NETWORKS),
    "identity_left": Metric("Identity, yaw +30", "", _SFACE, 0.55, 0.55, weights=FACE_NETWORKS),
    "identity_right": Metric("Identity, yaw -30", "", _SFACE, 0.55, 0.55, weights=FACE_NETWORKS),
    "silhouette_iou_min": Metric("Silhouette IoU, worst view", "", "alpha over 0.5 against the shape prior's mask", 0.95, 0.95),
    "silhouette_iou_mean": Metric("Silhouette IoU, mean", "", "alpha over 0.5 against the shape prior's mask"),
    "hole_share_max": Metric(
        "Holes, worst view", "", "share of the silhouette, eroded by 6 of 512 pixels, whose alpha is under 0.5", 0.0, 0.0, False
    ),
    "floater_share_max": Metric(
        "Floaters, worst view", "", "share of all alpha outside the silhouette dilated by 10 of 512 pixels", 1e-3, 1e-3, False
    ),
    "expression_leak_max": Metric(
        "Expression leak, worst", "/255", f"{_EXPRESSIONS}: mean change outside its own region", 1.0, 1.0, False
    ),
    "expression_still_max": Metric(
        "Hair, ears, neck, worst", "/255", f"{_EXPRESSIONS}: mean change of hair, ears and neck outside its region", 1.0, 1.0, False
    ),
    "expression_move_min": Metric(
        "Expression effect, weakest", "/255", f"{_EXPRESSIONS}: mean change inside its own region; those that the head model lacks do not count", 0.5, 0.5
    ),
    "unseen_mirrored_share": Metric("Surface seen on its other side alone", "", "area that any of the coarse views shows"),
    "unseen_completed_share": Metric("Surface that no photograph tells", "", "area that any of the coarse views shows"),
    "matte_unsure_share": Metric("Matte undecided", "", "share of the head whose alpha in the photograph is between 0.1 and 0.9"),
} | {
    f"alarm_{name}{suffix}": Metric(
        f"Alarm{of}: {alarm.label}", "", f"{alarm.how}; worst view", alarm.threshold, alarm.threshold, False
    )
    for suffix, of in (("", ""), ("_coarse", ", coarse head"))
    for name, alarm in ALARMS.items()
}  # fmt: skip
"""In the order of the report."""


def networks(table: Mapping[str, Metric]) -> tuple[str, ...]:
    """Names of all pretrained files that a table is measured with."""
    return tuple(dict.fromkeys(name for metric in table.values() for name in metric.weights))


def measurable(table: Mapping[str, Metric], absent: Collection[str]) -> frozenset[str]:
    """The metrics that do without the `absent` files."""
    return frozenset(name for name, metric in table.items() if not set(metric.weights) & set(absent))


def absence_notes(table: Mapping[str, Metric], absent: Collection[str]) -> tuple[str, ...]:
    """What is not measured for want of each file."""
    lost = {name: [each.label for each in table.values() if name in each.weights] for name in absent}
    return tuple(
        f"not measured without the weights {name}: {'; '.join(labels)}" for name, labels in lost.items() if labels
    )
