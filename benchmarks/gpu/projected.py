"""Minutes that the stages of a build with the paper's priors would take on this device, beside the paper's own."""

from collections.abc import Mapping
from typing import Any

from gpu.results import Found, demand

from facecraft4d.toolkit.config import PanoHeadConfig, Preset, SdxlConfig, preset

PAPER_MINUTES = {"inversion": 2, "views and frames": 10, "head and motion": 10, "training": 120}
"""The paper, supplement 6.4, on one GPU."""
WAVES = (2, 5, 5, 5, 5, 5, 3)
"""Pictures in the batches of 24 views at 15 degrees, the photograph in each: the back first, then four neighbours of finished ones at a time
(image_prior/sdxl/waves.py)."""
Sections = Mapping[str, Mapping[str, Any]]


def project(sections: Sections, splats: int, found: Found) -> None:
    """Write the minutes of each stage. Raises Missed for those whose sections found nothing; the head's motion has none: it is found on the
    processor."""
    missing = []
    for stage, minutes in (("inversion", inversion), ("views and frames", pictures), ("training", training)):
        row = found[stage] = {"paper_minutes": PAPER_MINUTES[stage]}
        try:
            row["minutes"] = minutes(sections, splats)
        except KeyError as error:
            missing.append(f"{stage} needs {error}")
    found["head and motion"] = {
        "paper_minutes": PAPER_MINUTES["head and motion"],
        "minutes": None,
        "why": "on the processor",
    }
    demand(not missing, "; ".join(missing))


def inversion(sections: Sections, splats: int) -> float:
    """PanoHead's, with pivotal tuning, its views and their depths."""
    found, steps, views = sections["panohead"]["found"], PanoHeadConfig(), preset(Preset.PAPER).shape_prior.views
    total = steps.inversion_steps * found["inversion_step_ms"] + steps.tuning_steps * found["tuning_step_ms"]
    return (total + found["planes_ms"] + views * (found["view_ms"] + found["depth_ms"])) / 60e3


def pictures(sections: Sections, splats: int) -> float:
    """SDXL's and LivePortrait's: every view and what is carried to it inverted and denoised, then a frame for each animated view and time step."""
    found, levels = sections["sdxl"]["found"], SdxlConfig().levels
    views = sum(WAVES) - len(WAVES)
    inverted = 2 * views  # each of them, what is carried to all but the back, and the photograph
    steps = inverted * found["inverting, 5 pictures"]["step_ms"] / 5
    steps += sum(WAVES) * found["denoising, 5 pictures"]["step_ms"] / 5
    sharpened = levels * steps + inverted * found["encode_ms"] + views * found["decode_ms"]
    moved, video = sections["liveportrait"]["found"]["single"], preset(Preset.PAPER).video_prior
    sources = video.frontal_views + 1
    moving = (sources + video.frames) * moved["motion_ms"] + sources * moved["volume_ms"]
    return (sharpened + moving + sources * video.frames * moved["batch_frame_ms"]) / 60e3


def training(sections: Sections, splats: int) -> float:
    """All steps of the preset paper as COIN steps of so many splats."""
    return float(sections["step"]["found"][f"{splats} splats"]["paper_hours"]) * 60
