"""facecraft4d render: one still picture."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import numpy as np
import tyro

from facecraft4d import exporters
from facecraft4d.cli_common import SIZES, check_option, check_output, parse
from facecraft4d.toolkit.checks import UserError
from facecraft4d.toolkit.datatypes import Pose, Rig
from facecraft4d.toolkit.rigging import neutral_pose


class Background(StrEnum):
    """What stands behind the head."""

    WHITE = "white"
    BLACK = "black"
    TRANSPARENT = "transparent"


@dataclass(frozen=True)
class Options:
    """Draw one still picture of an avatar.

    examples:
      facecraft4d render my_head/avatar.glb --yaw 30 --pitch 10 --expression jawOpen=0.8 --out still.png
      facecraft4d render my_head/avatar.glb --expression mouthSmileLeft=1 --expression mouthSmileRight=1 --background transparent
    """

    avatar: Annotated[Path, tyro.conf.Positional]
    """An avatar.glb."""
    out: Path = Path("still.png")
    """Picture to write: PNG or JPEG."""
    yaw: float = 0.0
    """Degrees; positive moves the camera towards the subject's left."""
    pitch: float = 0.0
    """Degrees; positive moves the camera up."""
    expression: Annotated[tuple[str, ...], tyro.conf.UseAppendAction] = ()
    """NAME=VALUE, for instance jawOpen=0.8; may be given several times."""
    background: Background = Background.WHITE
    """transparent needs PNG."""
    size: int = 512
    """Side of the picture in pixels."""


def main(arguments: list[str]) -> int:
    """Run the command."""
    options = parse(Options, "render", arguments)
    check_option("size", options.size, *SIZES)
    check_option("yaw", options.yaw, -360, 360)
    check_option("pitch", options.pitch, -89, 89)
    check_output(options.out, (".png",) if options.background is Background.TRANSPARENT else (".png", ".jpg", ".jpeg"))
    avatar = exporters.load(options.avatar)
    pose = posed(avatar.rig, options.expression)
    from facecraft4d.runtime import render_still

    render_still(
        avatar,
        pose,
        options.out,
        yaw_degrees=options.yaw,
        pitch_degrees=options.pitch,
        size=options.size,
        background=options.background,
    )
    print(options.out)
    return 0


def posed(rig: Rig, settings: tuple[str, ...]) -> Pose:
    """The rig at rest but for the expressions given as NAME=VALUE; UserError for a name or value that is none."""
    pose = neutral_pose(rig)
    for setting in settings:
        name, equals, text = setting.partition("=")
        if name not in rig.expression_names:
            raise UserError(
                f"--expression {setting}: '{name}' is no expression of this avatar; facecraft4d inspect lists them"
            )
        try:
            value = float(text)
        except ValueError:
            raise UserError(
                f"--expression {setting}: expected NAME=VALUE with a number, got '{text or equals}'"
            ) from None
        check_option(f"expression {name}", value, -2, 2)
        pose.expression[rig.expression_names.index(name)] = np.float32(value)
    return pose
