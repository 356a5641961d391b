"""facecraft4d play: a window, or a recording."""

from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from facecraft4d.cli_common import check_option, complain, load_avatar, parse, say
from facecraft4d.cli_expressions import expression_weights, turned_neck
from facecraft4d.cli_live import LiveOptions, heard_by, table_at
from facecraft4d.cli_progress import shown_progress
from facecraft4d.cli_voice import IdleOptions, SpeakOptions, sound_along, what_plays
from facecraft4d.runtime import PlayOptions, RecordOptions
from facecraft4d.toolkit.core.asset import Avatar
from facecraft4d.toolkit.core.checks import UserError
from facecraft4d.toolkit.core.datatypes import Motion, Sound
from facecraft4d.toolkit.core.motion import builtin_clips

if TYPE_CHECKING:
    from facecraft4d.runtime import PoseSource
    from facecraft4d.runtime.drivers.live import Heard
    from facecraft4d.runtime.drivers.protocols import Sender
    from facecraft4d.runtime.viewer.memory import Remembered
    from facecraft4d.runtime.window import Window

LIVE = "live"
"""Name of the source that is heard."""


@dataclass(frozen=True)
class WindowOptions:
    """The window; what is not said is as it was last time."""

    window: tuple[int, int] | None = None
    """Width and height when it opens; default: as last time, at first 1180 by 780."""
    bare: bool = False
    """Begin without the panel; the Tab key shows and hides it."""
    forget: bool = False
    """Open it as for the first time: nothing of earlier windows counts."""
    seconds: float = float("inf")
    """Close it after this time."""


@dataclass(frozen=True)
class FaceOptions:
    """A face that lies on top of whatever plays; the panel's sliders begin with it."""

    expression: Annotated[tuple[str, ...], tyro.conf.UseAppendAction] = ()
    """NAME=VALUE, for instance jawOpen=0.4, or one of VRM's presets (happy=1); may be given several times. The head then rests unless --clip is given."""
    neck: tuple[float, float, float] = (0.0, 0.0, 0.0)
    """How the head is turned, degrees: down, to the subject's left, leaning to the subject's right."""
    unclamped: bool = False
    """Take weights beyond 0 and 1 as they are: the face tears."""


@dataclass(frozen=True)
class PlayCommand:
    """Play an avatar in a window, or record it to a file.

    examples:
      facecraft4d play my_head/avatar.glb
      facecraft4d play my_head/avatar.glb --clip visemes
      facecraft4d play my_head/avatar.glb --clip MySlate_3_iPhone.csv
      facecraft4d play my_head/avatar.glb --record clip.mp4 --clip face_cap --size 512
      facecraft4d play my_head/avatar.glb --record frames --background transparent
      facecraft4d play my_head/avatar.glb --live livelink --bind 0.0.0.0
      facecraft4d play my_head/avatar.glb --live ifacialmocap --bind 0.0.0.0 --phone 192.168.1.7
      facecraft4d play my_head/avatar.glb --live webcam --retarget my_face.csv
      facecraft4d play my_head/avatar.glb --clip visemes --send livelink:127.0.0.1
      facecraft4d play my_head/avatar.glb --expression jawOpen=0.4 --neck 0 20 0
      facecraft4d play my_head/avatar.glb --speak line.wav --text "Good evening." --record talk.mp4
      facecraft4d play my_head/avatar.glb --splats 5000
    """

    avatar: Annotated[Path, tyro.conf.Positional]
    """An avatar.glb."""
    record: Path | None = None
    """Write a video (.mp4), a moving picture (.webp, .gif), or PNG files into a folder, instead of opening a window; needs no display."""
    clip: str | None = None
    """A clip that comes with the package, or a file: .csv (ours, Live Link Face), .json (LAM_Audio2Expression), .glb or .glb#NAME; default: face_cap."""
    splats: int | None = None
    """Draw at most so many splats: a level of detail (facecraft4d inspect lists those that the avatar has); default: all."""
    face: Annotated[FaceOptions, tyro.conf.arg(name="")] = field(default_factory=FaceOptions)
    place: Annotated[WindowOptions, tyro.conf.arg(name="")] = field(default_factory=WindowOptions)
    voice: Annotated[SpeakOptions, tyro.conf.arg(name="")] = field(default_factory=SpeakOptions)
    drivers: Annotated[LiveOptions, tyro.conf.arg(name="")] = field(default_factory=LiveOptions)
    life: Annotated[IdleOptions, tyro.conf.arg(name="")] = field(default_factory=IdleOptions)
    view: Annotated[RecordOptions, tyro.conf.arg(name="")] = field(default_factory=RecordOptions)


def main(arguments: list[str]) -> int:
    """Run the command."""
    options = parse(PlayCommand, "play", arguments)
    if options.record is not None and (options.drivers.live or options.drivers.send):
        raise UserError(
            "--live and --send need a window; a recording plays a clip, and R in the window records what it shows"
        )
    face = expression_weights(options.face.expression, options.face.unclamped)
    clip, sound = what_plays(options.voice, options.clip, options.life, options.record is None)
    if options.record is None:
        _open(options, clip, face, sound)
        return 0
    if face or any(options.face.neck):
        raise UserError("--expression and --neck need a window, or facecraft4d render; a recording plays a clip")
    from facecraft4d.runtime import record  # nor the window for a video library

    avatar = load_avatar(options.avatar, options.splats)
    clip = table_at(options.drivers.retarget).motion(clip, avatar.rig)
    with shown_progress() as report:
        who = record(avatar, clip, options.record, options.view, report, sound)
    say(f"{options.record}  ({who})")
    return 0


def _open(options: PlayCommand, clip: Motion, weights: dict[str, float], sound: Sound | None) -> None:
    """The window before what is shown in it, so that it says what it waits for; before both, whatever is wrong with the options."""
    from facecraft4d.runtime import ClipSource, PoseSource
    from facecraft4d.runtime.drivers.live import Live
    from facecraft4d.runtime.idle import check_idle
    from facecraft4d.runtime.picture import opaque_color
    from facecraft4d.runtime.viewer.memory import memory_path, remember
    from facecraft4d.runtime.window import Window

    check_idle(options.life.mood, options.life.idle)
    background = opaque_color(options.view.background)
    before, table = _remembered(options.place), table_at(options.drivers.retarget)
    if not options.avatar.is_file():
        load_avatar(options.avatar, options.splats)  # says what is wrong
    with ExitStack() as stack:
        heard, sender = _network(options.drivers, stack)
        window = stack.enter_context(Window("facecraft4d", (before.width, before.height), background))
        window.say(f"opening {options.avatar.name} ...")
        avatar = load_avatar(options.avatar, options.splats)
        clip = table.motion(clip, avatar.rig)
        sources: dict[str, PoseSource] = {} if heard is None else {LIVE: Live(heard, avatar.rig, table)}
        sources |= {clip.name: ClipSource(clip) if sound is None else sound_along(clip, sound, stack)}
        after = _play(window, before, options, avatar, sources, weights, sender)
    remember(memory_path(), after)


def _remembered(place: WindowOptions) -> "Remembered":
    """Size and camera of the last window, unless the options say otherwise."""
    from facecraft4d.runtime.viewer.memory import SIDES, Remembered, memory_path, recall

    try:
        before = Remembered() if place.forget else recall(memory_path())
    except UserError as error:
        complain(f"note: {error}")
        before = Remembered()
    width, height = place.window or (before.width, before.height)
    for name, side in (("width", width), ("height", height)):
        check_option(f"window, {name},", side, *SIDES)
    return replace(before, width=width, height=height)


def _network(drivers: LiveOptions, stack: ExitStack) -> "tuple[Heard | None, Sender | None]":
    """Who is heard, and who is told of every pose; closed with the stack."""
    from facecraft4d.runtime.drivers.protocols import Sender

    heard = heard_by(drivers, stack) if drivers.live is not None else None
    sender = Sender(drivers.send) if drivers.send is not None else None
    if sender is not None:
        stack.callback(sender.close)
    return heard, sender


def _play(
    window: "Window", before: "Remembered", options: PlayCommand, avatar: Avatar, sources: "dict[str, PoseSource]",
    weights: dict[str, float], sender: "Sender | None",
) -> "Remembered":  # fmt: skip
    """With the clips that come along behind the sources."""
    from facecraft4d.exporters.motions import find_motion
    from facecraft4d.runtime import Idle, clip_sources, play, pose_from_weights
    from facecraft4d.runtime.viewer.loop import Setup

    face = turned_neck(avatar.rig, pose_from_weights(avatar.rig, weights), options.face.neck)
    idle = Idle(avatar.rig, options.life.mood, options.life.idle, options.life.seed)
    others = tuple(find_motion(name) for name in builtin_clips() if name not in sources)
    setup = Setup(
        life=idle,
        watch=(lambda pose: sender.send(pose, avatar.rig)) if sender else lambda pose: None,
        face=face,
        at_rest=bool(weights) and options.clip is None and options.voice.speak is None and LIVE not in sources,
        path=options.avatar,
        load=lambda path: load_avatar(path, options.splats),
        remembered=before,
    )
    size = before.width, before.height
    shown = PlayOptions(size, options.view.background, options.place.seconds, not options.place.bare)
    return play(avatar, sources | clip_sources(others, avatar.rig), shown, setup, window)
