"""What a build made, for the files and the report."""

from dataclasses import dataclass
from pathlib import Path

from facecraft4d.toolkit.config import BuildConfig
from facecraft4d.toolkit.core.asset import Avatar
from facecraft4d.toolkit.core.datatypes import Head, Portrait, ViewSet
from facecraft4d.toolkit.core.trained import TrainedHead
from facecraft4d.toolkit.evaluation import Evaluation


@dataclass(frozen=True, slots=True)
class StageTime:
    """What a stage took."""

    stage: str
    seconds: float
    peak_bytes: int
    """Of the process on the host, so far."""
    device_peak_bytes: int
    """Of the stage's tensors on a GPU; 0 where it used none."""
    cached: bool


@dataclass(frozen=True, slots=True, eq=False)
class Build:
    """Everything a build made, for the files and the report."""

    photo: Path
    config: BuildConfig
    portrait: Portrait
    coarse: ViewSet
    """The shape prior's views."""
    head: Head
    views: ViewSet
    """The image prior's views."""
    trained: TrainedHead
    evaluation: Evaluation
    avatar: Avatar
    times: tuple[StageTime, ...]
    shape_notes: tuple[str, ...] = ()
    """What the shape prior has to say of itself."""
    shape_folder: Path | None = None
    """With the surface that it saw as shape.glb and shape.obj, if it saw one."""
