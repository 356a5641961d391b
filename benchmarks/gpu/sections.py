"""The sections of the check, in their order, and what they share."""

import gc
import platform
import time
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import torch
from gpu import carried, diffusion, kept, networks
from gpu.animation import check_animation, measure_animation, on
from gpu.compiling import Compilation
from gpu.heads import check_heads, measure_views
from gpu.inverting import Steps, measure_inversion
from gpu.player import Size, check_player
from gpu.projected import project
from gpu.raster import check_raster
from gpu.results import Found, Ledger, Missed, Section, demand
from gpu.steps import Begun, Counts, check_step

from facecraft4d.exporters import export
from facecraft4d.toolkit.config import TrainingConfig
from facecraft4d.toolkit.core.asset import Avatar
from facecraft4d.toolkit.core.stages import Progress
from facecraft4d.toolkit.shape_prior.panohead.generator import Generator
from facecraft4d.toolkit.video_prior.liveportrait.networks import Networks

PLAYER_SECONDS = 40.0
"""Kept for the player: compilation and training are broken off when no more is left."""


@dataclass(frozen=True)
class Plan:
    """What is run, on what, how large."""

    device: str = "cuda"
    played: tuple[int, ...] = (24_000, 50_000, 100_000)
    """Splats of the avatars that the player shows."""
    trained: tuple[int, ...] = (50_000, 100_000)
    """Splats whose training step is measured; they are among `played`."""
    size: int = 512
    """Side of the training pictures in pixels."""
    screens: tuple[Size, ...] = ((512, 512), (1920, 1080))
    frames: int = 120
    """Frames that each measurement of the player takes."""
    counts: Counts = field(default_factory=Counts)
    draft: TrainingConfig = field(default_factory=kept.draft_training)
    front_slack_db: float = 0.5
    """How far the draft's front may be from the CPU's."""
    published: bool = True
    """PanoHead and LivePortrait in their published sizes, against the golden vectors; narrow ones otherwise."""
    times: int = 10
    """Calls that a mean is taken over."""
    depth_rays: int = 256
    """A side of PanoHead's depth maps, as the build's option has it."""
    inverted: Steps = (20, 10)
    animated: int = 12
    """Frames that LivePortrait makes at once: all views of a time step."""
    sdxl: diffusion.Sizes = diffusion.PUBLISHED
    half: torch.dtype = torch.float16
    """The other precision of LivePortrait, and that of SDXL."""


def rehearsal() -> Plan:
    """The same on the CPU, whose rasteriser stands in for gsplat: every line runs, no number counts."""
    draft = replace(
        kept.draft_training(), static_iterations=8, coin_iterations=8, splats=2_000, resolution=64, coarse_resolution=64
    )
    return Plan(
        "cpu", (2_000,), (2_000,), 64, ((64, 64), (96, 54)), 4, Counts(1, 2, 2, 2, 2), draft, front_slack_db=25.0, published=False, times=1,
        depth_rays=16, inverted=(2, 2), animated=2, sdxl=diffusion.NARROW, half=torch.float64,
    )  # fmt: skip


class Folders(NamedTuple):
    """Where things lie."""

    carried: Path
    out: Path
    scratch: Path
    """Emptied by whoever made it."""


class Subject(NamedTuple):
    """What several sections use."""

    kept: kept.Kept
    begun: dict[int, Begun]
    """Trainings before their first step, by their splats."""
    avatars: dict[int, Avatar]
    """The same splats as avatars."""


class Check:
    """One run. `compilation` is None where nothing has to be compiled."""

    def __init__(self, plan: Plan, folders: Folders, ledger: Ledger, compilation: Compilation | None) -> None:
        self.plan, self.folders, self._ledger, self._compilation = plan, folders, ledger, compilation
        self._compiled = compilation is None

    def sections(self) -> tuple[Section, ...]:
        """All of them; gsplat compiles while the first three run, and nothing is timed before that is done."""
        return (
            Section("machine", self.machine, 0, 10), Section("subject", self.prepare, 30, 60), Section("goldens", self.goldens, 20, 50),
            Section("compile", self.compile, 0, 300), Section("raster", self.raster, 10, 30), Section("step", self.step, 30, 50),
            Section("panohead", self.panohead, 20, 50), Section("liveportrait", self.liveportrait, 15, 40), Section("sdxl", self.sdxl, 30, 70),
            Section("draft", self.draft, 45, 80), Section("player", self.play, 20, PLAYER_SECONDS), Section("projected", self.project, 0, 5),
        )  # fmt: skip

    def machine(self, found: Found) -> None:
        """What it runs on. Raises Missed where the device is not there."""
        found |= {"python": platform.python_version(), "torch": torch.__version__, "cuda": torch.version.cuda}
        found["tf32"] = {"matmul": torch.backends.cuda.matmul.allow_tf32, "cudnn": torch.backends.cudnn.allow_tf32}
        if self.plan.device == "cuda":
            demand(torch.cuda.is_available(), "torch finds no CUDA device")
            found["card"] = torch.cuda.get_device_name()
            found["memory_gib"] = torch.cuda.get_device_properties(0).total_memory / 2**30

    @cached_property
    def subject(self) -> Subject:
        """The kept stages, and trainings about to begin; made again, and refused again, if it failed."""
        plan, stages = self.plan, self.folders.carried / carried.STAGES
        small = kept.unpack(stages, self.folders.scratch / "small")
        large = kept.enlarged(small, plan.size, self.folders.scratch / "large")
        begun = {n: kept.begun(large, kept.paper_step(n, plan.size), plan.device) for n in plan.played}
        return Subject(small, begun, {n: kept.as_avatar(small, state) for n, (_, state) in begun.items()})

    def prepare(self, found: Found) -> None:
        """Read what travelled."""
        found["splats"] = {n: len(state.triangles) for n, (_, state) in self.subject.begun.items()}
        found["cpu_psnr_db"] = self.subject.kept.cpu_psnr_db

    @cached_property
    def generator(self) -> Generator:
        """PanoHead's on the device; making its weights by the rule takes seconds."""
        return networks.head_generator(self.plan.published).to(self.plan.device)

    @cached_property
    def animator(self) -> Networks:
        """LivePortrait's on the device."""
        return on(networks.animator(self.plan.published), self.plan.device)

    def goldens(self, found: Found) -> None:
        """The priors' networks against golden vectors; both are compared before the first that is too far off is named."""
        missed = []
        for name, check, made in (
            ("panohead", check_heads, self.generator),
            ("liveportrait", check_animation, self.animator),
        ):
            found[name] = {}
            try:
                check(made, self.plan.published, self.plan.device, found[name])
            except Missed as error:
                missed.append(f"{name}: {error}")
            self._ledger.within()
        demand(not missed, "; ".join(missed))

    def panohead(self, found: Found) -> None:
        """What heads cost."""
        plan, within = self.plan, self._ledger.within
        measure_views(self.generator, plan.depth_rays, plan.device, plan.times, within, found)
        measure_inversion(self.generator, plan.inverted, plan.device, self.folders.scratch, within, found)

    def liveportrait(self, found: Found) -> None:
        """What moving pictures cost."""
        plan = self.plan
        measure_animation(self.animator, plan.animated, plan.device, plan.half, plan.times, self._ledger.within, found)

    def sdxl(self, found: Found) -> None:
        """What sharpening views costs. The other priors' networks make room."""
        vars(self).pop("generator", None)
        vars(self).pop("animator", None)
        gc.collect()
        made = diffusion.Diffusion(self.plan.sdxl, self.plan.device, self.plan.half)
        diffusion.measure_diffusion(made, self.plan.times, self._ledger.within, found)

    def project(self, found: Found) -> None:
        """Minutes of each stage, from what was found."""
        project(self._ledger.sections, self.plan.trained[-1], found)

    def compile(self, found: Found) -> None:
        """Wait for gsplat; its time counts from the start of the check."""
        if self._compilation is None:
            found["rasteriser"] = "our own, on the CPU"
            return
        self._compilation.wait(self._ledger.seconds_left - PLAYER_SECONDS)
        self._compiled = True
        found["rasteriser"], found["compile_seconds"] = "gsplat", self._compilation.seconds

    def _demand_rasteriser(self) -> None:
        """Without it gsplat would begin to compile here, and nothing could stop it."""
        demand(self._compiled, "gsplat is not compiled")

    def raster(self, found: Found) -> None:
        """gsplat against stored results."""
        self._demand_rasteriser()
        check_raster(self.folders.carried / carried.SCENES, self.folders.out, self.plan.device, found)

    def step(self, found: Found) -> None:
        """What a training step takes."""
        self._demand_rasteriser()
        for count in self.plan.trained:
            found[f"{count} splats"] = {}
            check_step(
                self.subject.begun[count],
                self.plan.device,
                self.plan.counts,
                self._ledger.within,
                found[f"{count} splats"],
            )

    def draft(self, found: Found) -> None:
        """Kept stages to avatar.glb, and its front against the CPU's."""
        self._demand_rasteriser()
        plan, subject = self.plan, self.subject.kept
        found["limits"] = {"front_slack_db": plan.front_slack_db}

        def report(progress: Progress) -> None:
            found["steps"] = progress.step
            demand(
                self._ledger.seconds_left > PLAYER_SECONDS, f"broken off at {progress.step} of {progress.total} steps"
            )

        files = self.folders.scratch / "training"
        begun = time.monotonic()
        avatar = kept.trained(subject, plan.draft, plan.device, files, report)
        found["training_seconds"] = time.monotonic() - begun
        export(avatar, self.folders.out / "avatar.glb")
        found["front_psnr_db"], found["cpu_psnr_db"] = kept.front_psnr(avatar, subject), subject.cpu_psnr_db
        off = found["front_psnr_db"] - subject.cpu_psnr_db
        demand(abs(off) <= plan.front_slack_db, f"the front is {off:+.2f} dB from the CPU's")

    def play(self, found: Found) -> None:
        """The player through EGL; the rehearsal takes an emulator for a card."""
        check_player(self.subject.avatars, self.plan.screens, self.plan.frames, self.plan.device == "cpu", found)
