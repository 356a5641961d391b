"""The paper's Tables 2 to 5 and 7 with this toolkit's heads beside them, over a folder of portraits.

    python benchmarks/tables.py PORTRAITS --out FOLDER [--tables 2 3 5] [--clip FOLDER] [--arcface FILE] [--inception FILE] [-- build options]
    python benchmarks/tables.py portraits --out numbers -- --preset paper --shape-prior panohead --image-prior sdxl --video-prior liveportrait

PORTRAITS holds photographs, and folders with a portrait.* and, for Table 7, further pictures with their cameras (transforms.json, docs/evaluation.md).
Every head lies in FOLDER/VARIANT/PORTRAIT: a stopped run goes on, and ablations take over the stages that they share with the whole build. Ends with
FOLDER/tables.md and FOLDER/tables.json. A measure whose network is not there says so; nothing stands in for it under its name.
"""

import argparse
import json
import os
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from machine import described
from paper_tables import ABLATIONS, TABLES, as_markdown

from facecraft4d import cli, cli_build
from facecraft4d.cli_progress import Report, shown_progress
from facecraft4d.exporters import load
from facecraft4d.toolkit import weights
from facecraft4d.toolkit.core.checks import UserError
from facecraft4d.toolkit.core.files import write_whole
from facecraft4d.toolkit.evaluation import fidelity, truth
from facecraft4d.toolkit.evaluation.kept import kept_stages
from facecraft4d.toolkit.evaluation.metrics import PAPER
from facecraft4d.toolkit.evaluation.paper import measures, networks
from facecraft4d.toolkit.evaluation.paper.measures import Likeness, Row

SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".heic", ".avif", ".bmp", ".tif", ".tiff")
FULL = "full"
TRUTH = "transforms.json"


@dataclass(frozen=True)
class Portrait:
    """A photograph, and the folder of pictures from elsewhere that show the same head."""

    name: str
    photo: Path
    truth: Path | None


@dataclass(frozen=True)
class Run:
    """What is asked for."""

    out: Path
    own: networks.Own
    size: int
    frames: int
    build: tuple[str, ...]
    """Options of facecraft4d build for every head."""

    def folder(self, variant: str, portrait: Portrait) -> Path:
        """Where a head is built."""
        return self.out / variant.replace("w/o", "without").replace(" ", "_").lower() / portrait.name


def portraits(folder: Path) -> list[Portrait]:
    """In the order of their names; UserError for a folder without any."""
    found = []
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        inner = sorted(each for each in path.glob("portrait.*") if each.suffix.lower() in SUFFIXES)
        if path.is_file() and path.suffix.lower() in SUFFIXES:
            found.append(Portrait(path.stem, path, None))
        elif inner:
            found.append(Portrait(path.name, inner[0], path if (path / TRUTH).is_file() else None))
    if not found:
        raise UserError(f"{folder}: expected photographs, or folders with a portrait.jpg, found none")
    if len({each.name for each in found}) < len(found):
        raise UserError(f"{folder}: expected portraits of different names, found two of one; the ending does not count")
    return found


def built(run: Run, variant: str, portrait: Portrait) -> bool:
    """Whether the head is there, built now or before with the same options and photograph."""
    folder, options = run.folder(variant, portrait), [*run.build, *ABLATIONS.get(variant, ())]
    wanted = json.dumps({"options": options, "photograph": weights.file_sha256(portrait.photo)})
    note = folder / "tables_build.json"
    if note.is_file() and note.read_text() == wanted and (folder / "avatar.glb").is_file():
        return True
    share_stages(run.folder(FULL, portrait) / "build", folder / "build")
    if cli.main(["build", str(portrait.photo), "--out", str(folder), *options]):
        return False
    write_whole(note, wanted.encode())
    return True


def share_stages(whole: Path, mine: Path) -> None:
    """Begin with the whole build's stages, without a copy of their bytes: those that an ablation changes are made anew beside them."""
    if whole.is_dir() and not mine.exists():
        shutil.copytree(whole, mine, copy_function=os.link)


def measured(run: Run, variant: str, portrait: Portrait, own: networks.Networks, report: Report) -> Likeness:
    """The paper's measures of a head, now or as an earlier run kept them."""
    folder = run.folder(variant, portrait)
    kept, stamp = folder / "tables_likeness.json", measuring(run, folder)
    if kept.is_file() and (before := json.loads(kept.read_text()))["stamp"] == stamp:
        return recalled(before)
    avatar = load(folder / "avatar.glb")
    found = measures.likeness(avatar, kept_stages(folder), own, run.size, run.frames, report)
    write_whole(kept, json.dumps({"stamp": stamp, **remembered(found)}).encode())
    return found


def measuring(run: Run, folder: Path) -> dict[str, Any]:
    """What decides the numbers: the head, the networks, the pictures."""
    files = {"clip": run.own.clip, "arcface": run.own.arcface, "inception_fid": run.own.inception}
    hashes = {name: weights.content_sha256(path) for name, path in files.items() if path}
    avatar = weights.file_sha256(folder / "avatar.glb")
    return {"avatar": avatar, "networks": hashes | weights.own_hashes(files), "size": run.size, "frames": run.frames}


def remembered(found: Likeness) -> dict[str, Any]:
    """As a tree of plain values."""
    rows = [(row.group, row.name, dict(row.scores), vectors(row.features)) for row in found.rows]
    return {"rows": rows, "photograph": vectors(found.photograph), "notes": list(found.notes)}


def recalled(tree: Mapping[str, Any]) -> Likeness:
    """The opposite."""
    rows = tuple(Row(group, name, scores, arrays(features)) for group, name, scores, features in tree["rows"])
    return Likeness(rows, arrays(tree["photograph"]), tuple(tree["notes"]))


def vectors(named: Mapping[str, np.ndarray]) -> dict[str, list[float]]:
    return {name: each.tolist() for name, each in named.items()}


def arrays(named: Mapping[str, list[float]]) -> dict[str, np.ndarray]:
    return {name: np.array(each) for name, each in named.items()}


def against_truth(run: Run, portrait: Portrait, own: networks.Networks, report: Report) -> dict[str, float]:
    """Means over the pictures that show the same head, of Table 7."""
    avatar = load(run.folder(FULL, portrait) / "avatar.glb")
    assert portrait.truth is not None
    found = fidelity.evaluate(avatar, truth.of_folder(portrait.truth, avatar.rig, run.size), report, own.arcface)
    return fidelity.means(found.rows)


def of_variant(
    run: Run, variant: str, given: Sequence[Portrait], own: networks.Networks, report: Report
) -> dict[str, Likeness]:
    """The heads of a variant that could be built, by portrait."""
    return {each.name: measured(run, variant, each, own, report) for each in given if built(run, variant, each)}


def variants(run: Run, numbers: Sequence[int]) -> Iterator[str]:
    """What has to be built for the tables: everything, then what an ablation leaves out and these priors have."""
    yield FULL
    config = cli_build.parse_options(["portrait", *run.build]).config
    for number in numbers:
        for row in TABLES[number].ablations:
            if str(config.image_prior.prior) == "sdxl" or number != 4:
                yield row


def results(run: Run, given: Sequence[Portrait], numbers: Sequence[int]) -> dict[str, Any]:
    """Every table's rows of ours, and what is not there and why."""
    with shown_progress() as report:
        own = networks.load(run.own, True, report)
        heads = {name: of_variant(run, name, given, own, report) for name in dict.fromkeys(variants(run, numbers))}
        known = [each for each in given if each.truth is not None and each.name in heads[FULL]]
        true = [against_truth(run, each, own, report) for each in known] if 7 in numbers else []
    tables = {}
    for number in numbers:
        table = TABLES[number]
        rows = {row: heads[row] for row in (*table.ablations, FULL) if row in heads} if table.group else {}
        found = {row: measures.of_group(list(each.values()), table.group) for row, each in rows.items() if each}
        if number == 7 and true:
            found = {FULL: fidelity.means(true)}
        tables[number] = {name: measures.plain(row) for name, row in found.items()}
    config = cli_build.parse_options(["portrait", *run.build]).config
    return {
        "tables": tables,
        "priors": f"{config.shape_prior.prior} + {config.image_prior.prior} + {config.video_prior.prior}, head model {config.face_model.model}",
        "image_prior": str(config.image_prior.prior),
        "portraits": {name: len(each) for name, each in heads.items()},
        "given": len(given),
        "with_truth": len(known),
        "size": run.size,
        "frames": run.frames,
        "options": list(run.build),
        "measures": {name: metric.how for name, metric in PAPER.items()},
        "notes": [*own.notes, *(f"{k}: {note}" for k, each in heads[FULL].items() for note in each.notes)],
        "machine": described(),
    }


def main() -> None:
    """Build, measure, tell."""
    split = sys.argv.index("--") if "--" in sys.argv else len(sys.argv)
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("portraits", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--tables", type=int, nargs="+", choices=tuple(TABLES), default=list(TABLES))
    for name, what in (("clip", "folder of CLIP"), ("arcface", "backbone.pth"), ("inception", "pytorch-fid's file")):
        parser.add_argument(f"--{name}", type=Path, help=f"{what} (docs/paper_priors.md)")
    parser.add_argument("--size", type=int, default=512, help="pixels of the pictures that are compared")
    parser.add_argument("--frames", type=int, default=3, help="moments of the track at which the moving head is seen")
    options = parser.parse_args(sys.argv[1:split])
    own = networks.Own(options.arcface, options.clip, options.inception)
    run = Run(options.out, own, options.size, options.frames, tuple(sys.argv[split + 1 :]))
    found = results(run, portraits(options.portraits), options.tables)
    text = as_markdown(found)
    write_whole(options.out / "tables.json", json.dumps(found, indent=1).encode())
    write_whole(options.out / "tables.md", text.encode())
    print(text)


if __name__ == "__main__":
    try:
        main()
    except UserError as error:
        sys.exit(str(error))
