"""facecraft4d speak: a voice to a clip."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import tyro

from facecraft4d.cli_common import check_option, parse, say
from facecraft4d.cli_voice import IdleOptions, spoken_clip
from facecraft4d.toolkit.core.checks import UserError
from facecraft4d.toolkit.core.datatypes import Sound

RATES = (80, 450)
"""Words a minute that espeak-ng speaks."""


@dataclass(frozen=True)
class SpeakCommand:
    """Turn a voice into a clip that moves the mouth with it: by the text where it is known (--text), by ear where not.

    examples:
      facecraft4d speak line.wav --text "Five brave mothers found the moon." --out line.csv
      facecraft4d speak line.mp3 --out line.csv
      facecraft4d speak --text "Good evening." --voice en-us+f3 --out line.csv --wav line.wav
      facecraft4d play my_head/avatar.glb --speak line.wav --text "Five brave mothers found the moon." --record talk.mp4
    """

    sound: Annotated[Path | None, tyro.conf.Positional] = None
    """A voice: .wav, .mp3, .flac, .ogg, .m4a or the sound of a video. Without one, espeak-ng says the text, where it is installed."""
    text: str | None = None
    """What is said, in English. It makes the mouth exact; without it the sounds are told by ear."""
    out: Path = Path("speech.csv")
    """The clip to write: .csv, or .json for LAM_Audio2Expression's form."""
    wav: Path | None = None
    """Write the voice, too: for what espeak-ng said."""
    voice: str = "en-us"
    """Of espeak-ng; en-us+f3 is a woman's."""
    rate: int = 160
    """Words a minute of espeak-ng."""
    life: Annotated[IdleOptions, tyro.conf.arg(name="")] = field(default_factory=IdleOptions)


def main(arguments: list[str]) -> int:
    """Run the command."""
    options = parse(SpeakCommand, "speak", arguments)
    from facecraft4d.exporters.motions import write_motion  # --help need not wait for them
    from facecraft4d.runtime.speech.sounds import written_wav
    from facecraft4d.toolkit.core.files import write_whole

    check_option("rate", options.rate, *RATES)
    sound = _voice(options)
    clip = spoken_clip(sound, options.text, options.life)
    write_motion(options.out, clip)
    say(f"{options.out}  ({len(clip.expressions):,} frames, {clip.duration:.2f} s, {clip.fps:g} frames a second)")
    if options.wav is not None:
        write_whole(options.wav, written_wav(sound))
        say(f"{options.wav}  ({sound.duration:.2f} s)")
    return 0


def _voice(options: SpeakCommand) -> Sound:
    from facecraft4d.runtime.speech.synthesis import synthesised
    from facecraft4d.toolkit.core.untrusted.media import read_sound

    if options.sound is not None:
        return read_sound(options.sound)
    if options.text is None:
        raise UserError("speak: expected a sound, --text, or both (see facecraft4d speak --help)")
    return synthesised(options.text, options.voice, options.rate)
