"""facecraft4d render: one still picture."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import tyro

from facecraft4d.cli_common import complain, load_avatar, parse, say
from facecraft4d.cli_expressions import expression_weights, turned_neck
from facecraft4d.runtime import RenderOptions


@dataclass(frozen=True)
class RenderCommand:
    """Draw one still picture of an avatar.

    examples:
      facecraft4d render my_head/avatar.glb --yaw 30 --pitch 10 --expression jawOpen=0.8 --out still.png
      facecraft4d render my_head/avatar.glb --expression happy=0.8 --neck 5 -20 3
      facecraft4d render my_head/avatar.glb --expression mouthSmileLeft=1 --expression mouthSmileRight=1 --background transparent
    """

    avatar: Annotated[Path, tyro.conf.Positional]
    """An avatar.glb."""
    out: Path = Path("still.png")
    """Picture to write: PNG or JPEG."""
    expression: Annotated[tuple[str, ...], tyro.conf.UseAppendAction] = ()
    """NAME=VALUE, for instance jawOpen=0.8, or one of VRM's presets (happy=1); may be given several times."""
    neck: tuple[float, float, float] = (0.0, 0.0, 0.0)
    """How the head is turned, degrees: down, to the subject's left, leaning to the subject's right."""
    unclamped: bool = False
    """Draw weights beyond 0 and 1 as they are: the face tears."""
    splats: int | None = None
    """Draw at most so many splats: a level of detail (facecraft4d inspect lists those that the avatar has); default: all."""
    view: Annotated[RenderOptions, tyro.conf.arg(name="")] = field(default_factory=RenderOptions)


def main(arguments: list[str]) -> int:
    """Run the command."""
    options = parse(RenderCommand, "render", arguments)
    from facecraft4d.runtime import pose_from_weights, render_still  # --help need not wait for them

    weights = expression_weights(options.expression, options.unclamped)
    avatar = load_avatar(options.avatar, options.splats)
    pose = turned_neck(avatar.rig, pose_from_weights(avatar.rig, weights), options.neck)
    render_still(avatar, pose, options.out, options.view, _announced)
    say(options.out)
    return 0


def _announced(note: str) -> None:
    """Says why the first picture on a machine takes a while."""
    from facecraft4d.toolkit.splatting.cpu import COMPILING

    if COMPILING in note:
        complain(note)
