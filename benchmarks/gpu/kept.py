"""The kept stages of a build as they travel, and all that this check asks of the pipeline: training, baking, fidelity of the front.

Pictures travel as lossless WebP with 8 bits (training sees no more), depths in steps of 1/16384 metre, the rest as it is.
"""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
import torch
from PIL import Image

from facecraft4d.exporters import load
from facecraft4d.toolkit import bake, cache, losses, training
from facecraft4d.toolkit.config import Preset, TrainingConfig, preset
from facecraft4d.toolkit.core.asset import Avatar, Provenance
from facecraft4d.toolkit.core.datatypes import Camera, Coarse, FrameSet, Head, Portrait, Pose, View, ViewSet
from facecraft4d.toolkit.core.geometry import resized_camera
from facecraft4d.toolkit.core.stages import Report, StageContext
from facecraft4d.toolkit.evaluation import front
from facecraft4d.toolkit.evaluation.drawing import draw
from facecraft4d.toolkit.evaluation.kept import kept_stages
from facecraft4d.toolkit.evaluation.metrics import SIZE
from facecraft4d.toolkit.images import resized
from facecraft4d.toolkit.losses import Trunk
from facecraft4d.toolkit.training.footage import Footage
from facecraft4d.toolkit.training.gaussians import bound_splats
from facecraft4d.toolkit.training.loop import Trainer, begin
from facecraft4d.toolkit.training.schedule import LEVELS, Schedule, anchor_views
from facecraft4d.toolkit.training.state import TrainingState

DEPTH_STEPS = 1 << 14
"""In a metre: finer than the tolerance of everything that compares depths, and most of the bits are then zero."""
SAME_DB = 0.05
"""The packed photograph measures the build's own avatar as the build did, to this."""
NUMBERS, PICTURES, VIEWS = "kept.npz", "frames", "views"


@dataclass(frozen=True, eq=False)
class Front:
    """What the front is measured against."""

    image: np.ndarray
    """The photograph [s, s, 3], sRGB on white."""
    mask: np.ndarray
    """Where the head is [s, s]."""
    camera: Camera
    pose: Pose


@dataclass(frozen=True, eq=False)
class Kept:
    """What training needs of the stages before it, and what came of it on a CPU."""

    views: ViewSet
    frames: FrameSet
    head: Head
    front: Front
    cpu_psnr_db: float


def of_build(folder: Path) -> Kept:
    """A finished build's stages. Raises ValueError where the front does not measure as the build's metrics.json says."""
    views, frames, head, _ = kept_stages(folder)
    portrait = cache.kept(folder / "build", "preprocess", Portrait)
    coarse = cache.kept(folder / "build", "shape_prior", Coarse)
    assert portrait is not None and coarse is not None, "kept_stages says that the build is finished"
    camera = resized_camera(views.views[0].camera, SIZE, SIZE)
    seen = Front(resized(portrait.image, SIZE), front.head_mask(portrait, coarse.views), camera, head.pose)
    metrics = json.loads((folder / "metrics.json").read_text())["metrics"]
    kept = Kept(views, frames, head, seen, float(metrics["front_psnr_db"]["value"]))
    found = front_psnr(load(folder / "avatar.glb"), kept)
    if not abs(found - kept.cpu_psnr_db) < SAME_DB:
        raise ValueError(f"front PSNR must be metrics.json's {kept.cpu_psnr_db:.2f} dB, got {found:.2f}")
    return kept


def pack(kept: Kept, folder: Path) -> None:
    """Write what travels: numbers in one file, pictures beside it."""
    for index, view in enumerate(kept.views.views):
        _write_webp(folder / VIEWS / f"{index:02d}.webp", _bytes(np.dstack([view.image, view.mask])))
    paths = list(_frame_paths(kept.frames))
    with ThreadPoolExecutor() as pool:
        list(pool.map(lambda path: _repack(path, folder / PICTURES / path.relative_to(kept.frames.folder)), paths))
    mesh = replace(kept.head.mesh, texture=_bytes(kept.head.mesh.texture).astype(np.float32) / 255)
    lean = replace(
        kept,
        views=replace(kept.views, views=tuple(_without_pixels(view) for view in kept.views.views)),
        frames=replace(kept.frames, folder=folder / PICTURES),
        head=replace(kept.head, mesh=mesh),
    )
    cache.save(folder / NUMBERS, lean)
    with np.load(folder / NUMBERS) as archive:
        arrays = dict(archive)
    np.savez_compressed(folder / NUMBERS, **arrays)


def unpack(folder: Path, scratch: Path) -> Kept:
    """Read what `pack` wrote; the frames go to `scratch` as the PNG files that training reads."""
    kept = cache.load(folder / NUMBERS, Kept)
    views = tuple(_with_pixels(view, folder / VIEWS / f"{i:02d}.webp") for i, view in enumerate(kept.views.views))
    frames = replace(kept.frames, folder=scratch)
    _convert(kept.frames, frames, lambda pixels: pixels)
    return replace(kept, views=replace(kept.views, views=views), frames=frames)


def enlarged(kept: Kept, size: int, scratch: Path) -> Kept:
    """The same with frames of another size: as costly to fetch and to draw as true ones, no sharper."""
    cameras = tuple(resized_camera(camera, size, size) for camera in kept.frames.cameras)
    frames = replace(kept.frames, folder=scratch, cameras=cameras)
    _convert(kept.frames, frames, lambda pixels: cv2.resize(pixels, (size, size), interpolation=cv2.INTER_CUBIC))
    return replace(kept, frames=frames)


def draft_training() -> TrainingConfig:
    """How the CPU's number came about."""
    return preset(Preset.DRAFT).training


def paper_step(splats: int, size: int) -> TrainingConfig:
    """The preset paper reduced to one kind of step: COIN with LPIPS at full size with `splats` splats from the first step on."""
    paper = preset(Preset.PAPER).training
    densify = replace(paper.densify, start_share=1.0)
    return replace(paper, static_iterations=0, splats=splats, resolution=size, lpips_every=1, densify=densify)


def paper_schedule() -> tuple[int, int]:
    """Steps of the preset paper in all, and how many pictures it draws them from."""
    paper = preset(Preset.PAPER)
    steps = (
        paper.training.static_iterations + paper.training.coin_iterations + LEVELS * paper.training.levels.iterations
    )
    return steps, paper.shape_prior.views + paper.video_prior.frames * (paper.video_prior.frontal_views + 1)


def trained(kept: Kept, config: TrainingConfig, device: str, files: Path, report: Report) -> Avatar:
    """Train on the kept stages with seed 0, and bake."""
    result = training.run(kept.views, kept.frames, kept.head, config, StageContext(0, device, files, report))
    return bake.run(result, kept.head, Provenance())


def begun(kept: Kept, config: TrainingConfig, device: str) -> tuple[Trainer, TrainingState]:
    """A training before its first step, as `training.run` begins it."""
    footage = Footage(kept.views, kept.frames, kept.head, device)
    schedule = Schedule(
        config, 0, len(kept.views.views), kept.frames.view_indices, len(kept.frames.known_track.expressions),
        len(kept.head.rig.triangles), footage.opening_frames(), anchor_views(kept.views.yaws_degrees, config.anchors),
    )  # fmt: skip
    trainer = Trainer(config, schedule, footage, losses.lpips(Trunk.ALEXNET, device=device))
    return trainer, begin(trainer, kept.head, kept.views, device)


def as_avatar(kept: Kept, state: TrainingState) -> Avatar:
    """The head with a training's splats as they are: before the first step as costly to play as afterwards."""
    return Avatar(kept.head.rig, bound_splats(state.parameters, state.triangles), Provenance())


def front_psnr(avatar: Avatar, kept: Kept) -> float:
    """dB against the photograph inside the head mask, as the metric front_psnr_db, which also asks for weights that do not travel."""
    truth = kept.front
    picture = draw(avatar, truth.pose, truth.camera)
    mask = truth.mask[..., None]
    planes = [
        torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1)[None], np.float32))
        for image in (1 + mask * (picture.image - 1), 1 + mask * (truth.image - 1), mask)
    ]
    return float(losses.psnr(*planes))


def _frame_paths(frames: FrameSet) -> list[Path]:
    return [
        frames.path(view, frame) for view in frames.view_indices for frame in range(len(frames.known_track.expressions))
    ]


def _convert(source: FrameSet, target: FrameSet, change: Callable[[np.ndarray], np.ndarray]) -> None:
    """Every frame, whatever its format, changed and written as PNG."""

    def one(paths: tuple[Path, Path]) -> None:
        with Image.open(_either(paths[0])) as picture:
            pixels = change(np.asarray(picture.convert("RGBA")))
        paths[1].parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(paths[1], compress_level=1)

    with ThreadPoolExecutor() as pool:
        list(pool.map(one, zip(_frame_paths(source), _frame_paths(target), strict=True)))


def _either(path: Path) -> Path:
    """The frame as it travels, or as the video prior wrote it."""
    packed = path.with_suffix(".webp")
    return packed if packed.exists() else path


def _repack(path: Path, target: Path) -> None:
    with Image.open(path) as picture:
        _write_webp(target.with_suffix(".webp"), np.asarray(picture))


def _write_webp(path: Path, pixels: np.ndarray) -> None:
    """Exact in every channel, also below alpha 0. Slower methods gain little."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path, lossless=True, exact=True, method=2, quality=50)


def _bytes(image: np.ndarray) -> np.ndarray:
    return np.asarray(np.clip(image * 255 + 0.5, 0, 255), np.uint8)


def _without_pixels(view: View) -> View:
    depth = (np.round(view.depth * DEPTH_STEPS) / DEPTH_STEPS).astype(np.float32)
    return View(view.camera, np.zeros_like(view.image), np.zeros_like(view.mask), depth)


def _with_pixels(view: View, path: Path) -> View:
    with Image.open(path) as picture:
        pixels = np.asarray(picture, np.float32) / 255
    return replace(view, image=np.ascontiguousarray(pixels[..., :3]), mask=np.ascontiguousarray(pixels[..., 3]))
