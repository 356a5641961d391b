"""Where and how the package index is reached: what pip has been told (pip.conf, PIP_INDEX_URL and the like), and of that only this.

All other settings of pip stay out of a fetch: none of them can make it build, install or run anything.
"""

import ast
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from facecraft4d.toolkit.core.checks import UserError
from facecraft4d.toolkit.core.untrusted.door import at_the_border

DEFAULT_INDEX = "https://pypi.org/simple"
DEFAULT_TIMEOUT = 15.0
"""Seconds without a sign of life, as pip waits."""
ANSWER_SECONDS = 60
"""Seconds in which pip must have listed its settings; it takes half of one."""
YES = {"1", "true", "yes", "on", "t", "y"}
SECTIONS = ("global", "download", ":env:")
"""Of pip's settings, each over the one before."""
SETTING = re.compile(r"(global|download|:env:)\.([a-z-]+)=(['\"].*)")
"""A line of `pip config list`; the value is a Python string."""
OPTIONS = ("cert", "client-cert", "timeout", "retries", "keyring-provider")
"""What pip is handed by its command line. A proxy or an index may hold a password, so they never stand there, where all users could read them."""


@dataclass(frozen=True, slots=True)
class Reach:
    """The way to the package index. All places are URLs, of local folders too; they may hold a user's name and password."""

    indexes: tuple[str, ...] = (DEFAULT_INDEX,)
    """Roots of the simple repository API, in the order they are asked."""
    find_links: tuple[str, ...] = ()
    """Folders with archives, or pages that link to some; asked first."""
    trusted_hosts: frozenset[str] = frozenset()
    """HOST or HOST:PORT whose certificate is not looked at."""
    proxy: str = ""
    options: tuple[tuple[str, str], ...] = ()
    """Those of OPTIONS that are set, by name."""

    def option(self, name: str) -> str:
        """Its value, empty where it is not set."""
        return dict(self.options).get(name, "")

    @property
    def timeout(self) -> float:
        """Seconds without a sign of life after which the index is given up. UserError for what is no number of seconds."""
        text = self.option("timeout") or str(DEFAULT_TIMEOUT)
        with at_the_border("pip's setting timeout", "a number of seconds above 0"):
            if (seconds := float(text)) > 0:
                return seconds
            raise ValueError(text)


def pips_python() -> list[str]:
    """The command that starts pip of this interpreter alone: nothing of the folder, PYTHONPATH or the user's own packages gets in."""
    return [sys.executable, "-I", "-m", "pip"]


def pips_reach() -> Reach:
    """What pip is set to on this machine. UserError where pip cannot tell."""
    command = [*pips_python(), "config", "list"]
    environment = os.environ | {"PIP_QUIET": "0", "PIP_VERBOSE": "0"}
    with at_the_border("pip config list", "pip's settings"):
        result = subprocess.run(
            command, env=environment, stdin=subprocess.DEVNULL, capture_output=True,
            text=True, errors="replace", timeout=ANSWER_SECONDS, check=False,
        )  # fmt: skip
    if result.returncode:
        reason = (result.stderr.strip() or f"exit code {result.returncode}").splitlines()[-1]
        raise UserError(f"pip config list: expected pip's settings, found {reason}")
    return read_reach(result.stdout)


def read_reach(listed: str) -> Reach:
    """The way to the index by what `pip config list` has printed; settings of other kinds are left out."""
    found = [match.groups() for line in listed.splitlines() if (match := SETTING.fullmatch(line))]
    with at_the_border("pip config list", "pip's settings"):
        rows = sorted(found, key=lambda row: SECTIONS.index(row[0]))
        settings = {name.removeprefix("default-"): str(ast.literal_eval(value)) for _, name, value in rows}
    indexes = (settings.get("index-url") or DEFAULT_INDEX, *settings.get("extra-index-url", "").split())
    return Reach(
        () if settings.get("no-index", "").lower() in YES else tuple(_as_url(each) for each in indexes),
        tuple(_as_url(each) for each in settings.get("find-links", "").split()),
        frozenset(settings.get("trusted-host", "").split()),
        settings.get("proxy", ""),
        tuple((name, settings[name]) for name in OPTIONS if settings.get(name)),
    )


def _as_url(place: str) -> str:
    """A local path as the URL that it is from any folder; all else as it is."""
    if "://" in place or place.startswith("file:"):
        return place.rstrip("/")
    with at_the_border(place, "an index or folder of pip's settings"):
        return Path(place).expanduser().absolute().as_uri()
