"""facecraft4d build: a portrait to avatar.glb, report.html, preview.mp4 and metrics.json."""

import argparse
import json
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from facecraft4d.cli_common import parse, readable_bytes, readable_seconds, say
from facecraft4d.cli_folder import working_folder
from facecraft4d.cli_paper import refuse_cpu, refuse_other_priors
from facecraft4d.cli_progress import Report, shown_progress
from facecraft4d.toolkit.config import BuildConfig, Preset, check_config, preset
from facecraft4d.toolkit.core.checks import UserError

if TYPE_CHECKING:
    from facecraft4d.toolkit.built import Build

PREVIEW_CLIP = "face_cap"
PREVIEW_SIZE = 512
SHAPE_FILES = ("shape.glb", "shape.obj")
"""The surface of a shape prior that has one."""


@dataclass(frozen=True)
class BuildCommand:
    """Make an avatar from a portrait.

    Writes avatar.glb, report.html, preview.mp4 and metrics.json into the output folder (and shape.glb, shape.obj with --shape-prior
    panohead), and what the stages made into its folder build/. A build that was stopped goes on where it was; an option that changes makes its stage and the later ones run anew.

    examples:
      facecraft4d build portrait.jpg --out my_head
      facecraft4d build portrait.jpg --out my_head --preset standard --splats 40000
      facecraft4d build portrait.jpg --out my_head --training.coin-iterations 2000 --matting isnet
      facecraft4d build portrait.jpg --out my_head --face-model flame --face-model.file flame2023_Open.pkl
      facecraft4d build portrait.jpg --out my_head --image-prior sdxl --image-prior.sdxl.folder stable-diffusion-xl-base-1.0
      facecraft4d build portrait.jpg --out my_head --shape-prior panohead --shape-prior.panohead.checkpoint easy-khair-180-gpc0.8-trans10-025000.pkl
      facecraft4d build portrait.jpg --out my_head --video-prior liveportrait --video-prior.liveportrait.checkpoints pretrained_weights
      facecraft4d build portrait.jpg --out my_head --preset paper --embedded-priors
    """

    portrait: Annotated[Path, tyro.conf.Positional]
    """The photograph: JPEG, HEIC, PNG, WebP, AVIF, TIFF, BMP, GIF."""
    out: Path = Path("my_head")
    """Folder for the results."""
    preset: Preset = Preset.DRAFT
    """draft: minutes on a CPU; standard: under an hour on a CPU; paper: the paper's schedule and priors, for CUDA."""
    resume: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False
    """Go on with an earlier build in the folder (this is the default)."""
    fresh: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False
    """Start over: what an earlier build in the folder made is kept until the new one has got past preprocessing, then removed."""
    anyway: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False
    """Let the preset paper run without CUDA."""
    embedded_priors: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False
    """Let the preset paper run without those of the paper's own priors that are not chosen."""
    config: Annotated[BuildConfig, tyro.conf.arg(name="")] = field(default_factory=BuildConfig)


def main(arguments: list[str]) -> int:
    """Run the command."""
    options = parse_options(arguments)
    check_options(options)
    with shown_progress() as report, working_folder(options.out, options.fresh) as folder:
        from facecraft4d.toolkit import pipeline

        check_paper(options, report)
        build = pipeline.build(options.portrait, options.config, folder, report)
        started = time.perf_counter()
        write_results(build, options, report)
    print_summary(build, options, time.perf_counter() - started)
    return 0


def parse_options(arguments: list[str]) -> BuildCommand:
    """The options, whose defaults follow from --preset."""
    peek = argparse.ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    peek.add_argument("--preset", default=Preset.DRAFT)
    try:
        chosen = Preset(peek.parse_known_args(arguments)[0].preset)
    except (ValueError, argparse.ArgumentError):
        chosen = Preset.DRAFT  # tyro says below what is wrong
    return parse(_with_defaults(chosen), "build", arguments)


def _with_defaults(chosen: Preset) -> type[BuildCommand]:
    """The options with a preset's values as defaults, so that --help shows what will happen."""

    @dataclass(frozen=True)
    class PresetCommand(BuildCommand):
        preset: Preset = chosen
        config: Annotated[BuildConfig, tyro.conf.arg(name="")] = field(default_factory=lambda: preset(chosen))

    PresetCommand.__doc__ = BuildCommand.__doc__
    return PresetCommand


def check_options(options: BuildCommand) -> None:
    """UserError for what cannot be built, before anything slow is loaded or written."""
    if not options.portrait.is_file():
        raise UserError(f"{options.portrait}: expected a photograph, found {_what_is(options.portrait)}")
    for place in (options.out, *options.out.parents):
        if place.exists() and not place.is_dir():
            raise UserError(f"{place}: expected a folder for the results, found a file; choose another --out")
    if options.resume and options.fresh:
        raise UserError("--resume and --fresh exclude each other; take one")
    check_config(options.config)


def check_paper(options: BuildCommand, report: Report) -> None:
    """UserError where the preset paper lacks what makes it the paper, unless the options say to go on."""
    if options.preset is not Preset.PAPER:
        return
    if not options.embedded_priors:
        refuse_other_priors(options.config, report)
    if not options.anyway:
        refuse_cpu(options.config, report)


def write_results(build: "Build", options: BuildCommand, report: Report) -> None:
    """Write the results, each whole or not at all; the report last, so that a folder with one is complete."""
    from facecraft4d import exporters
    from facecraft4d.runtime import RecordOptions, find_motion, record
    from facecraft4d.toolkit.core.files import write_whole
    from facecraft4d.toolkit.core.text import as_bytes
    from facecraft4d.toolkit.evaluation import as_json
    from facecraft4d.toolkit.images import encoded
    from facecraft4d.toolkit.report.figures import expression_pictures, expression_sheet, overview
    from facecraft4d.toolkit.report.page import report_html

    out = options.out
    exporters.export(build.avatar, out / "avatar.glb", to="gltf")
    copy_shape(build, out)
    write_whole(out / "metrics.json", json.dumps(as_json(build.evaluation, options.preset), indent=1).encode())
    record(build.avatar, find_motion(PREVIEW_CLIP), out / "preview.mp4", RecordOptions(size=PREVIEW_SIZE), report)
    write_whole(out / "overview.png", encoded(overview(build), "PNG"))
    expressions = expression_pictures(build)
    write_whole(out / "expression_sheet.png", encoded(expression_sheet(expressions), "PNG"))
    write_whole(out / "report.html", as_bytes(report_html(build, options.preset, expressions)))


def copy_shape(build: "Build", out: Path) -> None:
    """The shape prior's own surface beside the avatar, if it has one."""
    from facecraft4d.toolkit.core.files import write_whole

    if build.shape_folder is not None:
        for name in SHAPE_FILES:
            write_whole(out / name, (build.shape_folder / name).read_bytes())


def print_summary(build: "Build", options: BuildCommand, seconds_for_results: float) -> None:
    """Time per stage, metrics with their targets, where the files are."""
    from facecraft4d.toolkit.evaluation import as_json

    for row in build.times:
        kept = "  (kept)" if row.cached else ""
        peak = readable_bytes(row.peak_bytes) if row.peak_bytes else "unknown"
        device = f", {readable_bytes(row.device_peak_bytes)} on the GPU" if row.device_peak_bytes else ""
        say(f"{row.stage:<24} {readable_seconds(row.seconds):>12}  peak {peak}{device}{kept}")
    made = sum(row.seconds for row in build.times if not row.cached)
    say(f"{'preview, report':<24} {readable_seconds(seconds_for_results):>12}")
    say(f"{'this run':<24} {readable_seconds(made + seconds_for_results):>12}")
    for name, metric in as_json(build.evaluation, options.preset)["metrics"].items():
        target = (
            "" if metric["target"] is None else f"  target {metric['target']:g}: {'met' if metric['met'] else 'missed'}"
        )
        value = "not measured" if metric["value"] is None else f"{metric['value']:.4f} {metric['unit']}"
        say(f"{name:<24} {value:>12}{target}")
    say(*(options.out / name for name in ("avatar.glb", "report.html", "preview.mp4", "metrics.json")))


def _what_is(path: Path) -> str:
    return "a folder" if path.is_dir() else "no such file" if not path.exists() else "something that is not a file"
