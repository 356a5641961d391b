"""A head that speaks: a voice, with its text or without, becomes a clip. Needs the extra [speech].

sound = read_sound(Path("line.wav"))
clip = alive(spoken(sound, "Hello there."))
"""

from facecraft4d.runtime.speech.speaking import alive, spoken

__all__ = ["alive", "spoken"]
