"""What a check found: gpu.json, replaced whole after every section, and the time that is left."""

import json
import math
import time
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from facecraft4d.toolkit.core.files import write_whole

FORMAT = 1
"""Version of the layout of gpu.json."""

Found = dict[str, Any]
"""Numbers and words of one section, filled while it runs: what was found before it failed is kept."""


class Missed(Exception):
    """A number is outside of its limit."""


class Section(NamedTuple):
    """One part of the check."""

    name: str
    run: Callable[[Found], None]
    least_seconds: float
    """With less time left it is not begun."""
    most_seconds: float = math.inf
    """Its own budget: where it lasts longer it is broken off between two measurements."""


def demand(holds: bool, text: str) -> None:
    """Raise Missed with the text unless it holds."""
    if not holds:
        raise Missed(text)


class Ledger:
    """Runs sections one after the other and writes down each. A section that fails does not stop the next."""

    def __init__(self, path: Path, facts: Mapping[str, Any], budget_seconds: float) -> None:
        self._path, self._facts = path, {"format": FORMAT, **facts, "budget_seconds": budget_seconds}
        self._begun, self._budget = time.monotonic(), budget_seconds
        self._ends = math.inf
        self.sections: dict[str, Found] = {}

    @property
    def seconds_left(self) -> float:
        """Of the budget for all sections."""
        return self._budget - (time.monotonic() - self._begun)

    def within(self) -> None:
        """Asked between two measurements. Raises Missed where the section has used up its budget, or the check its own."""
        late = max(time.monotonic() - self._ends, -self.seconds_left)
        demand(late < 0, f"broken off {late:.0f} s after its time")

    @property
    def passed(self) -> bool:
        """True where there are sections and every one passed."""
        return bool(self.sections) and all(entry["state"] == "passed" for entry in self.sections.values())

    def run(self, sections: tuple[Section, ...]) -> None:
        """Run them all; each is "absent" in the file until it has passed or failed."""
        self.sections |= {section.name: {"state": "absent", "error": "not begun"} for section in sections}
        self._write()
        for section in sections:
            if self.seconds_left < section.least_seconds:
                reason = f"needs {section.least_seconds:.0f} s, {self.seconds_left:.0f} s were left"
                self.sections[section.name]["error"] = reason
            else:
                self._ends = time.monotonic() + section.most_seconds
                self.sections[section.name] = _entry(section)
            self._write()

    def _write(self) -> None:
        content = {**self._facts, "passed": self.passed, "sections": self.sections}
        write_whole(self._path, json.dumps(content, indent=1).encode())


def _entry(section: Section) -> Found:
    """Run one section. Whatever it raises is caught: time on a GPU is rare, and what the others find must not be lost with it."""
    found: Found = {}
    begun = time.monotonic()
    print(f"{section.name} ...", flush=True)
    try:
        section.run(found)
        state: Found = {"state": "passed"}
    except Exception as error:
        traceback.print_exc()
        state = {"state": "failed", "error": traceback.format_exception_only(error)[-1].strip()}
    state["seconds"] = round(time.monotonic() - begun, 2)
    print(f"{section.name}: {state['state']} after {state['seconds']} s", flush=True)
    return state | {"found": found}
