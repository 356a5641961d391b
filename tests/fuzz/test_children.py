"""Children forked for fuzzing hear what children started for users hear, and keep their bounds."""

import sys
from pathlib import Path

import numpy as np
import pytest
from fuzz.children import forked
from places import DATA

from facecraft4d.toolkit.core.checks import UserError
from facecraft4d.toolkit.core.untrusted import media
from facecraft4d.toolkit.core.untrusted.media import read_sound

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="they are forked")
SOUND = DATA / "five_brave_mothers.flac"


@pytest.mark.slow
def test_the_same_sound(tmp_path: Path) -> None:
    (tmp_path / "none.wav").write_bytes(b"no sound")
    expected = read_sound(SOUND)
    for _ in range(2):  # one after another
        with forked():
            found = read_sound(SOUND)
            with pytest.raises(UserError, match="found something else"):
                read_sound(tmp_path / "none.wav")
        assert found.rate == expected.rate and np.array_equal(found.samples, expected.samples)


def test_one_that_hangs_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(media, "PATIENCE_SECONDS", 0.0)
    with forked(), pytest.raises(UserError, match="takes too long"):
        read_sound(SOUND)


@pytest.mark.skipif(sys.platform != "linux", reason="address space is bounded on Linux")
def test_one_that_takes_too_much_memory_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(media, "MEMORY_BYTES", 1 << 20)
    with forked(), pytest.raises(UserError, match=r"too much memory|ends its process"):
        read_sound(SOUND)
