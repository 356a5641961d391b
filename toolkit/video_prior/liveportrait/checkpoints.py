"""LivePortrait's published checkpoints, which the user brings (MIT): found in a folder, read without trust, matched strictly.

Four files hold one network each, a fifth the three small ones. Names may carry the prefix that training on several devices adds. Safetensors of
the same names are read too.
"""

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import torch

from facecraft4d.toolkit.core.checks import UserError
from facecraft4d.toolkit.core.untrusted.tensors import read_tensors
from facecraft4d.toolkit.video_prior.liveportrait.appearance import AppearanceExtractor
from facecraft4d.toolkit.video_prior.liveportrait.architecture import PUBLISHED, Architecture
from facecraft4d.toolkit.video_prior.liveportrait.generator import Generator
from facecraft4d.toolkit.video_prior.liveportrait.motion_extractor import MotionExtractor
from facecraft4d.toolkit.video_prior.liveportrait.networks import Networks
from facecraft4d.toolkit.video_prior.liveportrait.retargeting import StitchingNetwork, eye_network, lip_network
from facecraft4d.toolkit.video_prior.liveportrait.warping import WarpingNetwork
from facecraft4d.toolkit.weights.matching import Network, filled

LARGEST_FILE = 512 << 20
"""Bytes: G's, the largest, has 222 MB."""
PAGE = "https://huggingface.co/KwaiVGI/LivePortrait"
WHERE = "a checkpoint of LivePortrait (MIT)"
PUBLISHED_FOLDERS = ("base_models", "retargeting_models")
FOLDERS = ("", *PUBLISHED_FOLDERS, *(f"liveportrait/{inner}" for inner in PUBLISHED_FOLDERS))
"""In which its files lie: in the user's folder itself, as published, or one folder up (beside other models)."""
SUFFIXES = (".pth", ".safetensors")
APPEARANCE, MOTION = "appearance_feature_extractor", "motion_extractor"
WARPING, GENERATOR, STITCHING = "warping_module", "spade_generator", "stitching_retargeting_module"
PARTS = {"stitching": "retarget_shoulder", "lip": "retarget_mouth", "eye": "retarget_eye"}
"""How the small networks' names begin in their file."""
JOINTS = ("_module.module.", "_module.", ".module.", ".")
"""What stands between such a beginning and the network's own name: dicts, their flattened form, the prefix of several devices."""
PREFIX = "module."


def checkpoint_files(folder: Path) -> dict[str, Path]:
    """The five files by their names without ending. UserError that says which is not there, and where it is given."""
    return {name: _file(folder, name) for name in (APPEARANCE, MOTION, WARPING, GENERATOR, STITCHING)}


def _file(folder: Path, name: str) -> Path:
    places = [folder / inner / f"{name}{suffix}" for inner in FOLDERS for suffix in SUFFIXES]
    for place in places:
        if place.is_file():
            return place
    inner = PUBLISHED_FOLDERS[name == STITCHING]
    raise UserError(f"{folder}: expected {inner}/{name}.pth, {WHERE}, found no such file; it is given at {PAGE}")


def load_networks(folder: Path, device: str = "cpu", architecture: Architecture = PUBLISHED) -> Networks:
    """All networks from the user's folder, on the device, in float32 and without gradients.

    UserError for a file that is not there or damaged, OtherArchitecture for one with other tensors.
    """
    files = checkpoint_files(folder)

    def whole(name: str, kind: Callable[[Architecture], Network]) -> Network:
        return _loaded(files[name], name, _without_prefix(_read(files[name])), kind, architecture, device)

    small = _read(files[STITCHING])

    def part(name: str, kind: Callable[[Architecture], Network]) -> Network:
        return _loaded(files[STITCHING], PARTS[name], _part(small, PARTS[name]), kind, architecture, device)

    return Networks(
        appearance=whole(APPEARANCE, AppearanceExtractor),
        motion=whole(MOTION, MotionExtractor),
        warping=whole(WARPING, WarpingNetwork),
        generator=whole(GENERATOR, Generator),
        stitching=part("stitching", StitchingNetwork),
        lip=part("lip", lip_network),
        eye=part("eye", eye_network),
    )


def _read(path: Path) -> dict[str, np.ndarray]:
    return read_tensors(path, WHERE, LARGEST_FILE)


def _without_prefix(arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {name.removeprefix(PREFIX): array for name, array in arrays.items()}


def _part(arrays: Mapping[str, np.ndarray], beginning: str) -> dict[str, np.ndarray]:
    """The tensors of a small network by its own names."""
    found = {}
    for name, array in arrays.items():
        joint = next((each for each in JOINTS if name.startswith(beginning + each)), None)
        if joint is not None:
            found[name.removeprefix(beginning + joint)] = array
    return found


def _loaded(
    path: Path, name: str, arrays: Mapping[str, np.ndarray], kind: Callable[[Architecture], Network],
    architecture: Architecture, device: str,
) -> Network:  # fmt: skip
    """A network with its tensors. OtherArchitecture where they are not exactly its own, UserError where one is not finite."""
    with torch.device("meta"):
        network = kind(architecture)
    return filled(network, f"{path}: expected {WHERE}, {name}", arrays).to(device)
