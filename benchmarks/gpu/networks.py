"""The priors' networks without their weights: filled by the rule of the golden vectors, which the tests keep beside the vectors."""

import sys
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from facecraft4d.toolkit.shape_prior.panohead.generator import Architecture, Generator
from facecraft4d.toolkit.video_prior.liveportrait.networks import Networks

TESTS = Path(__file__).parents[2] / "tests"
sys.path.append(str(TESTS))

import liveportrait_cases  # noqa: E402
import panohead_cases  # noqa: E402


def stored(name: str) -> dict[str, Tensor]:
    """A file of golden vectors that the tests have."""
    with np.load(TESTS / "data" / f"{name}.npz", allow_pickle=False) as archive:
        return {each: torch.from_numpy(archive[each]) for each in archive.files}


def head_generator(published: bool) -> Generator:
    """PanoHead's on the processor: as published, or a narrow one."""
    return panohead_cases.ruled(Architecture() if published else panohead_cases.NARROW)


def animator(published: bool) -> Networks:
    """LivePortrait's on the processor: as published, or narrow ones."""
    architecture = liveportrait_cases.PUBLISHED if published else liveportrait_cases.NARROW
    return Networks(*(liveportrait_cases.network(name, architecture) for name in liveportrait_cases.KINDS))
