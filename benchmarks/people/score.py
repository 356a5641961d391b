"""How near a head comes to pictures of a person with known truth: drawn where the truth's eyes are, moved and sized to fit, the head alone compared."""

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch

from facecraft4d.toolkit.core.datatypes import Camera, Pose, Rig
from facecraft4d.toolkit.core.rigging import pose_from_weights
from facecraft4d.toolkit.evaluation.identity import embedding
from facecraft4d.toolkit.losses import Trunk, lpips

Drawing = Callable[[Pose, Camera], tuple[np.ndarray, np.ndarray]]
"""Draws a head: sRGB on white and alpha."""
COARSE_SIDE = 128
"""Pixels of the silhouettes in which the fit is looked for."""
SHIFTS, SIZES = 10.0, 0.12
"""Most pixels of 512 and most part by which a drawing is moved and sized: differences of framing do not count."""
CROP = 256
GROUPS: dict[str, Callable[[Mapping[str, Any]], bool]] = {
    "front": lambda view: abs(around(view)) <= 45 and view["expression"] == "neutral",
    "sides": lambda view: 60 <= abs(around(view)) <= 120 and view["expression"] == "neutral",
    "back": lambda view: abs(around(view)) >= 135 and view["expression"] == "neutral",
    "moving": lambda view: view["expression"] != "neutral",
}
"""Of views."""


def around(view: Mapping[str, Any]) -> float:
    """A view's yaw between -180 and 180."""
    return float((view["yaw_deg"] + 180) % 360 - 180)


@dataclass(frozen=True, slots=True)
class Frame:
    """Where the truth's world lies in a head's."""

    scale: float
    middle: np.ndarray
    """Between the head's eyes."""

    def camera(self, view: Mapping[str, Any]) -> Camera:
        """The truth's camera about the head."""
        pose = np.array(view["camera_from_world"])
        rotation, translation = pose[:3, :3], pose[:3, 3] * self.scale
        moved = np.eye(4)
        moved[:3, :3], moved[:3, 3] = rotation, translation - rotation @ self.middle
        (fx, _, cx), (_, fy, cy), _ = view["K"]
        return Camera(moved, float(fx), float(fy), float(cx), float(cy), view["width"], view["height"])


def frame(rig: Rig, truth: Mapping[str, Any]) -> Frame:
    """Eyes on eyes."""
    own = rig.joint_positions[[rig.joint_names.index(f"eye_{side}") for side in ("left", "right")]].astype(float)
    true = np.array([truth["head"]["left_eye"], truth["head"]["right_eye"]])
    return Frame(float(np.linalg.norm(own[0] - own[1]) / np.linalg.norm(true[0] - true[1])), own.mean(0))


def score(folder: Path, rig: Rig, draw: Drawing, keep: Path | None = None) -> dict[str, Any]:
    """Measures of every view of a person's folder, and means of groups; drawings go to `keep`."""
    truth = json.loads((folder / "cameras.json").read_text())
    place, rows = frame(rig, truth), []
    for view in truth["views"]:
        names = rig.expression_names
        pose = pose_from_weights(rig, {name: value for name, value in view["arkit"].items() if name in names})
        image, alpha = draw(pose, place.camera(view))
        true, mask, head = _truth(folder, truth, view)
        image, alpha = fitted(image, alpha, mask * head)
        rows.append({"view": view["name"], **compared(image, alpha * head, true, mask * head, abs(around(view)) <= 45)})
        if keep:
            keep.mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(keep / f"{view['name']}.png"), (image[..., ::-1] * 255 + 0.5).clip(0, 255).astype(np.uint8))
    groups = {
        name: _means([row for row, view in zip(rows, truth["views"], strict=True) if inside(view)])
        for name, inside in GROUPS.items()
    }
    return {"who": truth["who"], "views": rows, "groups": groups}


def _truth(
    folder: Path, truth: Mapping[str, Any], view: Mapping[str, Any]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Picture, mask, and the head: above the chin and no clothes."""
    image = cv2.imread(str(folder / view["image"]))[..., ::-1].astype(np.float32) / 255
    mask, parts = (cv2.imread(str(folder / view[key]), 0) for key in ("mask", "parts"))
    chin = np.array(view["camera_from_world"]) @ np.array([0, truth["head"]["chin"][1] - 0.005, -0.05, 1])
    row = int(view["K"][1][1] * chin[1] / chin[2] + view["K"][1][2])
    head = (parts != truth["parts_values"]["clothes"]).astype(np.float32)
    head[row:] = 0
    return image, mask.astype(np.float32) / 255, head


def fitted(image: np.ndarray, alpha: np.ndarray, mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The drawing moved and sized a little so that its silhouette lies on the truth's."""
    side, best = mask.shape[0], np.zeros(3)
    small, wanted = (
        cv2.resize(each, (COARSE_SIDE, COARSE_SIDE), interpolation=cv2.INTER_AREA) for each in (alpha, mask)
    )
    rows = np.flatnonzero(wanted.max(1) > 0.5)
    last = int(rows[-1]) if len(rows) else COARSE_SIDE

    def cost(change: np.ndarray) -> float:
        warped = cv2.warpAffine(small, _similarity(change, COARSE_SIDE, side), (COARSE_SIDE, COARSE_SIDE))
        return float(((warped - wanted)[:last] ** 2).sum())

    lowest, step = cost(best), np.array([4.0, 4.0, 0.03])
    for _ in range(5):
        for axis in range(3):
            for sign in (1, -1):
                trial = best.copy()
                trial[axis] += sign * step[axis]
                value = cost(trial)
                if value < lowest and np.abs(trial[:2]).max() <= SHIFTS and abs(trial[2]) <= SIZES:
                    lowest, best = value, trial
        step /= 1.7
    matrix = _similarity(best, side, side)
    moved = cv2.warpAffine(image, matrix, (side, side), flags=cv2.INTER_CUBIC, borderValue=(1, 1, 1))
    return moved.clip(0, 1), cv2.warpAffine(alpha, matrix, (side, side))


def _similarity(change: np.ndarray, side: int, full: int) -> np.ndarray:
    """The matrix of a shift in pixels of `full` and a growth about the picture's middle."""
    size, middle = math.exp(change[2]), side * np.array([0.5, 0.45])
    shift = change[:2] * side / full + middle * (1 - size)
    return np.array([[size, 0, shift[0]], [0, size, shift[1]]], np.float32)


def compared(image: np.ndarray, alpha: np.ndarray, true: np.ndarray, mask: np.ndarray, face: bool) -> dict[str, float]:
    """LPIPS (Alex) of the heads' box, IoU of silhouettes, cosine of SFace where a face is seen."""
    either = (alpha > 0.02) | (mask > 0.02)
    rows, columns = np.flatnonzero(either.any(1)), np.flatnonzero(either.any(0))
    box = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    crops = [np.where((part > 0.02)[..., None], whole, 1)[box] for whole, part in ((image, alpha), (true, mask))]
    tensors = [
        torch.from_numpy(
            cv2.resize(crop.astype(np.float32), (CROP, CROP), interpolation=cv2.INTER_AREA)
            .transpose(2, 0, 1)[None]
            .copy()
        )
        for crop in crops
    ]
    with torch.no_grad():
        distance = float(lpips(Trunk.ALEXNET)(*tensors))
    overlap = ((alpha > 0.5) & (mask > 0.5)).sum() / max(((alpha > 0.5) | (mask > 0.5)).sum(), 1)
    return {"lpips": distance, "iou": float(overlap), "identity": _same(image, true) if face else math.nan}


def _same(image: np.ndarray, true: np.ndarray) -> float:
    wanted = embedding(np.ascontiguousarray(true, np.float32))
    if wanted is None:
        return math.nan
    found = embedding(np.ascontiguousarray(image, np.float32))
    return 0.0 if found is None else float(wanted @ found)


def _means(rows: list[dict[str, Any]]) -> dict[str, float]:
    found = {key: [row[key] for row in rows if not math.isnan(row[key])] for key in ("lpips", "iou", "identity")}
    return {key: float(np.mean(values)) for key, values in found.items() if values}


def sheet(
    folder: Path, drawings: Path, yaws: tuple[int, ...] = (0, 30, 60, 90, 135, 180, 270), side: int = 224
) -> np.ndarray:
    """Truth above, drawings below, BGR."""
    names = [f"neutral_y{yaw:03d}_p+00" for yaw in yaws]
    rows = [[folder / "views" / f"{name}.jpg" for name in names], [drawings / f"{name}.png" for name in names]]
    return np.vstack(
        [
            np.hstack([cv2.resize(cv2.imread(str(path)), (side, side), interpolation=cv2.INTER_AREA) for path in row])
            for row in rows
        ]
    )
