"""facecraft4d render: one still picture."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import tyro

from facecraft4d.cli_common import check_option, load_avatar, parse, say
from facecraft4d.runtime import RenderOptions, pose_from_weights, render_still
from facecraft4d.toolkit.core.checks import UserError

WEIGHTS = (-10.0, 10.0)
"""Weights of an expression that make sense even in jest."""


@dataclass(frozen=True)
class RenderCommand:
    """Draw one still picture of an avatar.

    examples:
      facecraft4d render my_head/avatar.glb --yaw 30 --pitch 10 --expression jawOpen=0.8 --out still.png
      facecraft4d render my_head/avatar.glb --expression mouthSmileLeft=1 --expression mouthSmileRight=1 --background transparent
    """

    avatar: Annotated[Path, tyro.conf.Positional]
    """An avatar.glb."""
    out: Path = Path("still.png")
    """Picture to write: PNG or JPEG."""
    expression: Annotated[tuple[str, ...], tyro.conf.UseAppendAction] = ()
    """NAME=VALUE, for instance jawOpen=0.8; may be given several times."""
    splats: int | None = None
    """Draw at most so many splats: a level of detail (facecraft4d inspect lists those that the avatar has); default: all."""
    view: Annotated[RenderOptions, tyro.conf.arg(name="")] = field(default_factory=RenderOptions)


def main(arguments: list[str]) -> int:
    """Run the command."""
    options = parse(RenderCommand, "render", arguments)
    weights = expression_weights(options.expression)
    avatar = load_avatar(options.avatar, options.splats)
    render_still(avatar, pose_from_weights(avatar.rig, weights), options.out, options.view)
    say(options.out)
    return 0


def expression_weights(settings: tuple[str, ...]) -> dict[str, float]:
    """Weights given as NAME=VALUE; UserError for anything else."""
    weights = {}
    for setting in settings:
        name, _, text = setting.partition("=")
        try:
            weights[name] = float(text)
        except ValueError:
            wanted = "expected NAME=VALUE with a number, for instance jawOpen=0.8"
            raise UserError(f"--expression {setting}: {wanted}") from None
        check_option(f"expression {name}", weights[name], *WEIGHTS)
    return weights
