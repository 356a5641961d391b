"""How good levels of detail of one training are beside trainings at their budgets.

    python benchmarks/bench_levels.py [--kept my_head] [--splats 8000] [--size 256] [--static 400] [--coin 600] [--level 400] [--document docs/levels.md]

Trains once with levels, and anew at 1/2, 1/4 and 1/8 of the splats; all with equal steps. The subject is the sample portrait, prepared at
the preset draft in some minutes, or what a build left in its folder (`--kept`). The last frames of the track are held out of every
training. PSNR on white, of the baked avatar: the photograph, the mean of all static views, the mean of held-out frames.
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from machine import described
from page import put_table

from facecraft4d.toolkit import bake, image_prior, preprocess, shape_prior, training, video_prior
from facecraft4d.toolkit.config import LevelsConfig, Preset, TrainingConfig, preset
from facecraft4d.toolkit.core.asset import Avatar, Provenance
from facecraft4d.toolkit.core.checks import UserError
from facecraft4d.toolkit.core.datatypes import FrameSet, Head, ViewSet
from facecraft4d.toolkit.core.stages import Progress, StageContext
from facecraft4d.toolkit.evaluation.kept import kept_stages
from facecraft4d.toolkit.training.footage import Footage
from facecraft4d.toolkit.training.gaussians import splat_parameters
from facecraft4d.toolkit.training.objective import draw
from facecraft4d.toolkit.training.schedule import Sample

Subject = tuple[ViewSet, FrameSet, Head]
PHOTO = Path(__file__).parents[1] / "samples" / "portraits" / "astronaut.png"
HEADINGS = ("front", "static", "held-out frames")


def progress(name: str) -> Callable[[Progress], None]:
    """Prints now and then how far a stage is."""
    last = [0.0]

    def tell(now: Progress) -> None:
        if time.monotonic() - last[0] > 20 or now.step == now.total:
            last[0] = time.monotonic()
            print(f"  {name}: {now.stage} {now.step}/{now.total} {now.message}", flush=True)

    return tell


def prepare(folder: Path) -> Subject:
    """The sample portrait up to its frames, at the preset draft."""
    config, report = preset(Preset.DRAFT), progress("subject")
    context = StageContext(0, "cpu", folder, report)
    portrait = preprocess.run(PHOTO, config.preprocess, context)
    coarse = shape_prior.run(portrait, config.shape_prior, config.face_model, context)
    views = image_prior.run(coarse.views, config.image_prior, context)
    return views, video_prior.run(coarse.head, views, config.video_prior, config.face_model, context), coarse.head


def kept(folder: Path) -> Subject:
    """What a build left in its folder, or an end with a line that says what is missing."""
    try:
        return kept_stages(folder)[:3]
    except UserError as error:
        raise SystemExit(str(error)) from None


def without_last(frames: FrameSet, held_out: int) -> FrameSet:
    """The frames but for the last ones."""
    track = frames.known_track
    kept = slice(len(track.expressions) - held_out)
    parts = {name: getattr(track, name)[kept] for name in ("expressions", "joint_rotations", "translations")}
    return replace(frames, track=replace(track, **parts))


def fit(subject: Subject, config: TrainingConfig, held_out: int, name: str) -> Avatar:
    """Train and bake."""
    views, frames, head = subject
    with tempfile.TemporaryDirectory() as folder:
        context = StageContext(0, "cpu", Path(folder), progress(name))
        trained = training.run(views, without_last(frames, held_out), head, config, context)
    return bake.run(trained, head, Provenance())


def psnrs(avatar: Avatar, subject: Subject, held_out: int, size: int) -> np.ndarray:
    """dB of the photograph, of the static views, of held-out frames."""
    views, frames, head = subject
    footage, splats = Footage(views, frames, head, "cpu"), splat_parameters(avatar.splats, "cpu")

    def psnr(sample: Sample) -> float:
        picture = footage.picture(sample, size)
        with torch.no_grad():
            drawn = draw(*splats, footage.posed(sample.frame), picture, None)
        image = (drawn.consistent + 1 - drawn.alpha).clamp(0, 1)
        return float(-10 * torch.log10((image - picture.image).square().mean()))

    total = len(frames.known_track.expressions)
    static = [psnr(Sample(view)) for view in range(len(views.views))]
    moving = [
        psnr(Sample(view, camera, frame))
        for camera, view in enumerate(frames.view_indices)
        for frame in range(total - held_out, total, 2)
    ]
    return np.array([static[0], np.mean(static), np.mean(moving)])


def table(subject: Subject, config: TrainingConfig, held_out: int) -> list[str]:
    """Rows of markdown."""
    avatar, single = fit(subject, config, held_out, "with levels"), replace(config, levels=LevelsConfig())
    rows = ["| splats | set | " + " | ".join(HEADINGS) + " |", "|---" * (2 + len(HEADINGS)) + "|"]

    def add(splats: str, name: str, values: np.ndarray, form: str = "{:.2f}") -> None:
        rows.append(f"| {splats} | {name} | " + " | ".join(form.format(value) for value in values) + " |")
        print(rows[-1], flush=True)

    def judged(each: Avatar) -> np.ndarray:
        return psnrs(each, subject, held_out, config.resolution)

    add(str(len(avatar.splats.means)), "the whole", judged(avatar))
    for count in (len(level.means) for level in avatar.levels):
        retrained = fit(subject, replace(single, splats=count), held_out, f"{count} splats")
        level, peer, cut = (
            judged(each) for each in (avatar.level(count), retrained, replace(avatar, levels=()).level(count))
        )
        add(str(count), "level", level)
        add("", "trained at this budget", peer)
        add("", "difference, dB", level - peer, "{:+.2f}")
        add("", "the same splats of the whole, not tuned", cut)
    return rows


def options() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kept", type=Path, help="folder of a build whose stages serve as the subject")
    parser.add_argument("--splats", type=int, default=8000)
    parser.add_argument("--size", type=int, default=256, help="side of all pictures in pixels")
    parser.add_argument("--static", type=int, default=400, help="steps of the static stage")
    parser.add_argument("--coin", type=int, default=600, help="steps under COIN")
    parser.add_argument("--level", type=int, default=400, help="steps for each level")
    parser.add_argument("--held-out", type=int, default=8, help="frames kept out of training")
    parser.add_argument(
        "--document", type=Path, help="a page whose part between <!-- table --> and <!-- end --> is replaced"
    )
    return parser.parse_args()


def main() -> None:
    """Print the table, and put it into a page where asked to."""
    chosen = options()
    torch.use_deterministic_algorithms(True, warn_only=True)
    config = replace(
        TrainingConfig(), static_iterations=chosen.static, coin_iterations=chosen.coin, resolution=chosen.size,
        coarse_resolution=chosen.size, splats=chosen.splats, levels=LevelsConfig(iterations=chosen.level),
    )  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        subject = kept(chosen.kept) if chosen.kept else prepare(Path(folder))
        rows = table(subject, config, chosen.held_out)
    about = (
        f"{chosen.static} + {chosen.coin} steps at {chosen.size} pixels, {chosen.level} for each level, {len(subject[0].views)} static views, "
        f"{chosen.held_out} of {len(subject[1].known_track.expressions)} frames held out; PSNR in dB on white, baked avatar; "
        f"{described()}."
    )
    text = "\n".join([about, "", *rows])
    print(text)
    if chosen.document:
        put_table(chosen.document, text)


if __name__ == "__main__":
    main()
