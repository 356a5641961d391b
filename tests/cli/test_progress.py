"""Progress in plain lines."""

import pytest

from facecraft4d import cli_progress
from facecraft4d.toolkit.core.stages import Progress


def test_plain_progress_speaks_at_the_ends_and_now_and_then(capsys: pytest.CaptureFixture[str]) -> None:
    now = [0.0]
    say = cli_progress.plain_lines(lambda: now[0])
    for step in range(101):
        now[0] = step * 0.25
        say(Progress("training", step, 100, losses={"l1": 0.5}))
    lines = capsys.readouterr().err.splitlines()
    assert [line.split()[1] for line in lines] == ["0/100", "40/100", "80/100", "100/100"]
    assert lines[0].endswith("l1 0.5000")
