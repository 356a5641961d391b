"""What recycling splats is worth: equal trainings in which no, some and more splats go from where they show least to where they are missed.

    python benchmarks/bench_recycling.py --kept my_head [--splats 6000] [--size 128] [--document docs/training.md]

The subject is what a build left in its folder. The last frames of the track are held out of every training. PSNR on white, of the baked
avatar: the photograph, the mean of all static views, the mean of held-out frames.
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import torch
import tyro
from bench_levels import HEADINGS, fit, kept, psnrs
from machine import described
from page import put_table

from facecraft4d.toolkit.config import DensifyConfig, TrainingConfig

SHARES = (0.0, 0.05, 0.1)


@dataclass(frozen=True)
class Options:
    """How large."""

    kept: Path
    """Folder of a build whose stages serve as the subject."""
    splats: int = 6000
    size: int = 128
    """Side of all pictures in pixels."""
    static: int = 400
    """Steps of the static stage."""
    coin: int = 600
    """Steps under COIN."""
    held_out: int = 8
    """Frames kept out of training."""
    document: Annotated[Path | None, tyro.conf.arg(name="document")] = None
    """A page whose part between the lines <!-- table --> and <!-- end --> is replaced by the table."""


def main(options: Options) -> None:
    """Print the table, and put it into a page where asked to."""
    torch.use_deterministic_algorithms(True, warn_only=True)
    subject = kept(options.kept)
    rows = ["| share recycled in a round | " + " | ".join(HEADINGS) + " |", "|---" * (1 + len(HEADINGS)) + "|"]
    for share in SHARES:
        config = replace(
            TrainingConfig(), static_iterations=options.static, coin_iterations=options.coin, resolution=options.size,
            coarse_resolution=options.size, splats=options.splats, densify=DensifyConfig(recycle=share, start_share=1.0),
        )  # fmt: skip
        avatar = fit(subject, config, options.held_out, f"recycling {share:.0%}")
        values = psnrs(avatar, subject, options.held_out, options.size)
        rows.append(f"| {share:.0%} | " + " | ".join(f"{value:.2f}" for value in values) + " |")
        print(rows[-1], flush=True)
    about = (
        f"PSNR in dB on white, baked avatar; {options.static} + {options.coin} steps at {options.size} pixels, {options.splats} splats from the first step "
        f"on, {options.held_out} of {len(subject[1].track.expressions)} frames held out; {described()}."
    )
    text = "\n".join([about, "", *rows])
    print(text)
    if options.document:
        put_table(options.document, text)


if __name__ == "__main__":
    main(tyro.cli(Options, description=__doc__))
