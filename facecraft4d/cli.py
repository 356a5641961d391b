"""The command line: finds the command, runs it, turns a user's mistake into one line and exit code 2."""

import errno
import io
import os
import signal
import sys
from importlib import import_module

from facecraft4d.toolkit.core.checks import UserError

COMMANDS = {
    "build": ("cli_build", "make an avatar from a portrait"),
    "play": ("cli_play", "play an avatar in a window, or record it"),
    "serve": ("cli_serve", "play an avatar in the browser"),
    "render": ("cli_render", "draw one still picture of an avatar"),
    "export": ("cli_export", "write an avatar for an engine, a viewer or a modelling program"),
    "clip": ("cli_clip", "turn a clip of one program into one of another"),
    "capture": ("cli_capture", "turn a video of a talking face into a clip"),
    "track": ("cli_track", "fit the head model to videos by fixed cameras: a clip"),
    "speak": ("cli_speak", "turn a voice into a clip that speaks"),
    "evaluate": ("cli_evaluate", "measure an avatar against pictures with known poses and cameras"),
    "inspect": ("cli_inspect", "say what is in an avatar, and under which licences"),
    "weights": ("cli_weights", "list, fetch or locate the pretrained files"),
    "doctor": ("cli_doctor", "say what works on this machine and what is missing"),
}
"""Command: its module and what it does. A module is imported only when its command runs: playing never imports torch."""

HELP = f"""usage: facecraft4d COMMAND ...

One portrait to an animatable Gaussian head avatar.

commands:
{chr(10).join(f"  {name:10}{text}" for name, (_, text) in COMMANDS.items())}

examples:
  facecraft4d build portrait.jpg --out my_head
  facecraft4d play my_head/avatar.glb
  facecraft4d play my_head/avatar.glb --record clip.mp4 --clip face_cap --size 512
  facecraft4d serve my_head/avatar.glb
  facecraft4d render my_head/avatar.glb --yaw 30 --expression jawOpen=0.8 --out still.png
  facecraft4d export my_head/avatar.glb --to spz --to web
  facecraft4d clip MySlate_3_iPhone.csv take.csv
  facecraft4d capture talk.mp4 --out talk.csv
  facecraft4d track left.mp4 right.mp4 --cameras transforms.json --out take.csv
  facecraft4d speak line.wav --text "Hello there." --out line.csv
  facecraft4d inspect my_head/avatar.glb
  facecraft4d evaluate my_head
  facecraft4d doctor

facecraft4d COMMAND --help lists a command's options; facecraft4d --version prints the version.
"""

WAITING = "PASSIVE"
"""How OpenMP's threads wait for each other. By default they spin, and on a busy machine a build then takes four to ten times as long."""

WITHOUT_SCIPY = frozenset({"render"})
"""Commands that need none of scipy. numba would look for BLAS in it: a sixth of the time to a still picture, and no kernel here multiplies matrices."""

MISTAKE = 2
"""Exit code for a mistake in what the user gave."""
INTERRUPTED = 130
TERMINATED = 143
UNREAD = 141
"""As the shell says of programs that a closed pipe ends."""
MACHINE_ERRORS = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EMFILE, errno.ENOMEM})
"""No room and the like: nothing a traceback would explain. Nor would one explain an error that names a file."""


def main(arguments: list[str] | None = None) -> int:
    """Run a command line (default: the process's own) and return its exit code."""
    words = sys.argv[1:] if arguments is None else arguments
    if arguments is None:
        _prepare_process(words)
    try:
        code = _dispatch(words)
        sys.stdout.flush()
        return code
    except BrokenPipeError:
        return _unread()
    except UserError as error:
        return _refuse(str(error))
    except ModuleNotFoundError as error:
        from facecraft4d.toolkit.needs import install_line

        if (line := install_line((error.name or "").split(".")[0])) is None:
            raise
        return _refuse(f"{words[0]} needs {error.name}; install it with: {line}")
    except OSError as error:
        if error.filename is None and error.errno not in MACHINE_ERRORS:
            raise
        return _refuse(f"{error.filename or words[0]}: {error.strerror}")
    except MemoryError:
        return _refuse(f"{words[0]}: not enough memory; close other programs, or take smaller options")
    except KeyboardInterrupt:
        print("\nfacecraft4d: stopped; a build goes on where it was when the same command runs again", file=sys.stderr)
        return INTERRUPTED


def _prepare_process(words: list[str]) -> None:
    """Any text can be printed, whatever the terminal's encoding; who is asked to end cleans up first; what a command never needs stays away."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    signal.signal(signal.SIGTERM, _terminate)
    if WITHOUT_SCIPY.intersection(words[:1]):
        sys.modules["scipy"] = None  # type: ignore[assignment]  # Python's way to say that there is none


def _terminate(number: int, frame: object) -> None:
    raise SystemExit(TERMINATED)


def _dispatch(words: list[str]) -> int:
    if not words or words[0] in ("-h", "--help", "help"):
        print(HELP, end="")
        return 0
    if words[0] == "--version":
        from facecraft4d import __version__

        print(__version__)
        return 0
    if words[0] not in COMMANDS:
        raise UserError(f"'{words[0]}' is no command; there are {', '.join(COMMANDS)}")
    os.environ.setdefault("OMP_WAIT_POLICY", WAITING)  # read once, when the libraries of a command are loaded
    result: int = import_module(f"facecraft4d.{COMMANDS[words[0]][0]}").main(words[1:])
    return result


def _unread() -> int:
    """Who read our output, such as `head`, has had enough: no error, nor one at the interpreter's last flush."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return UNREAD


def _refuse(message: str) -> int:
    """Print one line however long the reason is, and whatever stands in it."""
    from facecraft4d.toolkit.core.text import shown

    print(f"facecraft4d: {shown(message)}", file=sys.stderr)
    return MISTAKE


if __name__ == "__main__":
    sys.exit(main())
