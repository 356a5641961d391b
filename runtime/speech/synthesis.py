"""Speech from text alone, by espeak-ng where it is installed: a program of its own (GPL-3.0), started as one, never linked."""

import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from facecraft4d.toolkit.core.checks import UserError
from facecraft4d.toolkit.core.datatypes import Sound
from facecraft4d.toolkit.core.untrusted.media import read_sound

PROGRAM = "espeak-ng"
VOICE = re.compile(r"[A-Za-z0-9+_/-]{1,64}")
PATIENCE_SECONDS = 120.0


def synthesised(text: str, voice: str, words_a_minute: int) -> Sound:
    """The text as espeak-ng says it. UserError where it is not installed or does not know the voice."""
    program = shutil.which(PROGRAM)
    if program is None:
        raise UserError(f"--text without a sound needs {PROGRAM}; install it (apt install {PROGRAM}), or name a sound")
    if not VOICE.fullmatch(voice):
        raise UserError(f"--voice: expected a name such as en-us or en-us+f3, got {voice}")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "speech.wav"
        command = [program, "-v", voice, "-s", str(words_a_minute), "-w", str(path), "--stdin"]
        try:
            done = subprocess.run(command, input=text.encode(), capture_output=True, timeout=PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            raise UserError(f"{PROGRAM} takes longer than {PATIENCE_SECONDS:g} s; give it less text") from None
        if done.returncode or not path.is_file():
            raise UserError(f"{PROGRAM} refuses: {done.stderr.decode(errors='replace').strip()[:200]}")
        return read_sound(path)
