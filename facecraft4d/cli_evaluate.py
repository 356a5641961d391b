"""facecraft4d evaluate: how near an avatar comes to pictures whose poses and cameras are known."""

import json
import math
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from facecraft4d.cli_common import check_option, level_of, load_avatar, parse, say
from facecraft4d.cli_folder import undisturbed
from facecraft4d.cli_progress import Report, shown_progress
from facecraft4d.toolkit.core.checks import UserError

if TYPE_CHECKING:
    from facecraft4d.toolkit.core.asset import Avatar
    from facecraft4d.toolkit.evaluation.fidelity import Fidelity
    from facecraft4d.toolkit.evaluation.paper.measures import Likeness
    from facecraft4d.toolkit.evaluation.paper.networks import Networks
    from facecraft4d.toolkit.evaluation.truth import Truth


MOST_PAGE_BYTES = 256 << 20
"""Of a report: its pictures take some ten."""


@dataclass(frozen=True)
class EvaluateCommand:
    """Measure an avatar: PSNR, SSIM, LPIPS (VGG and AlexNet), identity (SFace) and sharpness against pictures with known poses and cameras.

    Without --truth these are the build's own: the photograph, the generated views, animated frames; and the head is seen from five viewpoints, still
    and moving, for CLIP-I and ID as the paper has them. Several heads are measured by these alone, and by FID. The table is printed, evaluation.json
    holds every picture, and the build's report.html gets a section (elsewhere evaluation.html is written).

    examples:
      facecraft4d evaluate my_head
      facecraft4d evaluate my_head/avatar.glb --truth photographs
      facecraft4d evaluate heads/anna heads/ben heads/carla --out numbers --clip clip-vit-base-patch32 --arcface backbone.pth
      facecraft4d evaluate build/coin_ablation/avatars/glasses_0_coin.glb --truth glasses --size 256
    """

    heads: Annotated[tuple[Path, ...], tyro.conf.Positional]
    """Folders that facecraft4d build wrote, or one avatar.glb."""
    truth: str = ""
    """A folder of pictures with a transforms.json (docs/evaluation.md), or a synthetic subject: glasses, hat, long_hair."""
    size: int = 512
    """Larger pictures are shrunk to this many pixels."""
    frames: int = 3
    """Moments of the track at which the build's animated views are compared; 0 for none."""
    splats: int | None = None
    """Measure the level of detail of at most so many splats; default: all."""
    out: Path | None = None
    """Folder for evaluation.json; default: beside the avatar. Needed for several heads."""
    clip: Path | None = None
    """For CLIP-I: a folder of CLIP as transformers saves it (docs/paper_priors.md)."""
    arcface: Path | None = None
    """For ID (ArcFace): backbone.pth of InsightFace's arcface_torch."""
    inception: Path | None = None
    """For FID of several heads: pt_inception-2015-12-05-6726825d.pth of pytorch-fid."""


def main(arguments: list[str]) -> int:
    """Run the command."""
    options = parse(EvaluateCommand, "evaluate", arguments)
    check_option("size", options.size, 32, 4096)
    check_option("frames", options.frames, 0, 10_000)
    if len(options.heads) != 1:
        say(*measured_set(options))
        return 0
    head = options.heads[0]
    folder = head if head.is_dir() else head.parent
    out = options.out or folder
    writes = out.resolve() == folder.resolve()
    with undisturbed(folder, writes) if writes or not options.truth else nullcontext():
        lines = measured(options, head, folder, out)
    say(*lines)
    return 0


def measured(options: EvaluateCommand, head: Path, folder: Path, out: Path) -> list[str]:
    """Compare one head and write; the tables and the files as lines."""
    whole = load_avatar(folder / "avatar.glb" if head.is_dir() else head, None)
    from facecraft4d.toolkit.evaluation.fidelity import evaluate
    from facecraft4d.toolkit.evaluation.paper import networks

    avatar = level_of(whole, options.splats)
    truths = pictures(options, whole, folder)
    with shown_progress() as report:
        own = networks.load(networks.Own(options.arcface, options.clip, options.inception), False, report)
        fidelity = evaluate(avatar, truths, report, own.arcface)
        likeness = None if options.truth else _likeness(options, own, folder, report)
    about = {"avatar": str(head), "truth": options.truth or "the build's own pictures", "size": str(options.size)}
    likenesses = {} if likeness is None else {head.name: likeness}
    lines = [*table(fidelity), *(paper_table(likenesses, own.notes) if likenesses else ())]
    return [*lines, *map(str, write(fidelity, avatar, out, about, likenesses, own.notes))]


def measured_set(options: EvaluateCommand) -> list[str]:
    """Compare several heads by the paper's measures and write; the table and the file as lines."""
    if not options.heads or options.out is None or options.truth:
        raise UserError(
            "evaluate takes one head, or several folders that facecraft4d build wrote with --out FOLDER and without --truth"
        )
    from facecraft4d.toolkit.core.files import write_whole
    from facecraft4d.toolkit.evaluation.paper import measures, networks

    likenesses = {}
    with shown_progress() as report:
        own = networks.load(networks.Own(options.arcface, options.clip, options.inception), True, report)
        for folder in options.heads:
            with undisturbed(folder, False):
                likenesses[str(folder)] = _likeness(options, own, folder, report)
    numbers = options.out / "evaluation.json"
    write_whole(numbers, json.dumps({"paper": measures.as_json(likenesses, own.notes)}, indent=1).encode())
    return [*paper_table(likenesses, own.notes), str(numbers)]


def _likeness(options: EvaluateCommand, own: "Networks", folder: Path, report: Report) -> "Likeness":
    """The paper's measures of one build's head."""
    from facecraft4d.toolkit.evaluation.kept import check_made_of, kept_stages
    from facecraft4d.toolkit.evaluation.paper.measures import likeness

    whole, kept = load_avatar(folder / "avatar.glb", None), kept_stages(folder)
    check_made_of(whole, kept, folder)
    return likeness(level_of(whole, options.splats), kept, own, options.size, options.frames, report)


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
    """A line for each group, a column for each measure that could be taken."""
    from facecraft4d.toolkit.evaluation.metrics import MEASURES

    columns = fidelity.measured()
    lines = [f"{'':<14}{'pictures':>9}{'faces':>7}" + "".join(f"{MEASURES[name].heading:>14}" for name in columns)]
    for name, found in fidelity.groups().items():
        counts = f"{name:<14}{len(fidelity.of(name)):>9}{fidelity.faces(name):>7}"
        lines.append(counts + "".join(f"{found[key]:>14.4f}" for key in columns))
    return [*lines, *fidelity.notes]


def paper_table(heads: "Mapping[str, Likeness]", notes: "Sequence[str]") -> list[str]:
    """A line for each group of pictures against the photographs, and one for each head in it where there are several."""
    from facecraft4d.toolkit.evaluation.metrics import PAPER
    from facecraft4d.toolkit.evaluation.paper.measures import of_group

    lines = ["", f"{'against the photograph':<32}" + "".join(f"{each.heading:>14}" for each in PAPER.values())]
    for group in dict.fromkeys(group for head in heads.values() for group in head.groups()):
        rows = {group: list(heads.values())} | (
            {f"  {name}": [head] for name, head in heads.items()} if len(heads) > 1 else {}
        )
        for name, some in rows.items():
            cells = (
                f"{value:>14.4f}" if math.isfinite(value) else f"{'-':>14}" for value in of_group(some, group).values()
            )
            lines.append(f"{name:<32}" + "".join(cells))
    return [*lines, *notes, *(f"{name}: {note}" for name, head in heads.items() for note in head.notes)]


def write(
    fidelity: "Fidelity",
    avatar: "Avatar",
    folder: Path,
    about: dict[str, str],
    likenesses: "Mapping[str, Likeness]",
    notes: "Sequence[str]",
) -> tuple[Path, Path]:
    """evaluation.json, and a section of the build's report or a page of its own; each whole or not at all."""
    from facecraft4d.toolkit.core.files import write_whole
    from facecraft4d.toolkit.core.text import as_bytes
    from facecraft4d.toolkit.core.untrusted.door import at_the_border, read_untrusted
    from facecraft4d.toolkit.evaluation.fidelity import as_json
    from facecraft4d.toolkit.evaluation.paper import measures
    from facecraft4d.toolkit.report.page import with_evaluation

    numbers, report = folder / "evaluation.json", folder / "report.html"
    page = report if report.is_file() else folder / "evaluation.html"
    before = ""
    if page.is_file():
        with at_the_border(page, "a page that facecraft4d wrote", "move it away"):
            before = read_untrusted(page, "a page that facecraft4d wrote", MOST_PAGE_BYTES).decode()
    paper = {"paper": measures.as_json(likenesses, notes)} if likenesses else {}
    write_whole(numbers, json.dumps(as_json(fidelity, about) | paper, indent=1).encode())
    write_whole(page, as_bytes(with_evaluation(before, avatar, fidelity, about, likenesses, notes)))
    return numbers, page
