"""facecraft4d evaluate: how near an avatar comes to pictures whose poses and cameras are known."""

import json
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from facecraft4d.cli_common import check_option, level_of, load_avatar, parse, say
from facecraft4d.cli_folder import undisturbed
from facecraft4d.cli_progress import shown_progress
from facecraft4d.toolkit.core.checks import UserError

if TYPE_CHECKING:
    from facecraft4d.toolkit.core.asset import Avatar
    from facecraft4d.toolkit.evaluation.fidelity import Fidelity
    from facecraft4d.toolkit.evaluation.truth import Truth


MOST_PAGE_BYTES = 256 << 20
"""Of a report: its pictures take some ten."""


@dataclass(frozen=True)
class EvaluateCommand:
    """Measure an avatar: PSNR, SSIM, LPIPS (VGG and AlexNet), identity (SFace) and sharpness against pictures with known poses and cameras.

    Without --truth these are the build's own: the photograph, the generated views, animated frames. The table is printed, evaluation.json
    holds every picture, and the build's report.html gets a section (elsewhere evaluation.html is written).

    examples:
      facecraft4d evaluate my_head
      facecraft4d evaluate my_head/avatar.glb --truth photographs
      facecraft4d evaluate build/coin_ablation/avatars/glasses_0_coin.glb --truth glasses --size 256
    """

    head: Annotated[Path, tyro.conf.Positional]
    """A folder that facecraft4d build wrote, or an avatar.glb."""
    truth: str = ""
    """A folder of pictures with a transforms.json (docs/evaluation.md), or a synthetic subject: glasses, hat, long_hair."""
    size: int = 512
    """Larger pictures are shrunk to this many pixels."""
    frames: int = 3
    """Moments of the track at which the build's animated views are compared; 0 for none."""
    splats: int | None = None
    """Measure the level of detail of at most so many splats; default: all."""
    out: Path | None = None
    """Folder for evaluation.json; default: beside the avatar."""


def main(arguments: list[str]) -> int:
    """Run the command."""
    options = parse(EvaluateCommand, "evaluate", arguments)
    check_option("size", options.size, 32, 4096)
    check_option("frames", options.frames, 0, 10_000)
    folder = options.head if options.head.is_dir() else options.head.parent
    out = options.out or folder
    writes = out.resolve() == folder.resolve()
    with undisturbed(folder, writes) if writes or not options.truth else nullcontext():
        lines = measured(options, folder, out)
    say(*lines)
    return 0


def measured(options: EvaluateCommand, folder: Path, out: Path) -> list[str]:
    """Compare and write; the table and the files as lines."""
    whole = load_avatar(folder / "avatar.glb" if options.head.is_dir() else options.head, None)
    from facecraft4d.toolkit.evaluation.fidelity import evaluate

    avatar = level_of(whole, options.splats)
    truths = pictures(options, whole, folder)
    with shown_progress() as report:
        fidelity = evaluate(avatar, truths, report)
    about = {
        "avatar": str(options.head),
        "truth": options.truth or "the build's own pictures",
        "size": str(options.size),
    }
    return [*table(fidelity), *map(str, write(fidelity, avatar, out, about))]


def pictures(options: EvaluateCommand, avatar: "Avatar", folder: Path) -> list["Truth"]:
    """What the options compare the whole avatar, or a level of it, with; UserError where that is nothing."""
    from facecraft4d.toolkit.evaluation import truth
    from facecraft4d.toolkit.subjects.people import SUBJECTS

    if not options.truth:
        return truth.of_build(folder, avatar, options.frames, options.size)
    if options.truth in SUBJECTS:
        return truth.of_subject(options.truth, options.size)
    if not Path(options.truth).is_dir():
        raise UserError(f"--truth {options.truth}: expected a folder or one of {', '.join(SUBJECTS)}, found neither")
    return truth.of_folder(Path(options.truth), avatar.rig, options.size)


def table(fidelity: "Fidelity") -> list[str]:
    """A line for each group."""
    from facecraft4d.toolkit.evaluation.metrics import MEASURES

    lines = [f"{'':<14}{'pictures':>9}{'faces':>7}" + "".join(f"{each.heading:>14}" for each in MEASURES.values())]
    for name, found in fidelity.groups().items():
        counts = f"{name:<14}{len(fidelity.of(name)):>9}{fidelity.faces(name):>7}"
        lines.append(counts + "".join(f"{found[key]:>14.4f}" for key in MEASURES))
    return [*lines, *fidelity.notes]


def write(fidelity: "Fidelity", avatar: "Avatar", folder: Path, about: dict[str, str]) -> tuple[Path, Path]:
    """evaluation.json, and a section of the build's report or a page of its own; each whole or not at all."""
    from facecraft4d.toolkit.core.files import write_whole
    from facecraft4d.toolkit.core.text import as_bytes
    from facecraft4d.toolkit.core.untrusted.door import at_the_border, read_untrusted
    from facecraft4d.toolkit.evaluation.fidelity import as_json
    from facecraft4d.toolkit.report.page import with_evaluation

    numbers, report = folder / "evaluation.json", folder / "report.html"
    page = report if report.is_file() else folder / "evaluation.html"
    before = ""
    if page.is_file():
        with at_the_border(page, "a page that facecraft4d wrote", "move it away"):
            before = read_untrusted(page, "a page that facecraft4d wrote", MOST_PAGE_BYTES).decode()
    write_whole(numbers, json.dumps(as_json(fidelity, about), indent=1).encode())
    write_whole(page, as_bytes(with_evaluation(before, avatar, fidelity, about)))
    return numbers, page
