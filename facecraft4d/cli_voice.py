"""What speak and play share: a voice, and the life of the head that has it."""

from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from facecraft4d.cli_common import complain
from facecraft4d.runtime.sources import PoseSource
from facecraft4d.toolkit.core.checks import UserError
from facecraft4d.toolkit.core.datatypes import Motion, Sound


@dataclass(frozen=True)
class IdleOptions:
    """What the head does of itself while nothing plays."""

    idle: float = 1.0
    """How much it blinks, breathes and looks about, 0 to 1."""
    mood: str = "neutral"
    """neutral, happy, sad, angry, attentive or sleepy."""
    seed: int = 0
    """Another number is another motion."""


@dataclass(frozen=True)
class SpeakOptions:
    """A voice instead of a clip."""

    speak: Path | None = None
    """Speak what is heard in this sound (.wav, .mp3, .m4a, ...); an .mp4 carries it along."""
    text: str | None = None
    """What is said in it, in English, where it is known: the mouth is more exact."""


def spoken_clip(sound: Sound, text: str | None, life: IdleOptions) -> Motion:
    """The clip of a head that says this and lives meanwhile."""
    from facecraft4d.runtime.speech import alive, spoken

    return alive(spoken(sound, text), life.mood, life.idle, life.seed)


def what_plays(voice: SpeakOptions, clip: str | None, life: IdleOptions, window: bool) -> tuple[Motion, Sound | None]:
    """The clip, and the voice where the head speaks; a window keeps a mood's lasting face itself."""
    from facecraft4d.exporters.motions import find_motion

    if voice.speak is None:
        if voice.text is not None:
            raise UserError("--text needs --speak; facecraft4d speak makes a voice of a text alone")
        return find_motion(clip or "face_cap"), None
    if clip is not None:
        raise UserError("--speak and --clip: a head does one of them at a time")
    from facecraft4d.toolkit.core.untrusted.media import read_sound

    sound = read_sound(voice.speak)
    return spoken_clip(sound, voice.text, replace(life, mood="neutral") if window else life), sound


def sound_along(clip: Motion, sound: Sound, stack: ExitStack) -> PoseSource:
    """The clip, laid out for its rig, with its voice beside it until the stack is closed; mute, with a line, where there is no sound."""
    from facecraft4d.runtime.speech.voice import Voice, VoicedClip, sounding

    voice = Voice(sound)
    stream = sounding(voice, sound)
    if stream is None:
        complain("note: this machine plays no sound (sounddevice and its library PortAudio are needed, and a device)")
    else:
        stack.callback(stream.close)
    return VoicedClip(clip, voice)
