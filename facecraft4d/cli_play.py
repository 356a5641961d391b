"""facecraft4d play: a window, or a recording."""

from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from facecraft4d.cli_common import load_avatar, parse, say
from facecraft4d.cli_live import LiveOptions, heard_by, table_for
from facecraft4d.cli_progress import shown_progress
from facecraft4d.cli_voice import IdleOptions, SpeakOptions, sound_along, spoken_clip
from facecraft4d.runtime import PlayOptions, RecordOptions
from facecraft4d.toolkit.core.asset import Avatar
from facecraft4d.toolkit.core.checks import UserError
from facecraft4d.toolkit.core.datatypes import Motion, Sound
from facecraft4d.toolkit.core.motion import builtin_clips

if TYPE_CHECKING:
    from facecraft4d.runtime.drivers.retarget import Retarget

LIVE = "live"
"""Name of the source that is heard."""


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
      facecraft4d play my_head/avatar.glb --speak line.wav --text "Good evening." --record talk.mp4
      facecraft4d play my_head/avatar.glb --splats 5000
    """

    avatar: Annotated[Path, tyro.conf.Positional]
    """An avatar.glb."""
    record: Path | None = None
    """Write a video (.mp4), a moving picture (.webp, .gif), or PNG files into a folder, instead of opening a window; needs no display."""
    clip: str = "face_cap"
    """A clip that comes with the package, or a file: .csv (ours, Live Link Face), .json (LAM_Audio2Expression), .glb or .glb#NAME."""
    seconds: float = float("inf")
    """Close the window after this time."""
    splats: int | None = None
    """Draw at most so many splats: a level of detail (facecraft4d inspect lists those that the avatar has); default: all."""
    voice: Annotated[SpeakOptions, tyro.conf.arg(name="")] = field(default_factory=SpeakOptions)
    drivers: Annotated[LiveOptions, tyro.conf.arg(name="")] = field(default_factory=LiveOptions)
    life: Annotated[IdleOptions, tyro.conf.arg(name="")] = field(default_factory=IdleOptions)
    view: Annotated[RecordOptions, tyro.conf.arg(name="")] = field(default_factory=RecordOptions)


def main(arguments: list[str]) -> int:
    """Run the command."""
    options = parse(PlayCommand, "play", arguments)
    from facecraft4d.exporters.motions import find_motion  # --help need not wait for them
    from facecraft4d.runtime import record

    if options.record is not None and (options.drivers.live or options.drivers.send):
        raise UserError(
            "--live and --send need a window; a recording plays a clip, and R in the window records what it shows"
        )
    if options.voice.text is not None and options.voice.speak is None:
        raise UserError("--text needs --speak; facecraft4d speak makes a voice of a text alone")
    sound, clip = _spoken(options) if options.voice.speak is not None else (None, find_motion(options.clip))
    avatar = load_avatar(options.avatar, options.splats)
    table = table_for(avatar, options.drivers.retarget)
    clip = table.motion(clip, avatar.rig)
    if options.record is None:
        _play(avatar, clip, options, table, sound)
        return 0
    with shown_progress() as report:
        who = record(avatar, clip, options.record, options.view, report, sound)
    say(f"{options.record}  ({who})")
    return 0


def _spoken(options: PlayCommand) -> tuple[Sound, Motion]:
    """The voice, and the head that speaks with it."""
    from facecraft4d.toolkit.core.untrusted.media import read_sound

    assert options.voice.speak is not None
    sound = read_sound(options.voice.speak)
    return sound, spoken_clip(sound, options.voice.text, options.life)


def _play(avatar: Avatar, clip: Motion, options: PlayCommand, table: "Retarget", sound: Sound | None) -> None:
    """The window, with who is heard in front of the clips, and who is told of every pose."""
    from facecraft4d.exporters.motions import find_motion
    from facecraft4d.runtime import Idle, PoseSource, clip_sources, play
    from facecraft4d.runtime.drivers.live import Live
    from facecraft4d.runtime.drivers.protocols import Sender

    drivers, life = options.drivers, options.life
    idle = Idle(avatar.rig, life.mood, life.idle, life.seed)
    others = tuple(find_motion(name) for name in builtin_clips() if name != clip.name)
    sources: dict[str, PoseSource] = clip_sources((clip, *others), avatar.rig)
    with ExitStack() as stack:
        if sound is not None:
            sources[clip.name] = sound_along(clip, sound, stack)
        if drivers.live is not None:
            heard = heard_by(drivers)
            stack.callback(heard.close)
            sources = {LIVE: Live(heard, avatar.rig, table)} | sources
        sender = Sender(drivers.send) if drivers.send is not None else None
        if sender is not None:
            stack.callback(sender.close)
        chosen = PlayOptions(options.view.size, options.view.background, options.seconds)
        play(
            avatar, sources, chosen, idle, (lambda pose: sender.send(pose, avatar.rig)) if sender else lambda pose: None
        )
