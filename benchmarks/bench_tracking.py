"""How well tracking finds a motion that is known: frames of finished builds, their track hidden.

python benchmarks/bench_tracking.py my_head other_head --views 12 4 1 --steps 24
python benchmarks/bench_tracking.py my_head --views 12 --train
python benchmarks/bench_tracking.py my_head --flame flame2023_Open.pkl
"""

import argparse
import time
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from facecraft4d.toolkit import cache, tracking, training
from facecraft4d.toolkit.config import (
    FaceModelConfig,
    FaceModelKind,
    LevelsConfig,
    TrackingConfig,
    TrainingConfig,
)
from facecraft4d.toolkit.core.datatypes import Coarse, FrameSet, Head, Motion, Tracked, ViewSet
from facecraft4d.toolkit.core.rigging import pose_vertices
from facecraft4d.toolkit.core.stages import StageContext, silent
from facecraft4d.toolkit.core.trained import TrainedHead
from facecraft4d.toolkit.fitting.skin import telling
from facecraft4d.toolkit.repeatable import repeatable
from facecraft4d.toolkit.training.footage import Footage
from facecraft4d.toolkit.training.gaussians import splat_parameters
from facecraft4d.toolkit.training.objective import draw
from facecraft4d.toolkit.training.schedule import Sample

SHORT = TrainingConfig(static_iterations=150, coin_iterations=450, splats=12_000, levels=LevelsConfig(iterations=0))
"""A fifth of a draft: both sides of the comparison have it."""


@dataclass(frozen=True)
class Subject:
    """What a finished build kept."""

    views: ViewSet
    frames: FrameSet
    head: Head

    @property
    def truth(self) -> Motion:
        return self.frames.known_track


def kept(folder: Path, views: int, steps: int) -> Subject:
    """The stages of a build, of so many of its animated views, spread from side to side, and the first steps."""
    stages = folder / "build"
    coarse, still = cache.kept(stages, "shape_prior", Coarse), cache.kept(stages, "image_prior", ViewSet)
    frames = cache.kept(stages, "video_prior", FrameSet)
    if coarse is None or still is None or frames is None:
        raise SystemExit(f"{folder}: no finished build")
    yaws = (np.array(still.yaws_degrees)[list(frames.view_indices)] + 180) % 360 - 180
    order = np.argsort(yaws)
    chosen = (
        [0]
        if views == 1
        else sorted({int(i) for i in order[np.linspace(0, len(order) - 1, views).round().astype(int)]})
    )
    track = frames.known_track
    short = replace(
        track,
        expressions=track.expressions[:steps],
        joint_rotations=track.joint_rotations[:steps],
        translations=track.translations[:steps],
    )
    return Subject(
        still,
        replace(
            frames, cameras=tuple(frames.cameras[i] for i in chosen), view_indices=tuple(frames.view_indices[i] for i in chosen),
            track=short, clip_starts=tuple(each for each in frames.clip_starts if each < steps),
        ),
        coarse.head,
    )  # fmt: skip


def tracked(subject: Subject, config: TrackingConfig, folder: Path, chosen: FaceModelConfig) -> tuple[Tracked, float]:
    """What is found of a motion that is hidden, on a head that was made of the `chosen` model, and the processor's seconds that it took on all cores together."""
    hidden, started = replace(subject.frames, track=None), time.process_time()
    steps = len(subject.truth.expressions)
    with repeatable():
        found = tracking.run(
            subject.views,
            hidden,
            subject.head,
            config,
            chosen,
            StageContext(0, "cpu", folder, silent),
            steps,
        )
    return found, time.process_time() - started


def errors(subject: Subject, found: Tracked) -> dict[str, float]:
    """Mean errors: weights, degrees, millimetres (all vertices, those that a face moves)."""
    truth, track, rig = subject.truth, found.track, subject.head.rig
    names, joints = list(rig.expression_names), rig.joint_names
    off = np.abs(track.expressions - truth.expressions)
    blinks = [names.index("eyeBlinkLeft"), names.index("eyeBlinkRight")]
    turned = np.degrees(np.linalg.norm(track.joint_rotations - truth.joint_rotations, axis=-1))
    eyes = [joints.index("eye_left"), joints.index("eye_right")]
    apart = np.stack(
        [
            np.linalg.norm(
                pose_vertices(found.head.rig, track.pose(step)) - pose_vertices(rig, truth.pose(step)), axis=1
            )
            for step in range(len(off))
        ]
    )
    face = np.unique(rig.triangles[telling(rig)])
    return {
        "weights": float(off.mean()), "jawOpen": float(off[:, names.index("jawOpen")].mean()), "blinks": float(off[:, blinks].mean()),
        "jaw_degrees": float(turned[:, joints.index("jaw")].mean()), "gaze_degrees": float(turned[:, eyes].mean()),
        "vertices_mm": 1000 * float(apart.mean()), "face_mm": 1000 * float(apart[:, face].mean()), "worst_mm": 1000 * float(apart.max()),
    }  # fmt: skip


def psnr(subject: Subject, head: Head, track: Motion, folder: Path) -> float:
    """Of an avatar trained on a track, against the frames that it was trained on, in dB."""
    frames = replace(subject.frames, track=track)
    trained: TrainedHead = training.run(subject.views, frames, head, SHORT, StageContext(0, "cpu", folder, silent))
    import torch

    footage, square = Footage(subject.views, frames, head, "cpu"), []
    parameters, triangles = splat_parameters(trained.splats, "cpu")
    for camera, view in enumerate(frames.view_indices):
        for step in range(0, len(track.expressions), 3):
            picture = footage.picture(Sample(view, camera, step), SHORT.resolution)
            with torch.no_grad():
                drawn = draw(parameters, triangles, footage.posed(step), picture, None)
            square.append(float(((drawn.consistent + 1 - drawn.alpha - picture.image) ** 2).mean()))
    return -10 * float(np.log10(np.mean(square)))


def main() -> None:
    """Print a line for each build and number of views."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("builds", nargs="+", type=Path)
    parser.add_argument("--views", nargs="+", type=int, default=[12, 4, 1])
    parser.add_argument("--steps", type=int, default=24)
    parser.add_argument("--epochs", type=int, default=TrackingConfig().epochs)
    parser.add_argument("--flame", type=Path, help="the FLAME file that the builds were made of")
    parser.add_argument(
        "--train", action="store_true", help="also train an avatar on the found and one on the true track"
    )
    options = parser.parse_args()
    flame = options.flame
    chosen = FaceModelConfig() if flame is None else FaceModelConfig(FaceModelKind.FLAME, flame)
    for folder in options.builds:
        for views in options.views:
            subject = kept(folder, views, options.steps)
            with TemporaryDirectory() as scratch:
                config = TrackingConfig(epochs=options.epochs, fps=1.0)
                found, seconds = tracked(subject, config, Path(scratch), chosen)
                line = {
                    "views": views,
                    "processor_seconds": round(seconds),
                    **{k: round(v, 3) for k, v in errors(subject, found).items()},
                }
                print(folder.name, line, flush=True)
            if options.train:
                pairs = {"found": (found.head, found.track), "true": (subject.head, subject.truth)}
                for name, (head, track) in pairs.items():
                    with TemporaryDirectory() as scratch:
                        print(
                            folder.name,
                            f"trained on the {name} track: {psnr(subject, head, track, Path(scratch)):.2f} dB",
                            flush=True,
                        )


if __name__ == "__main__":
    main()
