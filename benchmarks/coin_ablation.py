"""What COIN is worth on inconsistent views of synthetic subjects whose truth is known: four ways to train, on clean unseen pictures.

    python benchmarks/coin_ablation.py --subjects glasses --seeds 0
    python benchmarks/coin_ablation.py --document docs/coin.md

All four have equal data, iterations and splats. Each finished cell is kept as JSON in the output folder, so that a killed run goes on.
"""

import dataclasses
import json
import multiprocessing
import os
import shutil
import time
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

import cv2
import numpy as np
import torch
import tyro
from machine import described
from page import put_table
from torch.nn import functional

from facecraft4d.exporters import export
from facecraft4d.toolkit import bake, training
from facecraft4d.toolkit.config import LossWeights, TrainingConfig
from facecraft4d.toolkit.core.asset import Avatar, Provenance
from facecraft4d.toolkit.core.datatypes import Camera, FrameSet, Head, Pose, View, ViewSet
from facecraft4d.toolkit.core.geometry import project
from facecraft4d.toolkit.core.pixels import to_bytes
from facecraft4d.toolkit.core.rigging import in_regions, pose_vertices
from facecraft4d.toolkit.core.stages import Progress, StageContext
from facecraft4d.toolkit.evaluation import fidelity
from facecraft4d.toolkit.evaluation.drawing import draw
from facecraft4d.toolkit.face_model import load_default_head
from facecraft4d.toolkit.images import write_png
from facecraft4d.toolkit.subjects.corruption import Corruption
from facecraft4d.toolkit.subjects.people import SUBJECTS, TEXTURE, Subject, make_subject
from facecraft4d.toolkit.subjects.sets import EVALUATION_CAMERAS, evaluation_set, training_set
from facecraft4d.toolkit.training.objective import Difference

HUBER_DELTA = 0.05
KINDS = tuple(field.name for field in dataclasses.fields(Corruption))
COLUMNS = {
    "psnr_db": ("PSNR dB", 2), "ssim": ("SSIM", 4), "lpips_vgg": ("LPIPS (VGG)", 4), "lpips_front": ("LPIPS, front", 4),
    "identity": ("identity (SFace)", 3), "sharpness": ("sharpness", 3), "detail": ("detail", 3),
    "seconds": ("seconds", 0),
}  # fmt: skip
FRONT_DEGREES = 25.0
"""The column LPIPS, front has the pictures within this yaw: what they show, the reference view shows too."""
CROP, ENLARGED = 56, 224
"""Side in pixels (of 256) of what the strip shows, and its side there."""
HAIR = np.array([0.045, 0.1, 0.06])
"""A place on the hair, metres."""
STRIP_PICTURE = 6
"""Which evaluation picture the strip shows: from the side, where generated views contradict each other most."""


@dataclass(frozen=True)
class Options:
    """What to run."""

    subjects: tuple[str, ...] = tuple(SUBJECTS)
    """Of the synthetic subjects."""
    seeds: tuple[int, ...] = (0, 1, 2)
    """Each decides the inconsistencies and the course of training."""
    kinds: tuple[str, ...] = KINDS
    """Kinds of inconsistency: color, warp, detail, timing."""
    static_iterations: int = 200
    coin_iterations: int = 1500
    """Steps on static and animated views; rows without COIN do these steps too, without offsets."""
    splats: int = 24_000
    size: int = 128
    """Side of all pictures in pixels."""
    frames: int = 16
    """Animated frames of each of the twelve views that have them."""
    processes: int = 2
    """Trainings side by side; the cores are shared out."""
    out: Path = Path("build/coin_ablation")
    """Finished cells, their avatars, the table (table.md), the comparison (strip.png)."""
    document: Annotated[Path | None, tyro.conf.arg(name="document")] = None
    """A page whose part between the lines <!-- table --> and <!-- end --> is replaced by the table."""


@dataclass(frozen=True)
class Row:
    """A way to train."""

    label: str
    coin: bool = False
    lpips: bool = False
    robust: bool = False

    def config(self, options: Options) -> TrainingConfig:
        """The product's options but for what the row leaves out."""
        config = TrainingConfig(
            static_iterations=options.static_iterations, coin_iterations=options.coin_iterations, splats=options.splats,
            resolution=options.size, coarse_resolution=options.size, checkpoint_every=1_000_000,
        )  # fmt: skip
        if not self.coin:
            config = replace(config, rates=replace(config.rates, coin=0.0))
        if not self.lpips:
            config = replace(config, losses=replace(config.losses, lpips=0.0))
        if self.robust:
            config = replace(config, losses=replace(config.losses, l1=1.0, ssim=0.0))
        return config

    @property
    def difference(self) -> Difference:
        """What compares pixels."""
        return huber if self.robust else functional.l1_loss


ROWS = {
    "base": Row("GaussianAvatars losses"),
    "lpips": Row(f"with LPIPS {LossWeights().lpips:g}", lpips=True),
    "huber": Row("robust L1 only (Huber)", robust=True),
    "coin": Row("COIN, reference baked", coin=True, lpips=True),
}


def huber(first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
    """Quadratic below HUBER_DELTA, above it as steep as L1."""
    return functional.huber_loss(first, second, delta=HUBER_DELTA) / HUBER_DELTA


def stamp(options: Options) -> dict[str, Any]:
    """What decides a cell's numbers, beside subject, seed and row."""
    names = ("kinds", "static_iterations", "coin_iterations", "splats", "size", "frames")
    return {name: getattr(options, name) for name in names} | {"config": repr(ROWS["coin"].config(options))}


def cell_path(options: Options, subject: str, seed: int, row: str) -> Path:
    """Where a finished cell lies."""
    return options.out / "cells" / f"{subject}_{seed}_{row}.json"


def finished(options: Options, subject: str, seed: int, row: str) -> dict[str, float] | None:
    """A cell's metrics, if it was made with the same options."""
    path = cell_path(options, subject, seed, row)
    if not path.exists():
        return None
    kept = json.loads(path.read_text())
    same = json.dumps(kept["stamp"], sort_keys=True) == json.dumps(stamp(options), sort_keys=True)
    return dict(kept["metrics"]) if same else None


def run_subject(options: Options, name: str, seed: int, threads: int) -> str:
    """All missing cells of one subject and seed."""
    missing = [row for row in ROWS if finished(options, name, seed, row) is None]
    if not missing:
        return f"{name}, seed {seed}: kept"
    torch.set_num_threads(threads)
    start = time.perf_counter()
    subject = make_subject(SUBJECTS[name], load_default_head(), TEXTURE * options.size // 256)
    folder = options.out / "frames" / f"{name}_{seed}"
    corruption = Corruption(**{kind: float(kind in options.kinds) for kind in KINDS})
    data = training_set(subject, corruption, seed, folder, options.size, options.frames)
    truth = evaluation_set(subject, options.size)
    pose, view = truth[STRIP_PICTURE]
    where = interesting(subject, pose, view.camera)
    write_crops(options, view.image, where, f"{name}_{seed}_truth")
    print(f"{name}, seed {seed}: pictures made in {time.perf_counter() - start:.0f} s", flush=True)
    for row in missing:
        avatar, metrics = run_cell(options, data, truth, (name, seed, row))
        write_crops(options, draw(avatar, pose, view.camera).image, where, f"{name}_{seed}_{row}")
        print(f"{name}, seed {seed}, {ROWS[row].label}: {describe(metrics)}", flush=True)
    shutil.rmtree(folder)
    return f"{name}, seed {seed}: done"


def run_cell(
    options: Options, data: tuple[ViewSet, FrameSet, Head], truth: list[tuple[Pose, View]], cell: tuple[str, int, str]
) -> tuple[Avatar, dict[str, float]]:
    """Train one row on one subject with one seed, measure, keep the numbers."""
    row, path = ROWS[cell[2]], cell_path(options, *cell)
    start = time.perf_counter()
    context = StageContext(cell[1], "cpu", path.with_suffix(".checkpoint"), quiet)
    trained = training.run(*data, row.config(options), context, row.difference)
    seconds = time.perf_counter() - start
    avatar = bake.run(trained, data[2], Provenance())
    export(avatar, options.out / "avatars" / f"{path.stem}.glb")
    rows = [fidelity.compare(draw(avatar, pose, view.camera).image, view) for pose, view in truth]
    front = [each for each, (yaw, _) in zip(rows, EVALUATION_CAMERAS, strict=True) if abs(yaw) <= FRONT_DEGREES]
    metrics = fidelity.means(rows) | {"seconds": seconds, "lpips_front": fidelity.means(front)["lpips_vgg"]}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"stamp": stamp(options), "metrics": metrics}, indent=1))
    return avatar, metrics


def quiet(progress: Progress) -> None:
    """Trainings side by side would write over each other's bars."""


def describe(metrics: dict[str, float]) -> str:
    """One line."""
    return ", ".join(f"{label} {metrics[name]:.{digits}f}" for name, (label, digits) in COLUMNS.items())


def interesting(subject: Subject, pose: Pose, camera: Camera) -> tuple[np.ndarray, ...]:
    """Pixels of the mouth's middle and of hair beside the forehead."""
    posed = pose_vertices(subject.truth, pose)
    lips = subject.rig.triangles[in_regions(subject.rig, "lips")]
    return tuple(project(camera, point)[0] for point in (posed[lips].mean((0, 1)), HAIR))


def write_crops(options: Options, image: np.ndarray, where: tuple[np.ndarray, ...], name: str) -> None:
    """The whole picture, and mouth and hair enlarged, one below the other."""
    side = CROP * options.size // 256
    tiles = [cv2.resize(image, (ENLARGED, ENLARGED), interpolation=cv2.INTER_AREA)]
    for pixel in where:
        left, top = np.clip(np.round(pixel).astype(int) - side // 2, 0, options.size - side)
        crop = image[top : top + side, left : left + side]
        tiles.append(cv2.resize(crop, (ENLARGED, ENLARGED), interpolation=cv2.INTER_CUBIC))
    write_png(options.out / "pictures" / f"{name}.png", to_bytes(np.vstack(tiles)))


def table(options: Options, cells: dict[tuple[str, int, str], dict[str, float]]) -> str:
    """Markdown: every subject and seed, then means over all, then how COIN compares."""
    head = "| subject | seed | training | " + " | ".join(label for label, _ in COLUMNS.values()) + " |"
    lines = [head, "|" + "---|" * (3 + len(COLUMNS))]
    groups = [
        (s, seed) for s in options.subjects for seed in options.seeds if all((s, seed, row) in cells for row in ROWS)
    ]
    for subject, seed in groups:
        lines += [_line(f"{subject} | {seed}", row, cells[subject, seed, row]) for row in ROWS]
    if not groups:
        return "Nothing is finished."
    for row in ROWS:
        mean = {name: float(np.mean([cells[*group, row][name] for group in groups])) for name in COLUMNS}
        lines.append(_line("**mean** | ", row, mean))
    run = f"{options.static_iterations} + {options.coin_iterations} steps, {options.splats} splats, {options.size} pixels; {described()}."
    return "\n".join([*lines, "", verdict(cells, groups), "", run])


def _line(first: str, row: str, metrics: dict[str, float]) -> str:
    values = (f"{metrics[name]:.{digits}f}" for name, (_, digits) in COLUMNS.items())
    return f"| {first} | {ROWS[row].label} | " + " | ".join(values) + " |"


def verdict(cells: dict[tuple[str, int, str], dict[str, float]], groups: list[tuple[str, int]]) -> str:
    """Where COIN is best, and by how much at least."""
    lines = []
    for name, where in (("lpips_vgg", "all pictures"), ("lpips_front", "the front")):
        gains = []
        for group in groups:
            gains.append(
                1 - cells[*group, "coin"][name] / min(cells[*group, row][name] for row in ROWS if row != "coin")
            )
        lines.append(
            f"COIN's LPIPS of {where} against the best other row: {100 * float(np.mean(gains)):.1f} % lower in the mean, "
            f"{100 * min(gains):.1f} % in the worst case, best in {sum(gain > 0 for gain in gains)} of {len(gains)}."
        )
    for name in ("sharpness", "detail"):
        off = {(group, row): abs(1 - cells[*group, row][name]) for group in groups for row in ROWS}
        best = sum(off[group, "coin"] == min(off[group, row] for row in ROWS) for group in groups)
        lines.append(f"Its {name} is nearest to the truth's in {best} of {len(groups)}.")
    return "\n".join(lines)


def strip(options: Options, seed: int) -> np.ndarray:
    """Truth and all rows side by side, one block of rows for each subject."""
    blocks = []
    for subject in options.subjects:
        names = [f"{subject}_{seed}_{column}.png" for column in ("truth", *ROWS)]
        blocks.append(np.hstack([cv2.imread(str(options.out / "pictures" / name)) for name in names]))
    return np.vstack(blocks)


def main(options: Options) -> None:
    """Run what is missing; write the table and the strip."""
    threads = max((os.cpu_count() or 1) // options.processes, 1)
    os.environ |= {"OMP_NUM_THREADS": str(threads), "NUMBA_NUM_THREADS": str(threads)}  # read when a process starts
    jobs = [(name, seed) for seed in options.seeds for name in options.subjects]
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(options.processes, mp_context=spawn) as pool:
        futures = [pool.submit(run_subject, options, name, seed, threads) for name, seed in jobs]
        for done, future in enumerate(as_completed(futures), 1):
            print(f"[{done}/{len(jobs)}] {future.result()}", flush=True)
    found = {(name, seed, row): finished(options, name, seed, row) for name, seed in jobs for row in ROWS}
    text = table(options, {cell: metrics for cell, metrics in found.items() if metrics is not None})
    (options.out / "table.md").write_text(text + "\n")
    cv2.imwrite(str(options.out / "strip.png"), strip(options, options.seeds[0]))
    print(text)
    if options.document:
        put_table(options.document, text)


if __name__ == "__main__":
    main(tyro.cli(Options, description=__doc__))
